"""Searching: runs searches one at a time, again as output arrives, and shows where they lead."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from muxcore.screen.query import Found, Query
from tui.rows import Place
from tui.search import Recall, Search, toggled

if TYPE_CHECKING:
    from tui.line_view import LineView
    from tui.paint import Span

AGAIN = 0.25
"""Seconds between two searches that only output is the reason for."""


class Searching:
    """The search of one view.

    Args:
        view: where it searches.
        run: runs a coroutine in the background.
        later: calls a function after so many seconds.
        changed: called when there is something else to show.
        landed: called when another match is looked at.
        ready: called when `landing` may be over.
    """

    def __init__(
        self,
        view: LineView,
        run: Callable[[Coroutine[Any, Any, None]], object],
        later: Callable[[float, Callable[[], None]], object],
        changed: Callable[[], None],
        landed: Callable[[], None],
        ready: Callable[[], None],
    ) -> None:
        self._view = view
        self._run = run
        self._later = later
        self._changed = changed
        self._landed = landed
        self._ready = ready
        self.recall = Recall()
        self.search: Search | None = None
        """The search that is going on."""
        self._top: int | None = None
        self._query = Query("")
        self._epoch = 0
        self._asked = False
        self._asking = False
        self._waiting = False
        self._follow = False

    @property
    def active(self) -> bool:
        """Whether a search is going on."""
        return self.search is not None

    @property
    def landing(self) -> bool:
        """Whether the match to look at has yet to be found."""
        return self._asking and self._follow

    def begin(self, origin: Place, *, older: bool) -> None:
        """Begin a search at a place, with the switches of the one before."""
        self._top = self._view.first_line if self._view.held else None
        self._epoch = self._view.terminal.epoch
        self._follow = False
        self.search = Search(origin, older, replace(self._query, pattern=""))
        self._changed()

    def repeat(self) -> bool:
        """Search for what was searched for last; whether there is such a thing."""
        if self.search is None or not self._query.pattern:
            return False
        self._ask(self._query)
        return True

    def type(self, pattern: str) -> None:
        """Search for what has been typed so far."""
        if self.search is not None:
            self._ask(replace(self.search.query, pattern=pattern))

    def toggle(self, switch: str) -> None:
        """Turn one of the switches `regex` and `case`."""
        if self.search is not None:
            self._ask(toggled(self.search.query, switch))

    def step(self, *, back: bool = False) -> None:
        """Go to the next match, or to the one before."""
        if self.search is None:
            return
        self.search.step(back=back)
        self._show()

    def accept(self) -> None:
        """Keep the pattern to be recalled."""
        if self.search is not None and self.search.query.pattern:
            self._query = self.search.query
            self.recall.add(self._query.pattern)

    def end(self, *, back: bool) -> None:
        """End the search; the view returns to where it was, or stays."""
        if self.search is None:
            return
        self.accept()
        self.search = None
        if back:
            self._return()
        self._view.remark()
        self._changed()

    def places(self) -> dict[str, Place]:
        """What is to be followed through a resize."""
        if self.search is None:
            return {}
        match = self.search.match
        at = {"match": Place(match.line, match.start)} if match else {}
        top = {} if self._top is None else {"before": Place(self._top, 0)}
        return {"origin": self.search.origin, **at, **top}

    def follow(self, moved: Mapping[str, Place]) -> None:
        """Lines have other numbers: search again, and look at the same match."""
        if self.search is None or "origin" not in moved:
            return
        self._epoch = self._view.terminal.epoch
        self._top = moved["before"].line if "before" in moved else None
        self.search.follow(moved["origin"], moved.get("match"))
        if self.search.query.pattern:
            self._start()

    def output(self) -> None:
        """Something was printed: look again, soon."""
        if self.search is None or self._waiting or not self.search.query.pattern:
            return
        self._waiting = True
        self._later(AGAIN, self._look_again)

    def _look_again(self) -> None:
        self._waiting = False
        self._start()

    def _ask(self, query: Query) -> None:
        assert self.search is not None
        self.search.query = query
        self._follow = True
        self._changed()
        self._start()

    def _start(self) -> None:
        self._asked = True
        if not self._asking:
            self._asking = True
            self._run(self._answer())

    async def _answer(self) -> None:
        """Search until nothing else is asked for; at most one request is outstanding."""
        try:
            while self._asked and (search := self.search) is not None:
                self._asked = False
                query = search.query
                found = await self._view.terminal.search(query) if query.pattern else Found()
                if self.search is search and search.query == query:
                    self._take(search, found)
        finally:
            self._asking = False
            self._ready()

    def _take(self, search: Search, found: Found) -> None:
        if self._epoch != self._view.terminal.epoch:
            self._epoch = self._view.terminal.epoch
            self._top = None
            search.take(Found())
        if self._follow:
            # Another pattern: what was looked at for the one before does not count.
            search.current = None
        search.take(found)
        if self._follow:
            self._follow = False
            self._show()
        self._view.remark()
        self._changed()

    def _show(self) -> None:
        """Show the match that is looked at; without any, where the search began."""
        if self.search is not None and self.search.match is not None:
            match = self.search.match
            self._view.reveal(Place(match.line, match.start))
            self._view.hold()
            self._landed()
        else:
            self._return()
        self._view.remark()
        self._changed()

    def _return(self) -> None:
        if self._top is None or self._epoch != self._view.terminal.epoch:
            self._view.scroll_to_end()
        else:
            self._view.go_to(self._top)

    def spans(self, line: int) -> list[Span]:
        """What to mark in a line."""
        if self.search is None or self._epoch != self._view.terminal.epoch:
            return []
        return self.search.spans(line, self._view.terminal.cols)
