"""Which part of a guest's lines and columns a view shows. Pure.

A view follows the live screen, the cursor kept in it, until it is moved: then it stays on its
lines, which have numbers of their own, whatever is printed below them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from muxcore.vt.engine import Cursor


class Lines(Protocol):
    """The lines of a terminal: `tui.terminal.Terminal` has them."""

    @property
    def rows(self) -> int:
        """Height of the live screen."""

    @property
    def cols(self) -> int:
        """Width of every line."""

    @property
    def end_line(self) -> int:
        """One more than the number of the live screen's last line."""

    @property
    def oldest_line(self) -> int:
        """The number of the oldest line at hand."""

    @property
    def cursor(self) -> Cursor:
        """The cursor on the live screen."""


class Viewport:
    """The part of `lines` that is shown.

    `update` is called when anything of `lines` changed. Methods that move the view return whether
    it moved.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.rows = 1
        """Height of the view."""
        self.cols = 1
        """Width of the view."""
        self.left = 0
        """The first column shown."""
        self._row = 0
        """The first row of the live screen that is shown while the view follows it."""
        self._top: int | None = None
        self._held_left = False
        self._end_then = 0

    @property
    def follows(self) -> bool:
        """Whether the live screen is shown, the cursor kept in sight."""
        return self._top is None

    @property
    def first(self) -> int:
        """The number of the first line shown."""
        return self._following if self._top is None else self._top

    @property
    def live_line(self) -> int:
        """The number of the live screen's first line."""
        return self._lines.end_line - self._lines.rows

    @property
    def new_lines(self) -> int:
        """Lines that were printed since the view stopped to follow."""
        return 0 if self._top is None else max(0, self._lines.end_line - self._end_then)

    @property
    def lines_back(self) -> int:
        """Lines between what is shown and the live screen; negative when a part of that is."""
        return self._following - self.first

    @property
    def page(self) -> int:
        """Lines that are seen at once."""
        return max(1, min(self.rows, self._lines.rows))

    def resize(self, rows: int, cols: int) -> bool:
        """Take the view's size."""
        self.rows, self.cols = max(1, rows), max(1, cols)
        return self.update()

    def update(self) -> bool:
        """Stay on what is shown as far as it is there, or keep the cursor in sight."""
        before = self._row, self.left, self._top
        cursor = self._lines.cursor
        if cursor.visible:
            self._row = _kept(self._row, cursor.row, self.rows)
            if not self._held_left:
                self.left = _kept(self.left, cursor.col, self.cols)
        self._row = min(self._row, max(0, self._lines.rows - self.rows))
        self.left = min(self.left, max(0, self._lines.cols - self.cols))
        if self._top is not None:
            self._top = max(self._lines.oldest_line, min(self._top, self._lowest))
        return (self._row, self.left, self._top) != before

    def end(self) -> bool:
        """Follow the live screen."""
        before = self.first, self.left
        self._top = None
        if self._held_left:
            # Back where a screen begins, as far as the cursor allows.
            self._held_left, self.left = False, 0
        self.update()
        return (self.first, self.left) != before

    def go_to(self, line: int) -> bool:
        """Have this line on top, or the nearest one that can be; follow where that is the end."""
        before, followed = self.first, self.follows
        top = max(self._lines.oldest_line, min(line, self._lowest))
        down = top > before
        if top == self._following or (down and top == self._lowest and self._sees_cursor(top)):
            self._top = None
            self.update()
        else:
            self.hold(top)
        return self.first != before or self.follows != followed

    def hold(self, line: int | None = None) -> bool:
        """Stay: with this line on top, or the nearest one that can be, or on what is shown."""
        before = self.first
        if self._top is None:
            self._end_then = self._lines.end_line
        top = before if line is None else line
        self._top = max(self._lines.oldest_line, min(top, self._lowest))
        return self._top != before

    def renumber(self, line: int | None, end: int | None) -> None:
        """Lines have other numbers: follow the live screen, or stay on `line` if it still is.

        `end` is the number of the one that was the last when the view was held.
        """
        if self._top is None or line is None:
            self.end()
            return
        self._end_then = self._lines.end_line if end is None else end + 1
        self.hold(line)

    @property
    def end_then(self) -> int:
        """The line that was the last one when the view was held."""
        return self._end_then - 1

    def scroll(self, lines: int) -> bool:
        """Move by lines: negative is up, towards older ones."""
        return self.go_to(self.first + lines)

    def show(self, line: int, col: int) -> bool:
        """Have this cell in sight, its line in the middle when it was not, and stay there."""
        seen = self.first <= line < self.first + self.page
        moved = self.hold(None if seen else line - self.page // 2)
        aside = _kept(self.left, col, self.cols) - self.left
        return self.pan(aside) or moved

    def pan(self, columns: int) -> bool:
        """Move sideways, and stay there until the view is told to follow again."""
        left = min(max(self.left + columns, 0), max(0, self._lines.cols - self.cols))
        moved, self.left = left != self.left, left
        self._held_left = self._held_left or moved
        return moved

    def line_at(self, y: int) -> int | None:
        """The number of the line in a row of the view; None below the last one."""
        line = self.first + y
        return line if line < self._lines.end_line else None

    def row_of(self, line: int) -> int | None:
        """The row of the view that shows a line, if any does."""
        row = line - self.first
        return row if 0 <= row < self.rows else None

    @property
    def _following(self) -> int:
        return self.live_line + self._row

    @property
    def _lowest(self) -> int:
        """The last line that may be on top."""
        return self._lines.end_line - self.page

    def _sees_cursor(self, top: int) -> bool:
        cursor = self._lines.cursor
        return not cursor.visible or 0 <= self.live_line + cursor.row - top < self.rows


def _kept(origin: int, place: int, length: int) -> int:
    """The nearest origin of a window of that length that holds a place."""
    return min(max(origin, place - length + 1), place)
