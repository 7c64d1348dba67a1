"""Chardevs that are on no console, and chardevs that take another's place there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from muxcore.chardev.attach import AttachChardev
from muxcore.chardev.base import Chardev, State, Unowned
from muxcore.chardev.log import LogChardev
from muxcore.console.link import LinkBackend
from muxcore.daemon.origin import Origin
from muxcore.errors import ChardevError, CommandError, NotFoundError

if TYPE_CHECKING:
    from muxcore.console.hub import Console
    from muxcore.daemon.daemon import Daemon
    from muxcore.options.sets import ChardevSpec
    from muxcore.tls.objects import Objects

_NO_SWAP = "For mux or hub device hotswap is not supported yet"
_STAYS = "Chardev user does not support chardev hotswap"


async def add(daemon: Daemon, spec: ChardevSpec) -> Chardev:
    """Make a chardev that is on no console (chardev-add).

    Raises:
        CommandError: the id is taken, or it cannot be opened.
    """
    assert spec.id is not None
    with daemon.reserved(spec.id):
        try:
            chardev = await _started(spec, daemon.objects)
        except ChardevError as error:
            raise CommandError(f"Failed to add chardev '{spec.id}': {error}") from None
        daemon.loose[spec.id] = chardev
    return chardev


async def remove(daemon: Daemon, id: str) -> None:
    """End a loose chardev, or a hub or mux that is no console's, whose backends become loose.

    Raises:
        CommandError: there is none, or it is in use (QEMU's texts).
    """
    chardev, console = daemon.find_chardev(id)
    if console is None and chardev is not None:
        del daemon.loose[id]
        with daemon.reserved(id):
            await end(chardev)
    elif chardev is not None or console is None or _is_used(console):
        raise CommandError(f"Chardev '{id}' is busy")
    else:
        async with daemon.lock(console):
            for member in list(console.backends.values()):
                if not isinstance(member, AttachChardev | LinkBackend | LogChardev):
                    daemon.detach_backend(member.id)
            await daemon.end_console(console)


async def end(chardev: Chardev) -> None:
    """End a chardev and its log."""
    await asyncio.gather(*(each.aclose() for each in chardev.whole))


async def change(daemon: Daemon, spec: ChardevSpec) -> Chardev:
    """Put the chardev of `spec` in the place of the one that has its id (chardev-change).

    A backend's peers are ended; a guest is changed as by mux-set-guest. When
    the new one cannot be had the old one stays.

    Raises:
        CommandError: with QEMU's text; or the new one cannot be had.
    """
    id = str(spec.id)
    try:
        old, console = daemon.find_chardev(id)
    except NotFoundError:
        raise CommandError(f"Chardev '{id}' does not exist") from None
    if old is None or spec.type in ("hub", "mux"):
        raise CommandError(_NO_SWAP)
    if isinstance(old, AttachChardev | LinkBackend | LogChardev):
        raise CommandError(_STAYS)
    if console is None:
        new = await _make(spec, daemon.objects)
        if daemon.loose.get(id) is not old:
            await end(new)
            raise CommandError(f"Chardev '{id}' is busy")
        daemon.loose[id] = new
        await end(old)
        return new
    if console.guest is old:
        await daemon.set_guest(console.name, spec, Origin())
        return console.guest or old
    async with daemon.lock(console):
        new = await _make(spec, daemon.objects)
        try:
            await console.replace_backend(old, new)
        except CommandError:
            await end(new)
            raise
    return new


async def _make(spec: ChardevSpec, objects: Objects) -> Chardev:
    try:
        return await _started(spec, objects)
    except ChardevError as error:
        raise CommandError(str(error)) from None


async def _started(spec: ChardevSpec, objects: Objects) -> Chardev:
    """A chardev that is started and on no console, its log before it.

    Raises:
        ChardevError: it cannot be had; nothing is left of it.
    """
    chardev = Origin().make(spec, objects)
    for each in reversed(chardev.whole):
        await each.start(Unowned())
        if each.state is State.FAILED:
            reason = each.reason
            await end(chardev)
            raise ChardevError(str(reason))
    return chardev


def _is_used(console: Console) -> bool:
    """Whether a console is more than a hub or mux that waits to be used."""
    if console.own_mux is not None:
        return bool(console.own_mux.switch.frontends)
    return console.guest is not None
