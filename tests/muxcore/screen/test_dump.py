"""Lines as text, with escape sequences, as a picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.screen import dump
from muxcore.vt.choice import make_engine
from muxcore.vt.engine import Line, Style, Underline

ROWS, COLS = 6, 30

STYLED = (
    b"plain \x1b[1;31mred\x1b[m \x1b[38;5;208mpalette\x1b[m\r\n"
    b"\x1b[38;2;1;2;3;48;2;4;5;6mtrue\x1b[m\r\n"
    b"\x1b[4:3;58;2;9;8;7mcurly\x1b[m \x1b[3;9;53mall\x1b[m \x1b[7mreverse \x1b[K\x1b[m\r\n"
    b"\xe4\xb8\xad\xe6\x96\x87 \x1b[97;100mbright\x1b[m  \r\n"
)


def lines_of(data: bytes) -> list[Line]:
    engine = make_engine(ROWS, COLS)
    engine.feed(data)
    lines = engine.lines(engine.first_line, engine.end_line)
    engine.close()
    return lines


def test_a_dump_with_escape_sequences_gives_the_same_screen() -> None:
    lines = lines_of(STYLED)
    assert lines_of(dump.ansi(lines).replace("\n", "\r\n").encode()[:-2]) == lines


def test_a_dump_with_escape_sequences_has_no_trailing_blanks() -> None:
    assert dump.ansi(lines_of(b"a\r\n\x1b[1mb\x1b[m  c  ")[:2]) == "a\n\x1b[0;1mb\x1b[m  c\n"


@pytest.mark.parametrize(
    ("style", "wanted"),
    [
        (Style(fg=1), "31"),
        (Style(fg=9, bg=8), "91;100"),
        (Style(bg=200), "48;5;200"),
        (Style(underline=Underline.DOUBLE, underline_colour=3), "4:2;58;5;3"),
        (Style(bold=True, fg=(1, 2, 3)), "1;38;2;1;2;3"),
    ],
)
def test_a_style_is_spelled_as_sgr(style: Style, wanted: str) -> None:
    assert dump.sgr(style) == wanted


def test_a_picture_is_well_formed_and_shows_the_text() -> None:
    picture = dump.svg(lines_of(b"a <b> & \x1b[31mred\x1b[m"), COLS, ((0, 0, 0), (9, 8, 7)))
    root = ET.fromstring(picture)
    texts = [item.text for item in root.iter("{http://www.w3.org/2000/svg}text")]
    assert [text.rstrip() for text in texts if text] == ["a <b> &", "red"]
    assert 'fill="#090807"' in picture


TEXTS = [("one two", False), ("wrapped to", True), (" here", False), ("last", False)]
"""On a screen of ten columns."""


@pytest.mark.parametrize(
    ("start", "stop", "block", "wanted"),
    [
        (0, 4, False, "one two\nwrapped to here\nlast"),
        (4, 2, False, "two\nwrapped to here\nla"),
        (1, 3, True, "ne\nra\nhe\nas"),
        (0, 0, False, "one two\nwrapped to here\n"),
    ],
)
def test_a_selection_has_wrapped_lines_in_one(
    start: int, stop: int, block: bool, wanted: str
) -> None:
    assert dump.selected(TEXTS, start, stop, 10, block=block) == wanted


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        ([("one two", True), ("three", False)], "one two   three"),
        ([("one two 9", True), ("中", False)], "one two 9中"),
        ([("one two", True), ("", True), ("x", False)], "one two" + 13 * " " + "x"),
        ([("one two", True)], "one two"),
    ],
)
def test_blanks_before_a_wrap_are_copied(texts: list[tuple[str, bool]], wanted: str) -> None:
    assert dump.selected(texts, 0, 10, 10, block=False) == wanted


@pytest.mark.parametrize(
    ("count", "wanted"),
    [(4, "one two\nwrapped to here\nlast\n"), (2, "one two\nwrapped to"), (1, "one two\n")],
)
def test_lines_are_told_as_they_were_printed(count: int, wanted: str) -> None:
    assert dump.joined(TEXTS, count, 10) == wanted


def test_a_last_line_that_goes_on_nowhere_ends() -> None:
    assert dump.joined([("one", True), ("two", True)], 2, 10) == "one       two\n"


def test_a_selection_that_ends_in_blanks_before_a_wrap_has_none_at_its_end() -> None:
    assert dump.selected([("one", True), ("two", True)], 0, 10, 10, block=False) == "one       two"


@pytest.mark.parametrize(
    ("start", "stop", "wanted"),
    [
        (0, 2, "中"),
        (1, 2, "中"),
        (2, 3, "e\N{COMBINING ACUTE ACCENT}"),
        (3, None, "文x"),
        (2, None, "e\N{COMBINING ACUTE ACCENT}文x"),
        (9, None, ""),
    ],
)
def test_cells_are_cut_by_columns(start: int, stop: int | None, wanted: str) -> None:
    assert dump.cut("中e\N{COMBINING ACUTE ACCENT}文x", start, stop) == wanted


@given(st.text("ab中\N{COMBINING ACUTE ACCENT}", max_size=20), st.integers(0, 20))
def test_a_line_cut_in_two_has_all_of_it(line: str, at: int) -> None:
    left, right = dump.cut(line, 0, at), dump.cut(line, at, None)
    assert line.startswith(left) or line[:1] == "\N{COMBINING ACUTE ACCENT}"
    assert len(left) + len(right) >= len(line.lstrip("\N{COMBINING ACUTE ACCENT}"))
