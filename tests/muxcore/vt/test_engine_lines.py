"""Lines by number: what they are called, what they hold, how long that is true."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muxcore.vt import bittty, ghostty
from muxcore.vt.engine import PLAIN, Engine, Line, Run, Style

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from muxcore.vt.engine import EngineMaker

MAKERS: dict[str, EngineMaker] = {
    "ghostty": ghostty.choose()[1],
    "bittty": bittty.choose()[1],
}


@pytest.fixture(params=sorted(MAKERS))
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    made = MAKERS[request.param](4, 20, 100)
    yield made
    made.close()


def numbered(start: int, stop: int) -> bytes:
    return b"".join(b"line %d\r\n" % number for number in range(start, stop))


def texts(engine: Engine) -> list[str]:
    return [text for text, _ in engine.texts(engine.first_line, engine.end_line)]


def test_a_line_keeps_its_number_while_output_arrives_and_old_ones_go(engine: Engine) -> None:
    epoch = engine.epoch
    for start in range(0, 9000, 300):
        engine.feed(numbered(start, start + 300))
        assert engine.end_line == start + 300 + 1
        assert engine.first_line == max(0, engine.end_line - 104)
        for number in (engine.first_line, engine.end_line - 5, engine.end_line - 2):
            assert engine.texts(number, number + 1) == [(f"line {number}", False)]
    assert engine.epoch == epoch


def test_ranges_are_clamped_to_the_lines_there_are(engine: Engine) -> None:
    engine.feed(numbered(0, 300))
    first, end = engine.first_line, engine.end_line
    assert engine.texts(-5, first + 1) == [(f"line {first}", False)]
    assert engine.texts(end - 2, end + 100) == [("line 299", False), ("", False)]
    assert len(engine.lines(0, 10**9)) == end - first
    for start, stop in ((end, end + 5), (0, first), (first + 5, first + 5), (first + 5, first)):
        assert engine.lines(start, stop) == []
        assert engine.texts(start, stop) == []


def test_lines_have_their_styles_and_texts_and_tell_where_they_wrap(engine: Engine) -> None:
    engine.feed(b"\x1b[1mbold\x1b[m\r\n" + b"x" * 19 + "你z".encode() + b"\r\n\r\n" * 3)
    first = engine.first_line
    assert engine.lines(first, first + 4) == [
        Line((Run("bold", Style(bold=True), 4), Run(" " * 16, PLAIN, 16)), wrapped=False),
        Line((Run("x" * 19 + " ", PLAIN, 20),), wrapped=True),
        Line((Run("你z" + " " * 17, PLAIN, 20),), wrapped=False),
        Line((Run(" " * 20, PLAIN, 20),), wrapped=False),
    ]
    assert engine.texts(first, first + 3) == [("bold", False), ("x" * 19, True), ("你z", False)]


def test_reading_old_lines_leaves_the_screen_alone(engine: Engine) -> None:
    engine.feed(numbered(0, 50))
    engine.dirty_rows()
    shown, cursor = engine.text(), engine.cursor
    engine.feed(b"\x1b[1;1Hchanged\x1b[4;1H")
    engine.lines(0, 30)
    assert list(engine.dirty_rows()) == [0]
    assert list(engine.dirty_rows()) == []
    assert engine.text() == shown.replace("line 47", "changed")
    assert engine.cursor == cursor


def test_the_cursor_is_on_a_line_of_the_live_screen(engine: Engine) -> None:
    engine.feed(numbered(0, 10) + b"\x1b[2;1H")
    assert engine.cursor_line == engine.end_line - 3
    assert engine.texts(engine.cursor_line, engine.cursor_line + 1) == [("line 8", False)]


def test_rows_above_the_alternate_screen_are_not_lines() -> None:
    made = MAKERS["ghostty"](4, 20, 100)
    assert isinstance(made, ghostty.GhosttyEngine)
    made.feed(b"\x1b[?1049h" + numbered(0, 30))
    # Kitty's "clear, but scroll what is there into the scrollback" does so here too; the guard
    # does not let it pass.
    made._write(b"\x1b[22J")
    made.feed(numbered(30, 32))
    assert made._counter.scrollback() > 0
    assert (made.first_line, made.end_line) == (0, 4)
    assert [line.runs for line in made.lines(0, 100)] == [made.row(y) for y in range(4)]
    assert texts(made) == made.text().split("\n")
    made.close()


def test_a_combining_character_on_a_blank_is_in_the_line_if_not_in_the_text() -> None:
    made = MAKERS["ghostty"](4, 20, 100)
    made.feed("a \u0301b".encode())
    assert made.lines(0, 1)[0].runs[0].text.startswith("a \u0301b")
    assert made.texts(0, 1) == [("a b", False)]
    made.close()


def test_clearing_the_scrollback_keeps_the_numbers_of_the_screen(engine: Engine) -> None:
    engine.feed(numbered(0, 50))
    epoch, end = engine.epoch, engine.end_line
    engine.feed(b"and\x1b[3Jmore\r\n")
    assert (engine.epoch, engine.end_line, engine.first_line) == (epoch, end + 1, end - 4)
    assert texts(engine) == ["line 47", "line 48", "line 49", "andmore", ""]
    engine.feed(numbered(51, 500))
    assert engine.texts(498, 499) == [("line 498", False)]


def test_the_alternate_screen_has_numbers_of_its_own_and_gives_the_others_back(
    engine: Engine,
) -> None:
    engine.feed(numbered(0, 50))
    epoch, first, end = engine.epoch, engine.first_line, engine.end_line
    engine.feed(b"\x1b[?1049h" + numbered(0, 20) + b"alternate")
    assert engine.epoch != epoch
    assert engine.first_line == engine.end_line - 4
    assert texts(engine) == ["line 17", "line 18", "line 19", "alternate"]
    alternate = engine.epoch
    engine.feed(b"\x1b[?1049l")
    assert (engine.epoch, engine.first_line, engine.end_line) == (epoch, first, end)
    engine.feed(numbered(50, 60))
    assert engine.texts(55, 56) == [("line 55", False)]
    engine.feed(b"\x1b[?47h")
    assert engine.epoch not in {epoch, alternate}


def test_numbers_are_void_after_a_reset_or_a_resize(engine: Engine) -> None:
    seen = {engine.epoch}
    actions: list[Callable[[], None]] = [
        lambda: engine.feed(b"\x1bc"),
        lambda: engine.resize(5, 20),
        lambda: engine.resize(5, 30),
        engine.reset,
        lambda: engine.feed(b"\x1b[?1049h"),
        lambda: engine.resize(6, 30),
        lambda: engine.feed(b"\x1b[?1049l"),
    ]
    for action in actions:
        action()
        assert engine.epoch not in seen
        seen.add(engine.epoch)
    engine.resize(6, 30)
    engine.feed(b"\x1b[2J\x1b[H\x1b[?1049l")
    assert engine.epoch in seen


def test_numbers_after_a_resize_name_the_lines_there_are(engine: Engine) -> None:
    engine.feed(numbered(0, 300) + b"y" * 35)
    for rows, cols in ((10, 20), (2, 20), (4, 11), (4, 90)):
        engine.resize(rows, cols)
        assert "line 299" in texts(engine)
        assert engine.end_line - rows >= engine.first_line
        assert len(engine.lines(engine.first_line, engine.end_line)) == len(texts(engine))
        engine.feed(b"\r\nmore")
        assert texts(engine)[engine.cursor_line - engine.first_line] == "more"


def test_numbers_are_never_used_twice_however_much_passes_at_once(engine: Engine) -> None:
    engine.feed(numbered(0, 500))
    for flood in (b"\n" * 60_000, b"x\x1b[65535b" * 40, b"\x1b[4S" * 4000):
        end = engine.end_line
        engine.feed(flood)
        kept = engine.texts(0, end)
        assert all(not text.startswith("line") for text, _ in kept) or flood == b""
        assert engine.end_line > end
    engine.feed(b"\r\n" + numbered(0, 10))
    assert texts(engine)[-2] == "line 9"


def test_words_of_clearing_count_clears(engine: Engine) -> None:
    assert engine.cleared == 0
    engine.feed(b"\x1b[J\x1b[1J\x1b[3J\x1b[K\x1b[?47h\x1b[?47l\x1b[?1049l")
    assert engine.cleared == 0
    for count, clearing in enumerate((b"\x1b[2J", b"\x1b[H\x1b[2J\x1b[3J", b"\x1b[?1049h"), 1):
        engine.feed(clearing)
        assert engine.cleared == count
    engine.feed(b"\x1bc")
    assert engine.cleared == 4


PIECES = st.lists(
    st.one_of(
        st.text(max_size=30).map(str.encode),
        st.sampled_from(
            [
                b"\r\n" * 7,
                b"\x1b[3J",
                b"\x1b[2J",
                b"\x1b[?1049h",
                b"\x1b[?1049l",
                b"\x1b[5;1H",
                b"\x1b[2L",
                b"\x1bM",
                b"\x1b[2;3r",
                b"\x1b[r",
                b"\x1b[3S",
                b"\x1b[44mx\x1b[K\x1b[m",
                b"\x1b]8;;http://a/\x1b\\link\x1b]8;;\x1b\\",
                "e\u0301你\u202e\u00ad\u2028".encode(),
                b"a" * 45,
                b"\xff\xe4",
            ]
        ),
    ),
    max_size=30,
)


@pytest.mark.parametrize("name", sorted(MAKERS))
@settings(max_examples=80)
@given(pieces=PIECES)
def test_texts_are_those_of_the_lines_and_the_last_lines_are_the_screen(
    name: str, pieces: list[bytes]
) -> None:
    made = MAKERS[name](4, 20, 30)
    known: dict[tuple[int, int], str] = {}
    for piece in pieces:
        made.feed(piece)
        lines = made.lines(made.first_line, made.end_line)
        got = made.texts(made.first_line, made.end_line)
        assert got == [
            ("".join(run.text for run in line.runs).rstrip(" "), line.wrapped) for line in lines
        ]
        assert [line.runs for line in lines[-4:]] == [made.row(y) for y in range(4)]
        assert all(sum(run.width for run in line.runs) == 20 for line in lines)
        screen = made.end_line - 4
        for number, (text, _) in enumerate(got, made.first_line):
            if number < screen:
                assert known.setdefault((made.epoch, number), text) == text
    assert made.faults == 0
    made.close()
