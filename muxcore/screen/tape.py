"""An engine, and where in the history each of its lines began. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from muxcore.screen.marks import Marks

if TYPE_CHECKING:
    from muxcore.screen.frame import Place
    from muxcore.vt.engine import Engine

    Places = Sequence[Place]

PIECE = 16 * 1024
"""Bytes fed at once in a flood: its lines' offsets are exact to the piece."""

SMALL = 4096
"""Bytes fed at once where the offset of each line is wanted."""

MAX_NOTED = 1000
"""Lines begun by one piece of which the offsets are noted; repeated blanks begin far more."""

_SAFE_START = re.compile(rb"[\n\x1b]")
_START_WITHIN = 4096


class Tape:
    """Feeds an engine bytes of the history and notes where its lines begin."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._marks = {engine.epoch: Marks()}
        """By epoch: the main screen's, and the alternate screen's while that is shown."""

    @property
    def marks(self) -> Marks:
        """The marks of the screen that is shown."""
        epoch = self.engine.epoch
        marks = self._marks.get(epoch)
        if marks is None:
            main = next(iter(self._marks))
            self._marks = {main: self._marks[main], epoch: (marks := Marks())}
        return marks

    def begin(self, offset: int) -> None:
        """Start over: what is fed next is the history from `offset` on."""
        self.engine.reset()
        self.mark(offset)

    def mark(self, offset: int) -> None:
        """Note that what is fed next is the history from `offset` on, and all that is known."""
        self._marks = {self.engine.epoch: Marks()}
        self.marks.add(self.engine.cursor_line, offset)

    def feed(self, data: bytes, offset: int, *, exact: bool) -> None:
        """Obey the history's bytes from `offset` on.

        Args:
            data: the bytes.
            offset: of the first one.
            exact: note the offset of each line, not of each piece.
        """
        engine = self.engine
        for piece in _pieces(data, SMALL if exact else PIECE):
            epoch, before = engine.epoch, engine.cursor_line
            engine.feed(piece)
            last = piece.rfind(b"\n") + 1
            if not (exact and epoch == engine.epoch and self._note(piece, offset, before)):
                self.marks.add(engine.cursor_line, offset + last)
            offset += len(piece)

    def _note(self, piece: bytes, offset: int, before: int) -> bool:
        """Note each line begun by a piece that was fed while the cursor was on line `before`.

        Returns:
            False where its line feeds and the lines that are not wrapped do not match.
        """
        engine = self.engine
        begun: Sequence[int] = range(before + 1, engine.cursor_line + 1)
        feeds = piece.count(b"\n")
        if engine.cursor_line < before or len(begun) > MAX_NOTED + feeds:
            return False
        if feeds != len(begun):
            texts = engine.texts(before, engine.cursor_line)
            begun = [line for line, (_, wrapped) in zip(begun, texts, strict=False) if not wrapped]
        if feeds != len(begun):
            return False
        at = 0
        for line in begun:
            at = piece.index(b"\n", at) + 1
            self.marks.add(line, offset + at)
        return True

    def resize(self, rows: int, cols: int, places: Places = ()) -> list[Place | None]:
        """Take another size; the marks follow their lines through a reflow of the main screen.

        Args:
            rows: height in cells.
            cols: width in cells.
            places: lines and columns that are to be followed.

        Returns:
            Where those are now; None for one whose line is not there any more, or was none of the
            engine's. Wide characters at a wrap put a place as many columns off.
        """
        engine, marks = self.engine, self.marks
        if engine.modes.alternate_screen:
            engine.resize(rows, cols)
            return [None] * len(places)
        old = _Logical(engine)
        # An engine may have more lines after it than before: none of those has one of these marks.
        marks.forget_before(engine.first_line)
        engine.resize(rows, cols)
        new = _Logical(engine)
        marks.renumber(lambda line: new.number(old.index(line)))
        self._marks = {engine.epoch: marks}
        return [new.place(old.position(place)) for place in places]

    def offsets(self, start: int, stop: int) -> list[int | None]:
        """The history offset at which each of the lines began; None where it is not known."""
        marks = self.marks
        return [marks.offset(line) for line in range(start, stop)]


class _Logical:
    """Which lines of a screen are one that was wrapped, counted from the last one with text."""

    def __init__(self, engine: Engine) -> None:
        self._first = engine.first_line
        self._end = engine.end_line
        self._cols = engine.cols
        texts = engine.texts(engine.first_line, engine.end_line)
        self._starts = [0]
        self._starts += [at + 1 for at, (_, wrapped) in enumerate(texts[:-1]) if not wrapped]
        last = next((at for at in range(len(texts) - 1, 0, -1) if texts[at][0]), 0)
        self._last = bisect_right(self._starts, last) - 1

    def index(self, line: int) -> int:
        """How many lines, wrapped ones counted once, a line is before the last one."""
        return self._last - (bisect_right(self._starts, line - self._first) - 1)

    def number(self, index: int) -> int:
        """The number of the line that is so many before the last one; inverse of `index`."""
        at = self._last - index
        if at < 0:
            return self._first + at
        if at >= len(self._starts):
            return self._first + self._starts[-1] + at - len(self._starts) + 1
        return self._first + self._starts[at]

    def position(self, place: Place) -> tuple[int, int] | None:
        """The `index` of the line of a place, and how many cells into it that is."""
        line, col = place
        if not self._first <= line < self._end:
            return None
        index = self.index(line)
        return index, (line - self.number(index)) * self._cols + col

    def place(self, position: tuple[int, int] | None) -> Place | None:
        """The place at a position; at the end of its line where that is shorter."""
        if position is None:
            return None
        index, cells = position
        start, stop = self.number(index), self.number(index - 1)
        row, col = divmod(cells, self._cols)
        if not self._first <= start < self._end:
            return None
        last = max(start, min(stop, self._end) - 1)
        return (start + row, col) if start + row <= last else (last, self._cols - 1)


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Cut at line ends about every `size` bytes."""
    start = 0
    while len(data) - start > size:
        stop = data.rfind(b"\n", start, start + size) + 1 or start + size
        yield data[start:stop]
        start = stop
    if start < len(data):
        yield data[start:] if start else data


def sane_start(data: bytes) -> int:
    """Where to begin in bytes cut from a stream: behind the rest of a line or sequence."""
    start = _SAFE_START.search(data, 0, _START_WITHIN)
    if start is None:
        return 0
    return start.start() + (start[0] == b"\n")
