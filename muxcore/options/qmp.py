"""The JSON form of a chardev: QEMU's QAPI shapes (qapi/char.json, qapi/sockets.json).

`{"id": "sock0", "backend": {"type": "socket", "data": {...}}}`, with the options
of muxtui's own beside QEMU's in `data`. A socket's address is nested
(`SocketAddressLegacy`) or flat (`SocketAddress`). What is wrong with the shape
is told as QEMU's visitor does (qapi/qobject-input-visitor.c).
"""

from __future__ import annotations

import json
from typing import Any

from muxcore.errors import OptionError, printable
from muxcore.options import hints
from muxcore.options.rules import Values, make
from muxcore.options.schema import OptionInfo, option_infos
from muxcore.options.sets import (
    ALIASES,
    CONFIGURABLE,
    ChardevOptions,
    ChardevSpec,
    FileOptions,
    PipeOptions,
    SerialOptions,
    SocketOptions,
    UdpOptions,
)
from muxcore.options.values import check_identifier

_TYPES: dict[str, type] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "array": list,
    "object": dict,
}
_KINDS = {
    "str": "string",
    "choice": "string",
    "bool": "boolean",
    "int": "integer",
    "size": "integer",
    "list": "array",
}
_RENAMED: dict[type[ChardevOptions], dict[str, str]] = {
    FileOptions: {"path": "out", "input_path": "in"},
    PipeOptions: {"path": "device"},
    SerialOptions: {"path": "device"},
}
_SOCKET_ADDRESSES: dict[str, dict[str, str]] = {
    "inet": {"host": "host", "port": "port", "to": "to", "ipv4": "ipv4", "ipv6": "ipv6"},
    "unix": {"path": "path", "abstract": "abstract", "tight": "tight"},
    "vsock": {"cid": "cid", "port": "port"},
    "fd": {"str": "fd"},
}
"""The types of a SocketAddress; of each, its members and the options that they are."""
_IN_ADDRESS = {option for members in _SOCKET_ADDRESSES.values() for option in members.values()}
_NEEDED = frozenset({"host", "port", "path", "cid", "str"})
_REMOTE = {"host": "host", "port": "port", "ipv4": "ipv4", "ipv6": "ipv6"}
_LOCAL = {"host": "localaddr", "port": "localport"}
"""Members of an InetSocketAddress and the options of `udp` that they are."""


ADDRESSES: dict[type[ChardevOptions], dict[str, dict[str, dict[str, str]]]] = {
    SocketOptions: {"addr": _SOCKET_ADDRESSES},
    UdpOptions: {"remote": {"inet": _REMOTE}, "local": {"inet": _LOCAL}},
}
"""The members of a type's `data` that are addresses; of each, its types and their members."""


def plain_members(options: type[ChardevOptions]) -> dict[str, OptionInfo]:
    """The members of a type's `data` that are no addresses, by their name in JSON."""
    addresses = ADDRESSES.get(options, {})
    inside = {
        option
        for types in addresses.values()
        for members in types.values()
        for option in members.values()
    }
    renamed = _RENAMED.get(options, {})
    return {
        renamed.get(info.attribute, info.name): info
        for info in option_infos(options)
        if info.attribute not in inside
    }


def from_qmp(id: str | None, backend: object, *, adding: bool = False) -> ChardevSpec:
    """The chardev that the `id` and `backend` of a QMP command ask for.

    A socket is a server unless told otherwise and does not wait for its first
    client: QMP's defaults, not the command line's.

    Args:
        id: the chardev's id, None where one may be left out.
        backend: QEMU's ChardevBackend.
        adding: say what is wrong with the options as chardev-add does, behind
            "Failed to add chardev 'ID': ".

    Raises:
        OptionError: with QEMU's text.
    """
    if id is not None:
        check_identifier("id", id)
    members = _Members(backend, "backend")
    type = members.take("type", "string")
    options = CONFIGURABLE.get(ALIASES.get(type, type))
    if options is None and type not in hints.QEMU_TYPES:
        message = f"Parameter 'type' does not accept value '{printable(type)}'"
        raise OptionError(message, hint=hints.unknown_type(type), option="type")
    data = members.take("data", "object")
    values = _values(options, _Members(data, "backend.data")) if options else {}
    members.finish()
    try:
        if options is None:
            message = f"'{type}' is not a valid char driver name"
            raise OptionError(message, hint=hints.unknown_type(type), option="type")
        return ChardevSpec(id, make(options, values))
    except OptionError as error:
        message = f"Failed to add chardev '{id}': {error}" if adding else str(error)
        raise OptionError(message, hint=error.hint, option=error.option) from None


