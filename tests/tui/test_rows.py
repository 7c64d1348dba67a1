"""Rows of cells, and the words and lines in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.vt.engine import PLAIN, Run
from tests.tui.screens import Lines
from tui.rows import CHUNK, Extent, Place, Row, Rows, word_around


def row(text: str, width: int, cols: int = 8) -> Row:
    return Row.of((Run(text, PLAIN, width),), False, cols)


def test_a_row_has_an_entry_a_column() -> None:
    assert row("a中b", 4, 6).cells == ("a", "中", "", "b", " ", " ")
    assert row("abcdef", 6, 4).cells == ("a", "b", "c", "d")


def test_combining_characters_stand_with_their_base() -> None:
    assert row("e\u0301中\u0301x", 4, 4).cells == ("e\u0301", "中\u0301", "", "x")


@given(st.text(max_size=12), st.integers(0, 14), st.integers(1, 10))
def test_a_row_is_as_wide_as_the_screen_whatever_its_text(text: str, width: int, cols: int) -> None:
    made = row(text, width, cols)
    assert len(made.cells) == cols
    for col in range(-1, cols + 1):
        start, stop = made.cell(col)
        assert 0 <= start < stop <= cols


def test_a_wide_cell_is_whole_from_either_of_its_columns() -> None:
    wide = row("a中b", 4)
    assert [wide.cell(col) for col in range(4)] == [(0, 1), (1, 3), (1, 3), (3, 4)]


def test_blanks_at_the_end_are_not_used() -> None:
    assert row("a b   ", 6).used == 3
    assert row("      ", 6).used == 0


async def test_lines_are_read_once_and_in_chunks() -> None:
    source = Lines(*("x" for _ in range(3 * CHUNK)), first=10)
    rows = Rows(source)
    assert (await rows.row(CHUNK + 1)).cells[0] == "x"
    await rows.row(CHUNK + 5)
    assert source.read == [(CHUNK, 2 * CHUNK)]


async def test_there_is_nothing_before_the_first_and_after_the_last_line() -> None:
    source = Lines("a", first=5)
    rows = Rows(source)
    assert (await rows.row(4)).used == 0
    assert (await rows.row(6)).used == 0
    assert not source.read


async def test_lines_dropped_while_they_are_read_shift_nothing() -> None:
    source = Lines("a", "b", "c")
    source.dropped = 1
    rows = Rows(source)
    assert [(await rows.row(line)).cells[0] for line in range(3)] == [" ", "b", "c"]


async def test_a_line_is_all_its_rows() -> None:
    rows = Rows(Lines("x", "one\\", "two\\", "three", "y"))
    for line in (1, 2, 3):
        assert await rows.line(Place(line, 2)) == Extent(Place(1, 0), Place(3, 10))
    assert await rows.line(Place(4, 0)) == Extent(Place(4, 0), Place(4, 10))


async def test_a_word_goes_on_over_a_wrap() -> None:
    rows = Rows(Lines("cd /usr/lo\\", "cal/bin ok"))
    expected = Extent(Place(0, 3), Place(1, 7))
    assert await rows.word(Place(0, 5)) == expected
    assert await rows.word(Place(1, 1)) == expected


async def test_a_word_is_measured_in_cells() -> None:
    rows = Rows(Lines("中 文件 x"))
    for col in (3, 4, 5, 6):
        assert await rows.word(Place(0, col)) == Extent(Place(0, 3), Place(0, 7))


@pytest.mark.parametrize(
    ("text", "at", "word"),
    [
        ("see /etc/fstab, now", 6, "/etc/fstab"),
        ("scp root@host.lan:~/x.tar.gz .", 8, "root@host.lan:~/x.tar.gz"),
        ("main.c:12:4: error: no", 2, "main.c:12:4"),
        ("main.c:12:4: error: no", 11, "main.c:12:4:"),
        ("root=/dev/vda1 ro", 8, "/dev/vda1"),
        ("(see https://a.b/c?d=e&f#g).", 9, "https://a.b/c?d=e&f#g"),
        ("url=https://a.b/c,", 8, "https://a.b/c"),
        ("kernel-5.10.0_rc1~3", 3, "kernel-5.10.0_rc1~3"),
        ("The end.", 5, "end"),
        ('"quoted-word"', 3, "quoted-word"),
        ("a | b", 2, "|"),
        ("größe=5", 1, "größe"),
    ],
)
def test_a_word_is_what_one_wants_to_paste(text: str, at: int, word: str) -> None:
    start, stop = word_around(text, at)
    assert text[start:stop] == word


@given(st.text("a./:~@ (=", min_size=1, max_size=30), st.data())
def test_a_word_holds_what_was_clicked(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text) - 1))
    start, stop = word_around(text, at)
    assert start <= at < stop
