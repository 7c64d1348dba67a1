"""A small screen every engine must show rightly before it is trusted with a console."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muxcore.vt.engine import PLAIN, EngineError, Run, Style

if TYPE_CHECKING:
    from muxcore.vt.engine import Engine

ROWS = 4
COLS = 8

SAMPLE = (
    "A\x1b[1;31mB\x1b[m\N{CJK UNIFIED IDEOGRAPH-4F60}\x1b[48;5;17m\x1b[K\r\n"
    "\x1b[48;2;1;2;3mX\x1b[K\x1b[m\r\ne\N{COMBINING ACUTE ACCENT}"
).encode()
"""What `check` expects to have been fed: styles, a wide cell, a cluster, coloured blanks."""

_SCREEN = (
    (
        Run("A", PLAIN, 1),
        Run("B", Style(fg=1, bold=True), 1),
        Run("\N{CJK UNIFIED IDEOGRAPH-4F60}", PLAIN, 2),
        Run(" " * 4, Style(bg=17), 4),
    ),
    (Run("X" + " " * 7, Style(bg=(1, 2, 3)), 8),),
    (Run("e\N{COMBINING ACUTE ACCENT}" + " " * 7, PLAIN, 8),),
    (Run(" " * 8, PLAIN, 8),),
)


def check(engine: Engine) -> None:
    """Compare the screen of an engine of `ROWS` by `COLS` that was fed `SAMPLE`.

    Raises:
        EngineError: It shows something else.
    """
    screen = tuple(engine.row(y) for y in range(ROWS))
    if screen != _SCREEN or engine.faults:
        raise EngineError(f"the engine's self-test shows {screen!r}")
