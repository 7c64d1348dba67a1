"""Answers requests about a screen, one at a time: what a worker process does. Pure.

A request is a marshalled tuple, its kind first; so is its answer. `work` brings items of the
stream and what else is to be done, and is answered within some milliseconds: what is left over
waits for the next.
"""

from __future__ import annotations

import marshal
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from muxcore.screen import dump
from muxcore.screen.codec import Packer, Plain, pack_progress
from muxcore.screen.items import Attached, Gap, Item, Output
from muxcore.screen.query import Query
from muxcore.screen.screen import Screen
from muxcore.vt.choice import engine_name
from muxcore.vt.engine import DEFAULT_SCROLLBACK_BYTES

FRAME_BYTES = 1 << 20
"""Bytes obeyed for one request at most."""

FRAME_SECONDS = 0.008
"""Seconds of engine time for one request, more or less: it is looked at after each chunk."""

CHUNK = 32 * 1024
"""Bytes obeyed between two looks at the clock; fewer of output that takes long."""

MIN_CHUNK = 256

SLOW = 0.004
"""Seconds of engine time of one chunk after which the next ones are smaller."""

COSTLY = (b"\x1bc", b"\x1b[3J")
"""RIS and ED 3, which take the engine a thousand times as long as text does."""

MAX_COSTLY = 64
"""Of those in a chunk; of more, it is obeyed in small ones from the start."""

SYNCHRONIZED = 0.15
"""Seconds a guest may keep a frame of its own open (mode 2026) before it is drawn anyway."""

MAX_LINES = 2000
"""Lines given for one request at most."""

_ITEMS = {"attached": Attached, "output": Output, "gap": Gap}
_ITEM_NAMES = {kind: name for name, kind in _ITEMS.items()}


def pack_item(item: Item) -> Plain:
    """An item of the stream as `work` takes it."""
    name = _ITEM_NAMES[type(item)]
    if isinstance(item, Output):
        return name, item.offset, item.data
    if isinstance(item, Gap):
        return name, item.start, item.end
    return name, item.console, item.id, item.offset, item.end


def _is_costly(data: bytes, stop: int) -> bool:
    """Whether what comes before `stop` has many sequences that take very long."""
    # One byte is counted much faster than two.
    return data.count(b"\x1b", 0, stop) > MAX_COSTLY and any(
        data.count(each, 0, stop) > MAX_COSTLY for each in COSTLY
    )


