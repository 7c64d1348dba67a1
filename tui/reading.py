"""Reading what a guest printed: whose a key or a click is while one searches, selects or copies.

One of three holds the keys: the search's input line, a search that was accepted (`n` and `N`), or
copy mode. A selection with the mouse holds none.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Literal

from muxcore.screen.query import MAX_PATTERN
from tui.copy_mode import CopyMode, Outcome
from tui.line_edit import LineEdit
from tui.paint import Span
from tui.rows import Extent, Place, Rows
from tui.searching import Searching
from tui.selecting import Selecting

if TYPE_CHECKING:
    from muxcore.vt.keys import Key
    from tui.line_view import LineView
    from tui.selection import Selection

Mode = Literal["", "typing", "found", "copy"]

_PAGES = {"pageup": -1, "shift+pageup": -1, "pagedown": 1, "shift+pagedown": 1}
_LINES = {"up": -1, "down": 1}
_SWITCHES = {"alt+r": "regex", "alt+c": "case"}


class Reading:
    """What goes on in one view.

    Args:
        view: the view.
        run: runs a coroutine in the background.
        later: calls a function after so many seconds.
        changed: called when the mode, or what is said of it, is another.
        copy: copies a selection.
        ready: called when `busy` may be over.
    """

    def __init__(
        self,
        view: LineView,
        *,
        run: Callable[[Coroutine[Any, Any, None]], object],
        later: Callable[[float, Callable[[], None]], object],
        changed: Callable[[], None],
        copy: Callable[[Selection], None],
        ready: Callable[[], None],
    ) -> None:
        self._view = view
        self._run = run
        self._changed = changed
        self._copy = copy
        self._ready = ready
        self.searching = Searching(view, run, later, changed, self._landed, ready)
        self.selecting = Selecting(view, run, copy)
        self.entry = LineEdit(MAX_PATTERN)
        """The search's input line."""
        self._typing = False
        self._copy_mode: CopyMode | None = None
        self._cursor = Extent(Place(0, 0), Place(0, 1))
        self._copy_selection: Selection | None = None
        self._obeying = False

    @property
    def mode(self) -> Mode:
        """Who has the keys."""
        if self._typing:
            return "typing"
        if self._copy_mode is not None:
            return "copy"
        return "found" if self.searching.active else ""

    @property
    def busy(self) -> bool:
        """Whether lines are being read for a key; what the next one means depends on them."""
        return self._obeying or (self.searching.landing and not self._typing)

    @property
    def note(self) -> str:
        """What the status bar says of it."""
        if self._copy_mode is None:
            return ""
        found = self.searching.search.count if self.searching.search else ""
        kind = {"": "", "cells": "visual", "lines": "lines", "block": "block"}
        parts = ("copy mode", kind[self._copy_mode.kind], self._copy_mode.count, found)
        return " ".join(filter(None, parts))

    @property
    def selection(self) -> Selection | None:
        """What is selected."""
        return self._copy_selection or self.selecting.selection

    # Beginning and ending.

    def search(self, *, older: bool = True) -> None:
        """Begin to search: from the cursor in copy mode, else from the end of what is shown."""
        if self._copy_mode is not None:
            origin = self._copy_mode.place
        else:
            origin = Place(self._view.first_line + self._view.page, 0)
        self.searching.begin(origin, older=older)
        self.entry.set("")
        self._typing = True
        self._changed()

    def accept(self) -> None:
        """Enter in the input line: keep what was found, or end with nothing."""
        self._typing = False
        self.searching.accept()
        search = self.searching.search
        if search is not None and not search.query.pattern and not self.searching.repeat():
            self.searching.end(back=True)
        self._landed()
        self._changed()

    def give_up(self) -> None:
        """Escape in the input line, or after it: back to where the view was."""
        self._typing = False
        self.searching.end(back=self._copy_mode is None)
        self._show_copy_mode()
        self._changed()

    def copy_mode(self) -> None:
        """Begin copy mode with its cursor on the match that is looked at, else on the guest's."""
        if self._copy_mode is not None:
            return
        found = self.searching.search is not None and self.searching.search.match is not None
        self._typing = False
        self.searching.accept()
        if not found:
            self.searching.end(back=False)
        self.selecting.clear()
        terminal, view = self._view.terminal, self._view
        line = terminal.end_line - terminal.rows + terminal.cursor.row
        col = min(terminal.cursor.col, terminal.cols - 1)
        if not view.first_line <= line < view.first_line + view.page:
            line, col = view.first_line + view.page - 1, 0
        self._copy_mode = CopyMode(Place(line, col), view.first_line, view.page, terminal.epoch)
        self._cursor = Extent(Place(line, col), Place(line, col + 1))
        view.hold()
        self._put(Place(line, col))
        self._landed()

    def end(self) -> None:
        """End all of it; keys are the guest's again."""
        self._typing = False
        self._leave_copy_mode()
        self.searching.end(back=False)
        self.selecting.clear()

    def _leave_copy_mode(self) -> None:
        if self._copy_mode is None:
            return
        self._copy_mode = self._copy_selection = None
        self.searching.end(back=False)
        self._view.scroll_to_end()
        self._view.remark()
        self._changed()

    # Keys.

    def press(self, key: Key) -> bool:
        """Take a key; whether it was not for the guest. The next one comes when not `busy`."""
        if self.mode == "typing":
            self._press_typing(key)
            return True
        if self._copy_mode is not None:
            self._obeying = True
            self._run(self._obey(self._copy_mode, key.name))
            return True
        if self.mode == "found":
            self._press_found(key.name)
            return True
        self.selecting.clear()
        return False

    def paste(self, text: str) -> bool:
        """Take what is pasted; whether it was not for the guest."""
        if self._typing:
            self.entry.insert(text)
            self.searching.type(self.entry.text)
        return self.mode != ""

    def _press_typing(self, key: Key) -> None:
        entry, recall = self.entry, self.searching.recall
        before = entry.text
        if key.name in ("enter", "kp_enter"):
            self.accept()
        elif key.name in ("escape", "ctrl+c", "ctrl+g"):
            self.give_up()
        elif key.name in _SWITCHES:
            self.searching.toggle(_SWITCHES[key.name])
        elif key.name == "up":
            entry.set(recall.older(entry.text))
        elif key.name == "down":
            entry.set(recall.newer(entry.text))
        else:
            entry.press(key)
        if self._typing and entry.text != before:
            self.searching.type(entry.text)
        self._changed()

    def _press_found(self, key: str) -> None:
        if key in ("n", "N"):
            self.searching.step(back=key == "N")
        elif key in ("escape", "ctrl+c"):
            self.give_up()
        elif key in ("enter", "kp_enter", "q"):
            self.searching.end(back=False)
        elif key in ("/", "?"):
            self.search(older=key == "?")
        elif lines := _LINES.get(key, self._view.page * _PAGES.get(key, 0)):
            self._view.go_to(self._view.first_line + lines)

    async def _obey(self, mode: CopyMode, key: str) -> None:
        """Obey a key of copy mode."""
        try:
            await self._obey_key(mode, key)
        finally:
            self._obeying = False
            self._ready()

    async def _obey_key(self, mode: CopyMode, key: str) -> None:
        rows = Rows(self._view.terminal)
        mode.height = self._view.page
        outcome = await mode.press(key, rows)
        line = await mode.line(rows) if outcome == "copy line" else None
        await self._settle(mode, rows)
        if self._copy_mode is mode:
            if mode.top <= rows.first:
                self._view.fetch_older()
            self._finish(outcome, line or self._copy_selection)

    async def _settle(self, mode: CopyMode, rows: Rows) -> None:
        """Show what copy mode has come to: a cell is whole, a selection reaches to it."""
        cursor = await rows.cell(mode.place)
        selection = await mode.selection(rows)
        if self._copy_mode is mode:
            self._cursor, self._copy_selection = cursor, selection
            self._show_copy_mode()
            self._changed()

    def _finish(self, outcome: Outcome, selection: Selection | None) -> None:
        if outcome in ("copy", "copy line", "leave"):
            if outcome != "leave" and selection is not None:
                self._copy(selection)
            self._leave_copy_mode()
        elif outcome in ("search", "search back"):
            self.search(older=outcome == "search back")
        elif outcome in ("next", "previous"):
            self._step(back=outcome == "previous")

    def _step(self, *, back: bool) -> None:
        if self.searching.active:
            self.searching.step(back=back)
        elif self._copy_mode is not None:
            self.searching.begin(self._copy_mode.place, older=back)
            if not self.searching.repeat():
                self.searching.end(back=False)

    def _landed(self) -> None:
        """Put copy mode's cursor on the match that is looked at, once it was accepted."""
        search = self.searching.search
        if not self._typing and search is not None and search.match is not None:
            self._put(Place(search.match.line, search.match.start))

    def _put(self, place: Place) -> None:
        """Put copy mode's cursor on a place."""
        if self._copy_mode is not None:
            rows = Rows(self._view.terminal)
            self._copy_mode.go(place, rows)
            self._run(self._settle(self._copy_mode, rows))

    def _show_copy_mode(self) -> None:
        if self._copy_mode is not None:
            self._view.go_to(self._copy_mode.top)
            self._view.reveal(self._copy_mode.place)
            self._view.hold()
            self._view.remark()

    # The mouse.

    def scroll(self, lines: int) -> bool:
        """Scroll by lines where a mode has to know of it; whether it did."""
        if self._copy_mode is None:
            return False
        rows = Rows(self._view.terminal)
        self._copy_mode.height = self._view.page
        self._copy_mode.scroll(lines, rows)
        if self._copy_mode.top <= rows.first:
            self._view.fetch_older()
        self._run(self._settle(self._copy_mode, rows))
        return True

    def click(self, place: Place, *, block: bool) -> None:
        """The left button goes down."""
        self._put(place)
        self.selecting.press(place, block=block)

    # The screen.

    def output(self) -> None:
        """Something was printed."""
        self.searching.output()

    def places(self) -> dict[str, Place]:
        """What is to be followed through a resize, by names of its own."""
        places = self.selecting.places() | self.searching.places()
        if self._copy_mode is not None:
            places["cursor"] = self._copy_mode.place
            places["begun"] = self._copy_mode.begun or self._copy_mode.place
        return places

    def follow(self, moved: Mapping[str, Place]) -> bool:
        """Lines have other numbers; `moved` has what of `places` is still there.

        Returns:
            Whether nothing was dropped.
        """
        selected = self.selection is not None or self._copy_mode is not None
        self.selecting.follow(moved)
        self.searching.follow(moved)
        if self._copy_mode is not None:
            self._follow_copy_mode(self._copy_mode, moved)
        return not selected or self.selection is not None or self._copy_mode is not None

    def _follow_copy_mode(self, mode: CopyMode, moved: Mapping[str, Place]) -> None:
        if "cursor" not in moved or "begun" not in moved:
            self._leave_copy_mode()
            return
        begun = moved["begun"] if mode.begun else None
        mode.follow(moved["cursor"], begun, self._view.terminal.epoch)
        mode.top, mode.height = self._view.first_line, self._view.page
        self._put(mode.place)

    def spans(self, line: int) -> list[Span]:
        """What to mark in a line."""
        spans = self.searching.spans(line)
        terminal = self._view.terminal
        if (selection := self.selection) is not None and selection.epoch == terminal.epoch:
            span = selection.span(line, terminal.cols)
            spans += [Span(*span, "selection")] if span else []
        if self._copy_mode is not None and self._cursor.start.line == line:
            spans.append(Span(self._cursor.start.col, self._cursor.stop.col, "cursor"))
        return spans
