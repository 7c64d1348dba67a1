"""How cells look: colours, styles, and the runs and lines made of them."""

from __future__ import annotations

import enum
from functools import lru_cache
from typing import NamedTuple, TypeAlias

Rgb: TypeAlias = tuple[int, int, int]
"""Red, green, blue, each 0 to 255."""

Colour: TypeAlias = int | Rgb | None
"""`None`: the terminal's default; `int`: palette index 0 to 255; tuple: red, green, blue."""


class Underline(enum.IntEnum):
    """Kinds of underline (SGR 4, 21 and kitty's SGR 4:n); false where there is none."""

    NONE = 0
    SINGLE = 1
    DOUBLE = 2
    CURLY = 3
    DOTTED = 4
    DASHED = 5


class Style(NamedTuple):
    """How a cell looks (ECMA-48 8.3.117, SGR). Engines intern them: see `intern_style`.

    The colours are the guest's: which RGB a palette index or the default means is the view's
    business. `reverse` is not applied to `fg` and `bg`.
    """

    fg: Colour = None
    bg: Colour = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: Underline = Underline.NONE
    blink: bool = False
    reverse: bool = False
    conceal: bool = False
    strike: bool = False
    underline_colour: Colour = None
    """`None`: the text's own colour."""
    overline: bool = False
    link: str = ""
    """OSC 8 hyperlink: an allowed URI (see `muxcore.vt.links`), or nothing."""


@lru_cache(maxsize=8192)
def intern_style(style: Style) -> Style:
    """Return the one object that stands for all styles equal to `style`.

    A style that fell out of use long ago may come back as another object, so equality is what
    counts and identity a short cut.
    """
    return style


PLAIN = intern_style(Style())
"""The style of a cell that SGR never touched."""


class Run(NamedTuple):
    """Neighbouring cells of one style.

    `text` has at least one character per narrow cell and per wide one (a wide cell counts two
    columns and gives no text for the second); combining characters follow their base. Blank cells
    are spaces. It holds no control characters.
    """

    text: str
    style: Style
    width: int
    """Columns covered; equal to `len(text)` where every cell is one narrow code point."""


class Line(NamedTuple):
    """One line of scrollback or screen."""

    runs: tuple[Run, ...]
    """The widths add up to the engine's `cols`."""
    wrapped: bool
    """Whether it goes on in the next line: the guest wrote past its end (DECAWM)."""
