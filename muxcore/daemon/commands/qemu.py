"""QEMU's commands, with QEMU's schema and error texts (qapi/char.json, qapi/control.json)."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from muxcore import version
from muxcore.chardev.base import Chardev, State
from muxcore.chardev.log import LogChardev
from muxcore.chardev.pty import PtyChardev
from muxcore.chardev.ringbuf import RingbufChardev
from muxcore.chardev.socket_server import SocketServer
from muxcore.console.link import LinkBackend, LinkGuest
from muxcore.console.switch import Switch
from muxcore.daemon import loose
from muxcore.daemon.commands.base import Argument, Call, Command
from muxcore.daemon.turns import in_turns
from muxcore.errors import CommandError
from muxcore.options.qmp import from_qmp
from muxcore.options.sets import ALIASES, CONFIGURABLE
from muxcore.references import is_nested

MAX_RINGBUF_READ = 160 * 1024
"""Bytes one ringbuf-read gives at most; as JSON they stay below 1 MiB whatever they are."""

_BACKEND = Argument("backend", "object")
_DATA_FORMAT = Argument("format", optional=True, values=("utf8", "base64"))


async def qmp_capabilities(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Leave capabilities negotiation; there is no capability to enable."""
    if call.connection.negotiated:
        raise CommandError(
            "Capabilities negotiation is already complete, command ignored", "CommandNotFound"
        )
    for capability in call.get("enable", []):
        # QEMU's own words, its 'null' included (qapi/qobject-input-visitor.c).
        raise CommandError(f"Parameter 'null' does not accept value '{capability}'")
    call.connection.negotiated = True
    return {}


async def query_version(_: Call) -> Any:  # noqa: ANN401 - JSON
    """The version, in QEMU's shape."""
    return version.qemu_version()


async def query_commands(_: Call) -> Any:  # noqa: ANN401 - JSON
    """The name of every command."""
    # The table that this one is part of.
    from muxcore.daemon.commands import COMMANDS

    return [{"name": name} for name in COMMANDS]


async def query_qmp_schema(_: Call) -> Any:  # noqa: ANN401 - JSON
    """What can be asked and told, in QEMU's introspection shape."""
    # It describes the table that this command is part of.
    from muxcore.daemon.commands import COMMANDS, introspection

    return introspection.schema(COMMANDS)


async def query_chardev_backends(_: Call) -> Any:  # noqa: ANN401 - JSON
    """The type of every chardev there can be."""
    return [{"name": name} for name in sorted({*CONFIGURABLE, *ALIASES})]


