"""Copies: what was selected goes to the user's clipboard, or to a file where that is too small."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.clipboard import fits
from tui.format import byte_count, plural
from tui.save import SaveError, default_path, save

if TYPE_CHECKING:
    from textual.app import App

    from tui.line_view import LineView
    from tui.selection import Selection

SAID = 2.0
"""Seconds for which a copy is told."""


class Copying:
    """Makes copies from one view.

    Args:
        app: whose terminal's clipboard is set.
        view: where the text is.
    """

    def __init__(self, app: App[int], view: LineView) -> None:
        self._app = app
        self._view = view
        self.last = ""
        """What was copied last."""

    async def text(self, selection: Selection) -> str:
        """The text of a selection; nothing when its lines are not there any more."""
        if selection.epoch != self._view.terminal.epoch:
            return ""
        start, stop = selection.area
        place = (start.line, start.col, stop.line, stop.col)
        return await self._view.terminal.text(*place, selection.block)

    async def copy(self, selection: Selection, console: str, now: float) -> None:
        """Copy a selection, and say so."""
        text = await self.text(selection)
        if not text:
            return
        self.last = text
        if fits(text):
            self._app.copy_to_clipboard(text)
            lines = text.count("\n") + 1
            what = plural(lines, "line") if lines > 1 else plural(len(text), "character")
            self._app.notify(f"Copied {what}.", timeout=SAID, markup=False)
        else:
            self._to_file(text, default_path(console, now, ".txt"))

    def _to_file(self, text: str, path: str) -> None:
        size = byte_count(len(text.encode()))
        try:
            saved = save(path, text)
        except SaveError as error:
            said = f"{size} is more than terminals copy, and cannot be saved: {error}"
            self._app.notify(said, severity="error", markup=False)
        else:
            said = f"{size} is more than terminals copy. It is in {saved}"
            self._app.notify(said, severity="warning", markup=False)
