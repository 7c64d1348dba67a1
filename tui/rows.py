"""Text at absolute lines: rows of cells, and the lines and words that go on over a wrap.

What is read is what the screen held at that moment; a `Rows` lives for one step of a selection or
of copy mode, no longer, so that nothing it holds is stale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from muxcore.vt.columns import char_width

if TYPE_CHECKING:
    from muxcore.vt.engine import Run

CHUNK = 64
"""Lines read at once, and the multiple their first number is of."""

MAX_WRAPPED = 256
"""Rows of one line that are looked at in each direction."""

_URL = r"\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s\"'<>`|{}\\^]+(?<![.,:;!?)\]])"
_WORD = r"[\w\-./:~@+%]+"
_WORD_ENDS = ".:"
"""What ends a sentence or a prefix rather than a path, unless it is what was clicked."""


class Place(NamedTuple):
    """A cell: an absolute line and a column."""

    line: int
    col: int


class Extent(NamedTuple):
    """Cells from `start` up to `stop`, exclusive."""

    start: Place
    stop: Place


class LineSource(Protocol):
    """A screen's lines by their absolute numbers, `tui.terminal.Terminal`."""

    @property
    def cols(self) -> int:
        """Columns of the screen."""

    @property
    def oldest_line(self) -> int:
        """The first line at hand."""

    @property
    def end_line(self) -> int:
        """The line after the last one."""

    async def lines(self, start: int, stop: int) -> Sequence[tuple[Sequence[Run], bool]]:
        """The runs of each line, and whether it goes on in the next one."""


@dataclass(frozen=True)
class Row:
    """One row of the screen.

    `cells` has an entry a column: the character with its combining ones, a space where it is
    blank, nothing in the second column of a wide one.
    """

    cells: tuple[str, ...]
    wrapped: bool = False
    """Whether the line goes on in the next row."""

    @classmethod
    def of(cls, runs: Sequence[Run], wrapped: bool, cols: int) -> Row:
        """Make a row of runs, filled up with blanks or cut off at `cols`."""
        cells: list[str] = []
        for run in runs:
            end = len(cells) + run.width
            cells += run.text if run.text.isascii() else _split(run.text)
            cells[end:] = ()
            cells += " " * (end - len(cells))
        cells[cols:] = ()
        cells += " " * (cols - len(cells))
        return cls(tuple(cells), wrapped)

    @property
    def used(self) -> int:
        """The columns before the blanks at the end."""
        used = len(self.cells)
        while used and self.cells[used - 1] == " ":
            used -= 1
        return used

    def cell(self, col: int) -> tuple[int, int]:
        """The columns from and up to which the cell at a column goes; a wide one has two."""
        col = min(max(0, col), len(self.cells) - 1)
        while col and not self.cells[col]:
            col -= 1
        wide = col + 1 < len(self.cells) and not self.cells[col + 1]
        return col, col + 2 if wide else col + 1


def _split(text: str) -> list[str]:
    cells: list[str] = []
    for char in text:
        width = char_width(char)
        if not width and cells:
            base = -1 if cells[-1] or len(cells) == 1 else -2
            cells[base] += char
        else:
            cells += [char, ""] if width == 2 else [char]
    return cells


class Rows:
    """Reads rows by number, in chunks."""

    def __init__(self, source: LineSource) -> None:
        self._source = source
        self.cols = source.cols
        self.first = source.oldest_line
        """The oldest line that can be read."""
        self.end = max(source.end_line, self.first + 1)
        self._rows: dict[int, Row] = {}

    async def row(self, line: int) -> Row:
        """The row of a line; blank where there is none."""
        if line not in self._rows and self.first <= line < self.end:
            await self._read(line // CHUNK * CHUNK)
        return self._rows.get(line) or Row((" ",) * self.cols)

    async def _read(self, start: int) -> None:
        start, stop = max(start, self.first), min(start + CHUNK, self.end)
        found = await self._source.lines(start, stop)
        # Lines that were dropped meanwhile are missing in front.
        for line, (runs, wrapped) in enumerate(found, stop - len(found)):
            self._rows[line] = Row.of(runs, wrapped, self.cols)

    async def cell(self, place: Place) -> Extent:
        """The cell at a place, whole."""
        start, stop = (await self.row(place.line)).cell(place.col)
        return Extent(Place(place.line, start), Place(place.line, stop))

    async def whole(self, line: int) -> tuple[int, int]:
        """The first and the last row of the line that this row belongs to."""
        first = last = line
        while first > max(self.first, line - MAX_WRAPPED) and (await self.row(first - 1)).wrapped:
            first -= 1
        while last < min(self.end - 1, line + MAX_WRAPPED) and (await self.row(last)).wrapped:
            last += 1
        return first, last

    async def line(self, place: Place) -> Extent:
        """The line at a place, over all its wraps."""
        first, last = await self.whole(place.line)
        return Extent(Place(first, 0), Place(last, self.cols))

    async def word(self, place: Place) -> Extent:
        """The word at a place: an URL, a path, an identifier; else the one cell."""
        first, last = await self.whole(place.line)
        cells = [
            (Place(line, col), text)
            for line in range(first, last + 1)
            for col, text in enumerate((await self.row(line)).cells)
            if text
        ]
        at = max(index for index, (where, _) in enumerate(cells) if where <= place)
        # One character stands for a cell, so that an index is a cell's.
        start, stop = word_around("".join(text[0] for _, text in cells), at)
        end = cells[stop - 1][0]
        return Extent(cells[start][0], (await self.cell(end)).stop)


def word_around(text: str, at: int) -> tuple[int, int]:
    """Where the word with the character `at` begins and ends, as a double click means it."""
    # A word has its vowel signs, which `re` knows nothing of; to load this one takes a while.
    import regex

    for url in regex.finditer(_URL, text):
        if url.start() <= at < url.end():
            return url.span()
    for word in regex.finditer(_WORD, text):
        start, stop = word.span()
        if start <= at < stop:
            while stop - 1 > at and text[stop - 1] in _WORD_ENDS:
                stop -= 1
            while start < at and text[start] == ":":
                start += 1
            return start, stop
    return at, at + 1
