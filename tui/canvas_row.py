"""A row of a canvas: cells, where two rows differ and what that costs to write. Pure."""

from __future__ import annotations

import re
from operator import and_, ne
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_JUMP = 4
_DIP = 18
"""Bytes that a jump takes, and another pen, more or less."""

_CHANGED = re.compile(b"\x01+")


class Row:
    """A row's cells: their texts and the numbers of their pens.

    A text of more than one cell stands in the first of them, the others are empty. So does any
    text about whose cells terminals may differ: it is only ever written whole. None is a cell of
    which it is not known what it shows.
    """

    __slots__ = ("key", "pens", "texts")

    def __init__(self, texts: list[str | None], pens: list[int]) -> None:
        self.texts = texts
        self.pens = pens
        self.key: tuple[int, int, str] | None = None
        """By what to find the row again: columns, and the text in them."""

    def copy(self) -> Row:
        """Another row with the same cells."""
        row = Row(self.texts[:], self.pens[:])
        row.key = self.key
        return row

    def spliced(self, other: Row, x: int, stop: int) -> Row:
        """Another row with these cells, but for another row's in some columns."""
        texts, pens = self.texts[:], self.pens[:]
        texts[x:stop], pens[x:stop] = other.texts[x:stop], other.pens[x:stop]
        row = Row(texts, pens)
        if other.key is not None and other.key[:2] == (x, stop):
            row.key = other.key
        return row

    def text(self, x: int, stop: int) -> str:
        """The text in some columns; empty when it is blank or not known."""
        if self.key is None or self.key[:2] != (x, stop):
            texts = self.texts[x:stop]
            text = "" if None in texts else "".join(filter(None, texts)).strip()
            self.key = x, stop, text
        return self.key[2]

    def same(self, other: Row, x: int, stop: int) -> bool:
        """Whether the cells of some columns are the same."""
        texts, pens = self.texts[x:stop], self.pens[x:stop]
        return texts == other.texts[x:stop] and pens == other.pens[x:stop]

    def changed(self, other: Row, x: int = 0, stop: int | None = None) -> Iterator[tuple[int, int]]:
        """Where cells of some columns are other than another row's; not those that are unknown."""
        texts, pens = self.texts[x:stop], self.pens[x:stop]
        if pens == other.pens[x:stop]:
            changed = bytes(map(ne, texts, other.texts[x:stop]))
        else:
            others = zip(other.texts[x:stop], other.pens[x:stop], strict=True)
            changed = bytes(map(ne, zip(texts, pens, strict=True), others))
        if None in texts:
            changed = bytes(map(and_, changed, (text is not None for text in texts)))
        return ((x + at, x + end) for at, end in map(re.Match.span, _CHANGED.finditer(changed)))

    def cost(self, other: Row, x: int, stop: int) -> int:
        """About how many bytes make another row like this in some columns."""
        if self.same(other, x, stop):
            return 0
        cost = 0
        for start, end in self.changed(other, x, stop):
            text = "".join(filter(None, self.texts[start:end]))
            cost += _JUMP + len(text.encode("utf-8", "replace"))
            cost += _DIP * len(set(self.pens[start:end]))
        return cost


def cut(texts: list[str | None], x: int) -> None:
    """Blank what a text of several cells loses to others before or after the cell `x`."""
    if x < len(texts) and texts[x] == "":
        start = x
        while texts[start] == "":
            texts[start] = " "
            start -= 1
        texts[start] = " "
        while x < len(texts) - 1 and texts[x + 1] == "":
            x += 1
            texts[x] = " "
