"""The scroll bar over a view's last column, and what of it was drawn already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.widgets.scroll_bar import ScrollBar

if TYPE_CHECKING:
    from rich.segment import Segment

    from tui.paint import Painter
    from tui.widgets.guest_view import GuestView


class ViewBar:
    """Shows a view's scroll bar while there is reason for it."""

    def __init__(self, view: GuestView) -> None:
        self._view = view
        self._marks: Sequence[int] = ()
        self._drawn: tuple[ScrollBar | None, list[Segment]] = (None, [])

    @property
    def shown(self) -> ScrollBar | None:
        """What it shows; None while there is no reason for one."""
        view, terminal, port = self._view, self._view.terminal, self._view.port
        wanted = not port.follows or view.pointer.near_bar
        if not wanted or terminal.end_line - terminal.oldest_line <= port.page:
            return None
        height = max(1, view.size.height)
        return ScrollBar(height, terminal.oldest_line, terminal.end_line, port.first, port.page)

    def mark(self, lines: Sequence[int]) -> None:
        """Mark lines on it."""
        self._marks = lines
        self.forget()

    def forget(self) -> None:
        """Draw it again: its styles are others."""
        self._drawn = (None, [])

    def column(self, painter: Painter) -> Sequence[Segment]:
        """Its cells from the top down; none while it is not shown."""
        bar = self.shown
        if bar is None:
            return ()
        if bar != self._drawn[0]:
            self._drawn = bar, list(bar.cells(painter.bar_styles, bar.marked_rows(self._marks)))
        return self._drawn[1]
