"""The guest's cursor in a view: the user's terminal's own, or a drawn one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.errors import NoWidget
from textual.geometry import Offset

from tui.output import Places
from tui.terminal_cursor import CursorPlace

if TYPE_CHECKING:
    from textual.strip import Strip

    from tui.paint import Painter
    from tui.widgets.guest_view import GuestView


class ViewCursor:
    """Shows a view's cursor.

    A view that keys go to has the terminal's own where there is one. Without, in a test or a
    picture, it is drawn, and so it is, as a line below, in a view that keys do not go to.
    """

    def __init__(self, view: GuestView) -> None:
        self._view = view
        self._places = Places()
        self.active = True
        """Whether keys go to the view."""
        self.put: Callable[[CursorPlace | None, bool], None] | None = None
        """Puts the user's terminal's own cursor somewhere, or hides it; whether a drawing follows.

        None: there is none to be had.
        """

    @property
    def own(self) -> bool:
        """Whether the terminal's own cursor is the guest's: it is not drawn."""
        return self.put is not None and self.active

    def place(self, *, drawing: bool = False) -> None:
        """Put the terminal's own cursor where the guest's is; whether a drawing follows."""
        if self.put is not None:
            self.put(self._find() if self.active else None, drawing)

    def on(self, number: int, strip: Strip, painter: Painter) -> Strip:
        """The line of that number, with the cursor drawn on it if it is there."""
        cursor = self._view.terminal.cursor
        here = cursor.visible and number == self._view.port.live_line + cursor.row
        if not here or self.own or not self._view.live:
            return strip
        return painter.with_cursor(strip, cursor.col, cursor.shape, focused=self.active)

    def _find(self) -> CursorPlace | None:
        """Where the guest's cursor is on the user's terminal; None where it is not seen."""
        view = self._view
        cursor, port = view.terminal.cursor, view.port
        y = port.row_of(port.live_line + cursor.row)
        x = cursor.col - port.left
        if not (cursor.visible and view.live and x >= 0) or y is None:
            return None
        uncovered = self._places.of(view)
        region = uncovered or view.region
        if x >= region.width - (view.bar.shown is not None):
            return None
        at = region.offset + Offset(x, y)
        if uncovered:
            return CursorPlace(at.x, at.y, cursor.shape, cursor.blinking)
        with contextlib.suppress(NoWidget):
            if view.screen.get_widget_at(*at)[0] is view:
                return CursorPlace(at.x, at.y, cursor.shape, cursor.blinking)
        return None
