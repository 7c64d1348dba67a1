"""The bottom line while one searches: what is typed, which match of how many, what keys do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input

from muxcore.screen.search import MAX_PATTERN
from tui.widgets.line import Line

if TYPE_CHECKING:
    from tui.reading import Reading
    from tui.search import Search

FOUND = " n {}  N {}  enter stay  esc back "


class SearchBar(Horizontal):
    """Shows the search of a `Reading`, and has its pattern typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+g", "give_up", show=False),
        Binding("up", "recall('older')", show=False),
        Binding("down", "recall('newer')", show=False),
        Binding("alt+r", "switch('regex')", show=False),
        Binding("alt+c", "switch('case')", show=False),
    ]

    def __init__(self, reading: Reading, *, id: str) -> None:
        super().__init__(id=id)
        self._reading = reading
        self._typing = False
        self.display = False

    def compose(self) -> ComposeResult:
        yield Line(id="search-mark")
        yield Input(id="search-input", compact=True, select_on_focus=False, max_length=MAX_PATTERN)
        yield Line(id="search-state")

    def show(self, search: Search, *, typing: bool) -> None:
        """Show how a search stands; while it is typed, keys are for the input."""
        self.display = True
        self.query_one("#search-mark", Line).show(Content("?" if search.older else "/"))
        state, room = _state(search, typing=typing), self.size.width * 2 // 3
        line = self.query_one("#search-state", Line)
        line.styles.width = min(state.cell_length, room) if room else state.cell_length
        line.show(state.truncate(room, ellipsis=True) if room else state)
        if typing and not self._typing:
            self._begin(search.query.pattern)
        elif self._typing and not typing:
            self.screen.set_focus(None)
        self._typing = typing

    def hide(self) -> None:
        """The search is over."""
        if self._typing:
            self.screen.set_focus(None)
        self._typing = self.display = False

    def _begin(self, pattern: str) -> None:
        entry = self.query_one(Input)
        with entry.prevent(Input.Changed):
            entry.value = pattern
            entry.cursor_position = len(pattern)
        self.screen.set_focus(entry)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._reading.searching.type(event.value)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._reading.accept()

    def action_give_up(self) -> None:
        """Go back to where the view was."""
        self._reading.give_up()

    def action_switch(self, switch: Literal["regex", "case"]) -> None:
        """Understand the pattern in another way."""
        self._reading.searching.toggle(switch)

    def action_recall(self, way: Literal["older", "newer"]) -> None:
        """Search for an earlier pattern."""
        recall, entry = self._reading.searching.recall, self.query_one(Input)
        entry.value = recall.older(entry.value) if way == "older" else recall.newer(entry.value)
        entry.cursor_position = len(entry.value)


def _state(search: Search, *, typing: bool) -> Content:
    """Which match of how many, and what can be pressed; an error needs the room more."""
    failed = bool(search.found.error) or (search.query.pattern and not search.found.matches)
    count = (f" {search.count} ", "$text-error" if failed else "bold")
    if search.found.error:
        return Content.assemble(count)
    if not typing:
        ways = ("↑ older", "↓ newer") if search.older else ("↓ newer", "↑ older")
        return Content.assemble(count, (FOUND.format(*ways), "$foreground-muted"))
    kind, case = search.switches
    return Content.assemble(
        count,
        (" alt+r ", "$foreground-muted"),
        (kind, "$text-primary"),
        (" alt+c ", "$foreground-muted"),
        (case, "$text-primary"),
        (" esc back ", "$foreground-muted"),
    )
