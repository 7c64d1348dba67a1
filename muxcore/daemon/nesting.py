"""Hubs, muxes and links: consoles that have other consoles for backends.

How they are asked for, on a console (in a configuration file, by `muxtui add
--backend` or mux-add-backend) or on none (by chardev-add):

====================================  ==============================================
`socket,id=mux0,...,mux=on`           a mux `mux0` on a new chardev, `mux0-base`
`mux,id=mux0,chardev=ID`              a mux `mux0` on a chardev, hub or mux that is
                                      there
`hub,id=hub0,chardevs.0=ID,...`       a hub of chardevs, hubs and muxes that are there
`chardev:ID`                          the mux or hub `ID`, or a loose chardev
====================================  ==============================================

::

    [console.vm1]
    guest = "socket,path=/run/vm1.sock"
    backends = ["socket,id=mux0,path=/run/both.sock,server=on,wait=off,mux=on"]
    [console.vm2]
    guest = "socket,path=/run/vm2.sock"
    backends = ["chardev:mux0"]

A hub is a console without a guest, a mux a console whose guest is a switch; a
console has a backend `CONSOLE.ID` that is the link to them. One that was asked
for on a console ends with the last console that is linked to it.

A link is made under `_lock`, then under the locks of its two consoles, the one
with the guest first, which is the order in which an end goes through them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from muxcore.chardev.base import Chardev
from muxcore.chardev.log import LogChardev
from muxcore.config import ConsoleConfig, free_id
from muxcore.console.hub import Console
from muxcore.console.link import LinkBackend, LinkGuest
from muxcore.console.mux import Mux
from muxcore.console.switch import Frontend, Switch
from muxcore.daemon import loose
from muxcore.daemon.origin import Origin
from muxcore.errors import CommandError, MuxError, NotFoundError, printable
from muxcore.options.sets import (
    ChardevOptions,
    ChardevSpec,
    HubOptions,
    LinkOptions,
    MuxOptions,
)
from muxcore.references import BUSY, circle, leads_to, missing, targets

if TYPE_CHECKING:
    from muxcore.daemon.daemon import Daemon

log = logging.getLogger(__name__)

Wanted = tuple[str, ChardevSpec]
"""A console's name, and the hub, mux or link that is to be one of its backends."""


