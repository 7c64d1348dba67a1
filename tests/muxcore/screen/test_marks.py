"""Where lines began."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from muxcore.screen.marks import MAX_MARKS, Marks


def test_a_line_without_a_mark_began_with_the_one_before() -> None:
    marks = Marks()
    marks.add(3, 100)
    marks.add(7, 200)
    assert [marks.offset(line) for line in (2, 3, 6, 7, 99)] == [None, 100, 100, 200, 200]
    assert marks.first_from(4) == (7, 200)
    assert marks.first_from(8) is None


def test_a_line_keeps_the_offset_it_began_at_until_one_above_is_written() -> None:
    marks = Marks()
    marks.add(5, 100)
    marks.add(5, 110)
    assert marks.offset(5) == 100
    marks.add(6, 120)
    marks.add(5, 130)
    assert (marks.offset(5), marks.offset(6)) == (130, 130)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9)), max_size=60))
def test_lines_and_offsets_ascend_whatever_the_cursor_does(moves: list[tuple[int, int]]) -> None:
    marks = Marks()
    offset = 0
    for line, more in moves:
        offset += more
        marks.add(line, offset)
    assert marks._lines == sorted(set(marks._lines))
    assert marks._offsets == sorted(marks._offsets)


def test_many_marks_are_thinned_out_among_the_old() -> None:
    marks = Marks()
    for line in range(10 * MAX_MARKS):
        marks.add(line, 10 * line)
    assert len(marks._lines) <= MAX_MARKS
    newest = 10 * MAX_MARKS - 1
    assert all(marks.offset(newest - back) == 10 * (newest - back) for back in range(5000))
    assert marks.offset(0) == 0


def test_lines_that_become_one_begin_where_the_first_did() -> None:
    marks = Marks()
    for line in range(6):
        marks.add(line, 10 * line)
    marks.renumber(lambda line: line // 2)
    assert [marks.offset(line) for line in range(3)] == [0, 20, 40]
    assert len(marks._lines) == 3


def test_lines_that_are_forgotten_have_no_marks() -> None:
    marks = Marks()
    for line in range(6):
        marks.add(line, 10 * line)
    marks.forget_before(2)
    assert (marks.first, marks.offset(1)) == ((2, 20), None)
    marks.forget_before(6)
    assert marks.first is None