async def query_chardev(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Every chardev: loose ones, guests, backends, and the consoles as hubs and muxes."""
    daemon = call.daemon
    for chardev in daemon.loose.values():
        if isinstance(chardev, SocketServer):
            chardev.reap()
    found = [_chardev(chardev, frontend_open=False) for chardev in daemon.loose.values()]
    async for console in in_turns(daemon.consoles.values()):
        if daemon.consoles.get(console.name) is not console:
            continue
        guest = console.guest
        mux = console.own_mux
        is_open = guest is not None and guest.state is State.OPEN
        if mux is not None:
            is_open = mux.focus is not None
        filename = "mux" if mux else "hub"
        found.append({"label": console.name, "filename": filename, "frontend-open": is_open})
        found += [
            _chardev(chardev, frontend_open=is_open)
            for chardev in console.backends.values()
            if not isinstance(chardev, LinkBackend | LogChardev)
        ]
        if guest is not None and not isinstance(guest, LinkGuest | Switch):
            found.append(_chardev(guest, frontend_open=True))
    return found


async def chardev_add(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Make a loose chardev, a hub or a mux."""
    id = call.get("id")
    spec = from_qmp(id, call.get("backend"), adding=True)
    if is_nested(spec):
        await call.daemon.nesting.add(spec)
        return {}
    return _made(await loose.add(call.daemon, spec))


async def chardev_remove(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Remove a loose chardev, or a console without a guest, whose backends become loose."""
    await loose.remove(call.daemon, call.get("id"))
    return {}


async def chardev_change(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Put another chardev in the place of one, under a console that runs."""
    chardev = await loose.change(call.daemon, from_qmp(call.get("id"), call.get("backend")))
    return _made(chardev)


async def chardev_send_break(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Send a break to the guest of the console that is named, or that the chardev is on."""
    chardev, console = call.daemon.find_chardev(call.get("id"))
    if console is not None:
        console.send_break()
    elif chardev is not None:
        chardev.send_break()
    return {}


async def ringbuf_read(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Take bytes out of a ringbuf, the oldest first."""
    ring = _ringbuf(call)
    size = call.get("size")
    if size <= 0:
        raise CommandError("size must be greater than zero")
    return encode(ring.read(min(size, MAX_RINGBUF_READ)), call.get("format", "utf8"))


async def ringbuf_write(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Put bytes into a ringbuf, where ringbuf-read finds them."""
    ring = _ringbuf(call)
    ring.keep(decode(call.get("data"), call.get("format", "utf8")))
    return {}


async def quit(call: Call) -> Any:  # noqa: ANN401 - JSON
    """End the daemon; the reply comes first."""
    call.daemon.stop("host-qmp-quit")
    return {}


def encode(data: bytes, format: str) -> str:
    """`data` as QMP carries it; as `utf8` what is no UTF-8 becomes U+FFFD."""
    if format == "base64":
        return base64.b64encode(data).decode("ascii")
    return data.decode("utf-8", "replace")


def decode(text: str, format: str) -> bytes:
    """The bytes that `text` stands for. Raises CommandError for bad base64."""
    if format != "base64":
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise CommandError("Base64 data contains invalid characters") from None


def _made(chardev: Chardev) -> dict[str, str]:
    """What QEMU calls ChardevReturn."""
    if isinstance(chardev, PtyChardev):
        return {"pty": chardev.filename.removeprefix("pty:")}
    return {}


def _chardev(chardev: Chardev, *, frontend_open: bool) -> dict[str, Any]:
    return {
        "label": chardev.id,
        "filename": chardev.filename,
        "frontend-open": frontend_open,
    }


def _ringbuf(call: Call) -> RingbufChardev:
    device = call.get("device")
    if not call.daemon.is_taken(device):
        raise CommandError(f"Device '{device}' not found")
    chardev, _ = call.daemon.find_chardev(device)
    if not isinstance(chardev, RingbufChardev):
        raise CommandError(f"{device} is not a ringbuf device")
    return chardev


COMMANDS: dict[str, Command] = {
    "qmp_capabilities": Command(
        qmp_capabilities, (Argument("enable", "array", optional=True),), "q_empty"
    ),
    "query-version": Command(query_version, returns="VersionInfo"),
    "query-commands": Command(query_commands, returns="[CommandInfo]"),
    "query-qmp-schema": Command(query_qmp_schema, returns="[SchemaInfo]"),
    "query-chardev": Command(query_chardev, returns="[ChardevInfo]"),
    "query-chardev-backends": Command(query_chardev_backends, returns="[ChardevBackendInfo]"),
    "chardev-add": Command(chardev_add, (Argument("id"), _BACKEND), "ChardevReturn"),
    "chardev-change": Command(chardev_change, (Argument("id"), _BACKEND), "ChardevReturn"),
    "chardev-remove": Command(chardev_remove, (Argument("id"),), "q_empty"),
    "chardev-send-break": Command(chardev_send_break, (Argument("id"),), "q_empty"),
    "ringbuf-read": Command(
        ringbuf_read, (Argument("device"), Argument("size", "integer"), _DATA_FORMAT), "str"
    ),
    "ringbuf-write": Command(
        ringbuf_write, (Argument("device"), Argument("data"), _DATA_FORMAT), "q_empty"
    ),
    "quit": Command(quit, returns="q_empty"),
}
