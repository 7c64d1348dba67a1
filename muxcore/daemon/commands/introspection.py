"""query-qmp-schema: commands, events and types as QEMU describes its own (qapi/introspect.json).

Everything comes from the tables that are at work: the commands, the events and
the option sets. Types have names, where QEMU only numbers its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_type_hints

from muxcore import events
from muxcore.daemon.commands.base import Argument, Command
from muxcore.options.qmp import ADDRESSES, plain_members
from muxcore.options.schema import OptionInfo, option_infos
from muxcore.options.sets import ALIASES, CONFIGURABLE, ChardevOptions, SocketOptions

Entry = dict[str, Any]

_BUILTIN = {
    "str": "string",
    "int": "int",
    "bool": "boolean",
    "object": "object",
    "null": "null",
    "any": "value",
}
_ARGUMENTS = {"string": "str", "integer": "int", "boolean": "bool", "array": "[any]"}
_OPTIONS = {"str": "str", "bool": "bool", "int": "int", "size": "int", "list": "[str]"}
_EVENTS: dict[object, str] = {str: "str", int: "int", bool: "bool", int | str: "any"}

_KNOWN: dict[str, dict[str, str]] = {
    "q_empty": {},
    "VersionTriple": {"major": "int", "minor": "int", "micro": "int"},
    "VersionInfo": {"qemu": "VersionTriple", "package": "str"},
    "CommandInfo": {"name": "str"},
    "ChardevInfo": {"label": "str", "filename": "str", "frontend-open": "bool"},
    "ChardevBackendInfo": {"name": "str"},
    "ChardevReturn": {"pty?": "str"},
    "SchemaInfo": {"name": "str", "meta-type": "str"},
}
"""What QEMU's commands give; `?` marks what may be missing."""


def schema(commands: Mapping[str, Command]) -> list[Entry]:
    """Every command, every event, and the types they name.

    What is free in form, and what muxtui's own commands give, is `any`.
    """
    types = _Types()
    entries = [_command(types, name, command) for name, command in commands.items()]
    entries += [_event(types, kind, name) for kind, name in events.NAMES.items()]
    return [*entries, *types.entries.values()]


class _Types:
    """The types that were named so far, each described once."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def named(self, name: str) -> str:
        """A builtin, one of `_KNOWN`, or in brackets an array of it."""
        if name in self.entries:
            return name
        if name.startswith("["):
            element = self.named(name[1:-1])
            self.entries[name] = _entry(name, "array", **{"element-type": element})
        elif name in _BUILTIN:
            self.entries[name] = _entry(name, "builtin", **{"json-type": _BUILTIN[name]})
        else:
            members = [self.member(item.rstrip("?"), kind, optional=item.endswith("?"))
                       for item, kind in _KNOWN[name].items()]  # fmt: skip
            self.object(name, members)
        return name

    def member(self, name: str, type: str, *, optional: bool = False) -> Entry:
        """A member of an object; one that may be left out has a default, which is unsaid."""
        known = type in self.entries
        entry = {"name": name, "type": type if known else self.named(type)}
        return entry | {"default": None} if optional else entry

    def object(self, name: str, members: Iterable[Entry], **more: object) -> str:
        """Describe an object type."""
        self.entries[name] = _entry(name, "object", members=list(members), **more)
        return name

    def enum(self, name: str, values: Iterable[str]) -> str:
        """Describe an enumeration."""
        members = list(values)
        self.entries[name] = _entry(
            name, "enum", members=[{"name": value} for value in members], values=members
        )
        return name


def _entry(name: str, meta: str, **more: object) -> Entry:
    return {"name": name, "meta-type": meta, **more}


def _command(types: _Types, name: str, command: Command) -> Entry:
    members = [
        types.member(item.name, _argument(types, item), optional=item.optional)
        for item in command.arguments
    ]
    argument = types.object(f"q_obj_{name}-arg", members) if members else types.named("q_empty")
    returned = types.named(command.returns)
    return _entry(name, "command", **{"arg-type": argument, "ret-type": returned})


def _argument(types: _Types, argument: Argument) -> str:
    if argument.name == "backend":
        return _backend(types)
    if argument.values:
        return types.enum(f"{argument.name}: {'|'.join(argument.values)}", argument.values)
    return _ARGUMENTS.get(argument.type, "any")


def _event(types: _Types, kind: type[events.Event], name: str) -> Entry:
    members = []
    for field, hint in get_type_hints(kind).items():
        # VSERPORT_CHANGE has QEMU's members alone.
        if kind is not events.VserportChange or field != "console":
            optional = hint not in _EVENTS
            plain = next(type for type in _EVENTS if hint in (type, type | None))  # type: ignore[operator]
            shown = field.removesuffix("_").replace("_", "-")
            members.append(types.member(shown, _EVENTS[plain], optional=optional))
    return _entry(name, "event", **{"arg-type": types.object(f"q_obj_{name}-arg", members)})


def _backend(types: _Types) -> str:
    name = "ChardevBackend"
    if name not in types.entries:
        aliases = {alias: CONFIGURABLE[kind] for alias, kind in ALIASES.items()}
        kinds = {**CONFIGURABLE, **aliases}
        tag = types.enum("ChardevBackendKind", sorted(kinds))
        variants = [{"case": kind, "type": _wrapped(types, kinds[kind])} for kind in sorted(kinds)]
        types.object(name, [{"name": "type", "type": tag}], tag="type", variants=variants)
    return name


def _wrapped(types: _Types, options: type[ChardevOptions]) -> str:
    inner = f"Chardev_{options.TYPE}"
    if inner not in types.entries:
        members = [
            {"name": name, "type": _address(types, options, name)}
            | ({"default": None} if name == "local" else {})
            for name in ADDRESSES.get(options, {})
        ]
        for name, info in plain_members(options).items():
            kind = _option(types, options, info)
            members.append(types.member(name, kind, optional=not info.required))
        types.object(inner, members)
        types.object(f"{inner}-wrapper", [{"name": "data", "type": inner}])
    return f"{inner}-wrapper"


def _option(types: _Types, options: type[ChardevOptions], info: OptionInfo) -> str:
    if info.kind == "choice":
        return types.enum(f"{options.TYPE}.{info.name}", info.choices)
    return _OPTIONS[info.kind]


def _address(types: _Types, options: type[ChardevOptions], member: str) -> str:
    """A SocketAddressLegacy; its flat form (SocketAddress) is taken as well."""
    name = "SocketAddressLegacy" if options is SocketOptions else f"{options.TYPE}.{member}"
    kinds = ADDRESSES[options][member]
    tag = types.enum(f"{name}Kind", sorted(kinds))
    variants = []
    for kind, members in sorted(kinds.items()):
        data = types.object(
            f"{name}.{kind}",
            [types.member(item, _OPTIONS[_kind(options, option)],
                          optional=item not in ("host", "port", "path", "cid", "str"))
             for item, option in members.items()],
        )  # fmt: skip
        wrapper = types.object(f"{data}-wrapper", [{"name": "data", "type": data}])
        variants.append({"case": kind, "type": wrapper})
    return types.object(name, [{"name": "type", "type": tag}], tag="type", variants=variants)


def _kind(options: type[ChardevOptions], attribute: str) -> str:
    return next(info.kind for info in option_infos(options) if info.attribute == attribute)
