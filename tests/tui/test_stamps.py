"""Time stamps: what is known of a history's times, and how it is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.ring import TimeIndex
from tests.tui.fakes import NOW
from tui.stamps import MAX_MARKS, MAX_SPAN, NEXT_MODE, WIDTH, StampMode, Stamps, labels


def test_a_line_has_the_time_of_the_last_mark_before_it() -> None:
    stamps = Stamps()
    stamps.add(100, 200, [(90, 1.0), (150, 2.0)])
    assert [stamps.when(offset) for offset in (100, 149, 150, 199)] == [1.0, 1.0, 2.0, 2.0]


def test_nothing_is_known_of_what_was_not_asked_for() -> None:
    stamps = Stamps()
    stamps.add(100, 200, [(90, 1.0)])
    assert [stamps.when(offset) for offset in (95, 99, 200, None)] == [None] * 4
    stamps.add(300, 300, [(90, 1.0)])
    assert not stamps.knows(300)


def test_what_is_missing_is_asked_for_once() -> None:
    stamps = Stamps()
    assert stamps.missing([None]) is None
    assert stamps.missing([120, None, 150]) == (120, 151)
    stamps.add(120, 151, [(10, 1.0)])
    assert stamps.missing([120, 150]) is None
    assert stamps.missing([120, 160, 170]) == (160, 171)


def test_one_question_has_a_bound() -> None:
    assert Stamps().missing([0, 1 << 30]) == (0, MAX_SPAN)


def test_memory_is_bounded() -> None:
    stamps = Stamps()
    stamps.add(0, 10**6, [(offset, 1.0) for offset in range(MAX_MARKS + 1)])
    stamps.add(10**6, 10**6 + 1, [(10**6, 2.0)])
    assert not stamps.knows(0)
    assert stamps.when(10**6) == 2.0


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3)), max_size=30),
    st.lists(st.tuples(st.integers(0, 100), st.integers(1, 60)), min_size=1, max_size=8),
)
def test_times_are_those_of_the_daemons_index(
    arrivals: list[tuple[int, int]], asked: list[tuple[int, int]]
) -> None:
    index, end, now = TimeIndex(), 0, 0.0
    for size, later in arrivals:
        now += later
        index.mark(end, now)
        end += size
    stamps = Stamps()
    for start, size in asked:
        start, stop = min(start, end), min(start + size, end)
        stamps.add(start, stop, index.marks(start, stop))
    for offset in range(end):
        if stamps.knows(offset):
            assert stamps.when(offset) == index.when(offset)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("clock", ["08:00:01.500 ", "             ", "08:00:03.250 "]),
        ("elapsed", ["       1.500 ", "             ", "       3.250 "]),
        ("delta", ["      +0.500 ", "             ", "             "]),
    ],
)
def test_stamps_are_told_in_three_ways(mode: StampMode, expected: list[str]) -> None:
    assert labels([NOW + 1, NOW + 1.5, None, NOW + 3.25], mode, NOW) == expected


@given(st.lists(st.floats(0, 4e9) | st.none(), max_size=9), st.sampled_from([*NEXT_MODE]))
def test_stamps_are_all_as_wide(times: list[float | None], mode: StampMode) -> None:
    assert all(len(label) == WIDTH for label in labels(times, mode, NOW))


def test_modes_go_round() -> None:
    mode: StampMode = "off"
    seen = []
    for _ in NEXT_MODE:
        mode = NEXT_MODE[mode]
        seen.append(mode)
    assert seen == ["clock", "elapsed", "delta", "off"]
