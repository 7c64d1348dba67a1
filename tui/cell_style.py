"""What a guest's cell looks like on the user's terminal: a cell's style to Rich's. Pure.

`Themed` gives every colour as the theme or a palette has it. `Plain` is for terminals of sixteen
colours or none: the guest's sixteen are the terminal's own, and reverse video stands for what
cannot be coloured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from rich.color import Color, ColorSystem
from rich.style import Style
from textual.color import Color as ThemeColour

from muxcore.palettes import Rgb
from tui.colour_depth import Depth
from tui.pens import UNDERLINE
from tui.themes import CONTRAST, guest_colours

if TYPE_CHECKING:
    from muxcore.vt.engine import Colour
    from muxcore.vt.engine import Style as CellStyle

_BRIGHT_WHEN_BOLD = ("linux", "vga")
_DOUBLE = 2
_DIM = 0.6
_STEPS = 10
_CHANNEL = tuple(
    value / 255 / 12.92 if value <= 10 else ((value / 255 + 0.055) / 1.055) ** 2.4
    for value in range(256)
)
"""sRGB to linear light (WCAG 2, relative luminance)."""


GuestColours: TypeAlias = tuple[Rgb, Rgb, Rgb, tuple[Rgb, ...]]
"""Foreground, background, cursor and the palette of 256."""


class CellStyles(Protocol):
    """Resolves cells for one theme and terminal."""

    def resolve(self, cell: CellStyle, *, reverse: bool) -> Style:
        """The look of a cell; `reverse` is DECSCNM. Whoever paints hides what is concealed."""


class Themed:
    """The theme's colours, or a palette's.

    Args:
        variables: the theme's CSS variables.
        dark: whether it is a dark theme.
        palette: a name of `muxcore.palettes`.
        depth: `INDEXED` or `TRUE`.
        links: whether hyperlinks are passed on.
        modern: whether the terminal takes kinds and colours of underlines.
    """

    def __init__(
        self,
        variables: Mapping[str, str],
        *,
        dark: bool,
        palette: str = "",
        depth: Depth = Depth.TRUE,
        links: bool = False,
        modern: bool = False,
    ) -> None:
        self._palette = guest_colours(variables, dark=dark, palette=palette)
        self._brighten = palette in _BRIGHT_WHEN_BOLD
        self._indexed = depth is Depth.INDEXED
        self._links = links
        self._modern = modern
        self.contrast = float(variables.get("guest-contrast", CONTRAST))
        self.foreground = rgb(variables["foreground"])
        self.background = rgb(variables["background"])
        self.guest_colours: GuestColours = (
            self.foreground,
            self.background,
            rgb(variables["primary"]),
            self._palette,
        )

    def resolve(self, cell: CellStyle, *, reverse: bool) -> Style:
        """See `CellStyles`."""
        fore, back = self._colours(cell, reverse)
        style = Style(
            color=self._rich(cell.bg if cell.reverse else cell.fg, fore),
            bgcolor=self._rich(cell.fg if cell.reverse else cell.bg, back),
            bold=cell.bold or None,
            link=(cell.link or None) if self._links else None,
            **attributes(cell),
        )
        return self._underlined(style, cell)

    def _colours(self, cell: CellStyle, reverse: bool) -> tuple[Rgb, Rgb]:
        own = cell.fg
        if self._brighten and cell.bold and isinstance(own, int) and own < 8:
            own += 8
        fore = self._rgb(own, self.background if reverse else self.foreground)
        back = self._rgb(cell.bg, self.foreground if reverse else self.background)
        if cell.reverse:
            fore, back = back, fore
        if cell.dim:
            fore = mix(fore, back, _DIM)
        # A guest that chose both colours knows what it does; one alone was chosen for a
        # background, or a text, that it took for granted.
        if fore != back and ((cell.fg is None) is not (cell.bg is None) or self._strict):
            fore = readable(fore, back, self.contrast)
        return fore, back

    @property
    def _strict(self) -> bool:
        return self.contrast > CONTRAST

    def _rgb(self, colour: Colour, default: Rgb) -> Rgb:
        if colour is None:
            return default
        return self._palette[colour] if isinstance(colour, int) else colour

    def _rich(self, colour: Colour, shown: Rgb) -> Color:
        """The colour to write: by its index where the terminal has the same cube as the guest."""
        if not self._indexed or not isinstance(colour, int) or colour < 16:
            return Color.from_rgb(*shown)
        same = self._palette[colour] == shown
        return Color.from_ansi(colour) if same else Color.from_rgb(*shown)

    def _underlined(self, style: Style, cell: CellStyle) -> Style:
        """Add the kind and the colour of an underline, which Rich has no words for.

        `tui.pens` finds them in the meta data, as an SGR of its own that follows the others: a
        terminal without them drops that and keeps the single underline and the colours.
        """
        kind = int(cell.underline)
        if not self._modern or not kind or (kind == 1 and cell.underline_colour is None):
            return style
        parts = [f"4:{kind}"]
        if cell.underline_colour is not None:
            parts.append("58:2::{}:{}:{}".format(*self._rgb(cell.underline_colour, (0, 0, 0))))
        return style + Style(meta={UNDERLINE: ";".join(parts)})


class Plain:
    """The terminal's own colours, or none.

    Args:
        depth: `NONE` or `SIXTEEN`.
        links: whether hyperlinks are passed on.
    """

    def __init__(self, depth: Depth, *, links: bool = False) -> None:
        self._coloured = depth is not Depth.NONE
        self._links = links

    def resolve(self, cell: CellStyle, *, reverse: bool) -> Style:
        """See `CellStyles`."""
        return Style(
            color=self._rich(cell.fg),
            bgcolor=self._rich(cell.bg),
            bold=cell.bold or None,
            dim=cell.dim or None,
            reverse=(self._reversed(cell) is not reverse) or None,
            link=(cell.link or None) if self._links else None,
            **attributes(cell),
        )

    def _reversed(self, cell: CellStyle) -> bool:
        """Whether a cell is drawn in reverse video.

        Without colours that is what a coloured background becomes, but for black, and what text
        in reverse becomes unless it has a colour of its own: as in tmux (tty.c, tty_attributes).
        """
        if self._coloured:
            return cell.reverse
        return cell.fg in (None, 7) if cell.reverse else cell.bg not in (None, 0)

    def _rich(self, colour: Colour) -> Color | None:
        if colour is None or not self._coloured:
            return None
        if isinstance(colour, int):
            return Color.from_ansi(colour).downgrade(ColorSystem.STANDARD)
        return Color.from_rgb(*colour).downgrade(ColorSystem.STANDARD)


def attributes(cell: CellStyle) -> dict[str, Any]:
    """The attributes that every terminal has the same words for."""
    kind = int(cell.underline)
    return {
        "italic": cell.italic or None,
        "underline": (kind not in (0, _DOUBLE)) or None,
        "underline2": (kind == _DOUBLE) or None,
        "strike": cell.strike or None,
        "overline": cell.overline or None,
        "blink": cell.blink or None,
    }


def style_of(fore: Rgb, back: Rgb) -> Style:
    """A style of two colours."""
    return Style(color=Color.from_rgb(*fore), bgcolor=Color.from_rgb(*back))


def rgb(colour: str) -> Rgb:
    """A CSS colour's red, green and blue."""
    return ThemeColour.parse(colour).rgb


def mix(colour: Rgb, other: Rgb, share: float) -> Rgb:
    """`share` of a colour, the rest of the other."""
    red, green, blue = (
        round(a * share + b * (1 - share)) for a, b in zip(colour, other, strict=True)
    )
    return red, green, blue


def luminance(colour: Rgb) -> float:
    """Relative luminance, 0 to 1 (WCAG 2)."""
    red, green, blue = colour
    return 0.2126 * _CHANNEL[red] + 0.7152 * _CHANNEL[green] + 0.0722 * _CHANNEL[blue]


def contrast(one: Rgb, other: Rgb) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def readable(fore: Rgb, back: Rgb, least: float) -> Rgb:
    """`fore`, nearer to black or white as far as its contrast to `back` asks for."""
    if contrast(fore, back) >= least:
        return fore
    end: Rgb = (255, 255, 255) if contrast((255, 255, 255), back) >= least else (0, 0, 0)
    for step in range(1, _STEPS):
        nearer = mix(end, fore, step / _STEPS)
        if contrast(nearer, back) >= least:
            return nearer
    return end
