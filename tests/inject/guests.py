"""A short life of a console with each other kind of guest: what a fault is let loose on besides."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
import tty
from typing import TYPE_CHECKING, Any

from muxcore.chardev.base import Chardev, State
from muxcore.chardev.pipe import PipeChardev
from muxcore.chardev.process import ProcessChardev
from muxcore.chardev.serial import SerialChardev
from muxcore.chardev.socket_client import SocketClient
from muxcore.chardev.socket_server import SocketServer
from muxcore.console.hub import Console
from muxcore.errors import MuxError
from muxcore.options.sets import PipeOptions, ProcessOptions, SerialOptions, SocketOptions
from tests import support
from tests.inject.faults import Fault, Injector, injected
from tests.inject.loop import Loop
from tests.inject.scenario import LONGEST, PATIENCE, STEP

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LINES = b"".join(b"%d\n" % number for number in range(10**8, 10**8 + 1000))
TYPED = b"x" * 40


class FarEnd:
    """What the guest is: it prints `LINES` when it is told to, and takes what is typed.

    Attributes:
        fds: what it reads from and prints to; -1 while it is not there.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.fds = (-1, -1)
        self.got = bytearray()
        self._unsent = b""

    @property
    def chardev(self) -> Chardev:
        """The console's guest."""
        raise NotImplementedError

    def print(self) -> None:
        """Print the lines, as the other side takes them."""
        self._unsent = LINES

    def step(self) -> None:
        """Go on."""
        source, sink = self.fds
        with contextlib.suppress(OSError):
            if source >= 0:
                self.got += os.read(source, 65536)
        with contextlib.suppress(OSError):
            if sink >= 0 and self._unsent:
                self._unsent = self._unsent[os.write(sink, self._unsent) :]

    def close(self) -> None:
        """Be gone."""
        for fd in {fd for fd in self.fds if fd >= 0}:
            os.close(fd)
        self.fds = (-1, -1)


class Program(FarEnd):
    """A program on a pty."""

    @property
    def chardev(self) -> Chardev:
        """See `FarEnd.chardev`."""
        lines = f"seq {10**8} {10**8 + 999}"
        command = f"stty raw -echo; {lines}; head -c {len(TYPED)} >/dev/null"
        return ProcessChardev("guest", ProcessOptions(command=command, restart="on-failure"))


class Board(FarEnd):
    """What is at the other end of a serial line."""

    @property
    def chardev(self) -> Chardev:
        """See `FarEnd.chardev`."""
        master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(master, False)
        self.fds = (master, master)
        return SerialChardev("guest", SerialOptions(path=os.ttyname(self._slave)))

    def close(self) -> None:
        """See `FarEnd.close`."""
        super().close()
        os.close(self._slave)


class Fifos(FarEnd):
    """A program that reads PATH.in and writes PATH.out."""

    @property
    def chardev(self) -> Chardev:
        """See `FarEnd.chardev`."""
        path = str(self.directory / "fifo")
        fds = []
        for way in ("in", "out"):
            os.mkfifo(f"{path}.{way}")
            fds.append(os.open(f"{path}.{way}", os.O_RDWR | os.O_NONBLOCK))
        self.fds = (fds[0], fds[1])
        return PipeChardev("guest", PipeOptions(path=path))


class Caller(FarEnd):
    """A guest that connects."""

    @property
    def chardev(self) -> Chardev:
        """See `FarEnd.chardev`."""
        self._path = str(self.directory / "guest")
        return SocketServer("guest", SocketOptions(path=self._path, server=True, wait=False))

    def step(self) -> None:
        """See `FarEnd.step`; a call that is not answered is made again."""
        if self.fds[0] < 0:
            sock = socket.socket(socket.AF_UNIX)
            sock.setblocking(False)
            try:
                sock.connect(self._path)
            except OSError:
                sock.close()
                return
            fd = sock.detach()
            self.fds = (fd, fd)
        if _ended(self.fds[0]):
            self.close()
        super().step()


