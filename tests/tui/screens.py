"""Screens made of words, for what reads lines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, cast

from muxcore.screen.query import Found, Query
from muxcore.screen.search import search
from muxcore.vt.columns import text_width
from muxcore.vt.engine import PLAIN, Cursor, Run

if TYPE_CHECKING:
    from tui.rows import Place
    from tui.terminal import Terminal


class Lines:
    """`tui.rows.LineSource`: the texts from line `first` on; one that ends in `\\` is wrapped."""

    def __init__(self, *texts: str, cols: int = 10, first: int = 0) -> None:
        self.texts: tuple[str, ...] = texts
        self.cols = cols
        self.oldest_line = first
        self.end_line = first + len(texts)
        self.read: list[tuple[int, int]] = []
        self.dropped = 0
        """Lines that go in front as soon as one is read."""

    async def lines(self, start: int, stop: int) -> Sequence[tuple[Sequence[Run], bool]]:
        self.read.append((start, stop))
        start = max(start, self.oldest_line + self.dropped)
        return [self._line(self.texts[number - self.oldest_line]) for number in range(start, stop)]

    def _line(self, text: str) -> tuple[tuple[Run, ...], bool]:
        shown = text.removesuffix("\\")
        return (Run(shown, PLAIN, text_width(shown)),), shown != text


class Screen(Lines):
    """What of `tui.terminal.Terminal` is read: lines, of which the last `rows` are live."""

    def __init__(self, *texts: str, rows: int = 4, cols: int = 10, first: int = 0) -> None:
        super().__init__(*texts, cols=cols, first=first)
        self.rows = rows
        self.epoch = 0
        self.cursor = Cursor(row=rows - 1)
        self.searches: list[Query] = []
        self.pace = asyncio.Event()
        """Searches wait until it is set."""
        self.pace.set()

    async def search(self, query: Query) -> Found:
        self.searches.append(query)
        await self.pace.wait()
        texts = [(text.removesuffix("\\"), text.endswith("\\")) for text in self.texts]
        return search(texts, self.oldest_line, query, cols=self.cols)

    def print(self, *texts: str) -> None:
        """Have more lines."""
        self.texts = (*self.texts, *texts)
        self.end_line += len(texts)


class View:
    """`tui.line_view.LineView` over a `Screen`."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.top: int | None = None
        self.remarked = 0
        self.fetched = 0

    @property
    def terminal(self) -> Terminal:
        return cast("Terminal", self.screen)

    @property
    def first_line(self) -> int:
        live = self.screen.end_line - self.page
        return live if self.top is None else min(max(self.screen.oldest_line, self.top), live)

    @property
    def page(self) -> int:
        return self.screen.rows

    @property
    def held(self) -> bool:
        return self.top is not None

    def hold(self) -> None:
        self.top = self.first_line

    def go_to(self, line: int) -> None:
        self.top = line

    def reveal(self, place: Place) -> None:
        if not self.first_line <= place.line < self.first_line + self.page:
            self.top = place.line - self.page // 2

    def scroll_to_end(self) -> None:
        self.top = None

    def fetch_older(self) -> None:
        self.fetched += 1

    def remark(self) -> None:
        self.remarked += 1


class Background:
    """Runs coroutines as tasks, and calls later when told to."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self.calls: list[Callable[[], None]] = []

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self.calls.append(call)

    async def idle(self) -> None:
        """Wait for all that was begun."""
        while self._tasks:
            await self._tasks.pop()

    async def pass_time(self) -> None:
        """Call what was to be called later."""
        calls, self.calls = self.calls, []
        for call in calls:
            call()
        await self.idle()
