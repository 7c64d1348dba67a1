"""A console's output as one append-only byte log, kept in a bounded ring.

Every byte a guest ever printed has an absolute offset; the last `capacity`
bytes are retained. Readers hold plain integers (cursors) and take memoryviews
straight from the ring: nothing is copied for a reader.

The ring is made of equal segments, each allocated when the log first reaches
it, because memory with exported views cannot be resized and most consoles never
fill their history. A segment is not zeroed: a page of it that was never written
to takes no memory. One segment more than the capacity is kept, so that
the bytes a read is about to write never overlap a retained byte.
"""

from __future__ import annotations

import ctypes
import math
from bisect import bisect_right

SEGMENT = 256 * 1024
MAX_BURST = 192 * 1024
"""Bytes read at once at most: about what a unix socket holds, so that a flood for one is taken in
one turn."""
MIN_CAPACITY = 64 * 1024
MAX_CAPACITY = 1 << 30


_bytearray = ctypes.pythonapi.PyByteArray_FromStringAndSize
"""Makes a bytearray of which nothing is written yet; `bytearray(size)` writes zeros all over it."""
_bytearray.restype = ctypes.py_object
_bytearray.argtypes = (ctypes.c_char_p, ctypes.c_ssize_t)


class History:
    """The retained end of a byte log.

    Args:
        capacity: bytes retained, `MIN_CAPACITY` to `MAX_CAPACITY`.

    Raises:
        ValueError: the capacity is out of range.
    """

    def __init__(self, capacity: int = 1 << 20) -> None:
        if not MIN_CAPACITY <= capacity <= MAX_CAPACITY:
            raise ValueError(f"history must hold {MIN_CAPACITY} to {MAX_CAPACITY} bytes")
        self.capacity = capacity
        self.end = 0
        self.times = TimeIndex()
        self._size = min(SEGMENT, capacity)
        self.burst = min(MAX_BURST, self._size)
        """Bytes that can be added at once at most."""
        self._count = -(-capacity // self._size) + 1
        self._buffers: list[bytearray] = []
        self._segments: list[memoryview] = []
        # The segment that the newest byte is in, and the offset it begins at: all but a few who
        # lag ask for what is in it.
        self._base = 0
        self._newest = bytearray()
        self._view = memoryview(self._newest)

    @property
    def start(self) -> int:
        """Offset of the oldest retained byte; equals `end` while the log is empty."""
        return self.end - self.capacity if self.end > self.capacity else 0

    def room(self, limit: int = MAX_BURST) -> list[memoryview]:
        """Writable views of the next `limit` bytes (at most `burst`), one or two.

        Fill them from the front, then call `commit` with the number of bytes
        written. Nothing is retained before that, and no retained byte is touched.
        """
        if limit > self.burst:
            limit = self.burst
        at = self.end - self._base
        room = len(self._view) - at
        if limit <= room:
            return [self._view[at : at + limit]]
        if room <= 0:
            self._open(self.end // self._size)
            return self.room(limit)
        return [self._view[at:], self._segment(self.end // self._size + 1)[: limit - room]]

    def commit(self, count: int, now: float) -> None:
        """Retain the first `count` bytes of the last `room`, arrived at wall clock `now`."""
        if count:
            times = self.times
            if not 0 <= now - times.last < times.resolution:
                times.mark(self.end, now)
                times.forget_before(self.end + count - self.capacity)
            self.end += count

    def append(self, data: bytes | bytearray | memoryview, now: float) -> None:
        """Retain `data` of any length, arrived at wall clock `now`."""
        rest = memoryview(data)
        while rest:
            taken = 0
            for view in self.room(len(rest)):
                part = rest[taken : taken + len(view)]
                view[: len(part)] = part
                taken += len(part)
            self.commit(taken, now)
            rest = rest[taken:]

    def views(self, offset: int, limit: int = SEGMENT) -> list[memoryview]:
        """Views, to be read only, of the bytes from `offset`, at most `limit` and two views.

        They are valid until the byte they begin with is no longer retained.
        Empty at the end of the log.

        Raises:
            ValueError: `offset` is not retained, or lies beyond the end.
        """
        at, length = offset - self._base, self.end - offset
        if at >= 0 and 0 < length <= limit:
            views = [self._view[at : at + length]]
            if len(views[0]) == length:
                return views
        return self._older(offset, limit)

    def _older(self, offset: int, limit: int) -> list[memoryview]:
        length = min(self.end - offset, limit, self._size)
        if length <= 0 or offset < self.start:
            self._check(offset)
            return []
        index, at = divmod(offset, self._size)
        first = self._segments[index % self._count][at : at + length]
        if len(first) == length:
            return [first]
        rest = self._segments[(index + 1) % self._count][: length - len(first)]
        return [first, rest]

    def read(self, offset: int, limit: int) -> bytes:
        """A copy of up to `limit` bytes from `offset`; see `views` for the errors."""
        parts: list[memoryview] = []
        while limit > 0:
            views = self.views(offset, limit)
            if not views:
                break
            parts += views
            count = sum(map(len, views))
            offset += count
            limit -= count
        return b"".join(parts)

    def find(self, byte: int, offset: int) -> int | None:
        """Offset of the first `byte` at or after `offset`, or None; see `views` for the errors."""
        at = offset - self._base
        if at >= 0 and self.end - self._base <= self._size and offset <= self.end:
            found = self._newest.find(byte, at, self.end - self._base)
            return self._base + found if found >= 0 else None
        self._check(offset)
        while offset < self.end:
            index, at = divmod(offset, self._size)
            stop = min(self._size, at + self.end - offset)
            found = self._buffers[index % self._count].find(byte, at, stop)
            if found >= 0:
                return offset - at + found
            offset += stop - at
        return None

    def _check(self, offset: int) -> None:
        if not self.start <= offset <= self.end:
            raise ValueError(f"offset {offset} is outside {self.start}..{self.end}")

    def _open(self, index: int) -> None:
        """The newest byte is in segment `index` from now on."""
        self._view = self._segment(index)
        self._newest = self._buffers[index % self._count]
        self._base = index * self._size

    def _segment(self, index: int) -> memoryview:
        slot = index % self._count
        if slot == len(self._segments):
            self._buffers.append(_bytearray(None, self._size))
            self._segments.append(memoryview(self._buffers[slot]))
        return self._segments[slot]


class TimeIndex:
    """When bytes arrived: a bounded list of (offset, wall clock) marks.

    A mark is made for the first byte that arrives `resolution` seconds or more
    after the last mark. When more than `MAX_MARKS` are kept, every other one is
    dropped and the resolution doubles, so the memory is bounded whatever the
    guest does. A byte is never told a later time than its own; it is told an
    earlier one by less than the resolution, or, where marks were dropped, by
    what lay between those that stayed.
    """

    MAX_MARKS = 4096
    RESOLUTION = 0.01

    def __init__(self) -> None:
        self.resolution = self.RESOLUTION
        self.last = -math.inf
        """When the last mark was made."""
        self._offsets: list[int] = []
        self._times: list[float] = []

    def __len__(self) -> int:
        return len(self._offsets)

    def mark(self, offset: int, now: float) -> None:
        """Note that the byte at `offset` arrived at `now` (a clock set back is kept as told)."""
        if 0 <= now - self.last < self.resolution:
            return
        self.last = now
        self._offsets.append(offset)
        self._times.append(now)
        if len(self._offsets) > self.MAX_MARKS:
            # The first and the last mark stay: the one bounds what is known, the
            # other is what the next mark is compared with.
            del self._offsets[1:-1:2]
            del self._times[1:-1:2]
            self.resolution *= 2

    def forget_before(self, offset: int) -> None:
        """Drop the marks that only speak of bytes before `offset`."""
        # A slice deletion moves the whole list: worth it only for many at once.
        if len(self._offsets) > 64 and self._offsets[64] <= offset:
            keep = bisect_right(self._offsets, offset) - 1
            del self._offsets[:keep]
            del self._times[:keep]

    def when(self, offset: int) -> float | None:
        """Wall clock at which the byte at `offset` arrived, or None if not known."""
        index = bisect_right(self._offsets, offset) - 1
        return self._times[index] if index >= 0 else None

    def marks(self, start: int, end: int) -> list[tuple[int, float]]:
        """The marks that speak of the bytes in `start`..`end`, oldest first."""
        first = max(0, bisect_right(self._offsets, start) - 1)
        last = bisect_right(self._offsets, end - 1) if end > start else first
        return list(zip(self._offsets[first:last], self._times[first:last], strict=True))
