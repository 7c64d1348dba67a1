"""A console's screen: an engine, fed by the rules of the console's stream.

It does no I/O. What is replayed is never answered; a stream that starts in mid-sequence looks
sane; at a gap the parser returns to ground, with modes, margins and screen kept, and the screen is
doubtful until the guest clears it. Each line has a number (`muxcore.vt.engine`) and, as far as
known, the history offset it began at; lines older than the engine's are rendered from the history
(`muxcore.screen.past`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from muxcore.screen.frame import Frame, Place, Progress
from muxcore.screen.items import Attached, Gap, Item, Output
from muxcore.screen.past import Past
from muxcore.screen.soft_reset import soft_reset
from muxcore.screen.tape import Tape, sane_start
from muxcore.vt.choice import make_engine
from muxcore.vt.engine import DEFAULT_SCROLLBACK, DEFAULT_SCROLLBACK_BYTES

if TYPE_CHECKING:
    from muxcore.screen.query import Found, Query
    from muxcore.vt.engine import Engine, EngineMaker, Line


EXACT = 16 * 1024
"""Live output in pieces of at most so many bytes has the offset of each of its lines noted."""

Colours = tuple[tuple[int, int, int], ...]


class Screen:
    """One console's screen.

    Args:
        rows: height in cells.
        cols: width in cells.
        scrollback: lines kept above the screen.
        scrollback_bytes: about what they may take.
        make: makes the engines behind it.
    """

    def __init__(
        self,
        rows: int = 24,
        cols: int = 80,
        scrollback: int = DEFAULT_SCROLLBACK,
        scrollback_bytes: int = DEFAULT_SCROLLBACK_BYTES,
        make: EngineMaker = make_engine,
    ) -> None:
        self._tape = Tape(make(rows, cols, scrollback, scrollback_bytes))
        self.engine.links = False
        self._past = Past(make)
        self._attached: Attached | None = None
        self._starting = False
        self._fed = 0
        self._skipped = 0
        self._doubtful = False
        self._cleared = 0
        self._moved: tuple[int, tuple[Place | None, ...]] = (0, ())
        self._moved_at = 0
        """The epoch of the places that were followed to."""
        self._wanted: bool | None = None
        """Of a reset that is to come after the next replay whether it leaves the alternate screen;
        None: none is."""
        self._tidy: bool | None = None
        """The same of the replay that goes on."""

    @property
    def engine(self) -> Engine:
        """The engine behind it."""
        return self._tape.engine

    # Output in.

    def obey(self, items: Iterable[Item]) -> None:
        """Obey items of the stream."""
        for item in items:
            if isinstance(item, Attached):
                self._attach(item)
            elif isinstance(item, Gap):
                self._skip(item)
            else:
                self._feed(item)

    def _attach(self, item: Attached) -> None:
        self._attached = item
        self._starting = item.offset > 0
        self._fed = item.offset
        self._skipped = 0
        self._blank()
        self._tidy, self._wanted = self._wanted, None
        self._tape.begin(item.offset)
        self._replayed(item.offset)

    def _skip(self, gap: Gap) -> None:
        self._fed = gap.end
        self._skipped += gap.end - gap.start
        self._doubtful = True
        self._cleared = self.engine.cleared
        self.engine.abort()
        self._replayed(gap.end)

    def _replayed(self, offset: int) -> None:
        """Reset the terminal if it is to be, and all was replayed."""
        if self._tidy is not None and self._attached and offset >= self._attached.end:
            soft_reset(self.engine, leave=self._tidy)
            self._tidy = None

    def _feed(self, output: Output) -> None:
        data, offset = output.data, output.offset
        replayed = min(len(data), max(0, self._attached.end - offset)) if self._attached else 0
        if replayed:
            start = sane_start(data[:replayed]) if self._starting else 0
            if start:
                self._tape.mark(offset + start)
            self._starting = False
            self._tape.feed(data[start:replayed], offset + start, exact=True)
            self.engine.take_replies()
            self.engine.take_requests()
            self._replayed(offset + replayed)
        if len(data) > replayed:
            self._starting = False
            live = data[replayed:] if replayed else data
            self._tape.feed(live, offset + replayed, exact=len(live) <= EXACT)
        self._fed = offset + len(data)

    # Told by the viewer.

    def resize(
        self, rows: int, cols: int, epoch: int = 0, places: Sequence[Place | None] = ()
    ) -> None:
        """Take another size; lines reflow where the engine can.

        `places` are followed: `Frame.moved` says where they are. Of an epoch before the last
        resize, they are those that were followed then.
        """
        if (rows, cols) == (self.engine.rows, self.engine.cols):
            return
        now = self.engine.epoch
        if epoch != now:
            known = now == self._moved_at and epoch == self._moved[0]
            places = self._moved[1] if known else ()
        there = [place or (-1, 0) for place in places]
        self._moved = epoch, tuple(self._past.resize(rows, cols, self._tape, there))
        self._moved_at = self.engine.epoch

    def reset(self, *, leave: bool = False) -> None:
        """Bring the terminal to its power-on state, as its user may want after a gap.

        The next stream replays what was printed; behind that, what may have garbled the terminal
        is set right again, and if told so the alternate screen is left: `soft_reset`.
        """
        self._wanted = leave
        self._blank()
        self._tape.begin(self._fed)

    def _blank(self) -> None:
        self._doubtful = False
        self._past.clear()

    def set_colours(
        self,
        foreground: tuple[int, int, int] | None,
        background: tuple[int, int, int] | None,
        cursor: tuple[int, int, int] | None,
        palette: Colours,
    ) -> None:
        """Tell the colours it is painted with; see `Engine.set_colours`."""
        self.engine.set_colours(foreground, background, cursor, palette)

    # What it shows.

    def progress(self) -> Progress:
        """What came of the output since the last call."""
        engine = self.engine
        if self._doubtful and engine.cleared != self._cleared:
            self._doubtful = False
        return Progress(
            engine.take_replies(),
            tuple(engine.take_requests()),
            self._fed,
            self._skipped,
            self._doubtful,
            engine.modes,
        )

    def frame(self) -> Frame:
        """The picture, with the rows that changed since the last call."""
        engine = self.engine
        return Frame(
            rows=engine.rows,
            cols=engine.cols,
            changed={y: engine.row(y) for y in engine.dirty_rows()},
            cursor=engine.cursor,
            title=engine.title,
            bell_count=engine.bell_count,
            first_line=engine.first_line,
            end_line=engine.end_line,
            oldest_line=self.oldest_line,
            epoch=engine.epoch,
            moved=self._moved if self._moved_at == engine.epoch else (0, ()),
        )

    @property
    def oldest_line(self) -> int:
        """The oldest line at hand."""
        return self._past.first(self._tape)

    def lines(self, start: int, stop: int) -> list[Line]:
        """The lines numbered `start` to `stop` - 1, as far as they are at hand."""
        first = self.engine.first_line
        older = self._past.lines(start, min(stop, first), self._tape)
        return older + self.engine.lines(max(start, first), stop)

    def texts(self, start: int, stop: int) -> list[tuple[str, bool]]:
        """The text, and whether it goes on in the next line, of what `lines` would return."""
        first = self.engine.first_line
        older = self._past.texts(start, min(stop, first), self._tape)
        return older + self.engine.texts(max(start, first), stop)

    def offsets(self, start: int, stop: int) -> list[int | None]:
        """The history offset at which each of the lines `start` to `stop` - 1 began, if known.

        Exact to the line for what was replayed or came slowly, to the piece in a flood.
        """
        first = self.engine.first_line
        older = self._past.offsets(start, min(stop, first), self._tape)
        return older + self._tape.offsets(max(start, first), max(stop, first))

    def search(self, query: Query) -> Found:
        """Find text in all lines at hand."""
        # Its pattern library costs what a screen that is only shown need not pay.
        from muxcore.screen.search import search

        oldest = self.oldest_line
        texts = self.texts(oldest, self.engine.end_line)
        return search(texts, oldest, query, cols=self.engine.cols)

    # Lines older than the engine's.

    def junction(self) -> int | None:
        """The history offset that older lines must end at; None when there can be no more."""
        return self._past.junction(self._tape)

    def add_older(self, data: bytes, offset: int) -> bool:
        """Put the history's bytes from `offset` up to `junction()` in front of the lines.

        Returns:
            Whether that made a line more.
        """
        return self._past.add(data, offset, self._tape)

    def close(self) -> None:
        """Free what the engines hold."""
        self._past.clear()
        self.engine.close()
