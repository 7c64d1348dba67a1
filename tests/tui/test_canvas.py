"""Drawing on the user's terminal: what a real terminal engine shows is what was drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

from muxcore.vt import guard
from muxcore.vt.choice import make_engine
from muxcore.vt.engine import PLAIN, Engine
from muxcore.vt.engine import Style as CellStyle
from tui.canvas import Canvas
from tui.pens import MAX_PENS, UNDERLINE

WIDTH, HEIGHT = 32, 10
GROUND = Style(bgcolor="rgb(10,20,30)")
STYLES = [
    Style(),
    GROUND,
    Style(color="red", bgcolor="rgb(10,20,30)"),
    Style(color="rgb(1,2,3)", bold=True),
    Style(dim=True, italic=True),
    Style(bold=True, dim=True, strike=True),
    Style(underline=True, bgcolor="blue"),
    Style(underline=True, meta={UNDERLINE: "4:3"}),
    Style(reverse=True),
    Style(color="rgb(201,202,203)", bgcolor="rgb(10,20,30)"),
    Style(color="rgb(101,102,103)", bgcolor="rgb(110,120,130)"),
    Style(overline=True, link="https://example.org/"),
]
BLANK = Segment(" ", GROUND)
TEXTS = [
    "a",
    "word and more",
    "é",
    "漢字",
    "e\N{COMBINING ACUTE ACCENT}",
    "│",
    " ",
    " " * 20,
    "x" * 9,
]

Line = list[Segment]
Frame = list[Line]


class Terminal:
    """An engine that shows what a canvas writes."""

    def __init__(
        self,
        width: int = WIDTH,
        height: int = HEIGHT,
        *,
        erase: bool = True,
        margins: bool = False,
    ) -> None:
        self.engine = make_engine(height, width, 0)
        self.engine.feed(b"\x1b[?1049h\x1b[?7l")
        self.canvas = Canvas(ColorSystem.TRUECOLOR, erase=erase)
        self.canvas.resize(width, height)
        if margins:
            self.engine.feed(b"\x1b[?69h")
            self.canvas.use_margins(True)

    def draw(self, frame: Sequence[Line], x: int = 0, y: int = 0) -> str:
        for row, line in enumerate(frame, y):
            self.canvas.put(x, row, line)
        return self.flush()

    def flush(self, cursor: tuple[int, int] = (0, 0)) -> str:
        written = self.canvas.flush(cursor)
        self.engine.feed(written.encode())
        return written

    def text(self) -> list[str]:
        return ["".join(run.text for run in self.engine.row(y)) for y in range(self.engine.rows)]


def cells(engine: Engine) -> list[list[tuple[str, int, CellStyle]]]:
    """What is seen: a blank has no foreground."""
    rows = []
    for y in range(engine.rows):
        row: list[tuple[str, int, CellStyle]] = []
        for run in engine.row(y):
            for text in run.text:
                if not cell_len(text):
                    row.append((text, 0, run.style))
                    continue
                style = run.style
                seen = style.underline or style.reverse or style.strike or style.overline
                if text == " " and not seen and not style.link:
                    style = PLAIN._replace(bg=style.bg)
                row.append((text, cell_len(text), style))
        rows.append(row)
    return rows


def plainly(frame: Sequence[Line], width: int = WIDTH) -> Engine:
    """The same, written as Textual would."""
    engine = make_engine(HEIGHT, width, 0)
    engine.feed(b"\x1b[?1049h\x1b[?7l")
    for y, line in enumerate(frame):
        engine.feed(f"\x1b[{y + 1}H".encode())
        for text, style, _ in line:
            assert style is not None
            text = style.render(text, color_system=ColorSystem.TRUECOLOR)
            if UNDERLINE in style.meta:
                text = text.replace("m", f"m\x1b[{style.meta[UNDERLINE]}m", 1)
            engine.feed(text.encode())
    return engine


def filled(line: Line) -> Line:
    """Just as wide as the screen."""
    return Segment.adjust_line_length(line, WIDTH, style=GROUND)


segments = st.builds(Segment, st.sampled_from(TEXTS), st.sampled_from(STYLES), st.none())
lines = st.lists(segments, max_size=4).map(filled)


@st.composite
def sessions(draw: st.DrawFn) -> list[Frame]:
    """Frames of which each is the one before with a few lines new, moved or taken out."""
    frame = draw(st.lists(lines, min_size=HEIGHT, max_size=HEIGHT))
    frames = [frame]
    for _ in range(draw(st.integers(1, 4))):
        frame = frame[:]
        top = draw(st.integers(0, HEIGHT - 1))
        new = draw(st.lists(lines, min_size=1, max_size=3))
        if draw(st.booleans()):
            bottom = draw(st.integers(top + 1, HEIGHT))
            body = [*frame[top:bottom], *new]
            body = body[len(new) :] if draw(st.booleans()) else [*new, *frame[top:bottom]]
            frame[top:bottom] = body[: bottom - top]
        else:
            frame[top : top + len(new)] = new
        frames.append(frame[:HEIGHT])
    return frames


@settings(max_examples=150)
@given(sessions(), st.booleans())
def test_the_terminal_shows_what_was_drawn(frames: list[Frame], erase: bool) -> None:
    terminal = Terminal(erase=erase)
    for frame in frames:
        terminal.draw(frame)
        assert cells(terminal.engine) == cells(plainly(frame))


@pytest.fixture(scope="module")
def margins() -> Iterator[None]:
    """An engine that has left and right margins."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard, "_REFUSED_MODES", frozenset({2027}))
        patch.setenv("MUXTUI_ENGINE", "ghostty")
        yield


