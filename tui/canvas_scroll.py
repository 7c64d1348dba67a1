"""Rows of a canvas that only moved: what a terminal may move itself, and what that saves. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tui.canvas_row import Row

SCROLLED = 4
"""Rows that changed at once from which on it is worth looking whether they were scrolled."""


class Columns(NamedTuple):
    """Columns from `left` up to `right`, exclusive."""

    left: int
    right: int


class Scroll(NamedTuple):
    """Rows from `top` up to `bottom`, exclusive, that move up by `by`, or down if that is less."""

    top: int
    bottom: int
    by: int

    @property
    def exposed(self) -> range:
        """The rows that come up blank."""
        if self.by > 0:
            return range(self.bottom - self.by, self.bottom)
        return range(self.top, self.top - self.by)


class Scroller:
    """Looks for rows that moved.

    Args:
        wanted: what the rows should show.
        shown: what they do.
        drawn: the columns that were drawn.
        moving: the columns that the terminal moves.
        blank: makes a row as scrolling brings it up.
    """

    def __init__(
        self,
        wanted: Sequence[Row],
        shown: Sequence[Row],
        drawn: Columns,
        moving: Columns,
        blank: Callable[[], Row],
    ) -> None:
        self._wanted = wanted
        self._shown = shown
        self._drawn = drawn
        self._moving = moving
        self._blank = blank
        self._width = len(wanted[0].texts)

    def find(self, rows: Iterable[int]) -> Scroll | None:
        """What to move so that the least is left to be written of the rows that were drawn."""
        x, stop = self._drawn
        changed = {
            y
            for y in rows
            if self._wanted[y].text(x, stop) != self._shown[y].text(x, stop)
            or not self._wanted[y].same(self._shown[y], x, stop)
        }
        if len(changed) < SCROLLED:
            return None
        by = self._moved_by(changed)
        moved = [
            y
            for y in changed
            if by
            and 0 <= y + by < len(self._shown)
            and self._wanted[y].same(self._shown[y + by], x, stop)
        ]
        if len(moved) < SCROLLED - 1:
            return None
        top = min(min(moved), min(moved) + by)
        bottom = max(max(moved), max(moved) + by) + 1
        return self._best(Scroll(top, bottom, by), changed)

    def shifted(self, scroll: Scroll) -> list[Row]:
        """What the rows of a scroll show after it."""
        top, bottom, by = scroll
        blank = [self._blank() for _ in range(abs(by))]
        if by > 0:
            rows = [*self._shown[top + by : bottom], *blank]
        else:
            rows = [*blank, *self._shown[top : bottom + by]]
        if self._moving == (0, self._width):
            return rows
        return [
            shown.spliced(row, *self._moving)
            for shown, row in zip(self._shown[top:bottom], rows, strict=True)
        ]

    def _moved_by(self, changed: set[int]) -> int:
        """How many rows below their new place most of the rows were; 0 if they stayed."""
        before = {row.text(*self._drawn): y for y, row in enumerate(self._shown)}
        votes = Counter(
            before[text] - y
            for y in changed
            if (text := self._wanted[y].text(*self._drawn)) and text in before
        )
        return votes.most_common(1)[0][0] if votes else 0

    def _best(self, scroll: Scroll, changed: set[int]) -> Scroll | None:
        """Those of the rows to move of which the most is saved, if anything is.

        Where lines leave, as few rows are moved as is best: there may be much beside them.
        """
        top, bottom, by = scroll
        gains = [
            self._gain(y, row, written=y in changed)
            for y, row in enumerate(self.shifted(scroll), top)
        ]
        if by < 0:
            gains.reverse()
        best = gain = kept = 0
        for count, each in enumerate(reversed(gains), 1):
            gain += each
            if gain > best and count > abs(by):
                best, kept = gain, count
        if best <= 0:
            return None
        return Scroll(bottom - kept, bottom, by) if by > 0 else Scroll(top, top + kept, by)

    def _gain(self, y: int, moved: Row, *, written: bool) -> int:
        """About how much less there is to write of a row.

        Args:
            y: the row.
            moved: what it shows when rows were moved.
            written: it is written if rows are not moved.
        """
        wanted = self._wanted[y]
        x, stop = self._drawn
        damage = 0
        if self._moving == (0, self._width):
            damage = wanted.cost(moved, 0, x) + wanted.cost(moved, stop, self._width)
        if not written:
            return -damage - wanted.cost(moved, x, stop)
        if not wanted.same(moved, x, stop):
            return -damage
        if not damage:
            return len(wanted.text(x, stop))
        return wanted.cost(self._shown[y], x, stop) - damage
