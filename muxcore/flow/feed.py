"""What is typed to one stream: from the peers in turn, through a short queue."""

from __future__ import annotations

import asyncio
from typing import Protocol

from muxcore.chardev.base import Stream
from muxcore.flow.input import TURN, InputQueue, Source, unfinished
from muxcore.flow.loop import expect_answer

REST = 0.1
"""Seconds that others wait at most for the rest of a key that one began."""

WINDOW = 2048
"""Bytes that may be under way to a guest that has not read them, where its stream can tell: with
the queue 0.3 s of a line at 115200 baud, so that no paste holds up a Ctrl-C for longer."""

LOOK = 0.002
"""Seconds until it is looked at how much of them was read; nothing tells when."""


class Tally(Protocol):
    """Who counts, in bytes."""

    def typed(self, count: int) -> None:
        """So many were taken by the stream."""

    def dropped(self, count: int) -> None:
        """So many were dropped because there is no stream."""


class Feed:
    """See the module."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._stream: Stream | None = None
        self._input = InputQueue()
        self._waits = False
        self._rest: asyncio.TimerHandle | None = None
        self._bounded = False
        self._under_way = 0
        self._look: asyncio.TimerHandle | None = None

    def open(self, stream: Stream) -> None:
        """Type to `stream` from now on."""
        self._stream = stream
        self._bounded = stream.backlog is not None
        self._under_way = 0

    def close(self) -> None:
        """Type to nobody; the stream is let go of. Idempotent.

        Input that still waited is dropped: keys typed at a dead guest must not
        reach whatever comes up in its place.
        """
        if self._stream is not None:
            self._wait(False)
            if self._look is not None:
                self._look.cancel()
                self._look = None
            self._stream = None
            self._drop()
            self._await_rest()

    def type_at_once(self, data: bytes) -> int:
        """Type `data` if it is a few whole keys and nobody waits; returns how much was taken."""
        stream = self._stream
        if stream is None or not self._input.idle or len(data) > TURN or unfinished(data):
            return 0
        if self._bounded and self._under_way + len(data) > WINDOW:
            return 0
        try:
            count = stream.write([data])
        except OSError:
            # Typed with all that waits it meets the same again, and is dealt with there.
            return 0
        self._under_way += count
        self._tally.typed(count)
        expect_answer()
        return count

    def type(self, source: Source) -> None:
        """`source` has input."""
        self._input.add(source)
        self._write()

    def _write(self) -> None:
        stream = self._stream
        if stream is None:
            self._drop()
            return
        while data := self._input.fill():
            room = min(len(data), WINDOW - self._under_way) if self._bounded else len(data)
            if room <= 0:
                self._wait(False)
                self._look_later()
                return
            try:
                count = stream.write([bytes(data[:room])])
            except BlockingIOError:
                count = 0
            except OSError:
                # Reading tells the same, with what the guest still printed before it ended.
                self._drop()
                return
            self._under_way += count
            self._input.sent(count)
            self._tally.typed(count)
            if count < room:
                self._wait(True)
                return
        self._wait(False)
        self._await_rest()

    def _await_rest(self) -> None:
        """Let nobody wait for longer than `REST` for what another began."""
        if not self._input.waits:
            if self._rest is not None:
                self._rest.cancel()
                self._rest = None
        elif self._rest is None:
            self._rest = asyncio.get_running_loop().call_later(REST, self._go_on)

    def _go_on(self) -> None:
        self._rest = None
        self._input.go_on()
        self._write()

    def _look_later(self) -> None:
        if self._look is None:
            self._look = asyncio.get_running_loop().call_later(LOOK, self._look_again)

    def _look_again(self) -> None:
        self._look = None
        if self._stream is not None:
            self._under_way = self._stream.backlog or 0
            self._write()

    def _wait(self, waits: bool) -> None:
        if waits != self._waits and self._stream is not None:
            self._waits = waits
            self._stream.watch_output(self._write if waits else None)

    def _drop(self) -> None:
        if count := self._input.drop():
            self._tally.dropped(count)
