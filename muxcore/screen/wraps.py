"""Lines that go on in the next one. Pure."""

from __future__ import annotations

from muxcore.vt.columns import char_width, text_width


def padded(text: str, after: str, cols: int) -> str:
    """A wrapped line's text with the blanks at its end, which a screen does not tell.

    `after` is the text of the line it goes on in. The one blank is left out that is there because
    a wide character had no room.
    """
    blanks = cols - text_width(text)
    if blanks == 1 and after and char_width(after[0]) == 2:
        return text
    return text + " " * blanks
