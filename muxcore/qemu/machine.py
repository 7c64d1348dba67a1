"""Carrying a plan out: consoles first, then QEMU, and all of it or nothing.

The daemon needs to know nothing of virtual machines: QEMU is the guest of a
console of its own, and the consoles of its frontends are those whose private
socket stands in its command line.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muxcore.attach import attach
from muxcore.client import Client
from muxcore.errors import CommandError, DaemonError, MuxError, printable
from muxcore.options.grammar import format_chardev
from muxcore.options.objects import to_members
from muxcore.options.sets import ChardevSpec, ProcessOptions
from muxcore.paths import private_directory
from muxcore.qemu.consoles import HUB, Backend, Front, Hub
from muxcore.qemu.plan import PROCESS, Plan
from muxcore.references import is_nested
from muxcore.ring import MAX_CAPACITY
from muxcore.wire.frames import OFFSET, SPAN

SETTLE = 1.0
"""Seconds that QEMU has to fail after it has connected, unless the guest prints before."""
LOOK = 0.05
"""Seconds between two looks at whether the guest has printed."""

Consoles = Mapping[str, dict[str, Any]]


@dataclass(frozen=True)
class Ended:
    """QEMU is not there any more.

    `status` is its exit status, the negative number of a signal, or None where
    nobody knows; `output` is what it printed, for one that ended while it started.
    """

    status: int | None
    output: bytes = b""


class Machine:
    """A virtual machine that is about to be, or is.

    Args:
        client: a connection to the daemon.
        plan: what to make.
        directory: where the private sockets are while QEMU starts; made and removed here.
        origin: what QEMU and the backends inherit, as mux-add-console takes it.
        say: told what the start waits for.
    """

    def __init__(
        self,
        client: Client,
        plan: Plan,
        directory: str,
        origin: Mapping[str, Any],
        say: Callable[[str], None],
    ) -> None:
        self._client = client
        self._plan = plan
        self._directory = directory
        self._origin = origin
        self._say = say
        self._events = client.events()
        self._made: list[str] = []
        self._objects: list[str] = []

    async def start(self) -> Ended | None:
        """Make the consoles and start QEMU; None when it runs. Whatever fails leaves nothing.

        Raises:
            CommandError: a name is taken, or a chardev cannot be opened.
            DaemonError: the daemon or the directory is not as it should be.
        """
        await self._replace()
        await self._check_names()
        self._make_directory()
        try:
            await self._add_objects()
            for hub in self._plan.hubs:
                await self._add_shared(hub.console, None, hub.backends)
            for index, front in enumerate(self._plan.fronts):
                guest = self._plan.guest(index, self._directory)
                await self._add_shared(front.console, guest, front.backends)
            await self._until(self._listening)
            command = shlex.join(self._plan.command(self._directory))
            options = ProcessOptions(command=f"exec {command}")
            await self._add(self._plan.process, ChardevSpec(None, options), [])
            await self._until(self._connected)
            await self._settle()
            if (ended := await self._ended_at_once()) is not None:
                await self._undo()
            return ended
        except BaseException:
            await self._undo()
            raise
        finally:
            # Connected is connected: nobody needs the paths any more.
            self._remove_directory()

    async def how(self) -> Ended | None:
        """How QEMU ended; None while it runs."""
        return _ended(await self._consoles(), self._plan.process)

    async def output(self) -> bytes:
        """What QEMU itself printed, as far as it is kept."""
        output = bytearray()
        end = None
        offset = 0
        while end is None or offset < end:
            part = await self._client.execute(
                "mux-read-history", console=self._plan.process, offset=offset
            )
            data = base64.b64decode(part["data"])
            offset, end = part["offset"] + len(data), part["end"]
            output += data
        return bytes(output)

    # Steps of `start`.

    async def _replace(self) -> None:
        """Remove what a QEMU that has ended left under this name.

        Raises:
            CommandError: it has not ended.
        """
        name = self._plan.process
        consoles = await self._consoles()
        if name not in consoles:
            return
        if _ended(consoles, name) is None:
            first = self._plan.shown
            raise CommandError(
                f"'{self._plan.name}' runs: 'muxtui {first}' shows it, 'muxtui rm {first}' ends it"
            )
        for member in together(list(consoles.values()), name):
            await self._client.execute("mux-remove-console", console=member["name"])

    async def _check_names(self) -> None:
        """Say who has an id that the machine needs, and what to do: many use the same ones.

        Raises:
            CommandError: somebody has.
        """
        labels = {item["label"] for item in await self._client.execute("query-chardev")}
        owners: dict[str, str] = {}
        for console in (await self._consoles()).values():
            owners |= {backend["id"]: console["name"] for backend in console["backends"]}
        taken = labels | owners.keys()
        items: list[Hub | Front] = [*self._plan.hubs, *self._plan.fronts]
        for item in items:
            for name in {item.console, item.console.removesuffix(HUB)} & taken:
                raise CommandError(f"'{name}' is taken: give the machine another name with --name")
            for backend in item.backends:
                id = str(backend.spec.id)
                if id in taken and not is_nested(backend.spec):
                    where = f"console '{owners[id]}'" if id in owners else "another chardev"
                    option = printable(str(backend.option))
                    raise CommandError(f"{option}: '{id}' is the id of {where}: choose another id")

    async def _add_objects(self) -> None:
        for spec in self._plan.objects:
            # One that an earlier run left, and that nobody uses, is replaced.
            with contextlib.suppress(CommandError):
                await self._client.execute("object-del", id=spec.id)
            await self._client.execute("object-add", **to_members(spec))
            self._objects.append(spec.id)

    async def _add_shared(
        self, name: str, guest: ChardevSpec | None, backends: Sequence[Backend]
    ) -> None:
        await self._add(name, guest, [backend.spec for backend in backends])
        console = (await self._consoles())[name]
        options = {backend.spec.id: backend.option for backend in backends}
        own = [console["guest"]] if guest else []
        for chardev in [*own, *console["backends"]]:
            if chardev["state"] == "failed":
                # Its log is a chardev of its own, ID/log.
                option = options.get(chardev["id"].partition("/")[0])
                raise CommandError(
                    f"{option}: {chardev['reason']}" if option else chardev["reason"]
                )

    async def _add(
        self, name: str, guest: ChardevSpec | None, backends: Sequence[ChardevSpec]
    ) -> None:
        await self._client.execute(
            "mux-add-console",
            console=name,
            guest=format_chardev(guest) if guest else None,
            backends=[format_chardev(spec) for spec in backends],
            **self._origin,
        )
        self._made.append(name)

    def _listening(self, consoles: Consoles) -> bool:
        """Whether QEMU can connect: a chardev with wait=on may keep it waiting, as in QEMU."""
        for front in self._plan.fronts:
            guest = self._guest(consoles, front.console)
            if (chardev := guest["waiting-for"]) is not None:
                self._say(f"waiting for a client of {chardev}")
            if guest["state"] != "waiting":
                return False
        return True

    def _connected(self, consoles: Consoles) -> bool:
        """Whether QEMU has connected to everything, or has ended."""
        guests = [self._guest(consoles, front.console) for front in self._plan.fronts]
        ended = _ended(consoles, self._plan.process)
        return ended is not None or all(guest["state"] == "open" for guest in guests)

    async def _settle(self) -> None:
        """Give QEMU a moment to find that its command line is wrong: it connects before that."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SETTLE
        while loop.time() < deadline:
            consoles = await self._consoles()
            if self._printed(consoles) or _ended(consoles, self._plan.process):
                return
            await asyncio.sleep(LOOK)

    async def _ended_at_once(self) -> Ended | None:
        consoles = await self._consoles()
        ended = _ended(consoles, self._plan.process)
        if ended is None or self._printed(consoles):
            return None
        return Ended(ended.status, await self.output())

    def _printed(self, consoles: Consoles) -> bool:
        """Whether the guest has run so far that something came out of it."""
        names = [front.console for front in self._plan.fronts]
        return any(consoles[name]["history"]["end"] for name in names if name in consoles)

    async def _undo(self) -> None:
        while self._made:
            # The daemon may be gone, and with it everything; somebody else may have removed it.
            with contextlib.suppress(MuxError):
                await self._client.execute("mux-remove-console", console=self._made.pop())
        while self._objects:
            with contextlib.suppress(MuxError):
                await self._client.execute("object-del", id=self._objects.pop())

    def _make_directory(self) -> None:
        above = os.path.dirname(self._directory)
        for path in (os.path.dirname(above), above, self._directory):
            private_directory(path)

    def _remove_directory(self) -> None:
        with contextlib.suppress(OSError):
            for index in range(len(self._plan.fronts)):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(self._directory, str(index)))
            os.rmdir(self._directory)

    # Small things.

    async def _consoles(self) -> Consoles:
        return {console["name"]: console for console in await self._client.consoles()}

    async def _until(self, condition: Callable[[Consoles], bool]) -> None:
        while not condition(await self._consoles()):
            await anext(self._events)

    def _guest(self, consoles: Consoles, name: str) -> dict[str, Any]:
        guest = consoles[name]["guest"] if name in consoles else None
        if guest is None:
            raise CommandError(f"'{name}' was removed")
        assert isinstance(guest, dict)
        return guest


