"""A chardev that keeps the last bytes for whoever asks (chardev/char-ringbuf.c)."""

from __future__ import annotations

from collections.abc import Sequence

from muxcore.chardev.base import Chardev, Who
from muxcore.chardev.soft import SoftStream
from muxcore.errors import ChardevError
from muxcore.options.sets import RingbufOptions

INPUT_LIMIT = 64 * 1024


class RingbufChardev(Chardev):
    """Keeps the last `size` bytes of output; `read` consumes them (QMP's ringbuf-read)."""

    options: RingbufOptions

    def __init__(self, id: str, options: RingbufOptions) -> None:
        super().__init__(id, options)
        self._kept = bytearray()
        self._input = bytearray()

    def __len__(self) -> int:
        return len(self._kept)

    async def open(self) -> None:
        """Open, at once."""
        self.add_stream(RingbufStream(self, self._input))

    def read(self, limit: int) -> bytes:
        """Take out up to `limit` bytes, the oldest first."""
        data = bytes(self._kept[:limit])
        del self._kept[:limit]
        return data

    def write(self, data: bytes) -> None:
        """Pass `data` on as if somebody at this backend had typed it.

        Raises:
            ChardevError: more than `INPUT_LIMIT` bytes would be waiting for the guest.
        """
        if len(self._input) + len(data) > INPUT_LIMIT:
            raise ChardevError(
                f"chardev '{self.id}' holds {len(self._input)} bytes that the guest has not read;"
                f" {INPUT_LIMIT} is the most"
            )
        self._input += data
        for stream in self.streams:
            if isinstance(stream, RingbufStream):
                stream.input_watch.poke()

    def keep(self, data: memoryview | bytes) -> None:
        """Add output at the end; the oldest bytes beyond `size` are gone."""
        size = self.options.size
        del self._kept[: max(0, len(self._kept) + len(data) - size)]
        self._kept += data[-size:]


class RingbufStream(SoftStream):
    """The stream between a console and a `RingbufChardev`."""

    terminals = 0

    def __init__(self, ring: RingbufChardev, pending: bytearray) -> None:
        super().__init__(Who("ringbuf"))
        self._ring = ring
        self._pending = pending

    def readable(self) -> bool:
        """Whether somebody wrote."""
        return bool(self._pending)

    def read(self, limit: int) -> bytes:
        """See `Stream.read`."""
        if not self._pending:
            raise BlockingIOError
        data = bytes(self._pending[:limit])
        del self._pending[:limit]
        return data

    def write(self, buffers: Sequence[memoryview | bytes]) -> int:
        """Take everything."""
        for data in buffers:
            self._ring.keep(data)
        return sum(map(len, buffers))
