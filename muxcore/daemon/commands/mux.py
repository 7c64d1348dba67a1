"""muxtui's own commands; their names begin with `mux-`."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from muxcore.chardev.base import Who
from muxcore.config import console_config
from muxcore.daemon.commands.base import Argument, Call, Command
from muxcore.daemon.commands.qemu import encode
from muxcore.daemon.origin import Origin
from muxcore.daemon.turns import in_turns
from muxcore.errors import CommandError, printable
from muxcore.options.grammar import parse_chardev
from muxcore.options.qmp import from_object
from muxcore.options.schema import describe
from muxcore.options.sets import CONFIGURABLE, ChardevSpec
from muxcore.ring import MAX_CAPACITY

MAX_READ = 64 * 1024
"""Bytes one mux-read-history gives at most."""
MAX_LABEL = 128

_CONSOLE = Argument("console")
_ID = Argument("id")
_SIDES = (
    Argument("rows", "integer", minimum=1, maximum=10_000),
    Argument("cols", "integer", minimum=1, maximum=10_000),
)
_ORIGIN = (
    Argument("cwd", optional=True),
    Argument("environment", "object", optional=True),
)


async def query_consoles(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Every console, or the one that is named, with its guest, backends and peers.

    With `brief` only the members that a table of them shows.
    """
    brief = call.get("brief", False)
    if (name := call.get("console")) is not None:
        return [call.daemon.console(name).describe(brief=brief)]
    return [
        console.describe(brief=brief)
        async for console in in_turns(call.daemon.consoles.values())
        if call.daemon.consoles.get(console.name) is console
    ]


async def query_chardev_options(_: Call) -> Any:  # noqa: ANN401 - JSON
    """The options of every type of chardev, for forms."""
    return {type: describe(type) for type in CONFIGURABLE}


