"""A peer that is a program: it is told offsets, gaps and the console's status in frames."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from typing import Any

from muxcore.chardev.base import Chardev, Stream
from muxcore.errors import ProtocolError
from muxcore.flow.splice import Splice
from muxcore.peers.peer import Peer
from muxcore.peers.peer_hub import Hub
from muxcore.wire import frames

FRAME_CHUNK = 64 * 1024
"""Bytes of output in one frame, which is also what a half-sent frame keeps a copy of."""


class FramedPeer(Peer):
    """A peer whose stream is made of frames (`muxcore.wire.frames`).

    Every frame is sent whole or kept: a frame's header has promised its length,
    so what the stream does not take of it is copied, at most `FRAME_CHUNK` bytes.
    """

    shows_status = True

    def __init__(
        self, hub: Hub, chardev: Chardev, stream: Stream, id: str, cursor: int, *, readonly: bool
    ) -> None:
        super().__init__(hub, chardev, stream, id, cursor, readonly=readonly)
        self._decoder = frames.FrameDecoder(frames.TO_DAEMON, 64 * 1024)
        self._status: dict[str, Any] | None = None

    def offer(self, views: Sequence[memoryview], count: int, splice: Splice | None = None) -> None:
        """See `Peer.offer`; a chunk becomes one frame."""
        self.drain()

    def gap_notice(self, start: int, end: int) -> bytes:
        """A `G` frame."""
        return frames.gap(start, end)

    def notice(self, text: bytes) -> bytes:
        """An `N` frame."""
        return frames.encode(b"N", text)

    def tell_status(self, status: dict[str, Any]) -> None:
        """Send an `S` frame when the stream takes it; only the newest status waits."""
        self._status = status | {"readonly": self.readonly}
        if self.ready:
            self.drain()

    def next_control(self) -> bytes:
        """The `S` frame that is due, if one is."""
        if self._status is None:
            return b""
        status, self._status = self._status, None
        return frames.encode(b"S", json.dumps(status, separators=(",", ":")).encode())

    def send_chunk(self) -> bool:
        """One `D` frame."""
        views = self.hub.history.views(self.cursor, FRAME_CHUNK)
        count = sum(map(len, views))
        header = frames.output_header(self.cursor, count)
        parts: list[memoryview | bytes] = [header, *views]
        taken = self.stream.write(parts)
        total = len(header) + count
        if 0 < taken < total:
            try:
                self.owed = _rest(parts, taken)
            except MemoryError as error:
                # Whatever came behind half a frame would be taken for its rest.
                raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)) from error
        if taken:
            self.cursor += count
            self.sent += count
        return taken == total

    def decode(self, data: bytes) -> bytes:
        """Input out of `I` frames; breaks are acted on at once, and so is the last size."""
        typed = bytearray()
        resized = False
        for frame in self._decoder.feed(data):
            if frame.kind == b"I":
                typed += frame.payload
            elif frame.kind == b"W":
                self.size = _size(frame.payload)
                resized = True
            elif not self.readonly:
                self.hub.peer_break(self)
        if resized:
            self.hub.peer_resized(self)
        return bytes(typed)


def _rest(parts: Sequence[memoryview | bytes], taken: int) -> bytes:
    return b"".join(parts)[taken:]


def _size(payload: bytes) -> tuple[int, int]:
    if len(payload) != frames.SIZE.size:
        raise ProtocolError(f"window size frame of {len(payload)} bytes, expected 4")
    rows, cols = frames.SIZE.unpack(payload)
    if not (rows and cols):
        raise ProtocolError("window size frame with no rows or no columns")
    return rows, cols
