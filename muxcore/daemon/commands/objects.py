"""QEMU's commands for objects, with its schema and texts (qapi/qom.json)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from muxcore.chardev.base import Chardev
from muxcore.chardev.thread import in_thread
from muxcore.daemon.commands.base import Argument, Call, Command
from muxcore.errors import CommandError
from muxcore.options.objects import object_from
from muxcore.options.sets import SocketOptions
from muxcore.tls.objects import load

if TYPE_CHECKING:
    from muxcore.daemon.daemon import Daemon


async def object_add(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Make an object: TLS credentials, or who may use them."""
    spec = object_from(dict(call.arguments))
    call.daemon.objects.put(spec, await in_thread(lambda: load(spec), f"load {spec.id}"))
    return {}


async def object_del(call: Call) -> Any:  # noqa: ANN401 - JSON
    """Remove an object that no chardev names."""
    id = call.get("id")
    if any(_names(chardev, id) for chardev in _chardevs(call.daemon)):
        raise CommandError(f"object '{id}' is in use, can not be deleted")
    call.daemon.objects.remove(id)
    return {}


def _chardevs(daemon: Daemon) -> list[Chardev]:
    found = list(daemon.loose.values())
    for console in daemon.consoles.values():
        found += console.backends.values()
        if console.guest is not None:
            found.append(console.guest)
    return found


def _names(chardev: Chardev, id: str) -> bool:
    return isinstance(chardev.options, SocketOptions) and chardev.options.tls_creds == id


COMMANDS: dict[str, Command] = {
    "object-add": Command(
        object_add,
        (
            Argument("qom-type"),
            Argument("id"),
            Argument("dir", optional=True),
            Argument("endpoint", optional=True),
            Argument("verify-peer", "boolean", optional=True),
            Argument("username", optional=True),
            Argument("identity", optional=True),
            Argument("policy", optional=True),
            Argument("rules", "array", optional=True),
            Argument("filename", optional=True),
            Argument("refresh", "boolean", optional=True),
        ),
    ),
    "object-del": Command(object_del, (Argument("id"),)),
}