def from_object(value: object) -> ChardevSpec:
    """The chardev that `{"id", "backend": {"type", "data"}}` asks for; the id may be left out.

    Raises:
        OptionError: with QEMU's text.
    """
    members = _Members(value, "chardev", shown="")
    id = members.take("id", "string", None)
    backend = members.take("backend", "object")
    members.finish()
    return from_qmp(id, backend)


def from_json(text: str) -> ChardevSpec:
    """`from_object` of JSON text.

    Raises:
        OptionError: the text is no JSON, or see `from_object`.
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise OptionError(f"JSON parse error, {error.msg.lower()}", hint=place) from None
    except ValueError as error:
        raise OptionError(f"JSON parse error, {error}") from None
    except RecursionError:
        raise OptionError("JSON parse error, nested too deeply") from None
    return from_object(value)


def to_qmp(spec: ChardevSpec) -> dict[str, Any]:
    """`spec` as `from_object` reads it; only what is not the default is there.

    A server that waits says so (`"wait": true`), whether it was told to or by
    the command line's default.
    """
    options = spec.options
    renamed = _RENAMED.get(type(options), {})
    data: dict[str, Any] = {}
    for info in option_infos(type(options)):
        value = getattr(options, info.attribute)
        if value != info.default:
            name = renamed.get(info.attribute, info.name)
            data[name] = list(value) if info.kind == "list" else value
    if isinstance(options, SocketOptions):
        data = _socket_data(options, data)
    elif isinstance(options, UdpOptions):
        data = _udp_data(options, data)
    backend = {"type": spec.type, "data": data}
    return {"backend": backend} if spec.id is None else {"id": spec.id, "backend": backend}


def _socket_data(options: SocketOptions, data: dict[str, Any]) -> dict[str, Any]:
    kind = "unix" if options.path else "fd" if options.fd else "vsock" if options.cid else "inet"
    addr = {
        "type": kind,
        "data": {
            member: getattr(options, option)
            for member, option in _SOCKET_ADDRESSES[kind].items()
            if member in _NEEDED or option in data
        },
    }
    rest = {name: value for name, value in data.items() if name not in _IN_ADDRESS}
    wait = {"wait": options.wait is not False} if options.server else {}
    return {"addr": addr, **rest, "server": options.server, **wait}


def _udp_data(options: UdpOptions, data: dict[str, Any]) -> dict[str, Any]:
    remote = {name: data.pop(option) for name, option in _REMOTE.items() if option in data}
    addresses = {"remote": {"type": "inet", "data": {"host": "", **remote}}}
    if options.localaddr or options.localport:
        local = {name: data.pop(option, "") for name, option in _LOCAL.items()}
        addresses["local"] = {"type": "inet", "data": local}
    return {**addresses, **data}


class _Members:
    """The members of a JSON object, taken one at a time; what is left over is unexpected.

    Args:
        value: what should be an object.
        path: where it is, for its own error.
        shown: what its members' names begin with, when that is not `path`.
    """

    def __init__(self, value: object, path: str, *, shown: str | None = None) -> None:
        self._rest: dict[str, Any] = dict(_typed(value, path, "object"))
        self._prefix = f"{path}." if shown is None else shown

    def __contains__(self, name: str) -> bool:
        return name in self._rest

    def path(self, name: str) -> str:
        """The full name of a member, as QEMU writes it."""
        return f"{self._prefix}{name}"

    def take(self, name: str, kind: str, *default: object) -> Any:  # noqa: ANN401 - `kind` says
        """The member `name`, which is of the JSON type `kind`; `default` when it is not there."""
        if name in self._rest:
            return _typed(self._rest.pop(name), self.path(name), kind)
        if default:
            return default[0]
        raise OptionError(f"Parameter '{self.path(name)}' is missing", option=name)

    def finish(self, options: type[ChardevOptions] | None = None) -> None:
        """Refuse the members that were not taken; `options` is whose they might be."""
        for name in self._rest:
            hint = hints.unknown_option(name, options) if options else ""
            message = f"Parameter '{printable(self.path(name))}' is unexpected"
            raise OptionError(message, hint=hint, option=name)


def _values(options: type[ChardevOptions], data: _Members) -> Values:
    values: Values = {}
    renamed = _RENAMED.get(options, {})
    if options is SocketOptions:
        values |= _address(data.take("addr", "object"))
    elif options is UdpOptions:
        values |= _inet(data, "remote", _REMOTE)
        if "local" in data:
            values |= _inet(data, "local", _LOCAL)
    taken = {*_REMOTE.values(), *_LOCAL.values()} if options is UdpOptions else set()
    for info in option_infos(options):
        name = renamed.get(info.attribute, info.name)
        if (options is SocketOptions and name in _IN_ADDRESS) or name in taken:
            continue
        if info.required or name in data:
            values[info.attribute] = _value(info, data, name)
    data.finish(options)
    if options is SocketOptions:
        values.setdefault("server", True)
        if values["server"]:
            values.setdefault("wait", False)
    return values


def _value(info: OptionInfo, data: _Members, name: str) -> object:
    value = data.take(name, _KINDS[info.kind])
    if info.kind == "list":
        path = data.path(name)
        return tuple(_typed(item, f"{path}[{index}]", "string") for index, item in enumerate(value))
    return value


def _address(value: object) -> Values:
    outer = _Members(value, "backend.data.addr")
    kind = outer.take("type", "string")
    members = _SOCKET_ADDRESSES.get(kind)
    if members is None:
        message = f"Parameter 'type' does not accept value '{printable(kind)}'"
        raise OptionError(message, hint=f"one of {', '.join(_SOCKET_ADDRESSES)}", option="addr")
    flat = any(name in outer for name in members)
    inner = outer if flat else _Members(outer.take("data", "object"), "backend.data.addr.data")
    infos = {info.attribute: info for info in option_infos(SocketOptions)}
    values: Values = {
        option: inner.take(name, _KINDS[infos[option].kind])
        for name, option in members.items()
        if name in _NEEDED or name in inner
    }
    inner.finish()
    outer.finish()
    return values


def _inet(data: _Members, name: str, options: dict[str, str]) -> Values:
    """The options that the inet address `name` gives: its host and its port, and more."""
    path = data.path(name)
    outer = _Members(data.take(name, "object"), path)
    kind = outer.take("type", "string")
    if kind != "inet":
        message = f"Parameter 'type' does not accept value '{printable(kind)}'"
        raise OptionError(message, hint="inet", option=name)
    inner = outer
    if "host" not in outer:
        inner = _Members(outer.take("data", "object"), f"{path}.data")
    values: Values = {}
    for member, option in options.items():
        if member in ("host", "port"):
            values[option] = inner.take(member, "string")
        elif member in inner:
            values[option] = inner.take(member, "boolean")
    inner.finish()
    outer.finish()
    return values


def _typed(value: Any, path: str, kind: str) -> Any:  # noqa: ANN401 - `kind` says
    """`value` if it is of the JSON type `kind`; true and false are no integers."""
    if not isinstance(value, _TYPES[kind]) or (kind == "integer" and isinstance(value, bool)):
        raise OptionError(f"Invalid parameter type for '{path}', expected: {kind}", option=path)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate key")
    return members


def _no_constant(word: str) -> Any:  # noqa: ANN401 - it never returns
    raise ValueError(f"invalid keyword '{word}'")
