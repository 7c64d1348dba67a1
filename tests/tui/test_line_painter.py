"""Painting a terminal's lines: what only moved is not painted again."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from muxcore.screen.codec import MAX_ROWS, Packer, Unpacker
from muxcore.vt.engine import PLAIN, Cursor, Run, Style
from tui.line_painter import LinePainter
from tui.paint import Painter, Span
from tui.themes import NIGHT
from tui.viewport import Viewport

if TYPE_CHECKING:
    from tui.terminal import Terminal

Row = tuple[Run, ...]
RED = Style(fg=1)


class Screen:
    """As much of a terminal as its painter asks for."""

    def __init__(self, *lines: Row) -> None:
        self.live = list(lines)
        self.rows = self.end_line = len(lines)
        self.cols, self.oldest_line = 5, 0
        self.cursor = Cursor()

    def row(self, y: int) -> Row:
        return self.live[y]


def row(text: str) -> Row:
    return (Run(text, PLAIN, len(text)),)


def painters(screen: Screen) -> tuple[LinePainter, Painter]:
    lines = LinePainter(cast("Terminal", screen), Viewport(screen))
    return lines, Painter(NIGHT.to_color_system().generate(), dark=True)


def test_a_row_that_moved_is_not_painted_again() -> None:
    screen = Screen(row("one  "), row("two  "))
    lines, painter = painters(screen)
    two = lines.paint(1, painter)
    screen.live = [screen.live[1], row("three")]
    lines.forget_rows({0, 1})
    assert lines.paint(0, painter) is two
    assert lines.paint(1, painter).text == "three"


def test_all_is_painted_again_when_it_is_to_look_another_way() -> None:
    screen = Screen(row("one  "))
    lines, painter = painters(screen)
    before = lines.paint(0, painter)
    lines.live = False
    lines.forget()
    assert lines.paint(0, painter) != before


def test_what_lies_over_a_row_does_not_stick_to_it() -> None:
    screen = Screen(row("one  "))
    lines, painter = painters(screen)
    plain = lines.paint(0, painter)
    lines.overlays["found"] = lambda _: [Span(0, 3, "match")]
    assert lines.paint(0, painter) != plain
    lines.overlays.clear()
    assert lines.paint(0, painter) == plain


def test_a_row_that_comes_again_is_the_same_object() -> None:
    packer, unpacker = Packer(), Unpacker()
    first = unpacker.lines(([(*RED,)], [(packer.row((Run("a", RED, 1),)), False)]))
    again = unpacker.row(("a", 0, 1))
    assert first[0].runs is again


def test_a_row_is_another_one_when_styles_are_numbered_anew() -> None:
    unpacker = Unpacker()
    unpacker.lines(([(*RED,)], []))
    red = unpacker.row(("a", 0, 1))
    unpacker.lines(([None, (*PLAIN,)], []))
    assert red[0].style == RED
    assert unpacker.row(("a", 0, 1))[0].style == PLAIN


def test_rows_that_are_remembered_are_bounded() -> None:
    unpacker = Unpacker()
    unpacker.lines(([(*RED,)], []))
    for number in range(3 * MAX_ROWS):
        unpacker.row((str(number), 0, len(str(number))))
    assert len(unpacker._rows) <= MAX_ROWS
