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
from collections.abc import Collection, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from muxcore import config, events
from muxcore.chardev.attach import AttachChardev
from muxcore.chardev.base import Chardev
from muxcore.chardev.log import LogChardev
from muxcore.config import Config, ConsoleConfig, free_id
from muxcore.console.hub import Console
from muxcore.console.link import LinkBackend, LinkGuest
from muxcore.daemon import loose
from muxcore.daemon.control import ControlServer
from muxcore.daemon.listener import Listener
from muxcore.daemon.nesting import Nesting, Wanted
from muxcore.daemon.origin import Origin
from muxcore.daemon.reload import Reload
from muxcore.daemon.turns import each_a_turn
from muxcore.errors import CommandError, MuxError, NotFoundError, printable
from muxcore.options.sets import ChardevSpec, LinkOptions
from muxcore.options.values import check_identifier
from muxcore.references import STACKED, is_nested
from muxcore.tls.objects import Objects

log = logging.getLogger(__name__)


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
        self.objects = Objects()
        self._reserved: set[str] = set()
        self._chardev_ids: set[str] = set()
        """Of guests and backends; kept, as a thousand consoles are many to ask for each of them."""
        self._locks: dict[str, asyncio.Lock] = {}
        self.nesting = Nesting(self)
        self._reload = Reload(self)
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
        file = config.read(self.config_path) if self.config_path else Config()
        self._listener = Listener(self.path)
        self._server = ControlServer(self, self._listener.socket)
        self.objects.configure(file.objects)
        self._reload.configured = {console.name: console for console in file.consoles}
        for name, error in (await self.add_consoles(file.consoles, Origin())).items():
            log.error("console %s: %s", printable(name), printable(str(error)))

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
        if isinstance(event, events.GuestAdded | events.BackendAdded):
            self._chardev_ids.add(event.id)
        elif isinstance(event, events.GuestRemoved | events.BackendRemoved):
            self._chardev_ids.discard(event.id)
        logged = log.isEnabledFor(logging.DEBUG)
        if logged or (self._server is not None and self._server.heard):
            name, data = events.NAMES[type(event)], event.data()
            if logged:
                log.debug("%s %s", name, printable(str(data)))
            self._broadcast(name, data)

    def _broadcast(self, name: str, data: dict[str, Any]) -> None:
        if self._server is not None:
            self._server.broadcast(name, data, time.time())

    # Names.

    def names(self) -> set[str]:
        """Every name that is taken."""
        return set().union(*self._taken())

    def is_taken(self, name: str) -> bool:
        """Whether something has this name; they need not all be gone through for it."""
        return any(name in names for names in self._taken())

    def _taken(self) -> tuple[Collection[str], ...]:
        """Every name that is taken, where it is."""
        return self.consoles, self.loose, self._reserved, self._chardev_ids

    @contextmanager
    def reserved(self, *ids: str) -> Iterator[tuple[str, ...]]:
        """Keep `ids` from everybody else while what will bear them is made.

        Raises:
            CommandError: one is taken; the text is QEMU's.
        """
        for id in ids:
            if self.is_taken(id):
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
            return free_id(console.name, "attach", self.is_taken)
        check_identifier("id", wanted)
        return wanted

    # Consoles.

    async def add_console(self, wanted: ConsoleConfig, origin: Origin) -> None:
        """Make and start a console; what cannot be reached now is retried, not an error.

        Raises:
            CommandError: a name is taken.
        """
        failed = await self.add_consoles([wanted], origin)
        if wanted.name in failed:
            raise failed[wanted.name]

    async def add_consoles(
        self, wanted: Sequence[ConsoleConfig], origin: Origin, more: Sequence[Wanted] = ()
    ) -> dict[str, MuxError]:
        """Make consoles that may have each other for backends, and start their guests last.

        Args:
            wanted: the new consoles.
            origin: whose programs they start.
            more: hubs, muxes and links that go on consoles that are there.

        Returns:
            Why a console failed, by its name; a new one that did is not there.
        """
        failed: dict[str, MuxError] = {}

        async def attempt(name: str, step: Coroutine[Any, Any, object]) -> None:
            try:
                await step
            except MuxError as error:
                failed.setdefault(name, error)

        await each_a_turn(attempt(item.name, self._make_console(item, origin)) for item in wanted)
        made = [item for item in wanted if item.name not in failed]
        nested = [(item.name, spec) for item in made for spec in item.backends if is_nested(spec)]
        try:
            for name, spec in self.nesting.in_order([*nested, *more]):
                if name not in failed:
                    await attempt(name, self.nesting.add_backend(name, spec, origin))
        finally:
            self._reserved -= {str(item.guest.id) for item in made if item.guest is not None}
        sound = [item for item in made if item.name not in failed and item.guest is not None]
        await each_a_turn(
            attempt(item.name, self.set_guest(item.name, item.guest, origin)) for item in sound
        )
        for item in made:
            if item.name in failed and item.name in self.consoles:
                await self.remove_console(item.name)
        return failed

    async def remove_console(self, name: str) -> None:
        """End a console with its guest and its backends. Raises NotFoundError."""
        self.console(name)
        async with self._locks[name]:
            console = self.console(name)
            await self.end_console(console)

    async def set_guest(self, name: str, spec: ChardevSpec | None, origin: Origin) -> None:
        """Give a console another guest, None for none. Raises NotFoundError, CommandError."""
        self.console(name)
        async with self._locks[name]:
            await self.change_guest(self.console(name), spec, origin)

    async def add_backend(self, name: str, spec: ChardevSpec, origin: Origin) -> str:
        """Put a new backend on a console; returns its id. Raises NotFoundError, CommandError."""
        self.console(name)
        if is_nested(spec):
            return await self.nesting.add_backend(name, spec, origin)
        id = spec.id or free_id(name, spec.type, self.is_taken)
        with self.reserved(id):
            async with self._locks[name]:
                await self.console(name).add_backend(
                    origin.make(replace(spec, id=id), self.objects)
                )
        return id

    async def adopt(self, name: str, id: str) -> str:
        """Put a loose chardev, a mux or a hub on a console; returns the id of the backend.

        Raises:
            NotFoundError: there is no such console, or nothing with this id.
            CommandError: it is in use.
        """
        console = self.console(name)
        if id in self.consoles:
            spec = ChardevSpec(f"{name}.{id}", LinkOptions(chardev=id))
            return await self.nesting.add_backend(name, spec, Origin())
        chardev, busy = self.find_chardev(id)
        if busy is not None or chardev is None:
            raise CommandError(f"chardev '{id}' is already in use")
        del self.loose[id]
        await console.add_backend(chardev)
        return id

    async def remove_backend(self, id: str) -> None:
        """Take a backend off its console and end it. Raises NotFoundError."""
        console = self.console_of_backend(id)
        chardev = console.backends[id]
        await console.remove_backend(id)
        if isinstance(chardev, LinkBackend):
            await self.nesting.left(chardev)

    def detach_backend(self, id: str) -> None:
        """Take a backend off its console and keep it loose. Raises NotFoundError, CommandError."""
        console = self.console_of_backend(id)
        if isinstance(log := console.backends[id], LogChardev):
            raise CommandError(f"'{id}' is the log of '{log.of}': it can be removed, not detached")
        if isinstance(console.backends[id], AttachChardev):
            raise CommandError(f"'{id}' is somebody's stream: it can be removed, not detached")
        if isinstance(console.backends[id], LinkBackend):
            raise CommandError(f"'{id}' is a link: it can be removed, not detached")
        self.loose[id] = console.detach_backend(id)

    # Configuration.

    async def reload(self) -> dict[str, list[str]]:
        """Apply the configuration file again; returns the names of what was touched.

        Only consoles whose configuration changed are touched, of these only
        what changed, and never one that was made by a command.

        Raises:
            CommandError: there is no file.
            ConfigError: the file is bad; nothing was touched.
        """
        result = await self._reload.run()
        self._broadcast("MUX_RELOADED", result)
        return result

    # Steps of the above.

    async def _make_console(self, wanted: ConsoleConfig, origin: Origin) -> None:
        """Make a console with all but its guest and its nested backends; the ids are reserved."""
        if wanted.name in self.consoles:
            raise CommandError(f"Console '{wanted.name}' already exists")
        plain = [spec for spec in wanted.backends if not is_nested(spec)]
        guest = () if wanted.guest is None else (str(wanted.guest.id),)
        with self.reserved(wanted.name, *guest, *(str(spec.id) for spec in plain)):
            backends = [origin.make(spec, self.objects) for spec in plain]
            console = self.new_console(wanted)
            async with self._locks[wanted.name]:
                await console.start(None, backends)
        self._reserved.update(guest)

    def new_console(self, wanted: ConsoleConfig) -> Console:
        """A console that is there from now on, and empty; its id is reserved."""
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

    async def end_console(self, console: Console) -> None:
        """End a console whose lock is held."""
        ids = {console.name, *_ids(console)}
        del self.consoles[console.name]
        self._reserved |= ids
        links = [b for b in console.backends.values() if isinstance(b, LinkBackend)]
        try:
            await self.nesting.end_links_to(console.name)
            await console.aclose()
            for link in links:
                await self.nesting.left(link)
        finally:
            self._reserved -= ids
            del self._locks[console.name]
            self.notify(events.ConsoleRemoved(console.name))

    async def change_guest(
        self, console: Console, spec: ChardevSpec | None, origin: Origin
    ) -> None:
        """Give a console, whose lock is held, another guest. Raises CommandError."""
        if console.own_mux is not None or isinstance(console.guest, LinkGuest):
            raise CommandError(f"Chardev '{console.name}' is busy")
        if spec is None:
            await console.set_guest(None)
            return
        if is_nested(spec):
            raise CommandError(STACKED.format(spec.id))
        same = console.guest is not None and console.guest.id == spec.id
        with self.reserved(*(() if same else (str(spec.id),))):
            await console.set_guest(origin.make(spec, self.objects))


def _ids(console: Console) -> set[str]:
    guest = {console.guest.id} if console.guest is not None else set()
    return {*console.backends, *guest}