@settings(max_examples=150)
@given(sessions(), st.sampled_from([0, 5]), lines)
@pytest.mark.usefixtures("margins")
def test_columns_that_scroll_by_themselves_leave_what_stands_beside_them(
    frames: list[Frame], left: int, beside: Line
) -> None:
    width = 2 * WIDTH + left
    terminal = Terminal(width, margins=True)
    before = [Segment(" " * left, GROUND)]
    for row in range(HEIGHT):
        terminal.canvas.put(0, row, before)
        terminal.canvas.put(left + WIDTH, row, beside)
    for frame in frames:
        terminal.draw(frame, left)
        whole = [[*before, *line, *beside] for line in frame]
        assert cells(terminal.engine) == cells(plainly(whole, width))


@pytest.mark.usefixtures("margins")
@pytest.mark.parametrize("by", [1, 3, -1, -2])
def test_nothing_beside_columns_that_scroll_by_themselves_is_written_again(by: int) -> None:
    terminal = Terminal(60, margins=True)
    terminal.draw(numbered(100, 40))
    terminal.draw([[Segment(f"{y}" * 20, STYLES[2])] for y in range(HEIGHT)], x=40)
    written = terminal.draw(numbered(100 + by, 40))
    assert written.startswith("\x1b[;40s")
    assert len(written) < 30 * abs(by) + 30
    assert [line[:40] for line in terminal.text()] == [
        line[0].text for line in numbered(100 + by, 40)
    ]
    assert [line[40:] for line in terminal.text()] == [f"{y}" * 20 for y in range(HEIGHT)]


def test_a_blank_between_words_in_two_colours_is_no_jump() -> None:
    terminal = Terminal()
    red, blue = (Style(color=name, bgcolor="rgb(10,20,30)") for name in ("red", "blue"))
    terminal.draw([[Segment("      ", GROUND)]])
    written = terminal.draw([[Segment("ab", red), Segment(" ", GROUND), Segment("cd", blue)]])
    assert "ab " in written


def coloured(*words: tuple[str, Style], width: int = WIDTH) -> Line:
    line = [segment for text, style in words for segment in (Segment(text, style), BLANK)]
    return Segment.adjust_line_length(line, width, style=GROUND)


def test_words_of_one_colour_are_written_together_where_that_is_less() -> None:
    terminal = Terminal()
    one, two = (Style(color=f"rgb(201,202,{n})", bgcolor="rgb(10,20,30)") for n in (203, 204))
    terminal.draw([[Segment(" " * WIDTH, GROUND)]])
    written = terminal.draw([coloured(("aa", one), ("bb", two), ("cc", one), ("dd", two))])
    assert (written.count("203m"), written.count("204m")) == (1, 1)
    assert terminal.text()[0].rstrip() == "aa bb cc dd"


def test_words_are_written_in_their_order_where_their_colours_are_short() -> None:
    terminal = Terminal()
    one, two = (Style(color=name, bgcolor="rgb(10,20,30)") for name in ("red", "blue"))
    terminal.draw([[Segment(" " * WIDTH, GROUND)]])
    written = terminal.draw([coloured(("aa", one), ("bb", two), ("cc", one))])
    assert written.index("aa") < written.index("bb") < written.index("cc")


def test_the_colour_at_hand_is_used_first() -> None:
    terminal = Terminal()
    one, two = (Style(color=f"rgb(201,202,{n})", bgcolor="rgb(10,20,30)") for n in (203, 204))
    terminal.draw([[Segment(" " * WIDTH, GROUND)]] * 2)
    terminal.draw([coloured(("aa", one))])
    written = terminal.draw([coloured(("bb", two), ("cc", one), ("dd", two))], y=1)
    assert "203m" not in written
    assert written.count("204m") == 1


@pytest.mark.parametrize(
    ("colour", "codes"),
    [
        ("rgb(255,175,0)", "38;5;214"),
        ("rgb(238,238,238)", "38;5;255"),
        ("rgb(0,0,95)", "38;2;0;0;95"),
        ("rgb(255,175,1)", "38;2;255;175;1"),
    ],
)
def test_a_colour_that_every_terminal_has_is_written_by_its_index(colour: str, codes: str) -> None:
    terminal = Terminal()
    terminal.draw([[Segment(" " * WIDTH, Style())]])
    assert f"\x1b[{codes}m" in terminal.draw([[Segment("x", Style(color=colour))]])


def numbered(start: int, width: int = WIDTH, height: int = HEIGHT) -> Frame:
    return [
        [Segment(f"line {n} of many".ljust(width), GROUND)] for n in range(start, start + height)
    ]


