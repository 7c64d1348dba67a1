"""The frames of an attach stream: one type byte, a big-endian u32 length, the payload.

To the client:

====  =========================================================
`D`   u64 offset, then the console's output from that offset
`G`   u64 from, u64 to: bytes this client does not get
`S`   JSON: guest, size, peers, readonly, held, discarded
`N`   text for this client alone, no output of the guest's
====  =========================================================

To the daemon:

====  =========================================================
`I`   input for the guest
`W`   u16 rows, u16 columns of the client's view
`K`   break
====  =========================================================
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from muxcore.errors import ProtocolError

HEADER = struct.Struct(">cI")
OFFSET = struct.Struct(">Q")
SPAN = struct.Struct(">QQ")
SIZE = struct.Struct(">HH")

TO_CLIENT = b"DGSN"
TO_DAEMON = b"IWK"

MAX_PAYLOAD = 256 * 1024 + OFFSET.size
"""Bytes of payload in one frame at most, in either direction."""


class Frame(NamedTuple):
    """One frame: `kind` is its type byte as one byte."""

    kind: bytes
    payload: bytes


def encode(kind: bytes, payload: bytes = b"") -> bytes:
    """The frame as bytes. Raises ValueError over `MAX_PAYLOAD`."""
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a frame holds at most {MAX_PAYLOAD} bytes")
    return HEADER.pack(kind, len(payload)) + payload


def output_header(offset: int, length: int) -> bytes:
    """What precedes `length` bytes of output that begin at `offset`."""
    return HEADER.pack(b"D", OFFSET.size + length) + OFFSET.pack(offset)


def gap(start: int, end: int) -> bytes:
    """The frame that says that the bytes `start` up to `end` were skipped."""
    return encode(b"G", SPAN.pack(start, end))


def resize(rows: int, cols: int) -> bytes:
    """The frame that tells the size of a client's view, each 1 to 65535 cells."""
    return encode(b"W", SIZE.pack(rows, cols))


class FrameDecoder:
    """Frames out of a byte stream that may be cut anywhere.

    Args:
        kinds: the type bytes that may come, `TO_CLIENT` or `TO_DAEMON`.
        max_payload: a longer frame is refused as soon as its header is seen.
    """

    def __init__(self, kinds: bytes, max_payload: int = MAX_PAYLOAD) -> None:
        self._kinds = kinds
        self._max = max_payload
        self._buffer = bytearray()

    @property
    def pending(self) -> int:
        """Bytes of an unfinished frame, at most the header and `max_payload`."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes, in order.

        Raises:
            ProtocolError: an unknown type, or a frame longer than `max_payload`.
                The decoder must not be used afterwards.
        """
        self._buffer += data
        frames: list[Frame] = []
        at = 0
        while len(self._buffer) - at >= HEADER.size:
            kind, length = HEADER.unpack_from(self._buffer, at)
            if kind not in self._kinds:
                raise ProtocolError(f"unknown frame type 0x{kind[0]:02x}")
            if length > self._max:
                raise ProtocolError(f"frame of {length} bytes, at most {self._max} are allowed")
            end = at + HEADER.size + length
            if len(self._buffer) < end:
                break
            frames.append(Frame(kind, bytes(self._buffer[at + HEADER.size : end])))
            at = end
        del self._buffer[:at]
        return frames
