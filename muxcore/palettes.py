"""Palettes of sixteen colours by their names: what SGR 30 to 37 and 90 to 97 look like.

A console has one of them, or `THEME`, for which whoever draws it has its own.
"""

from __future__ import annotations

from typing import TypeAlias

Rgb: TypeAlias = tuple[int, int, int]
"""Red, green, blue, each 0 to 255."""

THEME = "theme"
"""The palette of the user interface's theme."""


def _table(*colours: int) -> tuple[Rgb, ...]:
    return tuple((rgb >> 16, rgb >> 8 & 0xFF, rgb & 0xFF) for rgb in colours)


# The text modes of the VGA; the Linux kernel's default (vt.default_red ..., drivers/tty/vt/vt.c).
_VGA = _table(
    *(0x000000, 0xAA0000, 0x00AA00, 0xAA5500, 0x0000AA, 0xAA00AA, 0x00AAAA, 0xAAAAAA),
    *(0x555555, 0xFF5555, 0x55FF55, 0xFFFF55, 0x5555FF, 0xFF55FF, 0x55FFFF, 0xFFFFFF),
)

PALETTES: dict[str, tuple[Rgb, ...]] = {
    # xterm's resources color0 to color15 (XTerm-col.ad).
    "xterm": _table(
        *(0x000000, 0xCD0000, 0x00CD00, 0xCDCD00, 0x0000EE, 0xCD00CD, 0x00CDCD, 0xE5E5E5),
        *(0x7F7F7F, 0xFF0000, 0x00FF00, 0xFFFF00, 0x5C5CFF, 0xFF00FF, 0x00FFFF, 0xFFFFFF),
    ),
    "linux": _VGA,
    "vga": _VGA,
    # The Tango icon theme's guidelines, as GNOME Terminal has them.
    "tango": _table(
        *(0x2E3436, 0xCC0000, 0x4E9A06, 0xC4A000, 0x3465A4, 0x75507B, 0x06989A, 0xD3D7CF),
        *(0x555753, 0xEF2929, 0x8AE234, 0xFCE94F, 0x729FCF, 0xAD7FA8, 0x34E2E2, 0xEEEEEC),
    ),
    # ethanschoonover.com/solarized, in the order of its own terminal settings.
    "solarized": _table(
        *(0x073642, 0xDC322F, 0x859900, 0xB58900, 0x268BD2, 0xD33682, 0x2AA198, 0xEEE8D5),
        *(0x002B36, 0xCB4B16, 0x586E75, 0x657B83, 0x839496, 0x6C71C4, 0x93A1A1, 0xFDF6E3),
    ),
    "gruvbox": _table(
        *(0x282828, 0xCC241D, 0x98971A, 0xD79921, 0x458588, 0xB16286, 0x689D6A, 0xA89984),
        *(0x928374, 0xFB4934, 0xB8BB26, 0xFABD2F, 0x83A598, 0xD3869B, 0x8EC07C, 0xEBDBB2),
    ),
    "nord": _table(
        *(0x3B4252, 0xBF616A, 0xA3BE8C, 0xEBCB8B, 0x81A1C1, 0xB48EAD, 0x88C0D0, 0xE5E9F0),
        *(0x4C566A, 0xBF616A, 0xA3BE8C, 0xEBCB8B, 0x81A1C1, 0xB48EAD, 0x8FBCBB, 0xECEFF4),
    ),
}
"""The colours 0 to 15 of every palette that has its own, by name."""

NAMES = (THEME, *PALETTES)
"""Every name a console may give."""
