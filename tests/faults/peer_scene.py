"""The stage for a scenario with a peer: a guest that prints numbered lines, readers of all kinds.

Line n is 15 digits and a line feed (`tests.numbered`), so that what is missing can be counted. One
loop plays the guest and everybody who reads; nothing here waits for the peer.
"""

from __future__ import annotations

import contextlib
import re
import select
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.numbered import FIRST, RECORD, numbered

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from tests.peers.peer import Peer

CHUNK = 4096
READ = 1 << 16
PATIENCE = 30.0
"""Seconds within which a peer must let the first byte through, a boot included."""

_LINE = re.compile(rb"^1\d{14}$", re.MULTILINE)


class Client:
    """Somebody who reads, at `rate` bytes a second if that is not 0, or not at all.

    Attributes:
        got: bytes so far.
        whole: whether they are the source's, from the first one on.
        silence: longest time without a byte, in seconds, since `settle`.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.rate = 0.0
        self.got = 0
        self.whole = True
        self.closed = False
        self.silence = 0.0
        self._heard = self._start = time.monotonic()
        self._taken = 0
        sock.setblocking(False)

    def settle(self) -> None:
        """Begin a new account of silence and of the rate."""
        self._heard = self._start = time.monotonic()
        self._taken = 0
        self.silence = 0.0

    def wants(self, now: float) -> bool:
        """Whether it would read now."""
        due = not self.rate or self._taken < self.rate * (now - self._start)
        return due and not self.closed

    def read(self) -> None:
        """Read once and compare."""
        try:
            data = self.sock.recv(4096 if self.rate else READ)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self.closed = True
            return
        self.note(time.monotonic())
        self.whole = self.whole and data == numbered(self.got, self.got + len(data))
        self.got += len(data)
        self._taken += len(data)

    def note(self, now: float) -> None:
        """Take the time since the last byte into account."""
        self.silence = max(self.silence, now - self._heard)
        self._heard = now


class Scene:
    """A peer that runs, its clients, and the guest's account.

    Attributes:
        printed: bytes of the source that the peer has taken from the guest.
        ended: when it had taken all that was to be printed; None before.
        gone: whether the peer has hung up on the guest.
    """

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.clients: list[Client] = []
        self.printed = 0
        self.ended: float | None = None
        self.gone = False

    def join(self, clients: int) -> Self:
        """Connect so many clients, and wait until the guest is heard by all of them.

        What is printed for that is a mark of its own, before the source.
        """
        self.meet(clients)
        self.greet(self.clients)
        return self

    def meet(self, clients: int) -> None:
        """Connect so many clients."""
        self.clients = [Client(self.peer.connect()) for _ in range(clients)]

    def greet(self, clients: list[Client]) -> None:
        """Print marks until they have come to these clients, and an end that all of them read."""
        deadline = time.monotonic() + PATIENCE
        waiting = {client.sock: b"" for client in clients}
        while not all(b"?" in text for text in waiting.values()):
            assert time.monotonic() < deadline, f"{self.peer.NAME}: the guest is not heard"
            self.offer(b"?")
            for sock in select.select(list(waiting), [], [], 0.02)[0]:
                waiting[sock] += sock.recv(READ)
        while not self.offer(b"!"):
            time.sleep(0.01)
        for client in clients:
            text = waiting[client.sock]
            while not text.endswith(b"!"):
                assert select.select([client.sock], [], [], PATIENCE)[0], "the mark is lost"
                text = client.sock.recv(READ)
            client.settle()

    def offer(self, data: bytes) -> int:
        """Let the guest print as much of this as it can now."""
        try:
            return self.peer.guest.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self.gone = True
            return 0

    def play(
        self,
        seconds: float,
        rate: float = 0,
        *,
        until: int | None = None,
        stuck: tuple[Client, ...] = (),
    ) -> None:
        """Print the source at `rate` bytes a second, flat out if 0, and let the clients read.

        Args:
            seconds: how long.
            rate: of the guest.
            until: end of what the guest prints; ends when everybody who reads has it, or in time.
            stuck: clients that do not read.
        """
        start = time.monotonic()
        already = self.printed
        reading = [client for client in self.clients if client not in stuck]
        while (now := time.monotonic()) < start + seconds and not self.gone:
            end = already + (int(rate * (now - start)) + CHUNK if rate else 1 << 62)
            end = min(end, until if until is not None else end)
            wants = [client for client in reading if client.wants(now)]
            writable = [self.peer.guest] if self.printed < end else []
            ready, room, _ = select.select([each.sock for each in wants], writable, [], 0.002)
            for client in wants:
                if client.sock in ready:
                    client.read()
            if room:
                take = min(self.printed + CHUNK, end)
                self.printed += self.offer(numbered(self.printed, take))
            if until is not None and self.printed >= until:
                self.ended = self.ended or time.monotonic()
            finished = [client.closed or client.got >= self.printed for client in reading]
            if self.ended and all(finished):
                break
        for client in reading:
            client.note(time.monotonic())


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    """A directory with a short path, for sockets."""
    with tempfile.TemporaryDirectory(prefix="mux-peer-") as name:
        yield Path(name)


def faults_of(data: bytes, size: int) -> str:
    """What a copy of the source's first `size` bytes lacks, has twice or has damaged, in words."""
    lines = data.split(b"\n")[:-1]
    good = [int(line) for line in lines if _LINE.match(line)]
    wanted = size // RECORD
    missing = wanted - len({number for number in good if number < FIRST + wanted})
    twice = len(good) - len(set(good))
    damaged = len(lines) - len(good)
    parts = [(missing, "missing"), (twice, "twice"), (damaged, "damaged")]
    found = ", ".join(f"{count} {word}" for count, word in parts if count)
    return f"{found} of {wanted} lines" if found else f"all {wanted} lines"


def after_mark(data: bytes) -> bytes:
    """What follows the marks of `Scene.greet`."""
    return data.rpartition(b"!")[2]


def amount(size: float) -> str:
    """Bytes for a reader of tables."""
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size:.0f} B"
