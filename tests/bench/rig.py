"""The bench's machinery: a system under test, its guest and its readers, every byte compared.

The guest and all readers are played by this one process. With the system under test on a CPU of
its own MB/s means "per core of it"; the CPU seconds it used per GB from the guest are what noise
touches least.
"""

from __future__ import annotations

import select
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tests import support
from tests.peers.peer import START_TIMEOUT

if TYPE_CHECKING:
    import socket

    from tests.peers.peer import GuestEnd, GuestKind, Peer

PERIOD = 262147
"""Bytes before the pattern repeats: a prime, so that no power-of-two loss goes unseen."""

READ_SIZE = 1 << 18
START = b"\n~~START~~\n"


def _period() -> bytes:
    x, out = 1, bytearray(PERIOD)
    for i in range(PERIOD):
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF
        out[i] = 10 if i % 80 == 79 else 33 + (x >> 16) % 94
    return bytes(out)


PATTERN = _period() * (READ_SIZE // PERIOD + 2)
"""Any window of up to READ_SIZE bytes of the endless pattern is one slice of this."""


Text = Callable[[int, int], bytes | memoryview]
"""The bytes of an endless text from an offset up to another."""


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


class Rig(support.Staged):
    """A running system: entered when every reader is joined to the guest, gone when left.

    Attributes:
        directory: the system's files, gone with it.
        guest: the guest's end, non-blocking.
        readers: one per backend, at the start of the pattern.
    """

    def __init__(
        self,
        system: type[Peer],
        backends: int,
        *,
        guest: GuestKind | None = None,
        drop: bool = False,
        cpu: int | None = None,
    ) -> None:
        """Describe the rig; nothing runs yet.

        Args:
            system: what is measured.
            backends: number of readers.
            guest: what the system reaches the guest by; the first it can if left out.
            drop: a reader that lags loses bytes, instead of the guest's waiting for it.
            cpu: the one CPU the system may use; the caller belongs on another.
        """
        super().__init__()
        self.system = system
        self.readers: list[Reader] = []
        self._backends = backends
        self._guest = guest
        self._drop = drop
        self._cpu = cpu

    def start(self) -> None:
        """Run the system, and join every reader to the guest."""
        self.directory = Path(
            self._stack.enter_context(tempfile.TemporaryDirectory(prefix="mux-bench-"))
        )
        self._peer = self._stack.enter_context(
            self.system(
                self.directory,
                self._backends,
                guest=self._guest,
                drop=self._drop,
                cpu=self._cpu,
            )
        )
        self.guest = self._peer.guest
        for number in range(self._backends):
            sock = self._peer.connect()
            sock.setblocking(False)
            self.readers.append(Reader(sock, f"{self.system.NAME}'s b{number}"))
        self._join()

    def _join(self) -> None:
        """Wait until bytes from the guest reach every reader, then mark where they begin."""
        waiting = list(self.readers)
        deadline = time.monotonic() + START_TIMEOUT
        while waiting:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{waiting[0].name} never heard the guest")
            self._print(b".")
            poller = select.poll()
            for reader in waiting:
                poller.register(reader.sock, select.POLLIN)
            poller.poll(10)
            waiting = [reader for reader in waiting if not reader.read()]
        support.eventually_sync(lambda: self._print(START), START_TIMEOUT, "room for the mark")
        for reader in self.readers:
            reader.skip_to_start()

    def _print(self, data: bytes) -> bool:
        """Let the guest print a little; False if there is no room: it may still boot."""
        try:
            assert self.guest.send(data) == len(data)
        except BlockingIOError:
            return False
        return True

    def cpu_seconds(self) -> float:
        """CPU time of the system so far."""
        return self._peer.cpu_seconds()

    def pids(self) -> list[int]:
        """The system's processes; to find them takes milliseconds."""
        return self._peer.pids()


def pattern(start: int, end: int) -> memoryview:
    """The endless pattern's bytes from `start` up to `end`, READ_SIZE of them at most."""
    at = start % PERIOD
    return memoryview(PATTERN)[at : at + end - start]


class GuestWriter:
    """Writes an endless text into the guest's end, as far as a rate and the system allow.

    Attributes:
        sent: bytes written.
        longest_wait: longest time, in seconds, between two writes that took something.
    """

    def __init__(
        self, guest: GuestEnd, rate: float = 0, size: int = 1 << 16, text: Text = pattern
    ) -> None:
        """Start at the text's beginning; `rate` in bytes a second, 0 for flat out."""
        self.sent = 0
        self.longest_wait = 0.0
        self._guest = guest
        self._rate = rate
        self._size = size
        self._text = text
        self._started = self._last = time.monotonic()

    def write(self) -> int:
        """Write once if a write is due and possible; return the number of bytes taken."""
        now = time.monotonic()
        if self._rate and self.sent > self._rate * (now - self._started):
            self._last = now
            return 0
        try:
            count = self._guest.send(self._text(self.sent, self.sent + self._size))
        except BlockingIOError:
            return 0
        self.longest_wait = max(self.longest_wait, now - self._last)
        self._last = now
        self.sent += count
        return count
