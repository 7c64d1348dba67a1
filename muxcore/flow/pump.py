"""The guest's end of a console: what it prints goes into the history, what is typed to it.

There is one pump per console, and no client ever owns it.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence, Sized
from functools import partial

from muxcore.chardev.base import Stream
from muxcore.errors import StreamError, describe_os_error
from muxcore.flow.feed import Feed
from muxcore.flow.loop import HURRY, hurried
from muxcore.flow.splice import Splice, make_splice
from muxcore.ring import History

FLOW = 32 * 1024
"""Bytes printed at once that make a flood, or as many as one read of a stream can give."""

MANY = 2
"""Peers for which it is read by way of pipes, see `splice`, while nobody types."""

SHARE = 64 * 1024
"""Bytes of a flood read at once for many: so much is still in a cache when the last is served."""

ELSEWHERE = 16 * 1024
"""Bytes of a flood read at once while somebody types to another guest: no key waits for more. Keys
typed to the flooding guest itself are echoed behind what it printed before, which is to be out of
the way soon."""

TURN = 512 * 1024
"""Bytes read and written after which it is everybody else's turn."""

MEMORY = 0.5
"""Seconds that the guest waits when there is no memory for what it prints."""

QUIET = 0.1
"""Seconds between two looks at how fast the guest prints."""

STRIDE = 64
"""As many looks are taken for a history's worth of output at most."""

log = logging.getLogger(__name__)


class Pump:
    """See the module.

    Args:
        history: where output is recorded before anybody sees it.
        room: how many bytes may be read now while anybody lags; 0 when the guest is to wait.
        printed: called with (offset, count) of every chunk that was recorded, and what holds it
            for a `Peer.offer` if anything does.
        ended: called when the guest's stream ended, with the reason if it broke.
        discarded: called when input was dropped because there is no guest.
        audience: who it is printed to; how many decides how a flood is read.
        lagging: those of them who lack some of it.
    """

    def __init__(
        self,
        history: History,
        room: Callable[[], int],
        printed: Callable[[int, int, Splice | None], None],
        ended: Callable[[Stream, StreamError | None], None],
        discarded: Callable[[], None],
        audience: Sized = (),
        lagging: Sized = (),
    ) -> None:
        self.stream: Stream | None = None
        self.received = 0
        self.sent = 0
        self.discarded = 0
        self.last_output = time.time()
        self._history = history
        self._room = room
        self._printed = printed
        self._ended = ended
        self._tell_discarded = discarded
        self._audience = audience
        self._lagging = lagging
        self._splice: Splice | None = None
        self._flows = False
        self._last_key = -math.inf
        self.feed = Feed(self)
        self._stride = history.capacity // STRIDE
        self._mark = (0.0, 0)
        self._rate = 0.0
        self._paused = False
        self._short: asyncio.TimerHandle | None = None

    def open(self, stream: Stream) -> None:
        """The guest is there: read it, and type to it."""
        self.stream = stream
        self.feed.open(stream)
        stream.watch_input(self._read)

    def close(self) -> Stream | None:
        """Let go of the guest's stream and return it. Idempotent."""
        stream = self.stream
        if stream is not None:
            stream.watch_input(None)
            self.stream = None
            self._paused = False
            if self._short is not None:
                self._short.cancel()
                self._short = None
            self.feed.close()
            self._flows = False
            if self._splice is not None:
                self._splice.close()
                self._splice = None
        return stream

    def pause(self, paused: bool) -> None:
        """Stop reading the guest, or go on."""
        self._paused = paused
        if self.stream is not None:
            self.stream.watch_input(None if paused else self._read)

    @property
    def flooding(self) -> bool:
        """Whether the guest prints more than the whole history in half a second."""
        # What was measured last may be long ago: a guest that is quiet is not looked at.
        self._measure(self._history.end)
        return self._rate * 0.5 > self._history.capacity

    def typed(self, count: int) -> None:
        """See `feed.Tally`."""
        self.sent += count
        self._last_key = time.monotonic()

    def dropped(self, count: int) -> None:
        """See `feed.Tally`."""
        self.discarded += count
        self._tell_discarded()

    def _read(self) -> None:
        """The guest printed something: a burst, or in a flood several while everybody keeps up.

        Who lags must get its turn in between, or it would be overrun.
        """
        moved = 0
        while self._short is None and (count := self._take()):
            moved += count * (1 + len(self._audience))
            if not self._flows or moved >= TURN or self._lagging or hurried():
                return

    def _take(self) -> int:
        """Record and hand out a burst; returns its length in bytes."""
        stream, history = self.stream, self._history
        room = self._room() if self._lagging else history.burst
        if stream is None or not room:
            return 0
        read = stream.read_into
        if self._flows and hurried():
            if time.monotonic() - self._last_key > HURRY:
                room = min(room, ELSEWHERE)
        elif self._flows and len(self._audience) >= MANY:
            room = min(room, SHARE)
            if stream.splices:
                read = partial(self._read_by_pipe, stream)
        begin = history.end
        end = self._read_burst(stream, room, read)
        # Before anybody is told: who ends the stream then ends the flood.
        self._flows = history.end - begin >= min(FLOW, room, stream.full_read)
        if count := history.end - begin:
            self.received += count
            if begin - self._mark[1] >= self._stride:
                self._measure(begin)
            splice = self._splice
            if splice is None:
                self._printed(begin, count, None)
            else:
                try:
                    self._printed(begin, count, splice if splice.held == count else None)
                finally:
                    # Or the next burst, if it is read in the other way, is taken for this one.
                    splice.drop()
        if end is not None and stream is self.close():
            reason = StreamError(describe_os_error(end)) if isinstance(end, OSError) else None
            self._ended(stream, reason)
        return count

    def _read_burst(
        self, stream: Stream, room: int, read: Callable[[Sequence[memoryview]], int]
    ) -> EOFError | OSError | None:
        """Read until nothing more is there, or `room` bytes; returns what ended the stream."""
        history, now = self._history, time.time()
        while room > 0:
            try:
                count = read(history.room(room))
            except BlockingIOError:
                return None
            except MemoryError:
                self._wait_for_memory(stream)
                return None
            except OSError as error:
                return error
            if not count:
                return EOFError()
            history.commit(count, now)
            self.last_output = now
            if count < room and count < stream.full_read:
                return None
            room -= count
        return None

    def _wait_for_memory(self, stream: Stream) -> None:
        """The guest waits: it stays readable, so do not watch it for a while."""
        log.warning("no memory for what a guest prints: it waits")
        stream.watch_input(None)
        self._short = asyncio.get_running_loop().call_later(MEMORY, self._go_on, stream)

    def _go_on(self, stream: Stream) -> None:
        self._short = None
        if stream is self.stream and not self._paused:
            stream.watch_input(self._read)

    def _read_by_pipe(self, stream: Stream, buffers: Sequence[memoryview]) -> int:
        """As `Stream.read_into`, in a flood for many; see `splice`."""
        if self._splice is not None and self._splice.broken:
            self._splice.close()
            self._splice = None
        self._splice = self._splice or make_splice()
        if self._splice is None:
            return stream.read_into(buffers)
        count = self._splice.take(stream.fd, buffers)
        return stream.read_into(buffers) if count is None else count

    def _measure(self, begin: int) -> None:
        now = time.monotonic()
        since, offset = self._mark
        if now - since >= QUIET:
            self._rate = (begin - offset) / (now - since)
            self._mark = (now, begin)
