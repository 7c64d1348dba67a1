"""The daemon: consoles, loose chardevs, their one name space, and the control socket.

::

    client ──► Connection ──► commands ──► Daemon ──► Console, Chardev
      ▲                                      │
      └────────── events ◄───────────────────┘

Changes to one console run one after another, under its lock; those to
different consoles do not wait for each other. A name is taken from the moment
it is asked for until what bears it has ended.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from muxcore import config, events, loose
from muxcore.chardev.attach import AttachChardev
from muxcore.chardev.base import Chardev
from muxcore.chardev.log import LogChardev
from muxcore.config import ConsoleConfig, free_id
from muxcore.control import ControlServer
from muxcore.errors import ChardevError, CommandError, MuxError, NotFoundError, printable
from muxcore.hub import Console
from muxcore.listener import Listener
from muxcore.options.sets import ChardevSpec, HubOptions
from muxcore.options.values import check_identifier
from muxcore.origin import Origin

log = logging.getLogger(__name__)

_STACKED = (
    "hub: multiplexers and hub devices can't be stacked, check chardev '{}', "
    "chardev should not be a hub device or have 'mux=on' enabled"
)


class Daemon:
    """See the module.

    Args:
        path: the control socket.
        config_path: the configuration file that `reload` reads, if there is one.
    """

    def __init__(self, path: str, config_path: str | None = None) -> None:
        self.path = path
        self.config_path = config_path
        self.consoles: dict[str, Console] = {}
        self.loose: dict[str, Chardev] = {}
        self._configured: dict[str, ConsoleConfig] = {}
        self._reserved: set[str] = set()
        self._locks: dict[str, asyncio.Lock] = {}
        self._reloading = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._stop_reason = ""
        self._listener: Listener | None = None
        self._server: ControlServer | None = None

    # Life.

    async def start(self) -> None:
        """Listen on the control socket and start what the configuration file asks for.

        Raises:
            ConfigError: the file is bad; nothing was started.
            DaemonError: the socket cannot be had; nothing was started.
        """
        wanted = config.read(self.config_path).consoles if self.config_path else ()
        self._listener = Listener(self.path)
        self._server = ControlServer(self, self._listener.socket)
        self._configured = {console.name: console for console in wanted}
        await asyncio.gather(*(self.add_console(console, Origin()) for console in wanted))

    def stop(self, reason: str) -> None:
        """Ask for an end; `reason` is what QEMU's SHUTDOWN event calls it."""
        if not self._stopping.is_set():
            self._stop_reason = reason
            self._stopping.set()
            self._broadcast("SHUTDOWN", {"guest": False, "reason": reason})

    async def stopped(self) -> str:
        """Wait until somebody asks for an end; returns the reason."""
        await self._stopping.wait()
        return self._stop_reason

    async def aclose(self) -> None:
        """End everything: guests, backends, clients, the socket. Idempotent."""
        server, listener = self._server, self._listener
        if server is not None:
            server.stop_listening()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        consoles, self.consoles = self.consoles, {}
        chardevs, self.loose = self.loose, {}
        ends = [console.aclose() for console in consoles.values()]
        ends += [loose.end(chardev) for chardev in chardevs.values()]
        for error in await asyncio.gather(*ends, return_exceptions=True):
            if error is not None:
                log.error("while ending", exc_info=error)
        # The socket goes first: a client that sees its connection end may start another daemon.
        if listener is not None:
            listener.close()
        if server is not None:
            await server.aclose()
        self._server = self._listener = None

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run `work` as a task of the daemon's; `aclose` ends it."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def notify(self, event: events.Event) -> None:
        """Tell every client, and the log, what happened."""
        name = events.NAMES[type(event)]
        data = event.data()
        log.debug("%s %s", name, printable(str(data)))
        self._broadcast(name, data)

    def _broadcast(self, name: str, data: dict[str, Any]) -> None:
        if self._server is not None:
            self._server.broadcast(name, data, time.time())

    # Names.

    def names(self) -> set[str]:
        """Every name that is taken."""
        names = {*self.consoles, *self.loose, *self._reserved}
        for console in self.consoles.values():
            names |= _ids(console)
        return names

    @contextmanager
    def reserved(self, *ids: str) -> Iterator[tuple[str, ...]]:
        """Keep `ids` from everybody else while what will bear them is made.

        Raises:
            CommandError: one is taken; the text is QEMU's.
        """
        taken = self.names()
        for id in ids:
            if id in taken:
                raise CommandError(f"Chardev with id '{id}' already exists")
        self._reserved.update(ids)
        try:
            yield ids
        finally:
            self._reserved.difference_update(ids)

    def console(self, name: str) -> Console:
        """The console called `name`. Raises NotFoundError."""
        try:
            return self.consoles[name]
        except KeyError:
            raise NotFoundError(
                f"Console '{printable(name)}' not found", "DeviceNotFound"
            ) from None

    def find_chardev(self, id: str) -> tuple[Chardev | None, Console | None]:
        """The chardev `id` and the console it is on; a console's own name finds no chardev.

        Raises:
            NotFoundError: with QEMU's text.
        """
        if id in self.loose:
            return self.loose[id], None
        if id in self.consoles:
            return None, self.consoles[id]
        for console in self.consoles.values():
            if id in console.backends:
                return console.backends[id], console
            if console.guest is not None and console.guest.id == id:
                return console.guest, console
        raise NotFoundError(f"Chardev '{printable(id)}' not found")

    def lock(self, console: Console) -> asyncio.Lock:
        """What changes to `console` hold, one after another."""
        return self._locks[console.name]

    def console_of_backend(self, id: str) -> Console:
        """The console that the backend `id` is on. Raises NotFoundError."""
        for console in self.consoles.values():
            if id in console.backends:
                return console
        raise NotFoundError(f"Chardev '{printable(id)}' not found")

    def attach_id(self, console: Console, wanted: str | None) -> str:
        """The id of a new attach stream: the one that is wanted, or the next that is free."""
        if wanted is None:
            return free_id(console.name, "attach", self.names())
        check_identifier("id", wanted)
        return wanted

    # Consoles.

    async def add_console(self, wanted: ConsoleConfig, origin: Origin) -> None:
        """Make and start a console; what cannot be reached now is retried, not an error.

        Raises:
            CommandError: a name is taken.
        """
        if wanted.name in self.consoles:
            raise CommandError(f"Console '{wanted.name}' already exists")
        ids = [str(spec.id) for spec in _specs(wanted)]
        with self.reserved(wanted.name, *ids):
            guest = origin.make(wanted.guest) if wanted.guest else None
            backends = [origin.make(spec) for spec in wanted.backends]
            console = self._new_console(wanted)
            async with self._locks[wanted.name]:
                await console.start(guest, backends)

    async def remove_console(self, name: str) -> None:
        """End a console with its guest and its backends. Raises NotFoundError."""
        self.console(name)
        async with self._locks[name]:
            console = self.console(name)
            await self._end_console(console)

    async def set_guest(self, name: str, spec: ChardevSpec | None, origin: Origin) -> None:
        """Give a console another guest, None for none. Raises NotFoundError, CommandError."""
        self.console(name)
        async with self._locks[name]:
            await self._change_guest(self.console(name), spec, origin)

    async def add_backend(self, name: str, spec: ChardevSpec, origin: Origin) -> str:
        """Put a new backend on a console; returns its id. Raises NotFoundError, CommandError."""
        self.console(name)
        if isinstance(spec.options, HubOptions):
            raise CommandError(_STACKED.format(spec.id or "hub"))
        id = spec.id or free_id(name, spec.type, self.names())
        with self.reserved(id):
            async with self._locks[name]:
                await self.console(name).add_backend(origin.make(replace(spec, id=id)))
        return id

    async def adopt(self, name: str, id: str) -> None:
        """Put a loose chardev on a console. Raises NotFoundError, CommandError."""
        console = self.console(name)
        chardev, busy = self.find_chardev(id)
        if busy is not None or chardev is None:
            raise CommandError(f"chardev '{id}' is already in use")
        del self.loose[id]
        await console.add_backend(chardev)

    def detach_backend(self, id: str) -> None:
        """Take a backend off its console and keep it loose. Raises NotFoundError, CommandError."""
        console = self.console_of_backend(id)
        if isinstance(log := console.backends[id], LogChardev):
            raise CommandError(f"'{id}' is the log of '{log.of}': it can be removed, not detached")
        if isinstance(console.backends[id], AttachChardev):
            raise CommandError(f"'{id}' is somebody's stream: it can be removed, not detached")
        self.loose[id] = console.detach_backend(id)

    # Chardevs as QEMU's commands see them.

    async def add_loose(self, spec: ChardevSpec) -> Chardev:
        """Make a chardev that is on no console.

        Raises:
            CommandError: the id is taken, or it cannot be opened.
        """
        assert spec.id is not None
        with self.reserved(spec.id):
            try:
                chardev = await loose.make_loose(spec)
            except ChardevError as error:
                raise CommandError(f"Failed to add chardev '{spec.id}': {error}") from None
            self.loose[spec.id] = chardev
        return chardev

    async def add_hub(self, id: str, spec: ChardevSpec) -> None:
        """Make a console without a guest of loose chardevs.

        Raises:
            CommandError: the id is taken, or a member cannot be one (QEMU's texts).
        """
        assert isinstance(spec.options, HubOptions)
        with self.reserved(id):
            members = self._members(id, spec.options.chardevs)
            for member in members:
                del self.loose[member.id]
            console = self._new_console(ConsoleConfig(id))
            log = [LogChardev(id, spec.options)] if spec.options.logfile else []
            async with self._locks[id]:
                await console.start(None, [*members, *log])

    async def remove_chardev(self, id: str) -> None:
        """End a loose chardev, or a console without a guest, whose backends become loose.

        Raises:
            CommandError: there is none, or it is in use (QEMU's texts).
        """
        chardev, console = self.find_chardev(id)
        if console is None and chardev is not None:
            del self.loose[id]
            self._reserved.add(id)
            try:
                await loose.end(chardev)
            finally:
                self._reserved.discard(id)
        elif chardev is not None or console is None or console.guest is not None:
            raise CommandError(f"Chardev '{id}' is busy")
        else:
            async with self._locks[id]:
                for member in list(console.backends.values()):
                    if not isinstance(member, AttachChardev | LogChardev):
                        self.detach_backend(member.id)
                await self._end_console(console)

    # Configuration.

    async def reload(self) -> dict[str, list[str]]:
        """Apply the configuration file again; returns the names of what was touched.

        Only consoles whose configuration changed are touched, of these only
        what changed, and never one that was made by a command.

        Raises:
            CommandError: there is no file.
            ConfigError: the file is bad; nothing was touched.
        """
        if self.config_path is None:
            raise CommandError("the daemon was started without a configuration file")
        async with self._reloading:
            wanted = {item.name: item for item in config.read(self.config_path).consoles}
            result: dict[str, list[str]] = {"added": [], "removed": [], "changed": [], "failed": []}
            for name in [*self._configured, *(name for name in wanted)]:
                old, new = self._configured.get(name), wanted.get(name)
                if old != new:
                    await self._apply(name, old, new, result)
        self._broadcast("MUX_RELOADED", result)
        return result

    async def _apply(
        self,
        name: str,
        old: ConsoleConfig | None,
        new: ConsoleConfig | None,
        result: dict[str, list[str]],
    ) -> None:
        """Make the console `name` what `new` says, and note it in `result`."""
        self._configured.pop(name, None)
        kind = "changed" if old and new else "added" if new else "removed"
        try:
            if old is not None and name in self.consoles:
                if new is None or new.history != old.history:
                    await self.remove_console(name)
                else:
                    await self._change_console(old, new)
            if new is not None and (old is None or name not in self.consoles):
                await self.add_console(new, Origin())
        except MuxError as error:
            log.error("reload: console %s: %s", printable(name), printable(str(error)))
            kind = "failed"
        else:
            if new is not None:
                self._configured[name] = new
        result[kind].append(name)

    async def _change_console(self, old: ConsoleConfig, new: ConsoleConfig) -> None:
        async with self._locks[new.name]:
            console = self.console(new.name)
            for spec in old.backends:
                if spec not in new.backends and spec.id in console.backends:
                    await console.remove_backend(spec.id)
            if new.guest != old.guest:
                await self._change_guest(console, new.guest, Origin())
            fresh = [spec for spec in new.backends if spec not in old.backends]
            with self.reserved(*(str(spec.id) for spec in fresh)):
                for spec in fresh:
                    await console.add_backend(Origin().make(spec))
            console.answer = new.answer
            console.settings = new.settings
            if new.size is not None and new.size != old.size:
                console.resize(*new.size)

    # Steps of the above.

    def _new_console(self, wanted: ConsoleConfig) -> Console:
        console = Console(
            wanted.name,
            history=wanted.history,
            size=wanted.size,
            answer=wanted.answer,
            settings=wanted.settings,
            notify=self.notify,
        )
        self.consoles[wanted.name] = console
        self._locks[wanted.name] = asyncio.Lock()
        self.notify(events.ConsoleAdded(wanted.name))
        return console

    async def _end_console(self, console: Console) -> None:
        """End a console whose lock is held."""
        ids = {console.name, *_ids(console)}
        del self.consoles[console.name]
        self._reserved |= ids
        try:
            await console.aclose()
        finally:
            self._reserved -= ids
            del self._locks[console.name]
            self.notify(events.ConsoleRemoved(console.name))

    async def _change_guest(
        self, console: Console, spec: ChardevSpec | None, origin: Origin
    ) -> None:
        if spec is None:
            await console.set_guest(None)
            return
        if isinstance(spec.options, HubOptions):
            raise CommandError(_STACKED.format(spec.id))
        same = console.guest is not None and console.guest.id == spec.id
        with self.reserved(*(() if same else (str(spec.id),))):
            await console.set_guest(origin.make(spec))

    def _members(self, hub: str, ids: tuple[str, ...]) -> list[Chardev]:
        members: dict[str, Chardev] = {}
        for id in ids:
            if id in self.consoles:
                why = _STACKED.format(id)
            elif id in self.loose and id not in members:
                members[id] = self.loose[id]
                continue
            elif id in self.names():
                why = f"chardev '{id}' is already in use"
            else:
                why = f"hub: chardev can't be found by id '{id}'"
            raise CommandError(f"Failed to add chardev '{hub}': {why}")
        return list(members.values())


def _specs(console: ConsoleConfig) -> list[ChardevSpec]:
    return [*([console.guest] if console.guest else []), *console.backends]


def _ids(console: Console) -> set[str]:
    guest = {console.guest.id} if console.guest is not None else set()
    return {*console.backends, *guest}
