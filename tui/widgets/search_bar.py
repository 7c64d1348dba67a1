"""The bottom line while one searches: what is typed, which match of how many, what keys do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from muxcore.screen.search import MAX_PATTERN
from tui.search import Search
from tui.widgets.line import Line

FOUND = " n {}  N {}  enter stay  esc back "


class PatternInput(Input):
    """The pattern; what its keys do beside editing is told to the bar."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+g", "ask('escape')", show=False),
        Binding("up", "ask('older')", show=False),
        Binding("down", "ask('newer')", show=False),
        Binding("alt+r", "ask('regex')", show=False),
        Binding("alt+c", "ask('case')", show=False),
    ]

    @dataclass
    class Asked(Message):
        """One of the keys that do not edit."""

        what: str

    def action_ask(self, what: str) -> None:
        """Tell the bar."""
        self.post_message(self.Asked(what))


class SearchBar(Horizontal):
    """Shows a `Search`; tells what is done to it."""

    @dataclass
    class Typed(Message):
        """The pattern is another."""

        pattern: str

    class Accepted(Message):
        """Enter."""

    @dataclass
    class Asked(Message):
        """`escape`, `older`, `newer`, `regex` or `case`."""

        what: str

    def compose(self) -> ComposeResult:
        yield Line(id="search-mark")
        yield PatternInput(compact=True, select_on_focus=False, max_length=MAX_PATTERN)
        yield Line(id="search-count")
        yield Line(id="search-keys")

    @property
    def input(self) -> Input:
        """Where the pattern is typed."""
        return self.query_one(PatternInput)

    def show(self, search: Search, *, typing: bool) -> None:
        """Show how a search stands."""
        failed = bool(search.found.error) or (search.query.pattern and not search.found.matches)
        self.query_one("#search-mark", Line).show(Content("?" if search.older else "/"))
        self.query_one("#search-count", Line).show(
            Content.styled(f" {search.count} ", "$text-error" if failed else "bold")
        )
        self.query_one("#search-keys", Line).show(_keys(search, typing=typing))
        self.input.disabled = not typing

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Accepted())

    @on(PatternInput.Asked)
    def _asked(self, event: PatternInput.Asked) -> None:
        event.stop()
        self.post_message(self.Asked(event.what))


def _keys(search: Search, *, typing: bool) -> Content:
    """What can be pressed; an error needs the room more."""
    if search.found.error:
        return Content()
    if not typing:
        ways = ("↑ older", "↓ newer") if search.older else ("↓ newer", "↑ older")
        return Content.styled(FOUND.format(*ways), "$foreground-muted")
    kind, case = search.switches
    return Content.assemble(
        (" alt+r ", "$foreground-muted"),
        (kind, "$text-primary"),
        (" alt+c ", "$foreground-muted"),
        (case, "$text-primary"),
        (" esc back ", "$foreground-muted"),
    )
