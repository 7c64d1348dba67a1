"""Where in the history the lines of a screen began. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable

MAX_MARKS = 20_000
"""Marks kept; of more, every second one of the older half goes."""


class Marks:
    """Pairs of a line's number and the history offset it began at, both ascending."""

    def __init__(self) -> None:
        self._lines: list[int] = []
        self._offsets: list[int] = []

    @property
    def first(self) -> tuple[int, int] | None:
        """The oldest mark: its line and offset."""
        return (self._lines[0], self._offsets[0]) if self._lines else None

    def add(self, line: int, offset: int) -> None:
        """Note that `line` is written from `offset` on.

        Going on with the last line notes nothing. Going back above it forgets the lines that
        are written anew.
        """
        lines, offsets = self._lines, self._offsets
        if lines and line == lines[-1]:
            return
        if lines and line < lines[-1]:
            kept = bisect_left(lines, line)
            del lines[kept:], offsets[kept:]
        lines.append(line)
        offsets.append(offset)
        if len(lines) > MAX_MARKS:
            del lines[1 : MAX_MARKS // 2 : 2], offsets[1 : MAX_MARKS // 2 : 2]

    def offset(self, line: int) -> int | None:
        """Where `line` began, at the latest; None when it is older than the oldest mark."""
        at = bisect_right(self._lines, line) - 1
        return self._offsets[at] if at >= 0 else None

    def first_from(self, line: int) -> tuple[int, int] | None:
        """The first mark at `line` or below it on the screen: its line and offset."""
        at = bisect_left(self._lines, line)
        return (self._lines[at], self._offsets[at]) if at < len(self._lines) else None

    def forget_before(self, line: int) -> None:
        """Forget what is known of the lines before `line`."""
        kept = bisect_left(self._lines, line)
        del self._lines[:kept], self._offsets[:kept]

    def renumber(self, number: Callable[[int], int]) -> None:
        """Take other numbers for the lines; of several with one number the first one counts."""
        pairs = list(zip(self._lines, self._offsets, strict=True))
        self.clear()
        for line, offset in pairs:
            new = number(line)
            if not self._lines or new > self._lines[-1]:
                self._lines.append(new)
                self._offsets.append(offset)

    def clear(self) -> None:
        """Forget everything."""
        self._lines.clear()
        self._offsets.clear()
