"""How many colours the user's terminal has, and what of a cell's look it understands."""

from __future__ import annotations

import curses
import enum
from collections.abc import Callable, Mapping


class Depth(enum.Enum):
    """The colours there are; the values are Rich's names of its colour systems."""

    NONE = "none"
    """No colours: attributes only."""
    SIXTEEN = "standard"
    """The terminal's own sixteen, whatever they look like."""
    INDEXED = "256"
    TRUE = "truecolor"


_TRUE_TERMS = ("alacritty", "contour", "foot", "wezterm", "xterm-ghostty", "xterm-kitty")
"""Terminals that have true colour where COLORTERM was lost on the way, as ssh loses it."""

_PLAIN_TERMS = ("linux", "screen", "vt", "rxvt", "dumb", "ansi", "cons", "sun")
"""Terminals that may take an SGR with colons, or a DECSCUSR, for text or another sequence."""


def terminfo_colours(term: str) -> int:
    """The colours terminfo knows of a terminal, -1: none, or 8 where it knows no such terminal."""
    try:
        curses.setupterm(term, fd=1)
    except curses.error:
        return 8
    return curses.tigetnum("colors")


def colour_depth(
    environ: Mapping[str, str], colours: Callable[[str], int] = terminfo_colours
) -> Depth:
    """The depth for an environment: NO_COLOR (no-color.org), COLORTERM, TERM by terminfo.

    Args:
        environ: the environment.
        colours: how many colours terminfo gives a TERM.
    """
    if environ.get("NO_COLOR"):
        return Depth.NONE
    if environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return Depth.TRUE
    term = environ.get("TERM", "").strip().lower()
    if term.startswith(_TRUE_TERMS) or term.endswith("-direct"):
        return Depth.TRUE
    count = 256 if term.endswith("-256color") else colours(term) if term else -1
    if count >= 256:
        return Depth.TRUE if count >= 1 << 24 else Depth.INDEXED
    return Depth.SIXTEEN if count >= 8 else Depth.NONE


def is_modern(environ: Mapping[str, str]) -> bool:
    """Whether underline kinds (SGR 4:3) and cursor shapes (DECSCUSR) do no harm at least."""
    term = environ.get("TERM", "").strip().lower()
    return bool(term) and not term.startswith(_PLAIN_TERMS)