async def add_console(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Make a console; a guest that cannot be reached is no error."""
    settings = call.get("settings", {})
    _check_texts("settings", settings)
    config = console_config(
        call.get("console"), call.get("guest"), call.get("backends", []), settings
    )
    await call.daemon.add_console(config, _origin(call))
    return {"console": config.name}


async def remove_console(call: Call) -> Any:  # noqa: ANN401 - JSON
    """End a console, its guest and its backends."""
    await call.daemon.remove_console(call.get("console"))
    return {}


async def set_guest(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Give a console another guest, or none; the present one is ended."""
    name, guest = call.get("console"), call.get("guest")
    spec = None
    if guest is not None:
        spec = _spec(guest)
        spec = replace(spec, id=spec.id or f"{name}.guest")
    await call.daemon.set_guest(name, spec, _origin(call))
    return {}


async def add_backend(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Put a new backend on a console (`chardev`), or a loose chardev, mux or hub (`id`)."""
    console, chardev, id = call.get("console"), call.get("chardev"), call.get("id")
    if (chardev is None) == (id is None):
        raise CommandError("exactly one of 'chardev' and 'id' is needed")
    if id is not None:
        return {"id": await call.daemon.adopt(console, id)}
    return {"id": await call.daemon.add_backend(console, _spec(chardev), _origin(call))}


async def detach_backend(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Take a backend off its console; it lives on as a loose chardev."""
    call.daemon.detach_backend(call.get("id"))
    return {}


async def remove_backend(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Take a backend off its console and end it."""
    await call.daemon.remove_backend(call.get("id"))
    return {}


async def set_backend(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Pause a backend's output, or refuse its input; what is not given stays as it is."""
    console = call.daemon.console_of_backend(call.get("id"))
    console.set_backend(call.get("id"), paused=call.get("paused"), readonly=call.get("readonly"))
    return {}


async def disconnect_peer(call: Call) -> Any:  # noqa: ANN401 - JSON
    """End one client's stream."""
    peer: str = call.get("peer")
    console = call.daemon.console_of_backend(peer.rpartition("/")[0])
    console.disconnect_peer(peer)
    return {}


async def set_focus(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Let what is typed at a mux go to another of its consoles."""
    mux = call.daemon.console(call.get("mux")).own_mux
    if mux is None:
        raise CommandError(f"{call.get('mux')} is not a mux")
    mux.set_focus(call.get("console"))
    return {}


async def resize(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Tell the guest its size in character cells, where it can be told."""
    call.daemon.console(call.get("console")).resize(call.get("rows"), call.get("cols"))
    return {}


async def send_break(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Send the guest a break."""
    call.daemon.console(call.get("console")).send_break()
    return {}


async def reload(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Read the configuration file again and apply what changed."""
    return await call.daemon.reload()


async def read_history(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Retained output from `offset`, or from where the history begins now if that is later."""
    history = call.daemon.console(call.get("console")).history
    offset = min(max(call.get("offset", 0), history.start), history.end)
    data = history.read(offset, call.get("size", MAX_READ))
    return {
        "start": history.start,
        "end": history.end,
        "offset": offset,
        "data": encode(data, call.get("format", "base64")),
        "times": history.times.marks(offset, offset + len(data)),
    }


async def attach(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Turn the connection into a stream of the console, behind the reply."""
    daemon, console = call.daemon, call.daemon.console(call.get("console"))
    rows, cols = call.get("rows"), call.get("cols")
    if (rows is None) != (cols is None):
        raise CommandError("'rows' and 'cols' go together")
    replay = call.get("replay", 0)
    with daemon.reserved(daemon.attach_id(console, call.get("id"))) as (id,):

        def reply() -> dict[str, Any]:
            return {
                "id": id,
                "offset": console.replay_offset(replay),
                "end": console.history.end,
            }

        fd = await call.connection.hand_over(reply)
        if daemon.consoles.get(console.name) is not console:
            os.close(fd)
            return None
        console.attach(
            fd,
            _labelled(call.who, call.get("label")),
            id=id,
            mode=call.get("mode", "rw"),
            framing=call.get("framing", "raw"),
            replay=replay,
            size=(rows, cols) if rows is not None else None,
        )
    return None


def _labelled(who: Who, label: str | None) -> Who:
    return replace(who, label=printable(label[:MAX_LABEL])) if label else who


def _spec(chardev: str | dict[str, Any]) -> ChardevSpec:
    return parse_chardev(chardev) if isinstance(chardev, str) else from_object(chardev)


def _origin(call: Call) -> Origin:
    environment = call.get("environment")
    if environment is not None:
        _check_texts("environment", environment)
    return Origin(call.get("cwd"), environment)


def _check_texts(name: str, given: dict[str, Any]) -> None:
    for key, value in given.items():
        if not isinstance(value, str):
            raise CommandError(f"Invalid parameter type for '{name}.{key}', expected: string")


COMMANDS: dict[str, Command] = {
    "mux-query-consoles": Command(
        query_consoles,
        (Argument("console", optional=True), Argument("brief", "boolean", optional=True)),
    ),
    "mux-query-chardev-options": Command(query_chardev_options),
    "mux-add-console": Command(
        add_console,
        (
            _CONSOLE,
            Argument("guest", "string, object or null", optional=True),
            Argument("backends", "array", optional=True),
            Argument("settings", "object", optional=True),
            *_ORIGIN,
        ),
    ),
    "mux-remove-console": Command(remove_console, (_CONSOLE,)),
    "mux-set-guest": Command(
        set_guest, (_CONSOLE, Argument("guest", "string, object or null"), *_ORIGIN)
    ),
    "mux-add-backend": Command(
        add_backend,
        (
            _CONSOLE,
            Argument("chardev", "string or object", optional=True),
            Argument("id", optional=True),
            *_ORIGIN,
        ),
    ),
    "mux-detach-backend": Command(detach_backend, (_ID,)),
    "mux-remove-backend": Command(remove_backend, (_ID,)),
    "mux-set-backend": Command(
        set_backend,
        (
            _ID,
            Argument("paused", "boolean", optional=True),
            Argument("readonly", "boolean", optional=True),
        ),
    ),
    "mux-disconnect-peer": Command(disconnect_peer, (Argument("peer"),)),
    "mux-set-focus": Command(set_focus, (Argument("mux"), _CONSOLE)),
    "mux-resize": Command(resize, (_CONSOLE, *_SIDES)),
    "mux-send-break": Command(send_break, (_CONSOLE,)),
    "mux-reload": Command(reload),
    "mux-read-history": Command(
        read_history,
        (
            _CONSOLE,
            Argument("offset", "integer", optional=True, minimum=0, maximum=2**63 - 1),
            Argument("size", "integer", optional=True, minimum=1, maximum=MAX_READ),
            Argument("format", optional=True, values=("base64", "utf8")),
        ),
    ),
    "mux-attach": Command(
        attach,
        (
            _CONSOLE,
            Argument("mode", optional=True, values=("rw", "ro")),
            Argument("framing", optional=True, values=("raw", "frames")),
            Argument("replay", "integer", optional=True, minimum=0, maximum=MAX_CAPACITY),
            *(replace(side, optional=True) for side in _SIDES),
            Argument("id", optional=True),
            Argument("label", optional=True),
        ),
    ),
}
