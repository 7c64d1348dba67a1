"""What clients read while somebody is killed, and how it is compared with what was printed."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING

from muxcore.wire import frames
from tests.numbered import MARKER

if TYPE_CHECKING:
    import subprocess

READ = 1 << 18
PROBE = 48
"""Bytes by which a stream is found in what the guest printed: three lines."""

LATE = 1 << 19
"""Bytes that clients may have from a killed daemon and the reader has not."""


class Reader:
    """What is read from one descriptor, kept until it is compared.

    Args:
        start: offset of its first byte, None if it is not known.
        framed: whether it is a stream of frames.
        process: what stands between it and the daemon, if anything does.
    """

    def __init__(
        self,
        name: str,
        fd: int,
        *,
        start: int | None = None,
        framed: bool = False,
        process: subprocess.Popen[bytes] | None = None,
    ) -> None:
        self.name = name
        self.fd = fd
        self.process = process
        self.data = bytearray()
        self.ended = False
        self._start = start
        self._framed = framed
        os.set_blocking(fd, False)

    def read(self) -> None:
        """Read what is there."""
        try:
            while data := os.read(self.fd, READ):
                self.data += data
        except BlockingIOError:
            return
        except OSError:
            pass
        self.ended = True

    def kill(self) -> None:
        """Let it leave as a killed process does, and read what it had."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            while not self.ended:
                select.select([self.fd], [], [])
                self.read()
        os.close(self.fd)

    def check(self, source: bytes) -> int:
        """Compare with what the guest printed; returns the number of bytes compared.

        Raises:
            AssertionError: it is not that, minus what it declares.
        """
        at, compared = self._start, 0
        for missing, part in self._pieces():
            if at is None:
                if len(part) < PROBE:
                    # It cannot be told where so little is from.
                    at = None
                    continue
                at = source.find(part[:PROBE])
                if at < 0:
                    assert len(part) <= LATE, f"{self.name}: {part[:PROBE]!r} was never printed"
                    return compared
            else:
                at += missing
            known = source[at : at + len(part)]
            assert part[: len(known)] == known, _difference(self.name, at, part, known)
            assert len(part) - len(known) <= LATE, f"{self.name} has more than was printed"
            compared += len(known)
            at += len(part)
        return compared

    def _pieces(self) -> list[tuple[int, bytes]]:
        """What it read, each piece with the number of bytes declared missing before it."""
        if self._framed:
            return self._frames()
        pieces, begin, missing = [], 0, 0
        for marker in MARKER.finditer(self.data):
            pieces.append((missing, bytes(self.data[begin : marker.start()])))
            begin, missing = marker.end(), int(marker[1])
        rest = bytes(self.data[begin:])
        # Half a marker at the end is none of the guest's, which prints no CR.
        return [*pieces, (missing, rest.partition(b"\r")[0])]

    def _frames(self) -> list[tuple[int, bytes]]:
        pieces: list[tuple[int, bytes]] = []
        at = self._start or 0
        for kind, payload in frames.FrameDecoder(frames.TO_CLIENT).feed(bytes(self.data)):
            if kind == b"D":
                (offset,) = frames.OFFSET.unpack_from(payload)
                pieces.append((offset - at, payload[frames.OFFSET.size :]))
                at = offset + len(pieces[-1][1])
        return pieces


def _difference(name: str, at: int, part: bytes, known: bytes) -> str:
    first = next(i for i, pair in enumerate(zip(part, known, strict=False)) if pair[0] != pair[1])
    near = slice(max(0, first - 40), first + 40)
    return f"{name} at {at + first}: {part[near]!r} where {known[near]!r} was printed"


class Stored(Reader):
    """What a file holds."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.data = bytearray(data)
        self._start = 0
        self._framed = False
