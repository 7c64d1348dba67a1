"""From an engine's cells to Textual's strips: colours resolved against the theme. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as ThemeColour
from textual.strip import Strip

from tui.themes import Rgb, guest_colours

if TYPE_CHECKING:
    from muxcore.vt.engine import Colour, Run
    from muxcore.vt.engine import Style as CellStyle

_CACHE = 8192
_MUTED = 0.45


class Painter:
    """Paints rows for one theme.

    Args:
        variables: the theme's CSS variables.
        dark: whether it is a dark theme.
    """

    def __init__(self, variables: Mapping[str, str], *, dark: bool) -> None:
        self._palette = guest_colours(variables, dark=dark)
        self._foreground = _rgb(variables["foreground"])
        self._background = _rgb(variables["background"])
        self._styles: dict[tuple[CellStyle, bool], Style] = {}
        surround = _rgb(variables["surface"])
        self.surround = Style(bgcolor=Color.from_rgb(*surround))
        """Where the view is larger than the guest's screen."""
        muted = _mix(self._foreground, self._background, _MUTED)
        self.muted = Style(color=Color.from_rgb(*muted), bgcolor=Color.from_rgb(*self._background))
        """Every cell of a view that is not live."""
        accent = Color.from_rgb(*_rgb(variables["primary"]))
        self.cursor = Style(color=Color.from_rgb(*self._background), bgcolor=accent)
        self.idle_cursor = Style(color=accent, underline=True)

    def row(self, runs: Sequence[Run], *, reverse: bool = False, live: bool = True) -> Strip:
        """One row. `reverse` is DECSCNM; a row that is not live loses its colours."""
        if live:
            segments = [Segment(run.text, self._style(run.style, reverse)) for run in runs]
        else:
            segments = [
                Segment(" " * run.width if run.style.conceal else run.text, self.muted)
                for run in runs
            ]
        return Strip(segments, sum(run.width for run in runs))

    def _style(self, cell: CellStyle, reverse: bool) -> Style:
        key = (cell, reverse)
        style = self._styles.get(key)
        if style is None:
            if len(self._styles) >= _CACHE:
                self._styles.clear()
            style = self._styles[key] = self._resolve(cell, reverse)
        return style

    def _resolve(self, cell: CellStyle, reverse: bool) -> Style:
        foreground = self._colour(cell.fg, self._background if reverse else self._foreground)
        background = self._colour(cell.bg, self._foreground if reverse else self._background)
        if cell.reverse:
            foreground, background = background, foreground
        if cell.dim:
            foreground = _mix(foreground, background, 0.6)
        if cell.conceal:
            foreground = background
        return Style(
            color=Color.from_rgb(*foreground),
            bgcolor=Color.from_rgb(*background),
            bold=cell.bold or None,
            italic=cell.italic or None,
            underline=cell.underline or None,
            strike=cell.strike or None,
            blink=cell.blink or None,
        )

    def _colour(self, colour: Colour, default: Rgb) -> Rgb:
        if colour is None:
            return default
        return self._palette[colour] if isinstance(colour, int) else colour


def _rgb(colour: str) -> Rgb:
    return ThemeColour.parse(colour).rgb


def _mix(colour: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (
        round(a * share + b * (1 - share)) for a, b in zip(colour, other, strict=True)
    )
    return red, green, blue
