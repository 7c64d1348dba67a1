"""Finding text on a screen: what counts as a match, where it is, and that it ends."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.screen import search as module
from muxcore.screen.query import MAX_PATTERN, Case, Found, Match, Query
from muxcore.screen.search import TOO_SLOW, search

SLOW = Query("(a|a)*$")


def found(pattern: str, *lines: str, regex: bool = True, case: Case = "smart") -> list[Match]:
    result = search([(line, False) for line in lines], 100, Query(pattern, regex, case))
    assert not result.error
    return list(result.matches)


def test_matches_are_numbered_from_the_top_down() -> None:
    assert found("o", "foo", "", "x", "o") == [
        Match(100, 1, 100, 2),
        Match(100, 2, 100, 3),
        Match(103, 0, 103, 1),
    ]


def test_nothing_is_found_for_nothing() -> None:
    assert search([("a", False)], 0, Query("")) == Found()


def test_an_empty_match_is_none() -> None:
    assert found("x*", "axxb") == [Match(100, 1, 100, 3)]


@pytest.mark.parametrize(
    "pattern", ["(", "[a", "a**", "\\", "(?P<", "*", "a{2,1}", r"\p{nonsense}"]
)
def test_what_is_no_pattern_yet_is_said_in_one_line(pattern: str) -> None:
    result = search([("a", False)], 0, Query(pattern))
    assert result.error
    assert "\n" not in result.error
    assert not result.matches


def test_a_pattern_that_is_too_long_or_too_deep_is_refused() -> None:
    assert search([("a", False)], 0, Query("a" * (MAX_PATTERN + 1))).error
    deep = search([("a", False)], 0, Query("(" * 249 + "a" + ")" * 249))
    assert deep.error or deep.matches == [Match(0, 0, 0, 1)]


def test_plain_text_stands_for_itself() -> None:
    assert found("a.c", "abc a.c", regex=False) == [Match(100, 4, 100, 7)]
    assert found("(", "f(x)", regex=False) == [Match(100, 1, 100, 2)]


@pytest.mark.parametrize(
    ("pattern", "case", "count"),
    [
        ("error", "smart", 3),
        ("Error", "smart", 1),
        (r"\Serror|error\W", "smart", 0),
        (r"error\S*", "smart", 3),
        ("error", "on", 1),
        ("ERROR", "off", 3),
    ],
)
def test_case_counts_when_a_capital_was_typed(pattern: str, case: Case, count: int) -> None:
    assert len(found(pattern, "error", "Error", "ERROR", case=case)) == count


def test_capitals_of_plain_text_count_behind_a_backslash_too() -> None:
    assert len(found(r"\S", r"\S", r"\s", regex=False)) == 1


def test_columns_are_those_of_the_screen() -> None:
    assert found("文b", "中文b") == [Match(100, 2, 100, 5)]
    assert found("b", "a\u0301中b") == [Match(100, 3, 100, 4)]


def test_a_combining_character_is_found_where_its_base_stands() -> None:
    assert found("\u0301", "ae\u0301") == [Match(100, 1, 100, 2)]


def test_a_wrapped_line_is_one() -> None:
    texts = [("on", False), ("the wra", True), ("pped", True), (" line", False), ("wra", False)]
    assert search(texts, 5, Query("wrapped l")).matches == [Match(6, 4, 8, 2)]
    assert not search(texts, 5, Query("^pped")).matches


def test_blanks_before_a_wrap_are_part_of_the_line() -> None:
    texts = [("one", True), ("two", False)]
    assert search(texts, 0, Query("one two"), cols=4).matches == [Match(0, 0, 1, 3)]
    assert not search(texts, 0, Query("onetwo"), cols=4).matches


def test_the_blank_before_a_wide_character_that_wrapped_is_none() -> None:
    texts = [("one", True), ("中", False)]
    assert search(texts, 0, Query("one中"), cols=4).matches == [Match(0, 0, 1, 2)]


@pytest.mark.parametrize("pattern", [r"a\s*", r"[^x]*", r"a\s?$", r"(?s)a.*", r"a(?!\s)", r"\Aa\Z"])
def test_a_match_never_leaves_its_line(pattern: str) -> None:
    assert found(pattern, "a", "a") == [Match(100, 0, 100, 1), Match(101, 0, 101, 1)]


def test_anchors_are_those_of_the_line() -> None:
    assert found("^a", "aa", "ba") == [Match(100, 0, 100, 1)]
    assert found("a$", "aa", "ab") == [Match(100, 1, 100, 2)]


def test_the_newest_matches_are_kept_in_order() -> None:
    texts = [(f"x{index}", False) for index in range(2 * module.BLOCK)]
    result = search(texts, 0, Query("x"), limit=3)
    assert [match.line for match in result.matches] == [1997, 1998, 1999]
    assert result.truncated
    exactly = search(texts, 0, Query("x"), limit=2 * module.BLOCK)
    assert len(exactly.matches) == 2 * module.BLOCK
    assert not exactly.truncated


def test_a_pattern_that_backtracks_for_ever_ends() -> None:
    result = search([("a" * 60 + "b", False)], 0, SLOW, seconds=0.01)
    assert result == Found([], truncated=True, error=TOO_SLOW)


def test_what_was_found_in_time_is_kept() -> None:
    texts = [(f"x{index}", False) for index in range(3 * module.BLOCK)]
    clock = itertools.count()
    result = search(texts, 0, Query("x"), seconds=2.5, clock=lambda: float(next(clock)))
    assert len(result.matches) == 2 * module.BLOCK
    assert result.matches[0].line == module.BLOCK
    assert result.error == TOO_SLOW


@given(
    st.lists(st.text("ab 中\u0301", max_size=12), max_size=12),
    st.lists(st.sampled_from([*"ab.*?$^|", r"\s", "[^b]"]), max_size=6).map("".join),
)
def test_each_line_is_searched_as_if_it_were_alone(lines: list[str], pattern: str) -> None:
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
    except re.error:
        return
    result = search([(line, False) for line in lines], 0, Query(pattern))
    if result.error:
        return
    expected = [
        index for index, line in enumerate(lines) for hit in compiled.finditer(line) if hit[0]
    ]
    assert [match.line for match in result.matches] == expected


@given(
    st.lists(st.tuples(st.text("ab 中\u0301", max_size=8), st.booleans()), max_size=12),
    st.text(max_size=8),
    st.booleans(),
)
def test_no_pattern_and_no_screen_is_too_odd(
    texts: list[tuple[str, bool]], pattern: str, regex: bool
) -> None:
    result = search(texts, -3, Query(pattern, regex), cols=8)
    for match in result.matches:
        assert (match.line, match.start) < (match.stop_line, match.stop)
        assert -3 <= match.line <= match.stop_line < len(texts) - 3
    assert list(result.matches) == sorted(result.matches)
