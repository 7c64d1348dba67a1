"""A small screen every engine must show rightly before it is trusted with a console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muxcore.vt.engine import PLAIN, EngineError, Line, Run, Style, Underline

if TYPE_CHECKING:
    from muxcore.vt.engine import Engine

ROWS = 6
COLS = 8

SAMPLE = (
    "A\x1b[1;31mB\x1b[m\N{CJK UNIFIED IDEOGRAPH-4F60}\x1b[48;5;17m\x1b[K\r\n"
    "\x1b[48;2;1;2;3mX\x1b[K\x1b[m\r\ne\N{COMBINING ACUTE ACCENT}\r\n"
    "\x1b[4:3;58:5:9mu\x1b[m\x1b[4:2;3mv\x1b[m\x1b[2;4;5;7;8;9;53mw\x1b[m"
    "\x1b]8;;http://a/\x1b\\l\x1b]8;;ftp://b/\x1b\\m\x1b]8;;\x1b\\ long\x1b[H"
).encode()
"""What `check` expects to have been fed: styles, a wide cell, a cluster, coloured blanks, kinds of
underline, hyperlinks, a line that wraps."""

_ALL = Style(
    dim=True,
    underline=Underline.SINGLE,
    blink=True,
    reverse=True,
    conceal=True,
    strike=True,
    overline=True,
)
_SCREEN = [
    Line(
        (
            Run("A", PLAIN, 1),
            Run("B", Style(fg=1, bold=True), 1),
            Run("\N{CJK UNIFIED IDEOGRAPH-4F60}", PLAIN, 2),
            Run(" " * 4, Style(bg=17), 4),
        ),
        wrapped=False,
    ),
    Line((Run("X" + " " * 7, Style(bg=(1, 2, 3)), 8),), wrapped=False),
    Line((Run("e\N{COMBINING ACUTE ACCENT}" + " " * 7, PLAIN, 8),), wrapped=False),
    Line(
        (
            Run("u", Style(underline=Underline.CURLY, underline_colour=9), 1),
            Run("v", Style(italic=True, underline=Underline.DOUBLE), 1),
            Run("w", _ALL, 1),
            Run("l", Style(link="http://a/"), 1),
            Run("m", Style(link="ftp://b/"), 1),
            Run(" lo", PLAIN, 3),
        ),
        wrapped=True,
    ),
    Line((Run("ng" + " " * 6, PLAIN, 8),), wrapped=False),
    Line((Run(" " * 8, PLAIN, 8),), wrapped=False),
]


def check(engine: Engine) -> None:
    """Compare the screen of an engine of `ROWS` by `COLS` that was fed `SAMPLE`.

    Raises:
        EngineError: It shows something else.
    """
    screen = engine.lines(0, ROWS)
    shown = [engine.row(y) for y in range(ROWS)]
    texts = [("".join(run.text for run in line.runs).rstrip(" "), line.wrapped) for line in _SCREEN]
    same = screen == _SCREEN and shown == [line.runs for line in _SCREEN]
    if not same or engine.texts(0, ROWS) != texts or engine.faults:
        raise EngineError(f"the engine's self-test shows {screen!r}")
