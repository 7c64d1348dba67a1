"""The far ends of the scenario: a guest, and one client of every kind. None of them blocks."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import select
import socket
import struct
from collections.abc import Callable

from tests.numbered import FramedStream, RawStream, numbered

READ = 64 * 1024
GONE = {errno.ECONNRESET, errno.EPIPE, errno.EIO, errno.ENOTCONN}
NEGOTIATION = re.compile(rb"\xff(?:[\xfb-\xfe].|\xfa[^\xff]*\xff\xf0|[\xf0-\xf9])", re.DOTALL)
INCOMPLETE = re.compile(rb"\xff(?:[\xfb-\xfe]?|\xfa[^\xff]*\xff?)$", re.DOTALL)


class End:
    """One far end over the descriptor `fd`, which it owns.

    Attributes:
        check: what it read, compared at once.
        letter: what it types.
        typed: how many of them.
        stalled: it reads nothing now.
        ended: its stream came to an end.
        left: it went by itself.
    """

    def __init__(self, name: str, fd: int, check: RawStream | FramedStream, letter: bytes) -> None:
        self.name = name
        self.fd = fd
        self.check = check
        self.letter = letter
        self.typed = 0
        self.stalled = False
        self.ended = False
        self.left = False
        os.set_blocking(fd, False)

    def read(self) -> None:
        """Read what is there, and check it."""
        while not (self.stalled or self.ended or self.left):
            try:
                data = os.read(self.fd, READ)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in GONE:
                    raise
                data = b""
            if not data:
                self.ended = True
                self._close()
            self.feed(data)

    @property
    def gone(self) -> bool:
        """Whether the daemon ended its stream, read to the end or not."""
        if self.fd < 0:
            return True
        poller = select.poll()
        poller.register(self.fd, 0)
        return bool(poller.poll(0))

    def feed(self, data: bytes) -> None:
        """Check what was read."""
        self.check.feed(data)

    def type(self, count: int) -> None:
        """Type `count` letters."""
        self._write(self.encode(self.letter * count))
        self.typed += count

    def encode(self, data: bytes) -> bytes:
        """`data` as it goes on the wire."""
        return data

    def close(self) -> None:
        """Leave. Idempotent."""
        self.left = not self.ended
        self._close()

    def _close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            os.write(self.fd, data)


class FramesEnd(End):
    """An attach stream in frames."""

    def encode(self, data: bytes) -> bytes:
        """An `I` frame."""
        return struct.pack(">cI", b"I", len(data)) + data

    def resize(self, rows: int, cols: int) -> None:
        """Send a `W` frame."""
        self._write(struct.pack(">cIHH", b"W", 4, rows, cols))

    def send_break(self) -> None:
        """Send a `K` frame."""
        self._write(struct.pack(">cI", b"K", 0))


class TelnetEnd(End):
    """A client that answers nothing and takes out what is telnet's."""

    _rest = b""

    def feed(self, data: bytes) -> None:
        """See `End.feed`."""
        data = NEGOTIATION.sub(b"", self._rest + data)
        half = INCOMPLETE.search(data)
        self._rest = data[half.start() :] if half else b""
        self.check.feed(data[: len(data) - len(self._rest)])


class WebsocketEnd(End):
    """A client that has asked for an upgrade."""

    ASK = (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: binary\r\n\r\n"
    )
    _rest = b""
    upgraded = False

    def begin(self) -> None:
        """Ask for the upgrade."""
        self._write(self.ASK)

    def feed(self, data: bytes) -> None:
        """See `End.feed`; RFC 6455, 5.2, without a mask."""
        self._rest += data
        if not self.upgraded:
            head, end, rest = self._rest.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self.upgraded, self._rest = True, rest
        while len(self._rest) >= 2:
            size, begin = self._rest[1], 2
            if size >= 126:
                begin = 4 if size == 126 else 10
                size = int.from_bytes(self._rest[2:begin])
            if len(self._rest) < begin + size:
                return
            payload = self._rest[begin : begin + size]
            if self._rest[0] & 15 in (0, 1, 2):
                self.check.feed(payload)
            self._rest = self._rest[begin + size :]

    def encode(self, data: bytes) -> bytes:
        """A binary frame, masked with nothing."""
        assert len(data) < 126
        return bytes([0x82, 0x80 | len(data)]) + bytes(4) + data


class UdpEnd(End):
    """Datagrams: one that is lost on its way is nobody's fault, and said to be missing."""

    def feed(self, data: bytes) -> None:
        """Check a datagram, where the one before ended or by itself."""
        at = self.check.at
        if at is not None and data == numbered(at, at + len(data)):
            self.check.at = at + len(data)
            return
        alone = RawStream(self.name)
        alone.feed(data)
        if alone.at is not None and alone.start is not None:
            if self.check.at is not None and alone.start != self.check.at:
                self.check.gaps.append((self.check.at, alone.start))
            self.check.at = alone.at


class Guest:
    """A guest that listens on a unix socket and prints the numbered flood where it was left.

    Args:
        path: where it listens.
        recorded: how much of the flood is in the console's history.
    """

    def __init__(self, path: str, recorded: Callable[[], int]) -> None:
        self.got = bytearray()
        self.at = 0
        self.until = 0
        self.connections = 0
        self._recorded = recorded
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(8)
        self._listener.setblocking(False)
        self._peer: socket.socket | None = None

    @property
    def connected(self) -> bool:
        """Whether somebody is there."""
        return self._peer is not None

    def step(self) -> None:
        """Take a caller, read, and print a little."""
        if self._peer is None:
            with contextlib.suppress(BlockingIOError):
                self._peer, _ = self._listener.accept()
                self._peer.setblocking(False)
                self.connections += 1
                # What was on its way to the one before is lost with it; the flood is not.
                self.at = self._recorded()
            return
        try:
            while data := self._peer.recv(READ):
                self.got += data
        except BlockingIOError:
            self._print()
        except OSError:
            self.hang_up()
        else:
            self.hang_up()

    def hang_up(self) -> None:
        """End the connection."""
        if self._peer is not None:
            self._peer.close()
            self._peer = None

    def close(self) -> None:
        """Be gone."""
        self.hang_up()
        self._listener.close()

    def _print(self) -> None:
        if self._peer is None:
            return
        with contextlib.suppress(BlockingIOError):
            try:
                if self.at < self.until:
                    data = numbered(self.at, min(self.until, self.at + 16384))
                    self.at += self._peer.send(data)
            except (BrokenPipeError, ConnectionResetError):
                self.hang_up()
