"""Where the scroll bar's thumb and marks are, and what a drag means."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st
from rich.style import Style

from tui.widgets.scroll_bar import ScrollBar

PLAIN = (Style(), Style(bold=True), Style(underline=True))


@st.composite
def bars(draw: st.DrawFn) -> ScrollBar:
    """Any bar that a view may have."""
    height = draw(st.integers(1, 60))
    first = draw(st.integers(-1000, 1000))
    lines = draw(st.integers(height, 20_000))
    return ScrollBar(
        height, first, first + lines, first + draw(st.integers(0, lines - height)), height
    )


def test_the_thumb_is_at_the_ends_only_when_the_view_is() -> None:
    bars = [ScrollBar(10, 0, 1010, top, 10) for top in (0, 1, 500, 999, 1000)]
    assert [bar.thumb.start for bar in bars] == [0, 1, 4, 8, 9]


def test_the_thumb_says_how_much_is_seen() -> None:
    assert len(ScrollBar(10, 0, 20, 0, 10).thumb) == 5
    assert len(ScrollBar(10, 0, 10, 0, 10).thumb) == 10


@given(bars())
def test_the_thumb_is_always_inside(bar: ScrollBar) -> None:
    assert 0 <= bar.thumb.start < bar.thumb.stop <= bar.height


@given(bars(), st.integers(-10, 80))
def test_a_drag_never_leaves_what_there_is(bar: ScrollBar, row: int) -> None:
    assert bar.first <= bar.top_at(row, 0) <= bar.end - bar.page


@given(bars())
def test_a_drag_to_an_end_is_a_scroll_to_it(bar: ScrollBar) -> None:
    assume(bar.height > 1)
    assert bar.top_at(-5, 0) == bar.first
    assert bar.top_at(bar.height + 5, 0) == bar.end - bar.page


@given(bars(), st.lists(st.integers(-2000, 30_000)))
def test_marks_are_inside_and_stand_for_lines_that_are_there(
    bar: ScrollBar, lines: list[int]
) -> None:
    rows = bar.marked_rows(lines)
    assert all(0 <= row < bar.height for row in rows)
    assert bool(rows) == any(bar.first <= line < bar.end for line in lines)


def test_marks_lie_over_track_and_thumb() -> None:
    bar = ScrollBar(4, 0, 8, 0, 4)
    cells = list(bar.cells(PLAIN, bar.marked_rows([1, 7])))
    assert [cell.text for cell in cells] == ["━", "┃", "│", "━"]
