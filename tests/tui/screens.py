"""Screens made of words, for what reads lines."""

from __future__ import annotations

from collections.abc import Sequence

from muxcore.vt.columns import text_width
from muxcore.vt.engine import PLAIN, Run


class Lines:
    """`tui.rows.LineSource`: the texts from line `first` on; one that ends in `\\` is wrapped."""

    def __init__(self, *texts: str, cols: int = 10, first: int = 0) -> None:
        self.texts = texts
        self.cols = cols
        self.oldest_line = first
        self.end_line = first + len(texts)
        self.read: list[tuple[int, int]] = []
        self.dropped = 0
        """Lines that go in front as soon as one is read."""

    async def lines(self, start: int, stop: int) -> Sequence[tuple[Sequence[Run], bool]]:
        self.read.append((start, stop))
        start = max(start, self.oldest_line + self.dropped)
        return [self._line(self.texts[number - self.oldest_line]) for number in range(start, stop)]

    def _line(self, text: str) -> tuple[tuple[Run, ...], bool]:
        shown = text.removesuffix("\\")
        return (Run(shown, PLAIN, text_width(shown)),), shown != text
