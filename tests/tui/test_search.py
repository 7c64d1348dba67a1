"""A search as it goes on: which match is looked at, what is shown of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from muxcore.screen.query import Found, Match, Query
from tui.paint import Span
from tui.rows import Place
from tui.search import MAX_RECALLED, Recall, Search, toggled


def at(*lines: int) -> list[Match]:
    return [Match(line, 2, line, 4) for line in lines]


def search(*lines: int, origin: int = 10, older: bool = True) -> Search:
    made = Search(Place(origin, 0), older, Query("x"))
    made.take(Found(at(*lines)))
    return made


def looked_at(made: Search) -> int | None:
    return made.match.line if made.match else None


def test_the_nearest_match_in_its_direction_is_looked_at_first() -> None:
    assert looked_at(search(3, 9, 11)) == 9
    assert looked_at(search(3, 9, 11, older=False)) == 11


def test_where_there_is_none_it_goes_on_at_the_other_end() -> None:
    assert looked_at(search(11, 12)) == 12
    assert looked_at(search(3, 9, older=False)) == 3
    assert looked_at(search()) is None


def test_a_match_at_its_origin_counts_only_towards_older_lines() -> None:
    here = Search(Place(5, 2), True, Query("x"))
    here.take(Found(at(4, 5, 6)))
    assert looked_at(here) == 5
    here = Search(Place(5, 2), False, Query("x"))
    here.take(Found(at(4, 5, 6)))
    assert looked_at(here) == 6


def test_steps_go_round_in_either_direction() -> None:
    older = search(3, 9)
    older.step()
    assert looked_at(older) == 3
    older.step()
    assert looked_at(older) == 9
    older.step(back=True)
    assert looked_at(older) == 3
    newer = search(3, 9, older=False)
    newer.step()
    assert looked_at(newer) == 9
    nothing = search()
    nothing.step()
    assert looked_at(nothing) is None


def test_the_match_looked_at_stays_while_more_are_found() -> None:
    made = search(3, 9)
    made.take(Found(at(1, 3, 9, 10)))
    assert (looked_at(made), made.count) == (9, "3/4")
    made.take(Found(at(1, 3)))
    assert looked_at(made) == 3


def test_the_count_says_which_of_how_many() -> None:
    made = search(3, 9)
    assert made.count == "2/2"
    made.take(Found(at(3, 9), truncated=True))
    assert made.count == "2/2+"
    made.take(Found())
    assert made.count == "none"
    made.take(Found(error="missing )"))
    assert made.count == "missing )"
    assert Search(Place(0, 0), True).count == ""


def test_matches_are_marked_and_the_one_looked_at_otherwise() -> None:
    made = search(3, 9)
    assert made.spans(3, 80) == [Span(2, 4, "match")]
    assert made.spans(9, 80) == [Span(2, 4, "current")]
    assert made.spans(4, 80) == []
    assert made.lines == [3, 9]


def test_a_match_over_a_wrap_is_marked_in_each_line() -> None:
    made = search()
    made.take(Found([Match(3, 7, 5, 2)]))
    assert [made.spans(line, 10) for line in (3, 4, 5)] == [
        [Span(7, 10, "current")],
        [Span(0, 10, "current")],
        [Span(0, 2, "current")],
    ]


def test_switches_turn_and_are_named() -> None:
    query = Query("x")
    for switch, words in [
        ("regex", ("text", "smart case")),
        ("regex", ("regex", "smart case")),
        ("case", ("regex", "match case")),
        ("case", ("regex", "any case")),
        ("case", ("regex", "smart case")),
    ]:
        query = toggled(query, switch)
        assert Search(Place(0, 0), True, query).switches == words


def test_earlier_patterns_are_recalled_and_what_was_typed_comes_back() -> None:
    recall = Recall()
    assert recall.older("typed") == "typed"
    for pattern in ("one", "two", "one", ""):
        recall.add(pattern)
    assert [recall.older("typed") for _ in range(3)] == ["one", "two", "two"]
    assert [recall.newer("two") for _ in range(2)] == ["one", "typed"]
    assert recall.newer("other") == "other"


@given(st.lists(st.tuples(st.booleans(), st.text(max_size=2)), max_size=80))
def test_recall_is_bounded_and_never_lost(steps: list[tuple[bool, str]]) -> None:
    recall = Recall()
    for up, pattern in steps:
        recall.add(pattern)
        assert isinstance(recall.older("") if up else recall.newer(""), str)
        assert len(recall._patterns) <= MAX_RECALLED
