"""Lines of a screen as text, as text with escape sequences, as a picture. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from muxcore.screen.wraps import padded
from muxcore.vt.columns import char_width
from muxcore.vt.engine import PLAIN

if TYPE_CHECKING:
    from muxcore.vt.engine import Colour, Line, Style

CELL = (8.4, 17.0)
"""Width and height of a cell of a picture in pixels: those of a monospaced font of 14 pixels."""

FOREGROUND = (204, 213, 223)
BACKGROUND = (15, 19, 24)

_BASELINE = 13.0
_ATTRIBUTES = (
    ("bold", "1"),
    ("dim", "2"),
    ("italic", "3"),
    ("blink", "5"),
    ("reverse", "7"),
    ("conceal", "8"),
    ("strike", "9"),
    ("overline", "53"),
)


def text(texts: Iterable[tuple[str, bool]]) -> str:
    """Lines as they stand, one a line, wrapped ones too."""
    return "".join(f"{line}\n" for line, _ in texts)


def joined(texts: Sequence[tuple[str, bool]], count: int, cols: int) -> str:
    """The first `count` lines as they were printed, wrapped ones as one.

    Without a line end after the last one where that goes on in one behind it.
    """
    parts: list[str] = []
    for at, (line, wrapped) in enumerate(texts[:count]):
        goes_on = wrapped and at + 1 < len(texts)
        parts.append(padded(line, texts[at + 1][0], cols) if goes_on else f"{line}\n")
    return "".join(parts)


def selected(
    texts: Sequence[tuple[str, bool]], start_col: int, stop_col: int, cols: int, *, block: bool
) -> str:
    """The text of a selection: wrapped lines are one, trailing blanks are left out.

    Args:
        texts: the lines it touches.
        start_col: its first column: in the first line, or, of a block, in each.
        stop_col: the column it ends before: in the last line, or, of a block, in each.
        cols: the width of the screen: so long is a line that goes on in the next.
        block: whether it is a rectangle.
    """
    if block:
        return "\n".join(cut(line, start_col, stop_col).rstrip() for line, _ in texts)
    parts: list[str] = []
    last = len(texts) - 1
    for at, (line, wrapped) in enumerate(texts):
        if wrapped and at < last:
            line = padded(line, texts[at + 1][0], cols)
        part = cut(line, start_col if at == 0 else 0, stop_col if at == last else None)
        goes_on = wrapped and at < last
        parts.append(part if goes_on else part.rstrip())
        if at < last and not wrapped:
            parts.append("\n")
    return "".join(parts)


def cut(line: str, start: int, stop: int | None) -> str:
    """The characters of a line that cover columns from `start` up to `stop`, or to its end."""
    if line.isascii():
        return line[start:stop]
    kept: list[str] = []
    begin = end = 0
    for char in line:
        if width := char_width(char):
            begin, end = end, end + width
        if end > start and (stop is None or begin < stop):
            kept.append(char)
    return "".join(kept)


def ansi(lines: Iterable[Line]) -> str:
    """Lines with their colours and attributes as SGR (ECMA-48 8.3.117), reset at each end."""
    return "".join(f"{_ansi_line(line)}\n" for line in lines)


def _ansi_line(line: Line) -> str:
    runs = list(line.runs)
    while runs and runs[-1].style == PLAIN and not runs[-1].text.strip(" "):
        runs.pop()
    parts: list[str] = []
    plain = True
    for at, run in enumerate(runs):
        if run.style != PLAIN:
            parts.append(f"\x1b[0;{sgr(run.style)}m")
        elif not plain:
            parts.append("\x1b[m")
        plain = run.style == PLAIN
        last = at == len(runs) - 1 and plain
        parts.append(run.text.rstrip(" ") if last else run.text)
    return "".join(parts) + ("" if plain else "\x1b[m")


def sgr(style: Style) -> str:
    """The parameters of the SGR that gives a style to plain text."""
    found = [code for name, code in _ATTRIBUTES if getattr(style, name)]
    if style.underline:
        found.append("4" if style.underline == 1 else f"4:{int(style.underline)}")
    found += _sgr_colour("38", style.fg) + _sgr_colour("48", style.bg)
    found += _sgr_colour("58", style.underline_colour)
    return ";".join(found)


def _sgr_colour(which: str, colour: Colour) -> list[str]:
    if colour is None:
        return []
    if not isinstance(colour, int):
        return [which, "2", *map(str, colour)]
    if colour < 16 and which != "58":
        base = int(which) - 8 + (60 if colour > 7 else 0)
        return [str(base + colour % 8)]
    return [which, "5", str(colour)]


def svg(
    lines: Sequence[Line],
    cols: int,
    palette: Sequence[tuple[int, int, int]] = (),
    foreground: tuple[int, int, int] = FOREGROUND,
    background: tuple[int, int, int] = BACKGROUND,
) -> str:
    """Lines as an SVG 1.1 picture.

    Args:
        lines: the lines.
        cols: the width in cells.
        palette: the colours that have a number; where one is missing the default stands in.
        foreground: the default colour of text.
        background: the default colour behind it.
    """
    width, height = cols * CELL[0], len(lines) * CELL[1]
    colours = _Colours(palette, foreground, background)
    body = "".join(_svg_line(line, y, colours) for y, line in enumerate(lines))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" font-family="monospace" font-size="14" '
        f'xml:space="preserve"><rect width="100%" height="100%" fill="{_hex(background)}"/>'
        f"{body}</svg>\n"
    )


class _Colours:
    def __init__(
        self,
        palette: Sequence[tuple[int, int, int]],
        foreground: tuple[int, int, int],
        background: tuple[int, int, int],
    ) -> None:
        self._palette = palette
        self._foreground = foreground
        self.background = background

    def of(self, style: Style) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """The colours of text of a style, and of what is behind it."""
        front = self._resolve(style.fg, self._foreground)
        back = self._resolve(style.bg, self.background)
        if style.reverse:
            front, back = back, front
        return (back, back) if style.conceal else (front, back)

    def _resolve(self, colour: Colour, default: tuple[int, int, int]) -> tuple[int, int, int]:
        if isinstance(colour, int):
            return self._palette[colour] if colour < len(self._palette) else default
        return colour or default


def _svg_line(line: Line, y: int, colours: _Colours) -> str:
    parts: list[str] = []
    col, top = 0, y * CELL[1]
    for run in line.runs:
        left, width = col * CELL[0], run.width * CELL[0]
        front, back = colours.of(run.style)
        if back != colours.background:
            parts.append(
                f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{CELL[1]:g}" '
                f'fill="{_hex(back)}"/>'
            )
        if run.text.strip(" "):
            parts.append(
                f'<text x="{left:g}" y="{top + _BASELINE:g}" textLength="{width:g}" '
                f'fill="{_hex(front)}"{_svg_font(run.style)}>{escape(run.text)}</text>'
            )
        col += run.width
    return "".join(parts)


def _svg_font(style: Style) -> str:
    lines = [
        name
        for name, wanted in (
            ("underline", style.underline),
            ("line-through", style.strike),
            ("overline", style.overline),
        )
        if wanted
    ]
    return (
        (' font-weight="bold"' if style.bold else "")
        + (' font-style="italic"' if style.italic else "")
        + (' opacity="0.6"' if style.dim else "")
        + (f' text-decoration="{" ".join(lines)}"' if lines else "")
    )


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
