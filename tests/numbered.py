"""A flood whose every byte is known by its offset, and the check of what was made of it.

The guest is `seq`: line n is the 16 bytes of `FIRST` + n and a line feed, so a stream that was
joined anywhere tells where it stands, and one that skipped must land on the very byte it declared.
"""

from __future__ import annotations

import functools
import re

from muxcore.wire import frames

RECORD = 16
FIRST = 10**14
WINDOW = 4096 * RECORD
"""Bytes made at once: clients near each other are compared with the same ones."""

MARKER = re.compile(rb"\r\n\[muxtui: (\d+) bytes skipped\]\r\n")
LONGEST_MARKER = 64
ANCHOR = re.compile(rb"\n(\d{15})\n")


def flood(count: int) -> str:
    """The shell command of a guest that prints one line, waits for a byte, and prints the rest.

    `count` lines in all; after them it repeats what is typed. Its terminal is raw and echoes
    nothing once its first line is there.
    """
    last = FIRST + count - 1
    return f"stty raw -echo; echo {FIRST}; head -c 1 >/dev/null; seq {FIRST + 1} {last}; exec cat"


@functools.lru_cache(maxsize=256)
def _window(index: int) -> bytes:
    first = FIRST + index * (WINDOW // RECORD)
    return b"".join(b"%d\n" % number for number in range(first, first + WINDOW // RECORD))


def numbered(start: int, end: int) -> bytes:
    """The bytes of the flood from offset `start` up to `end`."""
    parts = []
    while start < end:
        index, at = divmod(start, WINDOW)
        parts.append(_window(index)[at : at + end - start])
        start += len(parts[-1])
    return b"".join(parts)


class RawStream:
    """A raw stream: the flood from some offset on, with markers where bytes are missing.

    Args:
        name: for messages.
        start: the offset it must begin at; None to learn it from its first whole line.

    Attributes:
        at: offset of the next byte that is due, None before the stream tells.
        gaps: what its markers declared, as (from, to).
    """

    def __init__(self, name: str, start: int | None = None) -> None:
        self.name = name
        self.at = start
        self.start = start
        self.gaps: list[tuple[int, int]] = []
        self._rest = b""

    @property
    def skipped(self) -> int:
        """Bytes declared missing."""
        return sum(end - start for start, end in self.gaps)

    def feed(self, data: bytes) -> None:
        """Check what came next.

        Raises:
            AssertionError: it is not the flood minus what the markers say.
        """
        data = self._rest + data
        if self.at is None:
            self._rest = data
            if (start := _beginning(data)) is None:
                return
            self.at = self.start = start
        while data:
            cut = data.find(b"\r")
            part = data if cut < 0 else data[:cut]
            assert part == numbered(self.at, self.at + len(part)), self._difference(part)
            self.at += len(part)
            data = data[len(part) :]
            if data:
                match = MARKER.match(data)
                if match is None:
                    assert len(data) < LONGEST_MARKER, f"{self.name}: {data[:80]!r} at {self.at}"
                    break
                self.gaps.append((self.at, self.at + int(match[1])))
                self.at = self.gaps[-1][1]
                data = data[match.end() :]
        self._rest = data

    def _difference(self, part: bytes) -> str:
        assert self.at is not None
        wanted = numbered(self.at, self.at + len(part))
        at = next(i for i, pair in enumerate(zip(part, wanted, strict=True)) if pair[0] != pair[1])
        near = slice(max(0, at - 40), at + 40)
        return f"{self.name} at {self.at + at}: {part[near]!r} where {wanted[near]!r} was due"


def _beginning(data: bytes) -> int | None:
    """The offset of a stream's first byte, from the first line that is there as a whole."""
    match = ANCHOR.search(data)
    if match is None:
        return None
    offset = (int(match[1]) - FIRST) * RECORD - 1 - match.start()
    for marker in MARKER.finditer(data, 0, match.start() + 1):
        offset += len(marker[0]) - int(marker[1])
    return offset


class FramedStream:
    """A stream of frames: `D` and `G` must cover the flood without a seam.

    Attributes as in `RawStream`; `start` is what the reply to mux-attach said.
    """

    def __init__(self, name: str, start: int) -> None:
        self.name = name
        self.at = start
        self.start = start
        self.gaps: list[tuple[int, int]] = []
        self._decoder = frames.FrameDecoder(frames.TO_CLIENT)

    @property
    def skipped(self) -> int:
        """Bytes declared missing."""
        return sum(end - start for start, end in self.gaps)

    def feed(self, data: bytes) -> None:
        """See `RawStream.feed`."""
        for kind, payload in self._decoder.feed(data):
            if kind == b"D":
                (offset,) = frames.OFFSET.unpack_from(payload)
                data = payload[frames.OFFSET.size :]
                assert offset == self.at, f"{self.name}: frame of {offset} where {self.at} was due"
                assert data == numbered(offset, offset + len(data)), f"{self.name} after {offset}"
                self.at += len(data)
            elif kind == b"G":
                start, end = frames.SPAN.unpack(payload)
                assert start == self.at, f"{self.name}: gap from {start} where {self.at} was due"
                assert end > start, f"{self.name}: gap up to {end} from {start}"
                self.gaps.append((start, end))
                self.at = end
