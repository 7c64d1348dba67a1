"""One live byte stream of a backend, on a console.

Output goes straight from the console's history: a peer is a cursor, and a few
bytes that are `owed` first (a gap's marker, the rest of a frame).
Input waits in a lane for whom it is typed at until it is taken.

A peer that is caught up is `ready`: the console offers it every new chunk. One
that took less than it was offered lags: it is watched for writability and goes
on from its cursor. When its cursor is no longer retained it skips ahead, and
the bytes between are a gap, exact to the byte.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from muxcore import events
from muxcore.chardev.base import Chardev, Stream, hung_up
from muxcore.chardev.heard import Heard, LineValue, WindowSize
from muxcore.errors import MuxError, ProtocolError, StreamError, describe_os_error
from muxcore.flow.feed import Feed
from muxcore.flow.input import Lanes
from muxcore.flow.splice import Splice
from muxcore.peers.peer_hub import Hub
from muxcore.peers.peer_state import PeerState

INBOX = 4096
"""Bytes of input a peer may have waiting before it is no longer read."""

NOTICES = 8192
"""Bytes of notices that may wait for a peer; further ones are left out."""

CHUNKS_A_TURN = 4
"""Chunks a lagging peer is sent before everybody else gets a turn."""


class Peer:
    """See the module. Times are seconds of the loop's clock unless they say wall clock."""

    shows_status = False
    """Whether it is told the console's status."""

    def __init__(
        self, hub: Hub, chardev: Chardev, stream: Stream, id: str, cursor: int, *, readonly: bool
    ) -> None:
        self.hub = hub
        self.chardev = chardev
        self.stream = stream
        self.id = id
        self.cursor = cursor
        self.readonly = readonly
        self.ready = False
        self.patient = True
        self.paused = False
        self.closing = False
        # Most peers never need any.
        self._lanes: Lanes | None = None
        self.size: tuple[int, int] | None = None
        self.sent = 0
        self.received = 0
        self.refused = 0
        self.skipped = 0
        self.gaps = 0
        self.since = time.time()
        self.last_activity = self.since
        self.respondent = hub.answers.respondent(self)
        self.owed = b""
        """What goes before any output: the marker of a gap, or the rest of one."""
        self._limit: int | None = None
        self._delayed: asyncio.TimerHandle | None = None
        self._output_broken = False
        self._fell_out = False
        self._watched = False
        self._end_reason: MuxError | None = None
        self._reading = False
        self._half_closed = False

    # Output.

    @property
    def lag(self) -> int:
        """Bytes of output this peer has not got yet; none once nothing can reach it."""
        if self._output_broken:
            return 0
        return self.hub.history.end - self.cursor + len(self.owed) + self.stream.held

    @property
    def overrun(self) -> bool:
        """Whether bytes this peer lacks are no longer retained."""
        return self.cursor < self.hub.history.start

    @property
    def holds(self) -> bool:
        """Whether the guest may be kept waiting for this peer at all."""
        return self.patient and self.takes

    @property
    def takes(self) -> bool:
        """Whether this peer can be expected to take what it lacks."""
        return (
            not self.paused
            and not self.closing
            and not self._output_broken
            and self._delayed is None
            and self.stream.failed is None
        )

    @property
    def state(self) -> PeerState:
        """See `PeerState`."""
        if self.closing or self._output_broken:
            return PeerState.CLOSING
        if self.paused:
            return PeerState.PAUSED
        if self._fell_out:
            return PeerState.SKIPPED
        return PeerState.LAGGING if self.lag else PeerState.LIVE

    def begin(self, limit: int | None = None, owed: bytes = b"") -> None:
        """Watch for input, and send what the cursor points at once the stream's delay is over.

        Args:
            limit: bytes of history to begin with at most, None for all from the cursor.
            owed: what the stream before this one still had to be sent first (`owed`).
        """
        self._limit = limit
        self.owed = owed
        self.stream.heard = self.hear
        self._read()
        self.delay(self.stream.delay)

    def offer(self, views: Sequence[memoryview], count: int, splice: Splice | None = None) -> None:
        """Send a chunk of `count` bytes just added, which `splice` may hold; only if `ready`."""
        try:
            taken = None
            if splice is not None and self.stream.splices:
                taken = splice.send(self.stream.fd)
            if taken is None:
                taken = self.stream.write(views)
        except BlockingIOError:
            taken = 0
        except OSError as error:
            self._break_output(error)
            return
        self.cursor += taken
        self.sent += taken
        if taken < count:
            self._begin_to_lag()
            self.hub.peer_moved(self)

    def drain(self) -> None:
        """Send what the stream takes of everything this peer lacks."""
        before = self.cursor
        try:
            done = self._send_some()
        except BlockingIOError:
            done = False
        except OSError as error:
            self._break_output(error)
            return
        if self.cursor != before:
            self.last_activity = time.time()
        if done:
            self._catch_up()
        else:
            self._begin_to_lag()
        self.hub.peer_moved(self)

    def delay(self, seconds: float) -> None:
        """Send nothing for `seconds` (0: go on at once)."""
        self._stop_sending()
        if self._delayed is not None:
            self._delayed.cancel()
            self._delayed = None
        if seconds > 0:
            self._delayed = asyncio.get_running_loop().call_later(seconds, self._end_delay)
        else:
            self._go_on()

    def hold_back(self, seconds: float) -> None:
        """Somebody new is at the far end: send nothing for `seconds`, then go on.

        A pty's last opener may have left, which ended the output, and another
        come before its end was read.
        """
        if self._output_broken and not hung_up(self.stream.fd):
            self._output_broken = False
            if not self._reading:
                self.hub.hangups.watch(self.stream.fd, self._hung_up)
        self.delay(seconds)
        self.hub.peer_moved(self)

    def pause(self, paused: bool) -> None:
        """Stop sending, or go on from the cursor."""
        if paused != self.paused:
            self.paused = paused
            if paused:
                self._stop_sending()
            else:
                self._go_on()
            self.hub.peer_moved(self)
            self._tell_state()

    def give_up(self) -> None:
        """Owe this peer no more patience until it has caught up."""
        self.patient = False

    def fall_out(self) -> None:
        """Bytes this peer lacks are gone: it is a skipped one until it has caught up."""
        self.give_up()
        if not self._fell_out:
            self._fell_out = True
            self._tell_state()

    def skip_to(self, offset: int) -> None:
        """Leave out what lies before `offset`: counted, told, shown in the stream."""
        start, self.cursor = self.cursor, offset
        self.respondent.skipped(start, offset)
        self.skipped += offset - start
        self.gaps += 1
        self.fall_out()
        self.owed += self.gap_notice(start, offset)
        self.hub.emit(events.Gap(self.hub.name, self.chardev.id, self.id, start, offset))

    def gap_notice(self, start: int, end: int) -> bytes:
        """What is put into the stream where the bytes `start` up to `end` are missing."""
        if self.stream.tell_gaps and self.chardev.options.gap_marker:
            return b"\r\n[muxtui: %d bytes skipped]\r\n" % (end - start)
        return b""

    def say(self, text: bytes) -> None:
        """Show this peer alone `text`, before its next output, unless it takes nothing anyhow."""
        notice = self.notice(text)
        if len(self.owed) + len(notice) <= NOTICES:
            self.owed += notice
            self._go_on()

    def notice(self, text: bytes) -> bytes:
        """What is put into the stream to show `text`."""
        return text

    def tell_status(self, status: dict[str, Any]) -> None:
        """Take note of the console's status; see `shows_status`."""

    def next_control(self) -> bytes:
        """Bytes that are not output and are due now; called at a boundary of the stream."""
        return b""

    def send_chunk(self) -> bool:
        """Write one chunk from the cursor; False when the stream took less than that."""
        views = self.hub.history.views(self.cursor)
        taken = self.stream.write(views)
        self.cursor += taken
        self.sent += taken
        return taken == sum(map(len, views))

    def send_pending(self, data: bytes) -> bool:
        """Write `data` before any output; what is not taken goes first next time."""
        self.owed = data
        taken = self.stream.write([data])
        self.owed = data[taken:]
        return not self.owed

    def _send_some(self) -> bool:
        for _ in range(CHUNKS_A_TURN):
            if self.owed and not self.send_pending(self.owed):
                return False
            if self.overrun:
                self.skip_to(self.hub.resume_offset())
                continue
            if control := self.next_control():
                if not self.send_pending(control):
                    return False
                continue
            if self.cursor == self.hub.history.end:
                return True
            if not self.send_chunk():
                return False
        return False

    def _go_on(self) -> None:
        if self.paused or self._delayed is not None or self._output_broken or self.closing:
            return
        # Not before: whoever left within the delay would take the gap's marker along.
        if self._limit is not None:
            target = max(self.hub.history.start, self.hub.history.end - self._limit)
            self._limit = None
            if self.cursor < target:
                self.skip_to(target)
        self.drain()

    def _end_delay(self) -> None:
        self._delayed = None
        self._go_on()

    def _begin_to_lag(self) -> None:
        self._fall_behind()
        if not self._watched:
            self._watched = True
            self.stream.watch_output(self.drain)

    def _catch_up(self) -> None:
        self._stop_sending()
        self.ready = True
        self.patient = True
        if self._fell_out:
            self._fell_out = False
            self._tell_state()

    def _fall_behind(self) -> None:
        """Be offered nothing from now on; what it got while it was `ready` is in no book yet."""
        if self.ready:
            self.ready = False
            if self.sent:
                last = self.hub.history.times.when(self.cursor - 1)
                self.last_activity = max(self.last_activity, last or 0.0)

    def _stop_sending(self) -> None:
        self._fall_behind()
        if self._watched:
            self._watched = False
            self.stream.watch_output(None)

    def _break_output(self, error: OSError) -> None:
        """Nothing can be written any more; what the far end still sent is read to its end."""
        self._stop_sending()
        self._output_broken = True
        self.hub.peer_moved(self)
        if self._half_closed or self.stream.cut_off(error):
            self._end(StreamError(describe_os_error(error)))

    def _tell_state(self) -> None:
        self.hub.emit(events.PeerChanged(self.hub.name, self.chardev.id, self.id, self.state.value))

    # Input.

    @property
    def waiting(self) -> int:
        """Bytes of input that nobody took yet."""
        return 0 if self._lanes is None else self._lanes.waiting

    def type(self, feed: Feed, data: bytes) -> None:
        """Pass `data` on to `feed`, behind what waits for it already."""
        taken = feed.type_at_once(data)
        if taken < len(data):
            self._lanes = self._lanes or Lanes(self.input_taken)
            lane = self._lanes.lane(feed)
            lane.inbox += data[taken:]
            feed.type(lane)
            if self._reading and self.waiting >= INBOX:
                self._stop_reading()

    def drop_input(self) -> int:
        """Forget all input that waits, and return how much that was."""
        return 0 if self._lanes is None else self._lanes.drop_input()

    def input_taken(self) -> None:
        """Read again if there is room; end if this was the last input of a stream that ended."""
        if self.closing:
            if not self.waiting:
                self.hub.peer_ended(self, self._end_reason)
        elif not self._reading and not self._half_closed and self.waiting < INBOX:
            self._read()

    def decode(self, data: bytes) -> bytes:
        """The guest's input in what the far end sent. Raises ProtocolError."""
        return data

    def hear(self, heard: Heard) -> None:
        """Act on what the far end says beside its input."""
        if isinstance(heard, WindowSize):
            self.size = (heard.rows, heard.cols)
            self.hub.peer_resized(self)
        elif isinstance(heard, LineValue):
            self.hub.peer_line(self, heard)
        elif not self.readonly:
            self.hub.peer_break(self)

    def _read(self) -> None:
        self._reading = True
        self.hub.hangups.forget(self.stream.fd)
        self.stream.watch_input(self._readable)

    def _stop_reading(self) -> None:
        self._reading = False
        self.stream.watch_input(None)
        if self.stream.fd >= 0:
            self.hub.hangups.watch(self.stream.fd, self._hung_up)

    def _readable(self) -> None:
        try:
            data = self.stream.read(max(1, INBOX - self.waiting) if self._lanes else INBOX)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(StreamError(describe_os_error(error)))
            return
        if not data:
            self._end_of_input()
            return
        try:
            data = self.decode(data)
        except ProtocolError as error:
            problem = events.StreamProblem(self.hub.name, self.chardev.id, self.id, str(error))
            self.hub.emit(problem)
            self._end(error)
            return
        if not data:
            return
        # First what the guest waits for, then the books.
        if self.readonly:
            self.refused += len(data)
        else:
            self.hub.peer_input(self, data)
        self.received += len(data)
        self.last_activity = time.time()

    def _end_of_input(self) -> None:
        if self.stream.ended() or self._output_broken:
            self._end(None)
        else:
            self._half_closed = True
            self._stop_reading()

    def _hung_up(self) -> None:
        if self._half_closed:
            self._end(None)
        else:
            # What it sent before it went is still to be read; nothing reaches it any more.
            self._stop_sending()
            self._output_broken = True
            self.hub.peer_moved(self)

    # The end.

    def let_go(self) -> None:
        """Watch the stream no longer; it is about to be closed."""
        self.closing = True
        if self._delayed is not None:
            self._delayed.cancel()
            self._delayed = None
        self.hub.hangups.forget(self.stream.fd)
        self.stream.watch_input(None)
        self._stop_sending()

    def _end(self, reason: MuxError | None) -> None:
        """Nothing more comes from the far end; stay until the guest has what came."""
        self.hub.answers.release(self)
        self.let_go()
        self._end_reason = reason
        self.hub.peer_moved(self)
        if self.waiting and not self.hub.may_linger(self):
            self.hub.discard_input(self)
        elif not self.waiting:
            self.hub.peer_ended(self, reason)
