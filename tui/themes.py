"""The themes, and the colours a guest gets under each.

A theme may name the guest's sixteen colours in its variables `guest-0` to
`guest-15`; Textual's own themes get those of ours that is as dark as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.theme import Theme

Rgb = tuple[int, int, int]

_DARK = (
    *("#2b333d", "#ee7f7f", "#8ccf8c", "#e3bf77", "#74b5f5", "#c79df0", "#68cbd4", "#c3ccd6"),
    *("#667382", "#ff9f9f", "#b0e6ae", "#f2d79b", "#a2d0ff", "#ddbdff", "#98e4eb", "#f6f8fa"),
)
_LIGHT = (
    *("#23282e", "#b3261e", "#2b7a2f", "#8a6100", "#1660ad", "#8437a8", "#0f7480", "#7d838a"),
    *("#5a626b", "#d0392f", "#3a9440", "#a87800", "#2b7bd0", "#a04cc7", "#178b99", "#30363d"),
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

THEMES = (NIGHT, DAY)


def guest_colours(variables: Mapping[str, str], *, dark: bool) -> tuple[Rgb, ...]:
    """The 256 palette colours of a guest under a theme with these CSS variables.

    0 to 15 are the theme's, the rest xterm's cube and grey ramp (xterm's 256colres.pl).
    """
    fallback = _DARK if dark else _LIGHT
    named = tuple(
        _rgb(variables.get(f"guest-{index}", colour)) for index, colour in enumerate(fallback)
    )
    levels = (0, 95, 135, 175, 215, 255)
    cube = tuple((r, g, b) for r in levels for g in levels for b in levels)
    greys = tuple((level, level, level) for level in range(8, 239, 10))
    return named + cube + greys


def _rgb(colour: str) -> Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
