"""The guest's screen as one view keeps it: a mirror of what a worker's engine shows.

Output is pulled from a source and passed to the worker, one request at a time; what comes back is
the last frame, drawn by the view. Older lines, searches and copies are asked of the worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeVar

from muxcore.screen.codec import Plain, unpack_progress
from muxcore.screen.frame import Progress, Row
from muxcore.screen.inline import InlineWorker
from muxcore.screen.query import Found, Match
from muxcore.vt.engine import (
    DEFAULT_SCROLLBACK,
    DEFAULT_SCROLLBACK_BYTES,
    Cursor,
    Line,
    Modes,
)
from tui.feed import Feed
from tui.frames import FrameChange, Mirror
from tui.keeper import Starter
from tui.line_cache import LineCache
from tui.rows import Place
from tui.state import Size

if TYPE_CHECKING:
    from muxcore.screen.query import Query
    from muxcore.screen.worker import Worker
    from muxcore.vt.requests import Request
    from tui.model import Source
    from tui.state import GuestState

OLDER = 256 * 1024
"""Bytes of history that `older` renders at once."""

READ = 64 * 1024
"""Bytes of history asked of the daemon at once."""

DUMPED = 1000
"""Lines dumped with one request."""

UNTOLD = Size(24, 80)
"""What a guest takes for granted on a line that cannot tell it a size (VT100)."""

Rgb = tuple[int, int, int]
T = TypeVar("T")


def engine_size(view: Size, guest: GuestState | None, told: Size | None, *, fitted: bool) -> Size:
    """The size of the screen to draw for a guest.

    What it was told is what it draws for, whatever this view's size. A guest
    that was told nothing takes 80x24 for granted: readline wraps at column 80,
    less scrolls at row 24, and both come out wrong on a larger screen. Only
    what asks the terminal (busybox vi) would gain, so it is 80x24 until
    `fitted` gives such a guest the whole view, for who then tells it by stty.
    """
    if told is not None:
        return told
    if guest is None or guest.can_resize or fitted:
        return view
    return UNTOLD


class Terminal:
    """One screen.

    Args:
        source: where the console's output comes from.
        start: starts the worker that keeps the screen.
        worker: one that was started already.
        scrollback: lines kept above the screen.
    """

    def __init__(
        self,
        source: Source,
        start: Starter = lambda _: InlineWorker(),
        worker: Worker | None = None,
        scrollback: int = DEFAULT_SCROLLBACK,
    ) -> None:
        self.on_frame: Callable[[FrameChange], None] = lambda _: None
        """Called when a frame, or a line that was wanted, came."""
        self.on_reply: Callable[[bytes], None] = lambda _: None
        """Called with what the terminal answers to the guest."""
        self.on_request: Callable[[Request], None] = lambda _: None
        """Called with what the guest asks of the desktop."""
        self._source = source
        self._mirror = Mirror(UNTOLD.rows, UNTOLD.cols)
        self._progress = Progress()
        self._kept: tuple[int, tuple[str, ...], tuple[tuple[int, int], ...]] = (-1, (), ())
        """An epoch, and the names and places in it that are to be followed."""
        self._workers = 0
        """Workers before this one, each with epochs of its own."""
        self._feed = Feed(source, start, worker, scrollback, UNTOLD, self._worked, self._restarted)
        self._cache = LineCache(
            lambda *wanted: self._feed.ask("lines", *wanted),
            self._mirror.lines,
            lambda: self.on_frame(FrameChange(lines=True)),
        )
        self._fetching = asyncio.Lock()

    # What it shows.

    @property
    def rows(self) -> int:
        """Height in cells."""
        return self._mirror.frame.rows

    @property
    def cols(self) -> int:
        """Width in cells."""
        return self._mirror.frame.cols

    @property
    def cursor(self) -> Cursor:
        """The guest's cursor on the live screen."""
        return self._mirror.frame.cursor

    @property
    def modes(self) -> Modes:
        """The modes in force."""
        return self._progress.modes

    @property
    def title(self) -> str:
        """The title the guest gave its window."""
        return self._mirror.frame.title

    @property
    def bell_count(self) -> int:
        """Bells rung."""
        return self._mirror.frame.bell_count

    @property
    def first_line(self) -> int:
        """The oldest line the engine keeps."""
        return self._mirror.frame.first_line

    @property
    def end_line(self) -> int:
        """One more than the live screen's last line; its first is `rows` less."""
        return self._mirror.frame.end_line

    @property
    def oldest_line(self) -> int:
        """The oldest line at hand."""
        return self._mirror.frame.oldest_line

    @property
    def epoch(self) -> int:
        """What line numbers hold for: another value, other numbers."""
        return self._workers << 32 | self._mirror.frame.epoch

    @property
    def fed(self) -> int:
        """The history offset the screen has obeyed up to."""
        return self._progress.fed

    @property
    def skipped(self) -> int:
        """Bytes of this stream that were left out."""
        return self._progress.skipped

    @property
    def doubtful(self) -> bool:
        """Whether the screen may be wrong since bytes were left out."""
        return self._progress.doubtful

    @property
    def trouble(self) -> str:
        """What went wrong with the engine; empty when nothing did."""
        return self._feed.trouble

    @property
    def engine(self) -> str:
        """The engine's name and version; empty until it is known."""
        return self._feed.engine

    @property
    def busy(self) -> bool:
        """Whether anything is still to be obeyed, drawn or answered."""
        return self._feed.busy

    def row(self, y: int) -> Row:
        """Row `y` of the live screen."""
        return self._mirror.row(y)

    def line(self, number: int) -> Line | None:
        """A line; None when it has yet to come, which `on_frame` will tell."""
        top = self.end_line - self.rows
        if top <= number < self.end_line:
            return Line(self.row(number - top), wrapped=False)
        return self._cache.get(number, self._mirror.frame.epoch)

    # Life.

    def open(self) -> None:
        """Begin; the loop runs."""
        self._feed.open()

    def close(self) -> None:
        """End: nothing is called any more."""
        self._feed.close()

    def _worked(self, progress: Plain, frame: Plain) -> None:
        self._progress = unpack_progress(progress)
        if self._progress.replies:
            self.on_reply(self._progress.replies)
        for request in self._progress.requests:
            self.on_request(request)
        if frame is not None:
            self.on_frame(self._mirror.take(frame))

    def _restarted(self) -> None:
        self._workers += 1
        self._kept = (-1, (), ())
        self._mirror.restart()
        self._cache.clear()

    # Told by the view.

    def wake(self) -> None:
        """The source has output: it is pulled soon."""
        self._feed.wake()

    def resize(self, size: Size, keep: Callable[[], Mapping[str, Place]] = dict) -> bool:
        """Take another size; whether it is another.

        Args:
            size: the size.
            keep: gives places that are to be followed to where `moved` says.
        """
        if size == self._feed.size:
            return False
        epoch = self._mirror.frame.epoch
        if self._kept[0] != epoch:
            places = keep()
            followed = tuple((place.line, place.col) for place in places.values())
            self._kept = epoch, tuple(places), followed
        self._feed.resize(size, epoch, self._kept[2])
        return True

    @property
    def moved(self) -> dict[str, Place]:
        """Where the places are that were to be kept over the last resize, as far as known."""
        epoch, names, _ = self._kept
        from_epoch, places = self._mirror.frame.moved
        if epoch != from_epoch or not places:
            return {}
        named = zip(names, places, strict=True)
        return {name: Place(*place) for name, place in named if place is not None}

    def set_scrollback(self, lines: int, size: int = DEFAULT_SCROLLBACK_BYTES) -> None:
        """Keep so many lines above the screen, in about `size` bytes at most.

        Another number of either begins the stream anew.
        """
        self._feed.set_scrollback(lines, size)

    def set_links(self, obeyed: bool) -> None:
        """Have the guest's hyperlinks obeyed from now on, or not, as at first."""
        self._feed.set_links(obeyed)

    def reset(self, *, leave: bool = False) -> None:
        """Bring the terminal to its power-on state, and set it right after the next replay.

        `leave`: it is to show the main screen then, whatever the replay says.
        """
        self._feed.reset(leave=leave)

    def set_colours(
        self, foreground: Rgb, background: Rgb, cursor: Rgb, palette: Sequence[Rgb]
    ) -> None:
        """Tell the colours the screen is painted with: a guest may ask for them."""
        self._feed.set_colours((foreground, background, cursor, tuple(palette)))

    # Asked by the view. What cannot be answered, for the numbers are void meanwhile or the worker
    # ended, is answered by nothing.

    async def lines(self, start: int, stop: int) -> list[Line]:
        """The lines numbered `start` to `stop` - 1, as far as they are at hand."""
        epoch = self._mirror.frame.epoch
        found: list[Line] = []
        start = max(start, self.oldest_line)
        while start < stop:
            answer = await self._answer(None, "lines", epoch, start, stop)
            if answer is None:
                break
            _, packed = answer
            lines = self._mirror.lines(packed)
            if not lines:
                break
            found += lines
            start += len(lines)
        return found

    async def offsets(self, start: int, stop: int) -> list[int | None]:
        """The history offset at which each of the lines began; None where it is not known."""
        known: list[int | None] = await self._answer(
            [], "offsets", self._mirror.frame.epoch, start, stop
        )
        return known

    async def search(self, query: Query) -> Found:
        """Find text in all lines at hand."""
        request = ("search", query.pattern, query.regex, query.case)
        epoch, matches, truncated, error = await self._answer((0, (), False, ""), *request)
        if epoch != self._mirror.frame.epoch:
            return Found(error=error)
        return Found(tuple(Match(*match) for match in matches), truncated, error)

    async def text(
        self, start_line: int, start_col: int, end_line: int, end_col: int, block: bool = False
    ) -> str:
        """The text from a cell up to another, or of the block between: wrapped lines are one.

        `end_line` is the last line, `end_col` the column before which it ends.
        """
        place = (start_line, start_col, end_line, end_col)
        found: str = await self._answer("", "text", self._mirror.frame.epoch, *place, block)
        return found

    async def dump(
        self, kind: Literal["text", "joined", "ansi", "svg"], start: int, stop: int
    ) -> str:
        """The lines numbered `start` to `stop` - 1 as text, with wrapped ones as one, with SGR,
        or as a picture."""
        parts: list[str] = []
        epoch = self._mirror.frame.epoch
        for low in range(max(start, self.oldest_line), stop, DUMPED):
            high = min(stop, low + DUMPED)
            parts.append(await self._answer("", "dump", kind, epoch, low, high))
            if kind == "svg":
                break
        return "".join(parts)

    async def older(self) -> bool:
        """Fetch lines older than `oldest_line` from the history; False when there are none."""
        async with self._fetching:
            end = await self._answer(None, "junction")
            if not end:
                return False
            offset, data = await self._read_back(end)
            made, oldest = await self._answer((False, 0), "older", offset, data)
            if made:
                self._mirror.frame.oldest_line = oldest
                self.on_frame(FrameChange(numbers=True))
            return bool(made)

    async def _read_back(self, end: int) -> tuple[int, bytes]:
        """The history's bytes before `end`, `OLDER` at most, and the offset of the first one."""
        begin = offset = max(0, end - OLDER)
        data = b""
        while offset < end:
            size = min(READ, end - offset)
            at, piece, _ = await self._source.read_history(self._feed.console, offset, size)
            if at >= end or not piece:
                break
            if at != offset:
                # What was there has left the ring.
                begin, data = at, b""
            data += piece
            offset = at + len(piece)
        return begin, data[: end - begin]

    async def _answer(self, missing: T, *request: Plain) -> T | Plain:
        """The worker's answer; `missing` where it cannot give one."""
        future = self._feed.ask(*request)
        await asyncio.wait((future,))
        return missing if future.cancelled() else future.result()
