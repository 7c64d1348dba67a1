"""What the user's terminal is told of its cursor."""

from __future__ import annotations

from muxcore.vt.engine import CursorShape
from tui.terminal_cursor import SHORT, CursorPlace, TerminalCursor


def cursor(*, shapes: bool = True) -> tuple[TerminalCursor, list[str]]:
    written: list[str] = []
    return TerminalCursor(written.append, shapes=shapes), written


def test_it_is_moved_before_it_is_shown_and_told_nothing_twice() -> None:
    own, written = cursor()
    own.put(CursorPlace(4, 2), "(4, 2)")
    own.put(CursorPlace(4, 2), "")
    own.put(CursorPlace(5, 2), "(5, 2)")
    assert written == ["\x1b[2 q(4, 2)\x1b[?25h", "(5, 2)"]


def test_it_has_the_guests_shape_and_blink() -> None:
    own, written = cursor()
    own.put(CursorPlace(0, 0, CursorShape.BAR), "")
    own.put(CursorPlace(0, 0, CursorShape.UNDERLINE, blinking=True), "")
    assert [text[:5] for text in written] == ["\x1b[6 q", "\x1b[3 q"]


def test_it_is_hidden_while_something_is_drawn() -> None:
    own, _ = cursor()
    drawing = "drawing" * SHORT
    assert own.around(drawing) == drawing
    own.put(CursorPlace(0, 0), "")
    assert own.around(drawing) == f"\x1b[?25l{drawing}\x1b[?25h"
    assert own.around("\x1b[?2026h") == "\x1b[?2026h"


def test_it_stays_where_a_drawing_comes_in_one_piece() -> None:
    own, _ = cursor()
    own.put(CursorPlace(0, 0), "")
    assert own.around("drawing") == "drawing"


def test_a_drawing_that_follows_moves_it() -> None:
    own, written = cursor()
    own.put(CursorPlace(0, 0), "")
    own.put(CursorPlace(1, 0), "")
    assert written == ["\x1b[2 q\x1b[?25h"]
    assert own.around("drawing" * SHORT).endswith("\x1b[?25h")


def test_it_is_hidden_where_the_guests_is() -> None:
    own, written = cursor()
    own.put(None, "")
    assert written == []
    own.put(CursorPlace(0, 0), "")
    own.put(None, "")
    assert written[1:] == ["\x1b[?25l"]
    assert not own.shown


def test_the_terminal_gets_its_own_shape_back_only_if_it_lost_it() -> None:
    own, written = cursor()
    own.leave()
    assert written == []
    own.put(CursorPlace(0, 0), "")
    own.leave()
    assert written[-1] == "\x1b[0 q"
    assert not own.shown


def test_an_old_terminal_is_told_of_no_shape() -> None:
    own, written = cursor(shapes=False)
    own.put(CursorPlace(0, 0, CursorShape.BAR), "")
    own.leave()
    assert written == ["\x1b[?25h"]
