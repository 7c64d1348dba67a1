"""Copy mode's keys: where they move the cursor, what they select, how they end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.screens import Lines
from tui.copy_mode import CopyMode, Outcome
from tui.rows import Extent, Place, Rows
from tui.selection import Selection

TEXT = (
    "one two",  # 0
    "",
    "  foo.bar",  # 2
    "中文 x",  # 3
    "",
    "wrapped ab\\",  # 5
    "cd end",
    "last",  # 7
)


async def moved(*keys: str, at: tuple[int, int] = (0, 0), height: int = 4) -> CopyMode:
    mode = CopyMode(Place(*at), 0, height, 0)
    for key in keys:
        await mode.press(key, Rows(Lines(*TEXT)))
    return mode


@pytest.mark.parametrize(
    ("at", "keys", "place"),
    [
        ((0, 3), "h", (0, 2)),
        ((0, 0), "h", (0, 0)),
        ((0, 3), "2 l", (0, 5)),
        ((0, 9), "l", (0, 9)),
        ((3, 0), "l", (3, 2)),
        ((3, 2), "h", (3, 0)),
        ((0, 6), "j j", (2, 6)),
        ((2, 3), "j", (3, 2)),
        ((2, 3), "j k", (2, 3)),
        ((0, 0), "5 j", (5, 0)),
        ((0, 0), "1 0 0 j", (7, 0)),
        ((7, 0), "2 k", (5, 0)),
        ((2, 7), "0", (2, 0)),
        ((6, 3), "0", (5, 0)),
        ((2, 0), "^", (2, 2)),
        ((1, 5), "^", (1, 0)),
        ((2, 0), "$", (2, 8)),
        ((5, 0), "$", (6, 5)),
        ((1, 0), "$", (1, 0)),
        ((0, 0), "$ j j", (2, 9)),
        ((3, 0), "g", (0, 0)),
        ((3, 0), "G", (7, 0)),
        ((0, 0), "w", (0, 4)),
        ((0, 4), "w", (2, 2)),
        ((2, 2), "w", (2, 5)),
        ((2, 2), "W", (3, 0)),
        ((2, 2), "3 w", (3, 0)),
        ((3, 0), "w", (3, 5)),
        ((5, 8), "w", (6, 3)),
        ((7, 0), "w", (7, 3)),
        ((0, 0), "e", (0, 2)),
        ((0, 2), "e", (0, 6)),
        ((2, 2), "E", (2, 8)),
        ((5, 8), "e", (6, 1)),
        ((0, 6), "b", (0, 4)),
        ((2, 2), "b", (0, 4)),
        ((6, 3), "b", (5, 8)),
        ((2, 8), "b b", (2, 5)),
        ((2, 8), "B", (2, 2)),
        ((0, 0), "b", (0, 0)),
        ((0, 0), "}", (1, 0)),
        ((0, 0), "2 }", (4, 0)),
        ((0, 0), "9 }", (7, 0)),
        ((6, 0), "{", (4, 0)),
        ((6, 0), "9 {", (0, 0)),
        ((0, 0), "L", (3, 0)),
        ((0, 0), "2 L", (2, 0)),
        ((3, 0), "H", (0, 0)),
        ((3, 0), "2 H", (1, 0)),
        ((0, 0), "M", (1, 0)),
        ((0, 0), "ctrl+f", (3, 0)),
        ((7, 0), "pageup", (4, 0)),
        ((0, 0), "ctrl+d", (2, 0)),
        ((7, 0), "ctrl+u", (5, 0)),
        ((0, 0), "z", (0, 0)),
    ],
)
async def test_keys_move_as_in_vi(at: tuple[int, int], keys: str, place: tuple[int, int]) -> None:
    mode = await moved(*keys.split(), at=at)
    assert mode.place == place


async def test_a_count_is_used_up_by_the_next_key() -> None:
    assert (await moved("3", "j", "j")).place == (4, 0)
    assert (await moved("3", "z", "j")).place == (1, 0)


async def test_the_view_follows_the_cursor() -> None:
    mode = await moved("G")
    assert mode.top == 4
    rows = Rows(Lines(*TEXT))
    for key in "kkkk":
        await mode.press(key, rows)
    assert (mode.place.line, mode.top) == (3, 3)


async def test_half_a_page_scrolls_as_far_as_it_moves() -> None:
    mode = await moved("j", "ctrl+d")
    assert (mode.place.line, mode.top) == (3, 2)


async def test_scrolling_takes_the_cursor_along() -> None:
    mode = await moved()
    rows = Rows(Lines(*TEXT))
    mode.scroll(2, rows)
    assert (mode.place, mode.top) == ((2, 0), 2)
    mode.scroll(-9, rows)
    assert (mode.place, mode.top) == ((2, 0), 0)
    mode.scroll(99, rows)
    assert (mode.place, mode.top) == ((4, 0), 4)


def area(selection: Selection | None) -> Extent:
    assert selection is not None
    return selection.area


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("v l l", ((2, 0), (2, 3))),
        ("l v h", ((2, 0), (2, 2))),
        ("v j", ((2, 0), (3, 2))),
        ("V", ((2, 0), (2, 10))),
        ("V 3 j", ((2, 0), (6, 10))),
        ("l ctrl+v l j", ((2, 1), (3, 4))),
        ("v l V", ((2, 0), (2, 10))),
        ("4 l v 2 l o h", ((2, 3), (2, 7))),
    ],
)
async def test_what_is_selected(keys: str, expected: tuple[tuple[int, int], ...]) -> None:
    mode = await moved(*keys.split(), at=(2, 0))
    assert area(await mode.selection(Rows(Lines(*TEXT)))) == expected


async def test_a_block_is_marked_as_one() -> None:
    mode = await moved("ctrl+v", "j")
    selection = await mode.selection(Rows(Lines(*TEXT)))
    assert selection is not None
    assert selection.block


async def test_the_line_is_that_of_the_cursor_with_its_wraps() -> None:
    mode = await moved(at=(6, 3))
    assert area(await mode.line(Rows(Lines(*TEXT)))) == ((5, 0), (6, 10))


@pytest.mark.parametrize(
    ("keys", "outcome"),
    [
        ("y", "leave"),
        ("v y", "copy"),
        ("v enter", "copy"),
        ("Y", "copy line"),
        ("q", "leave"),
        ("escape", "leave"),
        ("v escape", ""),
        ("v escape escape", "leave"),
        ("v v y", "leave"),
        ("v q", "leave"),
        ("/", "search"),
        ("?", "search back"),
        ("n", "next"),
        ("N", "previous"),
        ("5 z", ""),
    ],
)
async def test_how_keys_end(keys: str, outcome: Outcome) -> None:
    *first, last = keys.split()
    mode = await moved(*first)
    assert await mode.press(last, Rows(Lines(*TEXT))) == outcome


async def test_a_place_outside_is_brought_inside() -> None:
    mode = await moved()
    rows = Rows(Lines(*TEXT))
    mode.go(Place(99, 99), rows)
    assert (mode.place, mode.top) == ((7, 9), 4)
    mode.go(Place(-9, -9), rows)
    assert (mode.place, mode.top) == ((0, 0), 0)


KEYS = [*"hjklwWbBeE0^$gG{}HMLvVo29", "ctrl+d", "ctrl+u", "ctrl+f", "ctrl+b", "ctrl+v"]


@given(
    st.lists(st.text("a_ .中\u0301\\", max_size=10), min_size=1, max_size=8),
    st.lists(st.sampled_from(KEYS), max_size=30),
)
async def test_the_cursor_never_leaves_the_lines_nor_the_view(
    texts: list[str], keys: list[str]
) -> None:
    mode = CopyMode(Place(5, 0), 5, 3, 0)
    for key in keys:
        rows = Rows(Lines(*texts, first=5))
        await mode.press(key, rows)
        assert rows.first <= mode.place.line < rows.end
        assert 0 <= mode.place.col < rows.cols
        assert mode.top <= mode.place.line < mode.top + mode.height
        if (selection := await mode.selection(rows)) is not None:
            assert selection.span(mode.place.line, rows.cols) is not None
