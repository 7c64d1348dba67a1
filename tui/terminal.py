"""The guest's screen as one view keeps it: an engine, fed from a stream, at a size of its own.

It knows the stream's rules (what is replayed is never answered, a gap is
counted, a stream that starts in mid-sequence must look sane) and nothing of
Textual.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from muxcore.vt.engine import make_engine
from tui.model import Attached, Gap, Item, Output, Source
from tui.state import Size

if TYPE_CHECKING:
    from muxcore.vt.engine import Engine
    from tui.state import GuestState

FRAME_BYTES = 1 << 20
"""Bytes fed in one frame at most."""

FRAME_SECONDS = 0.008
"""Seconds of engine time in one frame, more or less: it is looked at after each chunk."""

CHUNK = 64 * 1024

UNTOLD = Size(24, 80)
"""What a guest takes for granted on a line that cannot tell it a size (VT100)."""

_SAFE_START = re.compile(rb"[\n\x1b]")
_START_WITHIN = 4096

_ABORT = b"\x18"
"""CAN: ends a sequence or string in progress (ECMA-48 8.3.6, DEC STD 070)."""


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
        engine: makes the engine behind it.
    """

    def __init__(self, engine: Callable[[int, int], Engine] = make_engine) -> None:
        self.engine = engine(UNTOLD.rows, UNTOLD.cols)
        self.attached: Attached | None = None
        """The stream that is shown."""
        self.skipped = 0
        """Bytes of this stream that were lost to gaps."""
        self.fed = 0
        """Bytes obeyed since the terminal was made."""
        self._starting = False

    def resize(self, size: Size) -> bool:
        """Take another size; whether it is another."""
        if (self.engine.rows, self.engine.cols) == (size.rows, size.cols):
            return False
        self.engine.resize(size.rows, size.cols)
        return True

    def frame(
        self, source: Source, clock: Callable[[], float] = time.perf_counter
    ) -> tuple[bytes, bool]:
        """Obey what the source has, as much as one frame may.

        Returns:
            What the terminal answers to the live part, and whether there may be more to obey.
        """
        replies = bytearray()
        deadline = clock() + FRAME_SECONDS
        left = FRAME_BYTES
        while left > 0 and clock() < deadline:
            item = source.take(min(CHUNK, left))
            if item is None:
                return bytes(replies), False
            if isinstance(item, Output):
                left -= len(item.data)
            replies += self.obey(item)
        return bytes(replies), True

    def obey(self, item: Item) -> bytes:
        """Obey one item; returns what the terminal answers to it."""
        if isinstance(item, Attached):
            self.attached = item
            self.skipped = 0
            self._starting = item.offset > 0
            self.engine.reset()
            self.engine.take_replies()
            return b""
        if isinstance(item, Gap):
            self.skipped += item.end - item.start
            self.engine.feed(_ABORT)
            return b""
        return self._feed(item)

    def _feed(self, output: Output) -> bytes:
        data = output.data
        self.fed += len(data)
        replayed = max(0, self.attached.end - output.offset) if self.attached else 0
        if replayed:
            self.engine.feed(self._sane(data[:replayed]))
            self.engine.take_replies()
        if len(data) > replayed:
            self._starting = False
            self.engine.feed(data[replayed:])
        return self.engine.take_replies()

    def _sane(self, data: bytes) -> bytes:
        """Leave out the rest of the line or sequence in whose midst the replay begins."""
        if not self._starting:
            return data
        self._starting = False
        start = _SAFE_START.search(data, 0, _START_WITHIN)
        if start is None:
            return data
        return data[start.start() + (start[0] == b"\n") :]
