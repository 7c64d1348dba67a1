"""The way out of an error: the nearest right chardev or option, and whose a wrong one is."""

from __future__ import annotations

from muxcore.options.nearest import nearest
from muxcore.options.schema import option_infos
from muxcore.options.sets import ALIASES, CONFIGURABLE, ChardevOptions, HubOptions

QEMU_TYPES = frozenset(
    {
        "braille",
        "dbus",
        "file",
        "hub",
        "memory",
        "msmouse",
        "mux",
        "null",
        "parallel",
        "pipe",
        "pty",
        "qemu-vdagent",
        "ringbuf",
        "serial",
        "socket",
        "spiceport",
        "spicevmc",
        "stdio",
        "testdev",
        "udp",
        "vc",
        "wctablet",
    }
)
"""QEMU's chardev types (qapi/char.json, ChardevBackendKind)."""

QEMU_OPTIONS = frozenset(
    {
        "abstract",
        "append",
        "chardev",
        "clipboard",
        "cols",
        "debug",
        "delay",
        "fd",
        "height",
        "host",
        "input-path",
        "ipv4",
        "ipv6",
        "localaddr",
        "localport",
        "logappend",
        "logfile",
        "logtimestamp",
        "mouse",
        "mux",
        "name",
        "nodelay",
        "path",
        "port",
        "reconnect-ms",
        "rows",
        "server",
        "signal",
        "size",
        "telnet",
        "tight",
        "tls-authz",
        "tls-creds",
        "tn3270",
        "to",
        "wait",
        "websocket",
        "width",
    }
)
"""QEMU's chardev options (chardev/char.c, qemu_chardev_opts)."""


def unknown_type(word: str) -> str:
    """What to do about the unknown chardev type `word`."""
    if word in QEMU_TYPES:
        return "QEMU has it, muxtui does not"
    if word == "tty":
        return "QEMU 8.0 removed it; use 'serial'"
    names = sorted(CONFIGURABLE)
    return nearest(word, [*names, *ALIASES]) or f"one of {', '.join(names)}"


def unknown_option(word: str, options: type[ChardevOptions]) -> str:
    """What to do about `word`, which is no option of the type `options`."""
    names = _names(options)
    if word == "chardevs" and options is HubOptions:
        return "chardevs.0=ID is the first, chardevs.1=ID the second"
    owners = [name for name, other in CONFIGURABLE.items() if word in _names(other)]
    if owners:
        return f"an option of {', '.join(owners)}, not of {options.TYPE}"
    if word in QEMU_OPTIONS:
        return "QEMU has it, muxtui does not"
    return nearest(word, names) or f"{options.TYPE} takes {', '.join(names)}"


def _names(options: type[ChardevOptions]) -> list[str]:
    return [info.name for info in option_infos(options)]
