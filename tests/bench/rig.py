"""The bench's machinery: a system under test, its guest and its readers, every byte compared.

The guest and all readers are played by this one process. With the system under test on a CPU of
its own MB/s means "per core of it"; the CPU seconds it used per GB from the guest are what noise
touches least.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from tests import support

if TYPE_CHECKING:
    from types import TracebackType

SystemName = Literal["c", "muxtui"]
Policy = Literal["block", "drop"]

PERIOD = 262147
"""Bytes before the pattern repeats: a prime, so that no power-of-two loss goes unseen."""

READ_SIZE = 1 << 18
START = b"\n~~START~~\n"
START_TIMEOUT = 30.0
"""Seconds a system gets to be up and to have carried a byte to every reader."""


def _period() -> bytes:
    x, out = 1, bytearray(PERIOD)
    for i in range(PERIOD):
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF
        out[i] = 10 if i % 80 == 79 else 33 + (x >> 16) % 94
    return bytes(out)


PATTERN = _period() * (READ_SIZE // PERIOD + 2)
"""Any window of up to READ_SIZE bytes of the endless pattern is one slice of this."""


class MismatchError(AssertionError):
    """A reader got a byte that the guest did not send, or not in that place."""


class Reader:
    """One backend's user: a non-blocking socket, and how much of the pattern it has seen."""

    def __init__(self, sock: socket.socket, name: str) -> None:
        self.sock = sock
        self.name = name
        self.got = 0
        self._buffer = bytearray(READ_SIZE)
        self._view = memoryview(self._buffer)

    def read(self) -> memoryview:
        """Read once, empty if nothing is there.

        Raises:
            EOFError: the system closed the connection.
        """
        try:
            count = self.sock.recv_into(self._buffer)
        except BlockingIOError:
            return self._view[:0]
        if not count:
            raise EOFError(f"{self.name} was closed after {self.got} bytes")
        return self._view[:count]

    def check(self) -> int:
        """Read once and compare with the pattern; return the number of bytes.

        Raises:
            MismatchError: they differ.
        """
        chunk = self.read()
        if not PATTERN.startswith(chunk, self.got % PERIOD):
            raise MismatchError(f"{self.name} differs within {len(chunk)} bytes of {self.got}")
        self.got += len(chunk)
        return len(chunk)

    def skip_to_start(self) -> None:
        """Read up to START and nothing beyond it."""
        tail = b""
        while not tail.endswith(START):
            tail = tail[-len(START) :] + support.read_some(self.sock, START_TIMEOUT, 1)


class Rig:
    """A running system: entered when every reader is joined to the guest, gone when left.

    Attributes:
        guest: the guest's end, non-blocking.
        readers: one per backend, at the start of the pattern.
    """

    def __init__(
        self, system: SystemName, backends: int, *, policy: Policy = "block", cpu: int | None = None
    ) -> None:
        """Describe the rig; nothing runs yet.

        Args:
            system: `c` for the epoll loop of fanc.c, `muxtui` for the daemon of this checkout.
            backends: number of unix-socket backends.
            policy: what a full ring means: the guest waits, or the reader loses bytes.
            cpu: the one CPU the system may use; the caller belongs on another.
        """
        self.system = system
        self.readers: list[Reader] = []
        self._backends = backends
        self._policy = policy
        self._cpu = cpu
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._dir = Path(tempfile.mkdtemp(prefix="mux-bench-"))
            stack.callback(shutil.rmtree, self._dir)
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(str(self._dir / "guest"))
            server.listen()
            self._process = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, cwd=Path(__file__).parents[2]
            )
            stack.callback(self._stop)
            if self._cpu is not None:
                os.sched_setaffinity(self._process.pid, {self._cpu})
            self.guest = stack.enter_context(self._accept(server))
            self.guest.setblocking(False)
            for path in self._paths():
                sock = stack.enter_context(support.connect_unix(path, START_TIMEOUT))
                sock.setblocking(False)
                self.readers.append(Reader(sock, path.name))
            self._join()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _paths(self) -> list[Path]:
        return [self._dir / f"b{n}" for n in range(self._backends)]

    def _command(self) -> list[str]:
        if self.system == "c":
            program = self._dir / "fanc"
            source = Path(__file__).with_name("fanc.c")
            subprocess.run(["gcc", "-O2", "-Wall", "-o", program, source], check=True)
            option = ["-d"] if self._policy == "drop" else []
            return [str(program), *option, str(self._dir / "guest"), *map(str, self._paths())]
        config = self._dir / "plan.toml"
        backends = [
            f'  "socket,id={path.name},path={path},server=on,wait=off,policy={self._policy}",\n'
            for path in self._paths()
        ]
        config.write_text(
            f'[console.bench]\nguest = "socket,path={self._dir}/guest"\n'
            f"backends = [\n{''.join(backends)}]\n"
        )
        control = self._dir / "control.sock"
        arguments = ["serve", "-c", str(config), "--socket", str(control)]
        return [sys.executable, "-m", "muxcore", *arguments]

    def _accept(self, server: socket.socket) -> socket.socket:
        poller = select.poll()
        poller.register(server, select.POLLIN)

        def called() -> bool:
            status = self._process.poll()
            assert status is None, f"{self.system} ended with status {status}"
            return bool(poller.poll(0))

        support.eventually_sync(called, START_TIMEOUT, f"{self.system} connects to the guest")
        return server.accept()[0]

    def _join(self) -> None:
        """Wait until bytes from the guest reach every reader, then mark where they begin."""
        waiting = list(self.readers)
        deadline = time.monotonic() + START_TIMEOUT
        while waiting:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{waiting[0].name} never heard the guest")
            self.guest.send(b".")
            poller = select.poll()
            for reader in waiting:
                poller.register(reader.sock, select.POLLIN)
            poller.poll(10)
            waiting = [reader for reader in waiting if not reader.read()]
        self.guest.send(START)
        for reader in self.readers:
            reader.skip_to_start()

    def _stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(START_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def cpu_seconds(self) -> float:
        """CPU time of all threads of the system, from the scheduler: schedstat of proc(5)."""
        tasks = Path(f"/proc/{self._process.pid}/task")
        fields = [(task / "schedstat").read_text().split() for task in tasks.iterdir()]
        return sum(int(nanoseconds) for nanoseconds, *_ in fields) / 1e9


class GuestWriter:
    """Writes the endless pattern into the guest's end, as far as a rate and the system allow.

    Attributes:
        sent: bytes written.
        longest_wait: longest time, in seconds, between two writes that took something.
    """

    def __init__(self, guest: socket.socket, rate: float = 0, size: int = 1 << 16) -> None:
        """Start at the pattern's beginning; `rate` in bytes a second, 0 for flat out."""
        self.sent = 0
        self.longest_wait = 0.0
        self._guest = guest
        self._rate = rate
        self._size = size
        self._view = memoryview(PATTERN)
        self._started = self._last = time.monotonic()

    def write(self) -> int:
        """Write once if a write is due and possible; return the number of bytes taken."""
        now = time.monotonic()
        if self._rate and self.sent > self._rate * (now - self._started):
            self._last = now
            return 0
        at = self.sent % PERIOD
        try:
            count = self._guest.send(self._view[at : at + self._size])
        except BlockingIOError:
            return 0
        self.longest_wait = max(self.longest_wait, now - self._last)
        self._last = now
        self.sent += count
        return count
