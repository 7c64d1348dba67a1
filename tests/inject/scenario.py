"""A day in the life of a daemon, in a few milliseconds: what a fault is let loose on.

A guest that prints more than the history holds, and at least one client of every backend there is;
some type, one is slow, one leaves, one comes; the guest goes and comes back; a backend is added and
removed; then all ends. Everything happens in one process and on one loop, except what muxcore does
in threads.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from muxcore.chardev.base import State
from muxcore.console.hub import Console
from muxcore.daemon.daemon import Daemon
from muxcore.errors import MuxError
from tests import support
from tests.inject.control import ControlEnd
from tests.inject.ends import End, FramesEnd, Guest, TelnetEnd, UdpEnd, WebsocketEnd
from tests.inject.faults import Fault, Injector, injected
from tests.inject.loop import Loop
from tests.numbered import FramedStream, RawStream, numbered

PATIENCE = 120.0
"""Seconds of the loop's clock for anything to come about."""

TURNS = 4
"""Looks at the far ends before any time passes."""

LONGEST = 30.0
"""Seconds of the world's clock for it: the loop's stands still while it is busy for nothing."""

STEP = 0.02
"""Seconds of the loop's clock between two looks at the far ends."""

FIRST, SECOND, THIRD = 144_000, 176_000, 224_000
"""Offsets up to which the guest prints before and after it goes away, and for the late comers."""

SLOW = ("slow", "pipe")
"""Who reads nothing while the first part is printed; a pipe holds less than that."""

LEAVE_BEHIND = {"unlink", "lstat", "readlink", "stat", "flock", "fstat"}
"""Calls without which a socket, a link or a lock cannot be removed; the next daemon replaces it."""

SETTLED = {State.OPEN, State.WAITING}