class Service:
    """A screen behind requests.

    Args:
        clock: tells the time in seconds.
        busy: tells the seconds that were worked: on a busy machine a while may pass in between,
            for which no output is to blame.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        busy: Callable[[], float] = time.thread_time,
    ) -> None:
        self._clock = clock
        self._busy = busy
        self._screen: Screen | None = None
        self._packer = Packer()
        self._items: deque[Item] = deque()
        self._chunk = CHUNK
        self._held_since: float | None = None
        self._colours: list[Any] = [None, None, None, ()]

    @property
    def screen(self) -> Screen:
        """The screen; there is one since `start`."""
        assert self._screen is not None
        return self._screen

    def answer(self, request: bytes) -> bytes:
        """Answer one request."""
        kind, *arguments = marshal.loads(request)
        handler = getattr(self, f"_do_{kind}")
        return marshal.dumps(handler(*arguments))

    def close(self) -> None:
        """Free the screen."""
        if self._screen is not None:
            self._screen.close()

    def _do_start(
        self,
        rows: int,
        cols: int,
        scrollback: int,
        scrollback_bytes: int = DEFAULT_SCROLLBACK_BYTES,
    ) -> Plain:
        """Make the screen; answered by the engine's name."""
        self._screen = Screen(rows, cols, scrollback, scrollback_bytes)
        return engine_name()

    def _do_work(self, draw: bool, commands: list[Any]) -> Plain:
        """Obey; answered by progress, whether anything is left, and a frame if one is wanted.

        No frame is given in the midst of one of the guest's own; `held` says so.
        """
        for name, *arguments in commands:
            if name in _ITEMS:
                self._items.append(_ITEMS[name](*arguments))
            else:
                self._command(name, arguments)
        self._obey()
        frame, held = None, False
        if draw:
            held = self._holds_frame()
            if not held:
                frame = self._frame()
        return pack_progress(self.screen.progress()), bool(self._items), held, frame

    def _command(self, name: str, arguments: list[Any]) -> None:
        if name == "resize":
            self.screen.resize(*arguments)
        elif name == "reset":
            self.screen.reset(leave=arguments[0])
        elif name == "links":
            (self.screen.engine.links,) = arguments
        elif name == "colours":
            self._colours = arguments
            self.screen.set_colours(*arguments)
        else:
            raise ValueError(name)

    def _obey(self) -> None:
        start = now = self._busy()
        left = FRAME_BYTES
        while self._items and left > 0 and now < start + FRAME_SECONDS:
            item = self._take(min(self._chunk, left))
            self.screen.obey((item,))
            if isinstance(item, Output):
                left -= len(item.data)
            before, now = now, self._busy()
            slow = now - before > SLOW
            self._chunk = max(MIN_CHUNK, self._chunk // 4) if slow else min(CHUNK, 2 * self._chunk)

    def _take(self, limit: int) -> Item:
        item = self._items.popleft()
        if not isinstance(item, Output):
            return item
        if _is_costly(item.data, limit):
            limit = min(limit, MIN_CHUNK)
        if len(item.data) > limit:
            self._items.appendleft(Output(item.offset + limit, item.data[limit:]))
            item = Output(item.offset, item.data[:limit])
        return item

    def _holds_frame(self) -> bool:
        """Whether the guest is in the midst of a frame that is not to be seen half done."""
        if not self.screen.engine.modes.synchronized_output:
            self._held_since = None
            return False
        now = self._clock()
        if self._held_since is None:
            self._held_since = now
        if now - self._held_since < SYNCHRONIZED:
            return True
        self._held_since = None
        return False

    def _frame(self) -> Plain:
        frame = self.screen.frame()
        if self._packer.full:
            self._packer.renew()
            engine = self.screen.engine
            frame.changed = {y: engine.row(y) for y in range(engine.rows)}
        return self._packer.frame(frame)

    def _do_lines(self, epoch: int, start: int, stop: int) -> Plain:
        """Lines, at most `MAX_LINES`, with the number of the first one."""
        screen = self.screen
        start = max(start, screen.oldest_line)
        stop = min(stop, start + MAX_LINES)
        lines = screen.lines(start, stop) if epoch == screen.engine.epoch else []
        return start, self._packer.lines(lines)

    def _do_offsets(self, epoch: int, start: int, stop: int) -> Plain:
        screen = self.screen
        if epoch != screen.engine.epoch:
            return []
        return screen.offsets(start, min(stop, screen.engine.end_line))

    def _do_search(self, pattern: str, regex: bool, case: Any) -> Plain:  # noqa: ANN401 - a Literal
        found = self.screen.search(Query(pattern, regex, case))
        matches = [tuple(match) for match in found.matches]
        return self.screen.engine.epoch, matches, found.truncated, found.error

    def _do_text(
        self, epoch: int, start: int, start_col: int, stop: int, stop_col: int, block: bool
    ) -> Plain:
        """The text of a selection; see `muxcore.screen.dump.selected`."""
        screen = self.screen
        if epoch != screen.engine.epoch:
            return ""
        start = max(start, screen.oldest_line)
        texts = screen.texts(start, stop + 1)
        return dump.selected(texts, start_col, stop_col, screen.engine.cols, block=block)

    def _do_dump(self, kind: str, epoch: int, start: int, stop: int) -> Plain:
        screen = self.screen
        if epoch != screen.engine.epoch:
            return ""
        if kind == "text":
            return dump.text(screen.texts(start, stop))
        if kind == "joined":
            # The line after the last one tells how many blanks are before a wrap.
            texts = screen.texts(start, stop + 1)
            return dump.joined(texts, stop - start, screen.engine.cols)
        lines = screen.lines(start, stop)
        if kind == "ansi":
            return dump.ansi(lines)
        foreground, background, _, palette = self._colours
        ground = (foreground or dump.FOREGROUND, background or dump.BACKGROUND)
        return dump.svg(lines, screen.engine.cols, palette, *ground)

    def _do_junction(self) -> Plain:
        """The history offset at which older lines must end, or None."""
        return self.screen.junction()

    def _do_older(self, offset: int, data: bytes) -> Plain:
        """Whether older lines were made of a piece of history; the oldest line then."""
        made = self.screen.add_older(data, offset)
        return made, self.screen.oldest_line
