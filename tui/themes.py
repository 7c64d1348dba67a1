"""The themes, and the colours a guest gets under each.

A theme may name the guest's sixteen colours in its variables `guest-0` to `guest-15`, and in
`guest-contrast` the contrast its text has at least; Textual's own themes get the colours of that of
ours that is as dark as they are. On a terminal of sixteen colours or none there is one theme, made
of the terminal's own.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.theme import BUILTIN_THEMES, Theme

from muxcore.palettes import PALETTES, Rgb
from tui.colour_depth import Depth

_LEVELS = (0, 95, 135, 175, 215, 255)

XTERM: tuple[Rgb, ...] = (
    *((red, green, blue) for red in _LEVELS for green in _LEVELS for blue in _LEVELS),
    *((level, level, level) for level in range(8, 239, 10)),
)
"""Colours 16 to 255: xterm's cube and grey ramp (256colres.pl)."""

CONTRAST = 3.0
"""WCAG contrast of a guest's text that chose its own colour, but not the one behind it."""

_DARK = (
    *("#2b333d", "#ee7f7f", "#8ccf8c", "#e3bf77", "#74b5f5", "#c79df0", "#68cbd4", "#c3ccd6"),
    *("#667382", "#ff9f9f", "#b0e6ae", "#f2d79b", "#a2d0ff", "#ddbdff", "#98e4eb", "#f6f8fa"),
)
_LIGHT = (
    *("#23282e", "#b3261e", "#2b7a2f", "#8a6100", "#1660ad", "#8437a8", "#0f7480", "#7d838a"),
    *("#5a626b", "#d0392f", "#3a9440", "#a87800", "#2b7bd0", "#a04cc7", "#178b99", "#30363d"),
)
_STARK = (
    *("#000000", "#ff6b6b", "#5cff5c", "#ffff55", "#7ab8ff", "#ff8cff", "#5cffff", "#e6e6e6"),
    *("#a0a0a0", "#ff9c9c", "#a3ffa3", "#ffffa3", "#abd4ff", "#ffb8ff", "#a8ffff", "#ffffff"),
)
"""Black, red, green, yellow, blue, magenta, cyan, white; then the bright ones."""


def _guest(colours: tuple[str, ...]) -> dict[str, str]:
    return {f"guest-{index}": colour for index, colour in enumerate(colours)}


NIGHT = Theme(
    name="muxtui-night",
    primary="#74b5f5",
    secondary="#8fa3b8",
    accent="#68cbd4",
    success="#8ccf8c",
    warning="#e3bf77",
    error="#ee7f7f",
    foreground="#ccd5df",
    background="#0f1318",
    surface="#151b22",
    panel="#1e2630",
    dark=True,
    variables=_guest(_DARK),
)

DAY = Theme(
    name="muxtui-day",
    primary="#1660ad",
    secondary="#5a6b7d",
    accent="#0f7480",
    success="#2b7a2f",
    warning="#8a6100",
    error="#b3261e",
    foreground="#262c33",
    background="#fcfbf8",
    surface="#f2f0ea",
    panel="#e4e1d9",
    dark=False,
    variables=_guest(_LIGHT),
)

STARK = Theme(
    name="muxtui-high-contrast",
    primary="#ffd500",
    secondary="#ffffff",
    accent="#5cffff",
    success="#5cff5c",
    warning="#ffd500",
    error="#ff6b6b",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#2b2b2b",
    dark=True,
    variables={
        **_guest(_STARK),
        "guest-contrast": "7",
        "foreground-muted": "#ffffff",
        "primary-muted": "#4d4000",
        "error-muted": "#660000",
    },
)

TERMINAL = Theme(
    name="muxtui-terminal",
    primary="ansi_cyan",
    secondary="ansi_default",
    accent="ansi_cyan",
    success="ansi_green",
    warning="ansi_yellow",
    error="ansi_red",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    ansi=True,
    variables={
        **BUILTIN_THEMES["ansi-dark"].variables,
        "foreground-muted": "ansi_default",
        "primary-muted": "ansi_default",
        "accent-muted": "ansi_default",
        "error-muted": "ansi_default",
        "block-cursor-text-style": "reverse",
        "block-hover-background": "ansi_default",
    },
)

THEMES = (NIGHT, DAY, STARK, TERMINAL)


def has_colours(depth: Depth) -> bool:
    """Whether a terminal shows more than its own sixteen: enough for a theme that is not them."""
    return depth in (Depth.INDEXED, Depth.TRUE)


def first_theme(depth: Depth) -> str:
    """The theme to begin with."""
    return NIGHT.name if has_colours(depth) else TERMINAL.name


def usable_themes(themes: Mapping[str, Theme], *, ansi: bool) -> list[str]:
    """The names, in order, of the themes made of the terminal's own colours, or of the others."""
    return sorted(name for name, theme in themes.items() if theme.ansi is ansi)


def guest_colours(
    variables: Mapping[str, str], *, dark: bool, palette: str = ""
) -> tuple[Rgb, ...]:
    """The 256 palette colours of a guest under a theme with these CSS variables.

    0 to 15 are those of the palette of that name (`muxcore.palettes`), else the theme's; the rest
    are `XTERM`.
    """
    fallback = _DARK if dark else _LIGHT
    named = PALETTES.get(palette) or tuple(
        _rgb(variables.get(f"guest-{index}", colour)) for index, colour in enumerate(fallback)
    )
    return named + XTERM


def _rgb(colour: str) -> Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