class Telnet(FarEnd):
    """A telnet server, as ser2net is one."""

    @property
    def chardev(self) -> Chardev:
        """See `FarEnd.chardev`."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        port = str(self._listener.getsockname()[1])
        options = SocketOptions(host="127.0.0.1", port=port, telnet=True, reconnect_ms=100)
        return SocketClient("guest", options)

    def step(self) -> None:
        """See `FarEnd.step`."""
        if self.fds[0] >= 0 and _ended(self.fds[0]):
            FarEnd.close(self)
        if self.fds[0] < 0:
            with contextlib.suppress(BlockingIOError):
                fd = self._listener.accept()[0].detach()
                os.set_blocking(fd, False)
                self.fds = (fd, fd)
        super().step()

    def close(self) -> None:
        """See `FarEnd.close`."""
        super().close()
        self._listener.close()


GUESTS: dict[str, type[FarEnd]] = {
    "process": Program,
    "serial": Board,
    "pipe": Fifos,
    "server": Caller,
    "telnet": Telnet,
}


class Visit:
    """A client that comes before the guest, reads what it prints, types, and sees it go."""

    def __init__(self, directory: Path, kind: str) -> None:
        self.raised: list[str] = []
        self.far = GUESTS[kind](directory)
        self._kind = kind
        self._path = str(directory / "shared")
        self._console = Console("vm", history=64 * 1024)
        self._client = socket.socket(socket.AF_UNIX)
        self._read = bytearray()
        self._connected = False
        self._ended = False

    async def play(self) -> None:
        """All of it. Raises AssertionError, TimeoutError."""
        asyncio.get_running_loop().set_exception_handler(
            lambda _, told: self.raised.append(f"{told['message']}: {told.get('exception')!r}")
        )
        shared = SocketOptions(path=self._path, server=True, wait=False)
        guest = self.far.chardev
        try:
            await self._console.start(None, [SocketServer("shared", shared)])
            await self._until(self._connect, "a connection")
            await self._until(lambda: bool(self._console.peers) or self._ended, "a peer")
            await self._console.set_guest(guest)
            await self._act(guest)
        finally:
            lost = self._ended
            await self._until_done(self._console.aclose())
            if self._connected and not self._ended:
                self._listen()
            self._connected = False
            self._client.close()
            self.far.close()
        history = self._console.history
        printed = history.read(history.start, history.capacity)
        assert printed.startswith(self._read), "the client has what was not printed"
        assert lost or self._read == printed, "the client lacks something"

    async def _act(self, guest: Chardev) -> None:
        await self._until(
            lambda: self._console.pump.stream is not None or self._over(guest), "a guest"
        )
        self.far.print()
        self._console.resize(30, 100)
        with contextlib.suppress(MuxError):
            self._console.send_break()
        # Whatever a lost connection took with it is printed again, by a guest that has one.
        await self._until(
            lambda: self._has_lines() or self._ended or self._over(guest) or self._again(),
            "the lines",
        )
        with contextlib.suppress(OSError):
            self._client.send(TYPED)
        await self._until(
            lambda: (
                TYPED in self.far.got
                or self._console.pump.discarded > 0
                or self._ended
                or self._console.pump.sent >= len(TYPED)
            ),
            "what was typed",
        )
        if self._kind == "process":
            await self._until(
                lambda: self._over(guest) or self._console.pump.discarded > 0 or self._ended,
                "the end of the program, if it got what it waits for",
            )

    def _again(self) -> bool:
        if self.far._unsent == b"" and self._console.history.end < len(LINES):
            stream = self._console.pump.stream
            if stream is not None and stream is not self._printed_to:
                self.far.print()
            self._printed_to = stream
        return False

    _printed_to: object = None

    def _has_lines(self) -> bool:
        return self._console.history.end >= len(LINES) and len(self._read) >= len(LINES)

    def _over(self, guest: Chardev) -> bool:
        """Whether a program ran and is not started again."""
        return self._kind == "process" and guest.state in (State.CLOSED, State.FAILED)

    def _connect(self) -> bool:
        try:
            self._client.connect(self._path)
        except OSError:
            return False
        self._client.setblocking(False)
        self._connected = True
        return True

    def _listen(self) -> None:
        try:
            while data := self._client.recv(65536):
                self._read += data
        except BlockingIOError:
            return
        except OSError:
            pass
        self._ended = True

    async def _until_done(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        task = asyncio.get_running_loop().create_task(work)
        await self._until(task.done, "the end")
        await task

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        loop = asyncio.get_running_loop()
        deadline, last = loop.time() + PATIENCE, time.monotonic() + LONGEST
        while not condition():
            if loop.time() > deadline or time.monotonic() > last:
                guest = self._console.guest
                state = guest and (guest.state.value, guest.reason)
                raise TimeoutError(f"never: {what}; {state}, {len(self._read)} bytes read")
            self.far.step()
            if self._connected and not self._ended:
                self._listen()
            await asyncio.sleep(STEP)


def _ended(fd: int) -> bool:
    with socket.socket(fileno=os.dup(fd)) as sock:
        try:
            return sock.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


def visit(directory: Path, kind: str, fault: Fault | None = None) -> Injector:
    """Play a visit with a fault, or without, and look for what is left of it.

    Raises:
        AssertionError: the fault did what no fault may do.
    """
    injector = Injector(fault)
    fds, threads = support.open_fds(), set(threading.enumerate())
    children = support.child_processes()
    made: list[Visit] = []
    with asyncio.Runner(loop_factory=lambda: Loop(injector)) as runner, injected(injector):
        runner.run(_play(directory, kind, made))
    support.eventually_sync(lambda: set(threading.enumerate()) <= threads, what="no thread left")
    support.eventually_sync(lambda: support.child_processes() <= children, what="no child left")
    left = support.open_fds().items() - fds.items()
    assert not left, f"left open: {left}"
    assert not made[0].raised, made[0].raised
    return injector


async def _play(directory: Path, kind: str, made: list[Visit]) -> None:
    known = asyncio.all_tasks()
    made.append(Visit(directory, kind))
    await made[0].play()
    left = asyncio.all_tasks() - known
    assert not left, f"tasks were left: {left}"