class Nesting:
    """See the module."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._lock = asyncio.Lock()
        self._passing: set[str] = set()

    # What is asked for.

    def in_order(self, wanted: Iterable[Wanted]) -> Iterable[Wanted]:
        """`wanted` so that what is named is made before who names it, by whoever goes through."""
        left = list(wanted)
        while left:
            is_taken = self._daemon.is_taken
            ready = (item for item in left if all(map(is_taken, targets(item[1]))))
            item = next(ready, left[0])
            left.remove(item)
            yield item

    async def add_backend(self, name: str, spec: ChardevSpec, origin: Origin) -> str:
        """Put what `spec` asks for on the console `name`; returns the id of its backend.

        Raises:
            CommandError: with QEMU's text where it has one.
        """
        options = spec.options
        if isinstance(options, LinkOptions):
            return await self._link(name, options, spec.id)
        id = spec.id or free_id(name, spec.type, self._daemon.is_taken)
        link = LinkOptions(chardev=id)
        if isinstance(options, HubOptions | MuxOptions):
            # What is said of the backend is said of the link, for there is no other.
            common = {item.name: getattr(options, item.name) for item in fields(ChardevOptions)}
            link = LinkOptions(**common | {"chardev": id, "mux": False, "logfile": ""})
        await self._make(replace(spec, id=id), origin)
        self._passing.add(id)
        try:
            return await self._link(name, link)
        except MuxError:
            await self._daemon.remove_console(id)
            raise

    async def add(self, spec: ChardevSpec) -> None:
        """Make a hub or a mux that is on no console (chardev-add).

        Raises:
            CommandError: with QEMU's text.
        """
        assert spec.id is not None
        with self._daemon.reserved(spec.id):
            pass
        try:
            if isinstance(spec.options, LinkOptions):
                raise CommandError("a link is a backend of a console, see mux-add-backend")
            await self._make(spec, None)
        except CommandError as error:
            message = str(error)
            if not message.startswith(_FAILED):
                message = f"{_FAILED} '{spec.id}': {message}"
            raise CommandError(message) from None

    async def left(self, link: LinkBackend) -> None:
        """A console ended its link: what it led to is told, and may end with it."""
        daemon = self._daemon
        goal = daemon.consoles.get(link.target)
        if goal is None:
            return
        if isinstance(link.door, Frontend) and goal.own_mux is not None:
            goal.own_mux.remove(link.door)
        elif isinstance(link.door, LinkGuest) and goal.guest is link.door:
            async with daemon.lock(goal):
                await goal.set_guest(None)
        if goal.name in self._passing and not self._links_to(goal.name):
            self._passing.discard(goal.name)
            # Somebody may have removed it meanwhile.
            with contextlib.suppress(NotFoundError):
                await daemon.remove_console(goal.name)

    async def end_links_to(self, name: str) -> None:
        """The console `name` is about to end."""
        self._passing.discard(name)
        for console, link in self._links_to(name):
            console.detach_backend(link.id)
            await link.aclose()

    async def end_guest(self, name: str) -> None:
        """End the guest of the console `name`, or the one that it stands for (C-a x)."""
        console = self._daemon.consoles.get(name)
        while console is not None:
            if isinstance(console.guest, LinkGuest):
                name = console.guest.upstream.name
            elif console.own_mux is not None and console.own_mux.focus is not None:
                name = console.own_mux.focus
            else:
                break
            console = self._daemon.consoles.get(name)
        try:
            await self._daemon.set_guest(name, None, Origin())
        except MuxError as error:
            log.warning("%s: %s", printable(name), printable(str(error)))

    # Steps of the above.

    async def _make(self, spec: ChardevSpec, origin: Origin | None) -> None:
        """Make a hub or a mux; without an origin its base must open, and is loose otherwise."""
        assert spec.id is not None
        options, base = spec.options, f"{spec.id}-base"
        if not options.mux:
            make = self._make_hub if isinstance(options, HubOptions) else self._make_mux
            await make(spec)
            return
        of = replace(spec, id=base, options=replace(options, mux=False))
        mux = MuxOptions(chardev=base)
        if isinstance(options, HubOptions | MuxOptions):
            await self._make(of, origin)
            self._passing.add(base)
            await self._make_mux(ChardevSpec(spec.id, mux))
        elif origin is None:
            await loose.add(self._daemon, of)
            await self._make_mux(ChardevSpec(spec.id, mux))
        else:
            with self._daemon.reserved(spec.id, base):
                await self._start_mux(spec.id, mux, [origin.make(of, self._daemon.objects)])

    async def _make_hub(self, spec: ChardevSpec) -> None:
        """Make a console without a guest of what is there."""
        daemon, id = self._daemon, str(spec.id)
        with daemon.reserved(id):
            for target in targets(spec):
                self._check_target(spec, target)
            members = [
                daemon.loose.pop(target) for target in targets(spec) if target in daemon.loose
            ]
            console = daemon.new_console(ConsoleConfig(id))
            logs = [LogChardev(id, spec.options)] if spec.options.logfile else []
            async with daemon.lock(console):
                await console.start(None, [*members, *logs])
        await self._link_all(id, targets(spec))

    async def _make_mux(self, spec: ChardevSpec) -> None:
        """Make a mux of what is there."""
        daemon, options, id = self._daemon, spec.options, str(spec.id)
        assert isinstance(options, MuxOptions)
        with daemon.reserved(id):
            self._check_target(spec, options.chardev)
            base = daemon.loose.pop(options.chardev, None)
            await self._start_mux(id, options, [base] if base is not None else [])
        await self._link_all(id, targets(spec))

    async def _start_mux(self, id: str, options: MuxOptions, backends: Sequence[Chardev]) -> None:
        daemon = self._daemon
        with daemon.reserved(f"{id}.guest"):
            console = daemon.new_console(ConsoleConfig(id))
            switch = Switch(f"{id}.guest", options)
            console.own_mux = Mux(console, switch, self._spawn_end)
            async with daemon.lock(console):
                await console.start(switch, backends)

    async def _link_all(self, id: str, ids: Iterable[str]) -> None:
        """Link the new console `id` to those of `ids` that are consoles."""
        try:
            for target in ids:
                if target in self._daemon.consoles:
                    await self._link(id, LinkOptions(chardev=target))
        except MuxError:
            await self._daemon.remove_console(id)
            raise

    async def _link(self, name: str, options: LinkOptions, id: str | None = None) -> str:
        """Make the mux or hub that `options` name, or a loose chardev, a backend of `name`."""
        daemon, target = self._daemon, options.chardev
        if target in daemon.loose:
            return await daemon.adopt(name, target)
        async with self._lock:
            id = id or f"{name}.{target}"
            console = daemon.console(name)
            goal = self._check_target(ChardevSpec(id, options), target)
            if goal is None or leads_to(self._links(), target, name):
                raise CommandError(circle(name, target))
            own = () if goal.own_mux else (f"{target}.guest",)
            with daemon.reserved(id, *own):
                async with daemon.lock(console), daemon.lock(goal):
                    await self._join(console, goal, id, options)
        return id

    async def _join(self, console: Console, goal: Console, id: str, options: LinkOptions) -> None:
        """Make the link, under the locks of its consoles."""
        self._check_target(ChardevSpec(id, options), goal.name)
        door: Frontend | LinkGuest
        if goal.own_mux is not None:
            door = goal.own_mux.add(console)
        else:
            door = LinkGuest(f"{goal.name}.guest", console)
            await goal.set_guest(door)
        link = LinkBackend(id, options, console.name, door)
        try:
            await console.add_backend(link)
        except MuxError:
            await link.aclose()
            if isinstance(door, LinkGuest):
                await goal.set_guest(None)
            elif goal.own_mux is not None:
                goal.own_mux.remove(door)
            raise

    def _check_target(self, spec: ChardevSpec, target: str) -> Console | None:
        """The console `target`, None for a loose chardev of this id.

        Raises:
            CommandError: it cannot be what `spec` wants it for (QEMU's texts).
        """
        goal = self._daemon.consoles.get(target)
        if goal is not None:
            if goal.own_mux is None and goal.guest is not None:
                raise CommandError(BUSY.format(target))
        elif target not in self._daemon.loose:
            if self._daemon.is_taken(target):
                raise CommandError(BUSY.format(target))
            raise NotFoundError(missing(spec, target))
        return goal

    def _links(self) -> dict[str, set[str]]:
        return {
            name: {b.target for b in console.backends.values() if isinstance(b, LinkBackend)}
            for name, console in self._daemon.consoles.items()
        }

    def _links_to(self, name: str) -> list[tuple[Console, LinkBackend]]:
        return [
            (console, backend)
            for console in self._daemon.consoles.values()
            for backend in console.backends.values()
            if isinstance(backend, LinkBackend) and backend.target == name
        ]

    def _spawn_end(self, name: str) -> None:
        self._daemon.spawn(self.end_guest(name), f"end the guest of {name}")


_FAILED = "Failed to add chardev"