def test_nothing_is_written_when_nothing_changed() -> None:
    terminal = Terminal()
    terminal.draw(numbered(1))
    assert terminal.draw(numbered(1)) == ""


def test_only_what_changed_is_written() -> None:
    terminal = Terminal()
    terminal.draw(numbered(1))
    changed = numbered(1)
    changed[3] = [Segment("line X of many".ljust(WIDTH), GROUND)]
    assert terminal.draw(changed) == "\x1b[4;6HX\x1b[1H"


@pytest.mark.parametrize("by", [1, 3, -1, -2])
def test_lines_that_moved_are_scrolled(by: int) -> None:
    terminal = Terminal()
    terminal.draw(numbered(100))
    written = terminal.draw(numbered(100 + by))
    assert len(written) < 30 * abs(by) + 10
    assert terminal.text() == [line[0].text for line in numbered(100 + by)]


def test_what_stands_beside_a_scrolled_view_stays() -> None:
    terminal = Terminal(60)
    side = [[Segment(text.ljust(20), Style(bgcolor="blue"))] for text in ("one", "two", "three")]
    terminal.draw(numbered(100, 40))
    terminal.draw([*side, *[[Segment(" " * 20, GROUND)]] * (HEIGHT - 3)], x=40)
    written = terminal.draw(numbered(101, 40))
    assert "\n" in written
    assert [line[40:].rstrip() for line in terminal.text()[:4]] == ["one", "two", "three", ""]


def test_lines_are_not_scrolled_when_more_beside_them_would_have_to_be_mended() -> None:
    terminal = Terminal(100)
    terminal.draw(numbered(100, 20))
    terminal.draw([[Segment(f"{y}" * 80, GROUND)] for y in range(HEIGHT)], x=20)
    assert "\n" not in terminal.draw(numbered(101, 20)).replace("\r\n", "")


def test_rows_with_much_beside_them_are_written_rather_than_moved() -> None:
    terminal = Terminal(100)
    terminal.draw(numbered(100, 20))
    terminal.draw([[Segment(f"{y}" * 80, GROUND)] for y in range(3)], x=20)
    terminal.draw([[Segment(" " * 80, GROUND)] for _ in range(3, HEIGHT)], x=20, y=3)
    written = terminal.draw(numbered(101, 20))
    assert f"\x1b[4;{HEIGHT}r" in written
    assert "0000" not in written
    assert [line[:12] for line in terminal.text()] == [f"line {101 + y} of " for y in range(HEIGHT)]
    assert terminal.text()[2][20:] == "2" * 80


def test_a_forgotten_terminal_is_written_again() -> None:
    terminal = Terminal()
    terminal.draw(numbered(1))
    terminal.engine.feed(b"\x1b[m\x1b[2J\x1b[Hwall: going down")
    terminal.canvas.forget()
    terminal.flush()
    assert terminal.text() == [line[0].text for line in numbered(1)]


def test_what_another_size_shows_is_not_known() -> None:
    terminal = Terminal()
    terminal.draw(numbered(1))
    terminal.engine.resize(HEIGHT, WIDTH + 8)
    terminal.canvas.resize(WIDTH + 8, HEIGHT)
    terminal.draw(numbered(1, WIDTH + 8))
    assert terminal.text() == [line[0].text for line in numbered(1, WIDTH + 8)]


def test_half_a_wide_character_that_is_drawn_over_becomes_a_blank() -> None:
    terminal = Terminal()
    terminal.draw([[Segment("漢漢".ljust(WIDTH - 2), GROUND)]])
    terminal.draw([[Segment("x", GROUND)]], x=1)
    assert terminal.text()[0].startswith(" x")


def test_what_does_not_fit_is_left_out() -> None:
    terminal = Terminal()
    terminal.draw([[Segment("abcdef", GROUND)]], x=WIDTH - 3)
    terminal.draw([[Segment("below", GROUND)]], y=HEIGHT)
    assert terminal.text()[0].endswith(" abc")
    assert not "".join(terminal.text()[1:]).strip()


def test_no_control_character_reaches_the_terminal() -> None:
    terminal = Terminal()
    written = terminal.draw([[Segment("a\x1b]0;title\x07b\x9bc", GROUND)]])
    assert written.count("\x1b") == written.count("\x1b[") + 2
    assert "\x1b]0" not in written
    assert "\x07" not in written
    assert "\x9b" not in written


def test_the_cursor_is_left_where_it_is_wanted() -> None:
    terminal = Terminal()
    terminal.draw(numbered(1))
    assert terminal.flush((4, 2)) == "\x1b[3;5H"
    assert (terminal.engine.cursor.col, terminal.engine.cursor.row) == (4, 2)


def test_pens_out_of_use_are_forgotten() -> None:
    terminal = Terminal()
    for number in range(MAX_PENS + 100):
        colour = f"rgb({number >> 8},{number & 255},1)"
        terminal.canvas.put(0, 0, [Segment("x", Style(color=colour))])
        terminal.canvas.flush((0, 0))
    assert not terminal.canvas._pens.full
    terminal.draw(numbered(1))
    assert terminal.text() == [line[0].text for line in numbered(1)]