class Scenario:
    """See the module.

    Attributes:
        hurt: who lost something, or its stream, that nobody meant to take from it.
        raised: what escaped into the event loop.
    """

    def __init__(self, directory: Path, injector: Injector) -> None:
        self.injector = injector
        self.hurt: list[str] = []
        self.raised: list[str] = []
        self.ends: dict[str, End] = {}
        self._directory = directory
        self._console: Console | None = None
        self.guest = Guest(self._path("guest"), self._recorded)
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._udp.bind(("127.0.0.1", 0))
        self.daemon = Daemon(self._path("control"), self._config())
        self.control = ControlEnd(self._path("control"), self._until)

    # The plot.

    async def play(self) -> None:
        """All of it. Raises AssertionError, TimeoutError."""
        asyncio.get_running_loop().set_exception_handler(lambda _, what: self._raise(what))
        try:
            with contextlib.suppress(MuxError):
                await self._while(self.daemon.start())
                self._console = self.daemon.consoles.get("vm")
            if self._console is not None:
                await self._act()
        finally:
            lost = self.control.lost
            await self._while(self.daemon.aclose())
            self.control.lost = lost
            self._read_all()
            self._judge()
            self._leave()

    async def _act(self) -> None:
        await self._until(self._settled, "everything is there")
        await self._connect_all()
        slow = [self.ends[name] for name in SLOW]
        for end in slow:
            end.stalled = True
        self.guest.until = FIRST
        await self._until(lambda: self._printed(FIRST), "the first part")
        await self._type()
        await self._leave_and_come()
        self.guest.until = SECOND
        await self._until(lambda: self._printed(SECOND), "what was left of the first part")
        for end in slow:
            end.stalled = False
        await self._until(lambda: self._all_have(SECOND), "everybody has the first part")
        self.guest.hang_up()
        await self._until(lambda: self.guest.connected, "the guest is back")
        await self._add_a_backend()
        self.guest.until = THIRD
        await self._until(lambda: self._printed(THIRD), "the second part")
        await self.control.execute("mux-remove-backend", id="late")
        await self._until(lambda: self._all_have(THIRD), "everybody has everything")
        await self._look_at_the_rest()

    async def _connect_all(self) -> None:
        unix = {"fast": "shared", "slow": "shared", "leaver": "shared"}
        for letter, (name, id) in zip(b"abc", unix.items(), strict=True):
            await self._connect(name, End, id, bytes([letter]))
        await self._connect("tcp", End, "tcp", b"d")
        await self._connect("telnet", TelnetEnd, "telnet", b"e")
        await self._connect("websocket", WebsocketEnd, "websocket", b"f")
        web = self.ends["websocket"]
        assert isinstance(web, WebsocketEnd)
        web.begin()
        await self._until(lambda: web.upgraded or web.ended, "the upgrade")
        self._add(
            End("pty", os.open(self._path("tty"), os.O_RDWR | os.O_NOCTTY), RawStream("pty"), b"g")
        )
        self._add(
            End(
                "pipe",
                os.open(self._path("fifo.out"), os.O_RDONLY | os.O_NONBLOCK),
                RawStream("pipe"),
                b"",
            )
        )
        self._add(UdpEnd("udp", self._udp.detach(), RawStream("udp"), b""))
        await self._attach("raw", b"h")
        await self._attach("frames", b"i")
        await self._until(self._all_are_peers, "everybody is on the console")

    async def _type(self) -> None:
        """Everybody types, in turn."""
        lost = self.guest.connections
        for end in self.ends.values():
            if end.letter and not end.ended:
                end.type(40)
        frames = self.ends.get("frames")
        if isinstance(frames, FramesEnd):
            frames.resize(33, 99)
            frames.send_break()
        await self._until(
            lambda: self.guest.connections > lost or self._was_heard(), "what was typed"
        )

    def _was_heard(self) -> bool:
        """Whether the guest has what was typed, but for what is known to have been discarded."""
        assert self._console is not None
        missing = 0
        for end in self.ends.values():
            heard = self.guest.got.count(end.letter) if end.letter else 0
            assert heard <= end.typed, f"{end.name} typed {end.typed} letters, {heard} came"
            missing += 0 if end.gone else end.typed - heard
        return missing <= self._console.pump.discarded

    async def _leave_and_come(self) -> None:
        self.ends.pop("leaver").close()
        await self._until(self._all_are_peers, "the one who left")
        await self._connect("comer", End, "shared", b"c")
        await self._until(self._all_are_peers, "the one who came")

    async def _add_a_backend(self) -> None:
        path = self._path("late")
        chardev = f"socket,id=late,path={path},server=on,wait=off"
        added = await self.control.execute("mux-add-backend", console="vm", chardev=chardev)
        # Whoever lost the reply asked again.
        assert added == {"id": "late"} or self.control.lost, added
        await self._until(self._settled, "the new backend")
        await self._connect("late", End, "late", b"j")

    async def _look_at_the_rest(self) -> None:
        """What has no far end that reads."""
        await self._until(lambda: self._held_by_files() == 0, "the files")
        for name in ("log", "beside"):
            check = RawStream(name, 0)
            check.feed((self._directory / name).read_bytes())
            if check.gaps or check.at != THIRD:
                self.hurt.append(name)
        lost = self.control.lost
        ring = await self.control.execute("ringbuf-read", device="ring", size=4096, format="base64")
        # Who lost a reply asks for what is gone with it.
        if base64.b64decode(ring) != numbered(THIRD - 4096, THIRD) and lost == self.control.lost:
            self.hurt.append("ring")

    # What is looked at.

    def _judge(self) -> None:
        """Who was hurt, beside those who are known to be."""
        for end in self.ends.values():
            check = end.check
            if end.name == "late" and end.ended and check.at == THIRD and not check.gaps:
                continue
            whole = check.at == THIRD and not (check.gaps and end.name not in SLOW)
            if self._console is not None and not whole:
                self.hurt.append(f"{end.name} (at {check.at}, gaps {check.gaps})")
        if self.guest.connections > 2:
            self.hurt.append("guest")
        self.hurt += ["control"] * self.control.lost
        if self._console is None:
            return
        history = self._console.history
        kept = history.read(history.start, history.capacity)
        assert kept == numbered(history.start, history.end), "the history is not what was printed"

    def _settled(self) -> bool:
        assert self._console is not None
        console = self._console
        states = [chardev.state for chardev in console.backends.values()]
        return all(state in SETTLED for state in states) and console.pump.stream is not None

    def _recorded(self) -> int:
        return self._console.history.end if self._console else 0

    def _printed(self, offset: int) -> bool:
        return self._recorded() >= offset

    def _all_have(self, offset: int) -> bool:
        return all(
            end.ended or end.name == "udp" or (end.check.at or 0) >= offset
            for end in self.ends.values()
        )

    def _all_are_peers(self) -> bool:
        assert self._console is not None
        live = sum(not end.gone for end in self.ends.values())
        softs = 3  # two files and the ring
        return len(self._console.peers) == live + softs

    def _held_by_files(self) -> int:
        assert self._console is not None
        files = [peer for peer in self._console.peers if peer.chardev.type == "file"]
        return sum(peer.lag for peer in files) + abs(2 - len(files))

    # Steps.

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        loop = asyncio.get_running_loop()
        deadline, last = loop.time() + PATIENCE, time.monotonic() + LONGEST
        while not condition():
            if loop.time() > deadline or time.monotonic() > last:
                raise TimeoutError(f"never: {what}; {self._state()}")
            for _ in range(TURNS):
                self._step()
                await asyncio.sleep(0)
            await asyncio.sleep(STEP)

    async def _while(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work`, while the far ends do theirs."""
        task = asyncio.get_running_loop().create_task(work)
        await self._until(task.done, "start or end")
        await task

    def _step(self) -> None:
        self.guest.step()
        self._read_all()
        self.control.step()

    def _read_all(self) -> None:
        for end in self.ends.values():
            end.read()

    def _add(self, end: End) -> None:
        self.ends[end.name] = end

    async def _connect(self, name: str, kind: type[End], id: str, letter: bytes) -> None:
        """A client of the socket `id`, however long that takes."""
        console = self._console
        assert console is not None

        def connect() -> bool:
            chardev = console.backends.get(id)
            if chardev is None or chardev.state not in SETTLED:
                return False
            address: Any = chardev.address
            family = socket.AF_UNIX
            if ":" in address:
                host, _, port = address.rpartition(":")
                family, address = socket.AF_INET, (host, int(port))
            sock = socket.socket(family)
            try:
                sock.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    sock.connect(address)
            except OSError:
                sock.close()
                return False
            self._add(kind(name, sock.detach(), RawStream(name), letter))
            return True

        await self._until(connect, f"a connection to {id}")

    async def _attach(self, framing: str, letter: bytes) -> None:
        """An attach stream, from the beginning of the history."""
        result = await self.control.execute("mux-attach", console="vm", framing=framing)
        sock = self.control.take()
        if sock is None:
            return
        if not isinstance(result, dict):
            self.hurt.append(f"attach: {result}")
            sock.close()
            return
        check: Any
        if framing == "frames":
            check = FramedStream(framing, result["offset"])
            self._add(FramesEnd(framing, sock.detach(), check, letter))
        else:
            check = RawStream(framing, result["offset"])
            self._add(End(framing, sock.detach(), check, letter))
        check.feed(self.control.rest)

    # The stage.

    def _path(self, name: str) -> str:
        return str(self._directory / name)

    def _config(self) -> str:
        for way in ("in", "out"):
            os.mkfifo(self._path(f"fifo.{way}"))
        server = "server=on,wait=off"
        tcp = f"host=127.0.0.1,port=0,{server}"
        port = self._udp.getsockname()[1]
        backends = [
            f"socket,id=shared,path={self._path('shared')},{server},logfile={self._path('beside')}",
            f"socket,id=tcp,{tcp}",
            f"socket,id=telnet,{tcp},telnet=on",
            f"socket,id=websocket,{tcp},websocket=on",
            # Its far end is fed by a thread of the kernel's, which may be late.
            f"pty,id=pty,path={self._path('tty')},policy=block",
            f"file,id=log,path={self._path('log')}",
            f"pipe,id=pipe,path={self._path('fifo')}",
            f"udp,id=udp,host=127.0.0.1,port={port}",
            "ringbuf,id=ring,size=4096",
        ]
        guest = f"socket,path={self._path('guest')},reconnect-ms=100"
        path = self._path("config.toml")
        with open(path, "w") as file:
            file.write(f'[console.vm]\nhistory = "64K"\nguest = "{guest}"\nbackends = ')
            file.write(json.dumps(backends) + "\n")
        return path

    def _leave(self) -> None:
        for end in self.ends.values():
            end.close()
        self.guest.close()
        self._udp.close()
        self.control.close()

    def _raise(self, context: dict[str, Any]) -> None:
        self.raised.append(f"{context['message']}: {context.get('exception')!r}")

    def _state(self) -> str:
        if self._console is None:
            return "no console"
        console = self._console
        chardevs = [*console.backends.values(), console.guest]
        states = [f"{c.id} {c.state.value} {c.reason or ''}".strip() for c in chardevs if c]
        at = [f"{e.name} {'ended ' if e.ended else ''}{e.check.at}" for e in self.ends.values()]
        peers = [f"{p.id} {p.state.value} {p.cursor}" for p in console.peers]
        return f"history {console.history.end}; {states}; {at}; {peers}; raised {self.raised}"


def run(directory: Path, fault: Fault | None = None) -> tuple[Injector, Scenario]:
    """Play the scenario with a fault, or without, and look for what is left of it.

    Raises:
        AssertionError: the fault did what no fault may do.
    """
    injector = Injector(fault)
    made: list[Scenario] = []
    fds, threads = support.open_fds(), set(threading.enumerate())
    with asyncio.Runner(loop_factory=lambda: Loop(injector)) as runner, injected(injector):
        runner.run(_play(directory, injector, made))
    (scenario,) = made
    left = [t.name for t in threading.enumerate() if t not in threads]
    if left:
        support.eventually_sync(
            lambda: all(t in threads for t in threading.enumerate()), what=f"threads gone: {left}"
        )
    assert support.open_fds() == fds, (
        f"left open: {set(support.open_fds().items()) - set(fds.items())}"
    )
    if fault is None or fault.place.rpartition(":")[2] not in LEAVE_BEHIND:
        for name in ("control", "control.lock", "shared", "tty", "late"):
            assert not os.path.lexists(directory / name), f"{name} was left behind"
    assert not scenario.raised, scenario.raised
    assert len(scenario.hurt) <= 1, f"more than one party was hurt: {scenario.hurt}"
    return injector, scenario


async def _play(directory: Path, injector: Injector, made: list[Scenario]) -> None:
    known = asyncio.all_tasks()
    scenario = Scenario(directory, injector)
    made.append(scenario)
    await scenario.play()
    left = asyncio.all_tasks() - known
    assert not left, f"tasks were left: {left}"
