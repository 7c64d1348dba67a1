"""When the lines of a console were printed, as its history's time index has it. Pure.

The index has marks of (offset, time). A line's time is that of the last mark at or before the
offset it begins at: its own, or by less than the index's resolution an earlier one.
"""

from __future__ import annotations

import time
from bisect import bisect_right, insort
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

StampMode = Literal["off", "clock", "elapsed", "delta"]

NEXT_MODE: dict[StampMode, StampMode] = {
    "off": "clock",
    "clock": "elapsed",
    "elapsed": "delta",
    "delta": "off",
}

MODE_WORDS: dict[StampMode, str] = {
    "off": "no time stamps",
    "clock": "time of day",
    "elapsed": "since the guest was opened",
    "delta": "since the line before",
}

WIDTH = 13
"""Columns of a stamp with the blank that parts it from the line."""

MAX_MARKS = 50_000
"""Marks kept; with more all are forgotten and asked for again."""

MAX_SPAN = 65_536
"""Bytes of history whose marks are asked for at once."""


class Stamps:
    """The marks known of one console's history."""

    def __init__(self) -> None:
        self._marks: list[tuple[int, float]] = []
        self._known: list[tuple[int, int]] = []

    def clear(self) -> None:
        """Forget all: the console is another."""
        self._marks.clear()
        self._known.clear()

    def add(self, start: int, stop: int, marks: Sequence[tuple[int, float]]) -> None:
        """Take what the daemon knows of the bytes from `start` up to `stop`."""
        if len(self._marks) > MAX_MARKS:
            self.clear()
        if stop <= start:
            return
        for offset, when in marks:
            # The first mark may be of bytes before: of these it is the time from `start` on.
            mark = (max(offset, start), when)
            index = bisect_right(self._marks, mark)
            if not index or self._marks[index - 1] != mark:
                self._marks.insert(index, mark)
        insort(self._known, (start, stop))
        merged: list[tuple[int, int]] = []
        for first, last in self._known:
            if merged and first <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        self._known = merged

    def knows(self, offset: int) -> bool:
        """Whether the daemon was asked about the byte at `offset`."""
        index = bisect_right(self._known, offset, key=_start) - 1
        return index >= 0 and offset < self._known[index][1]

    def when(self, offset: int | None) -> float | None:
        """When the byte at `offset` arrived, in seconds since the epoch; None: not known."""
        if offset is None or not self.knows(offset):
            return None
        index = bisect_right(self._marks, offset, key=_offset) - 1
        return self._marks[index][1] if index >= 0 else None

    def missing(self, offsets: Sequence[int | None]) -> tuple[int, int] | None:
        """A range of history to ask for: it has the first of these that are not known."""
        unknown = [item for item in offsets if item is not None and not self.knows(item)]
        if not unknown:
            return None
        start = min(unknown)
        return start, min(max(unknown) + 1, start + MAX_SPAN)


def _start(known: tuple[int, int]) -> int:
    return known[0]


def _offset(mark: tuple[int, float]) -> int:
    return mark[0]


def labels(times: Sequence[float | None], mode: StampMode, opened: float) -> list[str]:
    """What stands before each line but the first, `WIDTH` columns wide.

    Args:
        times: when the lines were printed, and, first, the line before them.
        mode: how it is told.
        opened: when the guest was opened.
    """
    return [_label(before, when, mode, opened).ljust(WIDTH) for before, when in pairwise(times)]


def _label(before: float | None, when: float | None, mode: StampMode, opened: float) -> str:
    if when is None:
        return ""
    if mode == "clock":
        return f"{time.strftime('%H:%M:%S', time.localtime(when))}.{int(when * 1000) % 1000:03}"
    if mode == "elapsed":
        return _seconds(when - opened).rjust(WIDTH - 1)
    return "" if before is None else f"+{_seconds(when - before)}".rjust(WIDTH - 1)


def _seconds(seconds: float) -> str:
    """Seconds in at most eleven characters: `12.345`, `9876543.210`, then without fractions."""
    return f"{seconds:.3f}" if abs(seconds) < 1e6 else f"{seconds:.0f}"
