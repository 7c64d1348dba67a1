"""The scroll bar of the guest view: one column over its last one while there is reason for it.

The view draws it itself, so that a guest's screen is as wide with it as without. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.segment import Segment

if TYPE_CHECKING:
    from rich.style import Style

THUMB = "┃"
TRACK = "│"
MARK = "━"


@dataclass(frozen=True)
class ScrollBar:
    """What there is to scroll through, and where in it the view is; all in lines.

    Lines are those of the terminal's numbers: `first` up to `end`, of which the view shows `page`
    from `top` on. The bar is as high as the view, `height` rows.
    """

    height: int
    first: int
    end: int
    top: int
    page: int

    @property
    def thumb(self) -> range:
        """The rows of the thumb: at least one, and off an end only when the view is."""
        if self._above <= 0:
            return range(self.height)
        size = max(1, min(self.height - 1, round(self.height * self.page / self._lines)))
        room = self.height - size
        start = round(room * (self.top - self.first) / self._above)
        if 0 < self.top - self.first < self._above and room > 1:
            start = min(max(start, 1), room - 1)
        return range(start, start + size)

    def top_at(self, row: int, grip: int) -> int:
        """The view's first line when the thumb is dragged.

        Args:
            row: where the mouse is.
            grip: the row of the thumb that it holds.
        """
        thumb = self.thumb
        room = self.height - len(thumb)
        if room <= 0:
            return self.first
        start = min(max(row - grip, 0), room)
        return self.first + round(start * self._above / room)

    def row_of(self, line: int) -> int:
        """The row that stands for a line."""
        row = (line - self.first) * self.height // max(1, self._lines)
        return min(max(row, 0), self.height - 1)

    def marked_rows(self, lines: Iterable[int]) -> frozenset[int]:
        """The rows that stand for any of these lines; those that are not there have none."""
        return frozenset(self.row_of(line) for line in lines if self.first <= line < self.end)

    def cells(self, styles: tuple[Style, Style, Style], marks: frozenset[int]) -> Iterator[Segment]:
        """The cells from the top down; `styles` are those of track, thumb and marks."""
        track, thumb, mark = styles
        rows = self.thumb
        for row in range(self.height):
            base = thumb if row in rows else track
            if row in marks:
                yield Segment(MARK, base + mark)
            else:
                yield Segment(THUMB if row in rows else TRACK, base)

    @property
    def _lines(self) -> int:
        return self.end - self.first

    @property
    def _above(self) -> int:
        """Lines that the view can be scrolled by."""
        return self._lines - self.page
