"""Searching a view: one request at a time, again as output arrives, and where it leads."""

from __future__ import annotations

from muxcore.screen.query import Query
from tests.tui.screens import Background, Screen, View
from tui.paint import Span
from tui.rows import Place
from tui.searching import Searching


class Rig:
    def __init__(self, *texts: str) -> None:
        self.screen = Screen(*texts)
        self.view = View(self.screen)
        self.background = Background()
        self.landed = 0
        self.ready: list[bool] = []
        self.searching = Searching(
            self.view,
            self.background.run,
            self.background.later,
            changed=lambda: None,
            landed=self._landed,
            ready=lambda: self.ready.append(self.searching.landing),
        )

    def _landed(self) -> None:
        self.landed += 1

    async def type(self, *patterns: str) -> None:
        for pattern in patterns:
            self.searching.type(pattern)
        await self.background.idle()

    def begin(self, *, older: bool = True) -> None:
        self.searching.begin(Place(self.screen.end_line, 0), older=older)

    @property
    def count(self) -> str:
        return self.searching.search.count if self.searching.search else "over"

    @property
    def at(self) -> int | None:
        search = self.searching.search
        return search.match.line if search and search.match else None


def lines(*marked: int, count: int = 20) -> list[str]:
    return ["mark" if line in marked else "plain" for line in range(count)]


async def test_what_is_typed_is_searched_and_shown() -> None:
    rig = Rig(*lines(3, 9))
    rig.begin()
    await rig.type("mar")
    assert (rig.count, rig.at, rig.view.first_line) == ("2/2", 9, 7)
    assert rig.searching.spans(9) == [Span(0, 3, "current")]
    assert rig.searching.spans(3) == [Span(0, 3, "match")]


async def test_one_request_is_outstanding_and_only_the_last_pattern_counts() -> None:
    rig = Rig(*lines(3))
    rig.begin()
    rig.screen.pace.clear()
    for pattern in ("m", "ma", "mar", "mark"):
        rig.searching.type(pattern)
    rig.screen.pace.set()
    await rig.background.idle()
    assert [query.pattern for query in rig.screen.searches] in (["m", "mark"], ["mark"])
    assert rig.searching.spans(3) == [Span(0, 4, "current")]


async def test_nothing_found_is_nowhere_else() -> None:
    rig = Rig(*lines(3))
    rig.begin()
    await rig.type("mark")
    assert rig.view.held
    await rig.type("mark!")
    assert (rig.count, rig.view.held) == ("none", False)


async def test_half_a_pattern_is_an_error_in_the_line() -> None:
    rig = Rig(*lines(3))
    rig.begin()
    await rig.type("(")
    assert rig.count.startswith("missing )")
    await rig.type("(mark)")
    assert rig.count == "1/1"


async def test_it_is_told_when_the_match_to_look_at_is_found() -> None:
    rig = Rig("mark", "two")
    rig.begin()
    rig.searching.type("mark")
    assert rig.searching.landing
    await rig.background.idle()
    assert rig.ready == [False]


async def test_steps_show_their_match() -> None:
    rig = Rig(*lines(3, 9))
    rig.begin()
    await rig.type("mark")
    rig.searching.step()
    assert (rig.at, rig.view.first_line) == (3, 1)
    rig.searching.step(back=True)
    assert rig.at == 9
    assert rig.landed == 3


async def test_output_is_searched_while_the_view_stays() -> None:
    rig = Rig(*lines(3, 9))
    rig.begin()
    await rig.type("mark")
    rig.screen.print("mark", "more")
    for _ in range(5):
        rig.searching.output()
    assert len(rig.background.calls) == 1
    await rig.background.pass_time()
    assert (rig.count, rig.at, rig.view.first_line) == ("2/3", 9, 7)


async def test_output_is_not_searched_for_nothing() -> None:
    rig = Rig("x")
    rig.searching.output()
    rig.begin()
    rig.searching.output()
    assert not rig.background.calls


async def test_the_end_returns_or_stays() -> None:
    rig = Rig(*lines(3))
    rig.begin()
    await rig.type("mark")
    rig.searching.end(back=False)
    assert (rig.count, rig.view.first_line) == ("over", 1)
    assert rig.searching.spans(3) == []
    rig.begin()
    await rig.type("plain")
    rig.searching.end(back=True)
    assert rig.view.first_line == 1
    rig.view.scroll_to_end()
    rig.begin()
    await rig.type("mark")
    rig.searching.end(back=True)
    assert not rig.view.held


async def test_other_numbers_end_nothing_but_what_was_found() -> None:
    rig = Rig(*lines(3))
    rig.begin()
    await rig.type("mark")
    rig.screen.epoch += 1
    rig.screen.texts = tuple(lines(5))
    assert rig.searching.spans(3) == []
    rig.searching.output()
    await rig.background.pass_time()
    assert (rig.count, rig.at) == ("1/1", 5)
    rig.searching.end(back=True)
    assert not rig.view.held


async def test_switches_search_again_and_are_kept_for_the_next() -> None:
    rig = Rig("a.c", "abc", "x", "x", "x")
    rig.begin()
    await rig.type("a.c")
    assert rig.count == "2/2"
    rig.searching.toggle("regex")
    await rig.background.idle()
    assert rig.count == "1/1"
    rig.searching.end(back=False)
    rig.begin()
    assert rig.searching.search is not None
    assert rig.searching.search.query == Query("", regex=False)


async def test_the_last_pattern_can_be_searched_for_again() -> None:
    rig = Rig(*lines(3))
    rig.begin()
    assert not rig.searching.repeat()
    await rig.type("mark")
    rig.searching.end(back=True)
    rig.begin()
    assert rig.searching.repeat()
    await rig.background.idle()
    assert rig.count == "1/1"
    assert rig.searching.recall.older("") == "mark"
