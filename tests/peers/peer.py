"""A program that shares one guest among clients, started with both ends in our hands.

A subclass names the program and writes its configuration; the guest is played at `Peer.guest`,
and every `Peer.connect` is one more client, past whatever the program's protocol wants first.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import socket
import subprocess
import time
import tty
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from tests import support
from tests.peers import processes

if TYPE_CHECKING:
    pass

GuestKind = Literal["unix", "tty"]
"""What the program opens to reach the guest: a unix socket, or a terminal's device."""

ROOT = Path(__file__).parents[2]
START_TIMEOUT = 30.0
"""Seconds a program gets to be up, a virtual machine included."""


class GuestEnd(Protocol):
    """The guest's end of the console, non-blocking: a socket, or `Line`."""

    def fileno(self) -> int: ...
    def send(self, data: bytes | memoryview, /) -> int: ...
    def recv(self, size: int, /) -> bytes: ...


class Line:
    """A serial line of which the program has the far end: a pty in raw mode, like a socket."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.device = os.ttyname(self._slave)

    def fileno(self) -> int:
        """The pty's master."""
        return self._master

    def send(self, data: bytes | memoryview) -> int:
        """Write once."""
        return os.write(self._master, data)

    def recv(self, size: int) -> bytes:
        """Read once."""
        return os.read(self._master, size)

    @property
    def slave(self) -> int:
        """The program's end, for a program that gets it as its standard input."""
        return self._slave

    def close(self) -> None:
        """Hang up."""
        os.close(self._master)
        os.close(self._slave)


class Peer(support.Staged):
    """A program under test: entered when it runs and has the guest, gone when left.

    Attributes:
        guest: the guest's end, non-blocking.
        process: the program.
        errors: a file with what it wrote to stderr and stdout.
    """

    NAME: ClassVar[str]
    PROGRAMS: ClassVar[tuple[str, ...]]
    """What must be on the PATH, the program itself first."""
    GUESTS: ClassVar[tuple[GuestKind, ...]] = ("unix", "tty")
    MOST: ClassVar[int] = 1000
    """How many clients it can have an address or a place for."""
    VERSION: ClassVar[str] = ""
    """Shell command whose first line of output names the version."""

    guest: GuestEnd
    process: subprocess.Popen[bytes]

    def __init__(
        self,
        directory: Path,
        clients: int = 2,
        *,
        guest: GuestKind | None = None,
        log: str | None = None,
        drop: bool = False,
        cpu: int | None = None,
    ) -> None:
        """Describe it; nothing runs yet.

        Args:
            directory: for its configuration and sockets; its path must be short.
            clients: how many there may be.
            guest: what it shall reach the guest by; the first it can if left out.
            log: the path of a log that it shall write, if it can.
            drop: a client that lags may lose bytes, instead of the guest's waiting for it; only
                systems of ours can choose.
            cpu: the one CPU it may use.
        """
        super().__init__()
        self.directory = directory
        self.clients = clients
        self.log = log
        self.drop = drop
        self.kind = guest or self.GUESTS[0]
        assert self.kind in self.GUESTS, f"{self.NAME} takes no {self.kind} guest"
        self.guest_path = str(directory / "guest")
        self.errors = directory / "errors"
        self._cpu = cpu
        self._connected = 0

    @classmethod
    def missing(cls) -> list[str]:
        """The programs that are not there."""
        path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
        return [name for name in cls.PROGRAMS if not shutil.which(name, path=path)]

    @classmethod
    def version(cls) -> str:
        """Its version, as it says itself."""
        done = subprocess.run(
            cls.VERSION,
            shell=True,
            text=True,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return done.stdout.strip().partition("\n")[0]

    def start(self) -> None:
        """Run it and let it have the guest."""
        if self.kind == "tty":
            line = Line()
            self._stack.callback(line.close)
            self.guest_path = line.device
            self.guest = line
            self.process = self.run(self.command())
            return
        server = self._stack.enter_context(socket.socket(socket.AF_UNIX))
        server.bind(self.guest_path)
        server.listen()
        self.process = self.run(self.command())
        self.guest = self._accept(server)

    def run(
        self, command: list[str], stdin: int = subprocess.DEVNULL, **env: str
    ) -> subprocess.Popen[bytes]:
        """Start a program, which ends with this peer; `env` is added to its environment."""
        with self.errors.open("ab") as errors:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**environment(), **env},
                stdin=stdin,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
                preexec_fn=functools.partial(_pin, self._cpu),
            )
        self._stack.callback(processes.stop, process)
        return process

    def _accept(self, server: socket.socket) -> socket.socket:
        server.settimeout(0.1)
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            self.check()
            with contextlib.suppress(TimeoutError):
                sock = self._stack.enter_context(server.accept()[0])
                sock.setblocking(False)
                return sock
        raise TimeoutError(f"{self.NAME} did not connect to the guest: {self.said()}")

    @abstractmethod
    def command(self) -> list[str]:
        """Write its configuration and return the command that runs it."""

    def connect(self) -> socket.socket:
        """One more client, ready to read and type."""
        sock = self._stack.enter_context(self.dial(self._connected))
        self._connected += 1
        return sock

    def dial(self, number: int, timeout: float = START_TIMEOUT) -> socket.socket:
        """Connect the client `number`, counted from 0, within `timeout` seconds."""
        return support.connect_unix(self.path(number), timeout)

    def path(self, number: int) -> str:
        """Where the client `number` connects to."""
        return str(self.directory / f"b{number}")

    def pids(self) -> list[int]:
        """Its processes."""
        return processes.family(self.process.pid)

    def cpu_seconds(self) -> float:
        """CPU seconds used so far by all that run."""
        return sum(map(processes.cpu_seconds, self.pids()))

    def resident(self) -> int:
        """Bytes of memory in use, of all its processes."""
        return sum(map(processes.resident, self.pids()))

    def check(self) -> None:
        """Raise an AssertionError if it has ended."""
        status = self.process.poll()
        assert status is None, f"{self.NAME} ended with status {status}: {self.said()}"

    def said(self) -> str:
        """The end of what it has printed."""
        return self.errors.read_text(errors="replace")[-500:] if self.errors.exists() else ""


def environment() -> dict[str, str]:
    """The environment of every program: daemons live in sbin."""
    return {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}


def _pin(cpu: int | None) -> None:
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
