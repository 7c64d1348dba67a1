"""What is selected: cells between two ends, by absolute lines. Pure.

Each end is a cell, a word or a line (an `Extent`), so that a selection that was begun by a double
click grows by words. It stays on its text while output arrives, for the numbers of lines do.
"""

from __future__ import annotations

from dataclasses import dataclass

from tui.rows import Extent, Place


@dataclass(frozen=True)
class Selection:
    """From the extent where it began to the one it was drawn to.

    `epoch` is the one its line numbers are of: in another they mean nothing.
    """

    anchor: Extent
    head: Extent
    epoch: int
    block: bool = False
    """Whether it is the rectangle between the ends rather than all text between them."""

    @property
    def area(self) -> Extent:
        """All of it; a block's corners, its columns from the left to the right."""
        (start, begun), (end, stop) = self.anchor, self.head
        first, last = min(start, end), max(begun, stop)
        if not self.block:
            return Extent(first, last)
        return Extent(
            Place(first.line, min(start.col, end.col)), Place(last.line, max(begun.col, stop.col))
        )

    def span(self, line: int, cols: int) -> tuple[int, int] | None:
        """The columns from and up to which it covers a line; None where it does not."""
        start, stop = self.area
        if not start.line <= line <= stop.line:
            return None
        if self.block:
            return start.col, stop.col
        left = start.col if line == start.line else 0
        right = stop.col if line == stop.line else cols
        return (left, right) if left < right else None