async def follow(path: str, console: str, show: Callable[[bytes], None]) -> Ended:
    """Give QEMU's own output to `show` until QEMU has ended.

    Args:
        path: the control socket.
        console: QEMU's.

    Raises:
        DaemonError: the daemon is gone, or the console.
    """
    stream = await attach(path, console, mode="ro", replay=MAX_CAPACITY, label="muxtui qemu")
    ended: Ended | None = None
    with contextlib.closing(stream):
        end, at = stream.end, stream.offset
        while ended is None or at < end:
            for frame in await stream.read():
                if frame.kind == b"D":
                    (offset,) = OFFSET.unpack_from(frame.payload)
                    data = frame.payload[OFFSET.size :]
                    at = offset + len(data)
                    show(data)
                elif frame.kind == b"G":
                    _, at = SPAN.unpack(frame.payload)
                elif ended is None:
                    ended = _how_ended(json.loads(frame.payload)["guest"])
            if ended is not None:
                # A status may overtake the output that came before it. A console that was
                # removed has none left.
                with contextlib.suppress(CommandError):
                    async with await Client.connect(path) as client:
                        end = (await client.console(console))["history"]["end"]
    return ended


def together(consoles: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """The console `name` and what ends with it: of a virtual machine all, QEMU's own first."""
    for console in consoles:
        guest = console["guest"]
        if not (guest and guest["type"] == "process" and console["name"].endswith(PROCESS)):
            continue
        members = [console, *(item for item in consoles if _belongs(item, guest["address"]))]
        members += _hubs(consoles, {item["name"] for item in members})
        if any(item["name"] == name for item in members):
            # A mux ends with the last console that it is on.
            return [item for item in members if item.get("kind") != "mux"]
    return [console for console in consoles if console["name"] == name]


def _hubs(consoles: Sequence[dict[str, Any]], names: set[str]) -> list[dict[str, Any]]:
    """The muxes that none but the consoles `names` share, each with its hub behind it."""
    found: list[dict[str, Any]] = []
    for console in consoles:
        mux = console["mux"] if console.get("kind") == "mux" else None
        if mux and mux["frontends"] and names.issuperset(mux["frontends"]):
            hub = console["name"] + HUB
            found += [console, *(item for item in consoles if item["name"] == hub)]
    # A mux may be on another one by its hub.
    more = names | {item["name"] for item in found}
    return _hubs(consoles, more) if more != names else found


def _belongs(console: dict[str, Any], command: str) -> bool:
    guest = console["guest"]
    if guest is None or guest["type"] != "socket":
        return False
    path = str(guest["address"])
    in_private_directory = os.path.basename(os.path.dirname(os.path.dirname(path))) == "qemu"
    return in_private_directory and path.replace(",", ",,") in command


def _ended(consoles: Consoles, name: str) -> Ended | None:
    if name not in consoles:
        raise DaemonError(f"'{name}' was removed, and QEMU with it")
    return _how_ended(consoles[name]["guest"])


def _how_ended(guest: dict[str, Any] | None) -> Ended | None:
    if guest is None:
        return Ended(None)
    if guest["state"] == "failed":
        raise CommandError(str(guest["reason"]))
    return None if guest["state"] in ("open", "connecting") else Ended(guest["exit-status"])
