"""What must hold of a chardev's options once they have types, whatever they were written in.

The texts are QEMU's (chardev/char-*.c, `qemu_chr_parse_*` and `qmp_chardev_open_*`).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any, cast

from muxcore.errors import OptionError, printable
from muxcore.options.nearest import nearest
from muxcore.options.schema import OptionInfo, format_value, option_infos
from muxcore.options.sets import (
    ChardevOptions,
    FileOptions,
    HubOptions,
    LinkOptions,
    MuxOptions,
    PipeOptions,
    ProcessOptions,
    RingbufOptions,
    SerialOptions,
    SocketOptions,
    UdpOptions,
)
from muxcore.options.values import rfc2217_address

Values = dict[str, Any]
"""Options as they were given, by attribute; the types are right."""


def make(options: type[ChardevOptions], values: Values) -> ChardevOptions:
    """The option set of a type from what was given.

    Raises:
        OptionError: a value is out of range, a required one is missing, or they
            do not go together.
    """
    for info in option_infos(options):
        if info.attribute in values:
            _check_value(info, values[info.attribute])
        if info.required and not values.get(info.attribute):
            raise OptionError(_MISSING[options], option=info.name)
    if options in _RULES:
        _RULES[options](values)
    return options(**values)


def _check_value(info: OptionInfo, value: object) -> None:
    if info.kind in ("int", "size"):
        _check_range(info, cast("int", value))
    elif info.kind == "choice":
        _check_choice(info, cast("str", value))
    elif info.kind == "str":
        _check_text(info.name, cast("str", value))


def _check_range(info: OptionInfo, value: int) -> None:
    assert info.minimum is not None
    assert info.maximum is not None
    if not info.minimum <= value <= info.maximum:
        what = "a size" if info.kind == "size" else "a number"
        low, high = format_value(info, info.minimum), format_value(info, info.maximum)
        raise OptionError(
            f"Parameter '{info.name}' expects {what} from {low} to {high}",
            hint=info.help,
            option=info.name,
        )


def _check_choice(info: OptionInfo, value: str) -> None:
    if value not in info.choices:
        raise OptionError(
            f"Parameter '{info.name}' does not accept value '{printable(value)}'",
            hint=nearest(value, info.choices) or f"one of {', '.join(info.choices)}",
            option=info.name,
        )


def _check_text(name: str, value: str) -> None:
    """No path, host or command line can hold a NUL or half a surrogate pair."""
    try:
        value.encode("utf-8", "surrogateescape")
        sound = "\0" not in value
    except UnicodeEncodeError:
        sound = False
    if not sound:
        raise OptionError(f"Parameter '{name}' expects text without NUL", option=name)


def _check_socket(values: Values) -> None:
    _check_socket_address(values)
    _check_reconnect(values)
    _check_tls(values)
    if not values.get("server") and values.get("websocket"):
        raise OptionError("Websocket client is not implemented", option="websocket")
    if values.get("rfc2217"):
        _check_rfc2217(values)
    if values.get("echr") is not None and values.get("telnet"):
        raise OptionError(
            "'echr' option is incompatible with telnet=on",
            hint="telnet has a break of its own",
            option="echr",
        )
    if not values.get("server") and "wait" in values:
        raise OptionError(
            "'wait' option is incompatible with socket in client connect mode",
            hint="a server is asked for with server=on",
            option="wait",
        )


def _check_rfc2217(values: Values) -> None:
    """It is a part of telnet, which is spoken then."""
    if not values.get("server"):
        raise OptionError(
            "'rfc2217' option is incompatible with socket in client connect mode",
            hint="a port behind a server is serial,path=rfc2217://HOST:PORT",
            option="rfc2217",
        )
    if not values.setdefault("telnet", True):
        raise OptionError("'rfc2217' option is incompatible with telnet=off", option="rfc2217")


def _check_socket_address(values: Values) -> None:
    if sum(name in values for name in ("path", "fd", "host", "cid")) > 1:
        raise OptionError(_ADDRESS, option="path")
    if (values.get("host") or values.get("cid")) and not values.get("port"):
        raise OptionError("chardev: socket: no port given", option="port")
    elsewhere = values.get("path") or values.get("fd")
    if not elsewhere and not values.get("port"):
        raise OptionError(_ADDRESS, hint="give path=PATH, or host=HOST,port=PORT", option="path")
    if elsewhere and "port" in values:
        raise OptionError(_ADDRESS, hint="'port' goes with 'host'", option="port")
    if values.get("fd"):
        _check_digits("fd", values["fd"], f"Unable to parse FD number {printable(values['fd'])}")
    if values.get("cid"):
        for name in ("cid", "port"):
            text = f"Failed to parse {name} '{printable(values[name])}'"
            _check_digits(name, values[name], text)
        return
    port = values.get("port", "")
    _check_port(port)
    if port.isascii() and port.isdigit() and (values.get("to") or 65535) < int(port):
        raise OptionError(f"Parameter 'to' expects a number from {int(port)} to 65535", option="to")
    if values.get("ipv4") is False and values.get("ipv6") is False:
        raise OptionError("Cannot disable IPv4 and IPv6 at same time", option="ipv6")


def _check_tls(values: Values) -> None:
    if values.get("tls_authz") and not values.get("tls_creds"):
        text = "'tls_authz' option requires 'tls_creds' option"
        raise OptionError(text, option="tls-authz")
    for name, kind in (("path", "unix"), ("cid", "vsock")):
        if values.get("tls_creds") and values.get(name):
            text = f"'tls_creds' option is incompatible with '{kind}' address type"
            raise OptionError(text, option="tls-creds")


def _check_digits(name: str, text: str, complaint: str) -> None:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 1 << 32):
        raise OptionError(complaint, option=name)


def _check_reconnect(values: Values) -> None:
    """Of `reconnect` and `reconnect-ms` the latter is left."""
    given = [name for name in ("reconnect", "reconnect_ms") if values.get(name) is not None]
    if len(given) > 1:
        text = "'reconnect' and 'reconnect-ms' are mutually exclusive"
        raise OptionError(text, option="reconnect")
    for attribute in given:
        name = attribute.replace("_", "-")
        what = ""
        if values.get("server"):
            what = "socket in server listen mode"
        elif values.get("fd") and values[attribute]:
            what = "'fd' address type"
        if what:
            raise OptionError(f"'{name}' option is incompatible with {what}", option=name)
    if "reconnect" in given:
        values["reconnect_ms"] = values.pop("reconnect") * 1000


def _check_udp(values: Values) -> None:
    for name in ("port", "localport"):
        _check_port(values.get(name, ""), name)
    if values.get("ipv4") is False and values.get("ipv6") is False:
        raise OptionError("Cannot disable IPv4 and IPv6 at same time", option="ipv6")


def _check_port(port: str, name: str = "port") -> None:
    if port.isascii() and port.isdigit():
        digits = port.lstrip("0")
        if len(digits) > 5 or int(digits or "0") > 65535:
            raise OptionError(
                f"Parameter '{name}' expects a port number below 65536 or a service name",
                option=name,
            )


def _check_ringbuf(values: Values) -> None:
    size = values.get("size", RingbufOptions().size)
    if size & (size - 1):
        raise OptionError("size of ringbuf chardev must be power of two", option="size")


def _check_hub(values: Values) -> None:
    chardevs: tuple[str, ...] = values["chardevs"]
    for index, id in enumerate(chardevs):
        if id in chardevs[:index]:
            message = f"chardev '{printable(id)}' is already in use"
            raise OptionError(message, option=f"chardevs.{index}")


def _check_process(values: Values) -> None:
    try:
        words = shlex.split(values.get("env", ""))
    except ValueError:
        words = [""]
    if any(word.find("=") < 1 for word in words):
        raise OptionError(
            "Parameter 'env' expects NAME=VALUE words",
            hint="separated by spaces, quoted as in a shell",
            option="env",
        )


def _check_serial(values: Values) -> None:
    rfc2217_address(values["path"])


_ADDRESS = "None or one of 'path', 'fd' or 'host' option required."

_MISSING: dict[type[ChardevOptions], str] = {
    FileOptions: "chardev: file: no filename given",
    HubOptions: "hub: 'chardevs' list is not defined",
    LinkOptions: "chardev: link: no chardev given",
    MuxOptions: "chardev: mux: no chardev given",
    PipeOptions: "chardev: pipe: no device path given",
    ProcessOptions: "chardev: process: no command given",
    SerialOptions: "chardev: serial/tty: no device path given",
    UdpOptions: "chardev: udp: remote port not specified",
}

_RULES: dict[type[ChardevOptions], Callable[[Values], None]] = {
    HubOptions: _check_hub,
    ProcessOptions: _check_process,
    RingbufOptions: _check_ringbuf,
    SerialOptions: _check_serial,
    SocketOptions: _check_socket,
    UdpOptions: _check_udp,
}
