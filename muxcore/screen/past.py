"""Lines older than an engine keeps, rendered again from the history. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from muxcore.screen.tape import Tape, sane_start

if TYPE_CHECKING:
    from muxcore.screen.frame import Place
    from muxcore.screen.tape import Places
    from muxcore.vt.engine import Engine, Line

MAX_PAST = 50_000
"""Lines kept at most."""

MAX_CELLS = 16 << 20
"""Cells of them at most: 8 bytes each."""

_LEAVE_ALTERNATE = b"\x18\x1b[?1049l"

T = TypeVar("T")


class _Piece(NamedTuple):
    """A piece of history on an engine of its own.

    Its lines have the numbers `first` to `stop` - 1, its engine's plus `shift`.
    """

    tape: Tape
    first: int
    stop: int
    shift: int
    offset: int
    """Where it begins in the history."""


class Past:
    """Pieces of history, the oldest first, that end where the lines of a tape begin."""

    def __init__(self, make: Callable[[int, int, int], Engine]) -> None:
        self._make = make
        self._pieces: list[_Piece] = []
        self._epoch = 0

    def clear(self) -> None:
        """Forget all of it."""
        for piece in self._pieces:
            piece.tape.engine.close()
        self._pieces.clear()

    def first(self, tape: Tape) -> int:
        """The oldest line at hand before, or of, those of `tape`."""
        pieces = self._of(tape)
        first = tape.engine.first_line
        return min(pieces[0].first, first) if pieces else first

    def lines(self, start: int, stop: int, tape: Tape) -> list[Line]:
        """The lines numbered `start` to `stop` - 1, as far as they are here."""
        return self._gather(start, stop, tape, lambda old, *ends: old.engine.lines(*ends))

    def texts(self, start: int, stop: int, tape: Tape) -> list[tuple[str, bool]]:
        """The texts of the lines `start` to `stop` - 1; see `Engine.texts`."""
        return self._gather(start, stop, tape, lambda old, *ends: old.engine.texts(*ends))

    def offsets(self, start: int, stop: int, tape: Tape) -> list[int | None]:
        """Where the lines `start` to `stop` - 1 began."""
        found = self._gather(start, stop, tape, lambda old, *ends: old.offsets(*ends))
        missing = max(0, stop - start) - len(found)
        return [None] * missing + found

    def _gather(
        self, start: int, stop: int, tape: Tape, get: Callable[[Tape, int, int], list[T]]
    ) -> list[T]:
        found: list[T] = []
        for piece in self._of(tape):
            low, high = max(start, piece.first), min(stop, piece.stop)
            if low < high:
                found += get(piece.tape, low - piece.shift, high - piece.shift)
        return found

    def _of(self, tape: Tape) -> list[_Piece]:
        """The pieces, if they still end where the lines of `tape` begin."""
        engine = tape.engine
        if not self._pieces or engine.epoch != self._epoch:
            return []
        if engine.first_line > self._pieces[-1].stop:
            # Lines between were dropped since: no view goes over a hole.
            self.clear()
        return self._pieces

    def junction(self, tape: Tape) -> int | None:
        """Where in the history older lines must end; None when there is no room for any."""
        pieces = self._of(tape)
        if pieces:
            kept = pieces[-1].stop - pieces[0].first
            return pieces[0].offset if kept < _most(tape.engine) else None
        begin = self._begin(tape)
        return begin[1] if begin else None

    def _begin(self, tape: Tape) -> tuple[int, int] | None:
        engine = tape.engine
        if engine.modes.alternate_screen:
            return None
        return tape.marks.first_from(engine.first_line)

    def add(self, data: bytes, offset: int, tape: Tape) -> bool:
        """Render the history from `offset` up to the junction; whether it made a line."""
        pieces = self._of(tape)
        begin = (pieces[0].first, pieces[0].offset) if pieces else self._begin(tape)
        if begin is None or offset + len(data) != begin[1]:
            return False
        if not pieces:
            self.clear()
            self._epoch = tape.engine.epoch
        stop = begin[0]
        piece = self._render(data, offset, stop, tape.engine)
        if piece.first >= stop:
            piece.tape.engine.close()
            return False
        self._pieces.insert(0, piece)
        return piece.first < tape.engine.first_line

    def resize(self, rows: int, cols: int, tape: Tape, places: Places) -> list[Place | None]:
        """Have `tape` take another size, and the pieces before it as far as places are in them.

        Older pieces are forgotten; so are all where the lines of `tape` do not begin any more where
        the pieces end: in less width, there may be too many for its engine.

        Returns:
            See `Tape.resize`.
        """
        pieces = self._of(tape)
        lines = [line for line, _ in places if pieces and pieces[0].first <= line < pieces[-1].stop]
        begin = self._begin(tape) if lines else None
        moved = tape.resize(rows, cols, places)
        # The marks begin where the lines did; the engine may have dropped those, or got more.
        first = tape.marks.first
        kept: list[_Piece] = []
        if begin and first and first[1] == begin[1] and tape.engine.first_line <= first[0]:
            stop = first[0]
            for piece in reversed([piece for piece in pieces if piece.stop > min(lines)]):
                found = _resized(piece, rows, cols, stop, places)
                if found is None:
                    break
                new, followed = found
                moved = [place or other for place, other in zip(moved, followed, strict=True)]
                kept.insert(0, new)
                stop = new.first
                if new.offset != piece.offset:
                    break
        for piece in self._pieces:
            if not any(piece.tape is each.tape for each in kept):
                piece.tape.engine.close()
        self._pieces, self._epoch = kept, tape.engine.epoch
        return moved

    def _render(self, data: bytes, offset: int, stop: int, like: Engine) -> _Piece:
        start = sane_start(data) if offset else 0
        tape = Tape(self._make(like.rows, like.cols, _most(like)))
        tape.begin(offset + start)
        engine = tape.engine
        tape.feed(data[start:], offset + start, exact=True)
        if engine.modes.alternate_screen:
            engine.feed(_LEAVE_ALTERNATE)
        shift = stop - engine.cursor_line
        begin = tape.marks.first_from(engine.first_line) or (engine.first_line, offset + start)
        return _Piece(tape, begin[0] + shift, stop, shift, begin[1])


def _resized(
    piece: _Piece, rows: int, cols: int, stop: int, places: Places
) -> tuple[_Piece, list[Place | None]] | None:
    """A piece at another size that ends before line `stop`, and where places in it are then."""
    tape, shift = piece.tape, piece.shift
    there = [
        (line - shift, col) if piece.first <= line < piece.stop else (-1, 0) for line, col in places
    ]
    moved = tape.resize(rows, cols, there)
    engine = tape.engine
    begin = tape.marks.first_from(engine.first_line)
    shift = stop - engine.cursor_line
    if begin is None or begin[0] + shift >= stop:
        return None
    new = _Piece(tape, begin[0] + shift, stop, shift, begin[1])
    return new, [place and (place[0] + shift, place[1]) for place in moved]


def _most(engine: Engine) -> int:
    """How many lines are kept of the width of an engine."""
    return min(MAX_PAST, MAX_CELLS // engine.cols)
