"""Where a view is among a guest's lines, and how it gets about."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.vt.engine import Cursor
from tui.viewport import Viewport


@dataclass
class Screen:
    """A terminal's numbers."""

    rows: int = 24
    cols: int = 80
    end_line: int = 124
    oldest_line: int = 0
    cursor: Cursor = field(default_factory=lambda: Cursor(row=23))


def viewport(screen: Screen, rows: int = 24, cols: int = 80) -> Viewport:
    view = Viewport(screen)
    view.resize(rows, cols)
    return view


def test_it_follows_the_live_screen_until_it_is_scrolled() -> None:
    screen = Screen()
    view = viewport(screen)
    assert (view.first, view.follows) == (100, True)
    screen.end_line += 10
    assert view.first == 110
    assert view.scroll(-3)
    assert (view.first, view.follows, view.lines_back) == (107, False, 3)


def test_scrolled_it_stays_put_and_counts_what_is_new() -> None:
    screen = Screen()
    view = viewport(screen)
    view.scroll(-5)
    assert view.new_lines == 0
    screen.end_line += 7
    assert not view.update()
    assert (view.first, view.new_lines) == (95, 7)
    assert view.end()
    assert (view.first, view.new_lines) == (107, 0)


def test_scrolling_to_the_last_line_is_following_again() -> None:
    view = viewport(Screen())
    view.scroll(-5)
    assert view.scroll(20)
    assert view.follows
    assert not view.scroll(1)


def test_it_goes_no_further_than_there_are_lines() -> None:
    view = viewport(Screen(oldest_line=60))
    assert view.scroll(-1000)
    assert view.first == 60
    assert not view.scroll(-1)


def test_lines_that_are_dropped_are_left() -> None:
    screen = Screen()
    view = viewport(screen)
    view.go_to(10)
    screen.oldest_line = 40
    assert view.update()
    assert view.first == 40


def test_history_that_is_fetched_can_be_scrolled_to() -> None:
    screen = Screen()
    view = viewport(screen)
    view.go_to(0)
    screen.oldest_line = -50
    assert not view.update()
    assert view.scroll(-10)
    assert view.first == -10


def test_the_cursor_is_kept_in_a_view_smaller_than_the_guest() -> None:
    screen = Screen(rows=50, cols=200, end_line=50, cursor=Cursor(row=49, col=150))
    view = viewport(screen)
    assert (view.first, view.left) == (26, 71)
    screen.cursor = Cursor(row=30, col=100)
    assert not view.update()
    screen.cursor = Cursor(row=2, col=3)
    assert view.update()
    assert (view.first, view.left) == (2, 3)


def test_a_hidden_cursor_moves_nothing() -> None:
    screen = Screen(rows=50, end_line=50, cursor=Cursor(row=0))
    view = viewport(screen)
    screen.cursor = Cursor(row=49, visible=False)
    assert not view.update()
    assert view.first == 0


def test_the_rest_of_a_larger_screen_can_be_looked_at() -> None:
    screen = Screen(rows=50, cols=200, end_line=50, cursor=Cursor())
    view = viewport(screen)
    assert view.scroll(100)
    assert (view.first, view.follows) == (26, False)
    assert view.pan(1000)
    assert view.left == 120
    assert not view.pan(1)
    assert not view.update()
    assert view.end()
    assert (view.first, view.left) == (0, 0)


def test_a_line_out_of_sight_is_shown_in_the_middle() -> None:
    view = viewport(Screen(cols=200))
    assert not view.show(105, 0)
    assert view.show(50, 100)
    assert (view.first, view.left) == (38, 21)
    assert view.row_of(50) == 12
    assert view.row_of(37) is None


def test_it_can_be_held_where_it_is() -> None:
    screen = Screen()
    view = viewport(screen)
    assert not view.hold()
    screen.end_line += 2
    assert (view.first, view.follows, view.new_lines) == (100, False, 2)
    assert view.hold(102)
    assert not view.follows


def test_below_the_last_line_there_is_none() -> None:
    view = viewport(Screen(), rows=30)
    assert [view.line_at(y) for y in (0, 23, 24)] == [100, 123, None]


@pytest.mark.parametrize("rows", [1, 10, 24, 60])
def test_a_page_is_what_is_seen(rows: int) -> None:
    assert viewport(Screen(), rows=rows).page == min(rows, 24)


@given(st.data())
def test_it_never_leaves_the_lines_there_are(data: st.DataObject) -> None:
    screen = Screen(rows=data.draw(st.integers(1, 60)), cols=data.draw(st.integers(1, 200)))
    screen.oldest_line = 0
    screen.end_line = screen.rows + data.draw(st.integers(0, 300))
    screen.cursor = Cursor(row=data.draw(st.integers(0, screen.rows - 1)))
    view = viewport(screen, data.draw(st.integers(1, 80)), data.draw(st.integers(1, 250)))
    for _ in range(data.draw(st.integers(0, 8))):
        step = data.draw(st.integers(-400, 400))
        data.draw(st.sampled_from([view.scroll, view.go_to, view.hold, view.pan]))(step)
        assert screen.oldest_line <= view.first <= screen.end_line - view.page
        assert 0 <= view.left <= max(0, screen.cols - view.cols)
        assert view.new_lines == 0
        if view.follows and screen.cursor.visible:
            assert view.row_of(view.live_line + screen.cursor.row) is not None
