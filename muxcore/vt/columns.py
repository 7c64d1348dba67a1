"""Which columns the characters of a line cover. Pure.

An engine's `Run` says only how wide it is as a whole. Where each character stands within it
follows from Unicode's widths (UAX #11 as wcwidth reads it), which the engines use too.
"""

from __future__ import annotations

from itertools import accumulate

from wcwidth import wcwidth


def char_width(char: str) -> int:
    """The columns of one character: 0 for a combining one, 2 for a wide one, else 1."""
    return max(0, wcwidth(char))


def columns(text: str) -> range | list[int]:
    """The column at which each character begins, and at last the one after the text.

    A combining character begins where its base ends and covers nothing.
    """
    if text.isascii():
        return range(len(text) + 1)
    return list(accumulate(map(char_width, text), initial=0))


def text_width(text: str) -> int:
    """The columns that a text covers."""
    return columns(text)[-1]
