"""The user's terminal: what is on it, and the least output that makes it what it should be.

Textual writes every line it has drawn again whole, with a full SGR and a reset for each segment. A
guest's screen changes by a few cells or scrolls by a line, and links are thin. So what is drawn
goes into a `Canvas` of cells, which knows what the terminal shows, and only the difference is
written: cells that changed, the pen's changes between them, a scroll where lines have moved. Pure.
"""

from __future__ import annotations

import re
from itertools import groupby, repeat
from typing import TYPE_CHECKING, TypeAlias

from rich.cells import cell_len

from tui.canvas_row import Row, cut
from tui.canvas_scroll import Columns, Scroll, Scroller
from tui.pens import MAX_PENS, Pen, Pens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.color import ColorSystem
    from rich.style import Style

_GAP = 4
"""Unchanged cells that are cheaper written again than jumped over."""

_FEW = 0.8
"""Pens to each change of them up to which it is worth looking whether to take each but once."""

_ERASABLE = re.compile(" {12,}")
"""Blanks that are cheaper erased (ECH, and a jump) than written."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


_STRIPS = 256
"""Strips whose cells are known when they are drawn again: those of a screen that scrolls."""

Run: TypeAlias = tuple[int, int, int]
"""Columns from and up to which cells are written with the pen of that number."""

Segments: TypeAlias = "Iterable[tuple[str, Style | None, object]]"


class Canvas:
    """A screen as it should be and as the terminal shows it.

    Args:
        colours: what the terminal can show.
        erase: whether it erases (ECH) to the background colour of the pen.
    """

    def __init__(self, colours: ColorSystem, *, erase: bool) -> None:
        self._erase = erase
        self._width = self._height = 0
        self._wanted: list[Row] = []
        self._shown: list[Row] = []
        self._dirty: set[int] = set()
        self._drawn: dict[Columns, set[int]] = {}
        self._margins = False
        self._pens = Pens(colours)
        self._narrow: set[str] = set()
        self._cells_of: dict[int, tuple[Segments, list[str | None], list[int], str]] = {}
        """Cells by the identity of what was drawn, which is kept so that it stays the same."""
        self._pen: Pen | None = None
        self._at: tuple[int, int] | None = None
        self._cursor: tuple[int, int] | None = None
        self._out: list[str] = []

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self._width, self._height

    def resize(self, width: int, height: int) -> None:
        """Take the terminal's size; what it shows is not known any more if it is another."""
        if (width, height) != (self._width, self._height):
            self._width, self._height = width, height
            self._wanted = [self._unknown() for _ in range(height)]
            self.forget()

    def forget(self) -> None:
        """Take nothing for granted that the terminal shows: others have written to it."""
        self._shown = [self._unknown() for _ in range(self._height)]
        self._dirty = set(range(self._height))
        self._pen = self._cursor = None

    def use_margins(self, usable: bool) -> None:
        """Scroll columns by themselves (DECSLRM), or not; the cursor is anywhere since then."""
        self._margins = usable
        self._cursor = None

    def _unknown(self) -> Row:
        return Row([None] * self._width, [0] * self._width)

    # What it should be.

    def put(self, x: int, y: int, segments: Segments) -> None:
        """Draw segments, a `Strip` or a list, from a cell on; what is outside is left out."""
        if not 0 <= y < self._height or not 0 <= x < self._width:
            return
        known = self._cells_of.get(id(segments))
        if known is None:
            if len(self._cells_of) >= _STRIPS:
                self._cells_of.clear()
            texts, pens = self._cells(segments)
            text = "".join(filter(None, texts)).strip()
            known = self._cells_of[id(segments)] = segments, texts, pens, text
        _, texts, pens, text = known
        count = len(texts)
        key: tuple[int, int, str] | None = x, x + count, text
        if x + count > self._width:
            key = None
            count = self._width - x
            texts, pens = texts[:], pens[:]
            cut(texts, count)
            del texts[count:], pens[count:]
        row = self._wanted[y]
        cut(row.texts, x)
        cut(row.texts, x + count)
        row.texts[x : x + count] = texts
        row.pens[x : x + count] = pens
        row.key = key
        self._dirty.add(y)
        self._drawn.setdefault(Columns(x, x + count), set()).add(y)

    def _cells(self, segments: Segments) -> tuple[list[str | None], list[int]]:
        texts: list[str | None] = []
        pens: list[int] = []
        pens_of = self._pens.of
        for text, style, control in segments:
            if control or not text:
                continue
            numbers = pens_of(style)
            if text.isascii() and text.isprintable():
                blanks = len(text) - len(text.rstrip())
                texts.extend(text)
                pens.extend(repeat(numbers[0], len(text) - blanks))
                pens.extend(repeat(numbers[1], blanks))
            else:
                before = len(texts)
                texts.extend(self._beyond_ascii(text))
                pens.extend(repeat(numbers[0], len(texts) - before))
        return texts, pens

    def _beyond_ascii(self, text: str) -> Iterable[str]:
        """The cells of a text that is not ASCII."""
        if not self._narrow.issuperset(text):
            text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
            if any(cell_len(character) != 1 for character in set(text) - self._narrow):
                width = cell_len(text)
                return (text, *repeat("", width - 1)) if width else ()
            if len(self._narrow) > MAX_PENS:
                self._narrow.clear()
            self._narrow.update(text)
        return text

    def _compact(self) -> None:
        """Forget the pens that no cell is drawn with."""
        self._cells_of.clear()
        rows = [*self._wanted, *self._shown]
        renumbered = self._pens.keep(set().union(*(row.pens for row in rows)))
        for row in rows:
            row.pens = [renumbered[number] for number in row.pens]

    # What makes it so.

    def flush(self, cursor: tuple[int, int]) -> str:
        """What to write so that the terminal shows what was drawn, with its cursor at (x, y)."""
        # Others move the cursor, too.
        self._at = None
        if self._dirty:
            if self._drawn:
                self._scroll()
            for y in sorted(self._dirty):
                self._update(y)
            self._dirty.clear()
            self._drawn.clear()
            if self._pens.full:
                self._compact()
        if self._out or cursor != self._cursor:
            self._move(*cursor)
            self._cursor = cursor
        written = "".join(self._out)
        self._out.clear()
        return written

    def _update(self, y: int) -> None:
        """Write the cells of a row that changed."""
        wanted, shown = self._wanted[y], self._shown[y]
        if wanted.texts == shown.texts and wanted.pens == shown.pens:
            return
        runs = [run for span in wanted.changed(shown) for run in self._runs(wanted, *span)]
        out, self._out = self._out, []
        pen, at = self._pen, self._at
        self._write(y, runs)
        taken = [number for number, _ in groupby(number for _, _, number in runs)]
        if len(set(taken)) < len(taken) * _FEW:
            straight = self._out, self._pen, self._at
            self._out, self._pen, self._at = [], pen, at
            self._write(y, self._by_pen(runs))
            if _length(self._out) >= _length(straight[0]):
                self._out, self._pen, self._at = straight
        out += self._out
        self._out = out
        self._shown[y] = wanted.copy()

    def _runs(self, row: Row, start: int, stop: int) -> Iterator[Run]:
        """Cells in parts that each are written with one pen, the blanks behind them too."""
        goes_on = self._pens.goes_on
        end, pen = start, row.pens[start]
        for number, cells in groupby(row.pens[start:stop]):
            if number != pen and not goes_on(pen, number):
                yield start, end, pen
                start, pen = end, number
            end += sum(1 for _ in cells)
        yield start, end, pen

    def _by_pen(self, runs: list[Run]) -> list[Run]:
        """Runs in such an order that each pen is taken once, the one at hand first."""
        turns: dict[int, int] = {}
        for _, _, number in runs:
            at_hand = not self._pens.change(self._pen, number)[0]
            turns.setdefault(number, -1 if at_hand else len(turns))
        return sorted(runs, key=lambda run: turns[run[2]])

    def _write(self, y: int, runs: Iterable[Run]) -> None:
        """Write runs of a row, and what is between two where that is no more than a jump."""
        row = self._wanted[y]
        start = last = -1
        for x, stop, _ in runs:
            if start >= 0 and not self._continues(row, last, x):
                self._span(y, start, last)
                start = -1
            if start < 0:
                start = x
            last = stop
        if start >= 0:
            self._span(y, start, last)

    def _continues(self, row: Row, last: int, x: int) -> bool:
        """Whether the cells from `last` up to `x` are as well written as jumped over."""
        between = row.texts[last:x]
        if not 0 <= x - last <= _GAP or None in between:
            return False
        goes_on = self._pens.goes_on
        return all(goes_on(row.pens[last - 1], number) for number in row.pens[last:x])

    def _span(self, y: int, start: int, stop: int) -> None:
        """Write cells, and those whose texts they share."""
        row = self._wanted[y]
        texts, pens = row.texts, row.pens
        while start and texts[start] == "":
            start -= 1
        while stop < self._width and texts[stop] == "":
            stop += 1
        while start < stop:
            number, end = pens[start], start + 1
            while end < stop and pens[end] == number:
                end += 1
            self._change(number)
            self._run(start, y, texts[start:end])
            start = end

    def _run(self, x: int, y: int, texts: list[str | None]) -> None:
        """Write cells of one pen."""
        text = "".join(filter(None, texts))
        if "" in texts or len(text) != len(texts):
            self._move(x, y)
            self._out.append(text)
            self._at = None
            return
        written = 0
        assert self._pen is not None
        if self._erase and self._pen.plain:
            for blank in _ERASABLE.finditer(text):
                self._text(x + written, y, text[written : blank.start()])
                self._move(x + blank.start(), y)
                to_end = x + blank.end() == self._width
                self._out.append("\x1b[K" if to_end else f"\x1b[{len(blank[0])}X")
                written = blank.end()
        self._text(x + written, y, text[written:])

    def _text(self, x: int, y: int, text: str) -> None:
        if text:
            self._move(x, y)
            self._out.append(text)
            self._at = (x + len(text), y)

    def _move(self, x: int, y: int) -> None:
        """Bring the terminal's cursor to a cell."""
        at = self._at
        if at == (x, y):
            return
        if at and at[1] == y and x and at[0] < self._width:
            away = abs(x - at[0])
            self._out.append(f"\x1b[{away if away > 1 else ''}{'C' if at[0] < x else 'D'}")
        elif at and (x, y) == (0, at[1]):
            self._out.append("\r")
        elif at and (x, y) == (0, at[1] + 1):
            self._out.append("\r\n")
        else:
            self._out.append(f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H")
        self._at = (x, y)

    def _change(self, number: int) -> None:
        """Take another pen."""
        written, self._pen = self._pens.change(self._pen, number)
        if written:
            self._out.append(written)

    # Scrolling.

    def _scroll(self) -> None:
        """Have the terminal move rows that only moved, if that is less than to write them."""
        drawn, rows = max(self._drawn.items(), key=lambda item: len(item[1]))
        whole = Columns(0, self._width)
        moving = drawn if self._margins and drawn.right - drawn.left > 1 else whole
        scroller = Scroller(self._wanted, self._shown, drawn, moving, self._exposed)
        scroll = scroller.find(rows)
        if scroll is None:
            return
        # What the new lines are blank in is that of cells which are most likely to stay blank.
        likely = drawn.right - 1
        if moving == whole and drawn.right < self._width:
            likely = self._width - 1
        elif moving == whole and drawn.left:
            likely = 0
        self._change(self._wanted[scroll.exposed[-1]].pens[likely])
        self._move_rows(scroll, moving)
        self._shown[scroll.top : scroll.bottom] = scroller.shifted(scroll)
        self._dirty.update(range(scroll.top, scroll.bottom))

    def _exposed(self) -> Row:
        """A row that scrolling has just brought up."""
        if not self._erase or self._pen is None:
            return self._unknown()
        number = self._pens.blank(self._pen.background)
        return Row([" "] * self._width, [number] * self._width)

    def _move_rows(self, scroll: Scroll, columns: Columns) -> None:
        """Scroll within margins (DECSTBM, DECSLRM) by line feeds or reverse indexes."""
        top, bottom, by = scroll
        beside = columns != (0, self._width)
        margins = beside or (top, bottom) != (0, self._height)
        if beside:
            self._out.append(f"\x1b[{columns.left + 1 if columns.left else ''};{columns.right}s")
        if margins:
            self._out.append(f"\x1b[{top + 1 if top else ''};{bottom}r")
            self._at = (0, 0)
        self._move(columns.left, bottom - 1 if by > 0 else top)
        self._out.append("\n" * by if by > 0 else "\x1bM" * -by)
        if beside:
            # Terminals differ in what a DECSLRM without parameters means.
            self._out.append(f"\x1b[;{self._width}s")
        if margins:
            self._out.append("\x1b[r")
            self._at = (0, 0)


def _length(parts: Iterable[str]) -> int:
    return sum(map(len, parts))
