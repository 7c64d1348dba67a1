"""An endpoint inside the process, for tests and for programs that embed muxcore."""

from __future__ import annotations

from collections.abc import Sequence

from muxcore.chardev.base import Chardev, Who
from muxcore.chardev.soft import SoftStream
from muxcore.errors import BreakUnsupported
from muxcore.options.sets import MemoryOptions

LIMIT = 64 << 20
"""Bytes at most that wait in either direction."""


class MemoryChardev(Chardev):
    """A chardev whose far end is the program itself.

    Args:
        id: the chardev's id.
        options: its options.
        can_break: whether it counts breaks (in `breaks`) or refuses them.
        can_resize: whether it notes window sizes (in `sizes`).

    Bytes given to `feed` are read by the console, as if the far end had sent
    them; bytes the console writes are in `sent` until `take` removes them.
    `stall` makes the far end take nothing until `resume`; `hang_up` ends the
    stream after what was fed; `await open()` brings the far end back.
    """

    options: MemoryOptions

    def __init__(
        self,
        id: str,
        options: MemoryOptions | None = None,
        *,
        can_break: bool = False,
        can_resize: bool = False,
    ) -> None:
        super().__init__(id, options or MemoryOptions())
        self.sent = bytearray()
        self.breaks = 0
        self.sizes: list[tuple[int, int]] = []
        self.fed = bytearray()
        self.stalled = False
        self.hung_up = False
        self.error: OSError | None = None
        self._can_break = can_break
        self._can_resize = can_resize

    @property
    def can_break(self) -> bool:
        """As the constructor was told."""
        return self._can_break

    @property
    def can_resize(self) -> bool:
        """As the constructor was told."""
        return self._can_resize

    async def open(self) -> None:
        """The far end is there, or there again; without effect while it is."""
        if not self.streams:
            self.hung_up = False
            self.error = None
            self.add_stream(MemoryStream(self))

    def feed(self, data: bytes) -> None:
        """The far end sends `data`.

        Raises:
            BufferError: more than `LIMIT` bytes would be waiting.
        """
        if len(self.fed) + len(data) > LIMIT:
            raise BufferError(f"{len(self.fed)} bytes wait to be read; {LIMIT} is the most")
        self.fed += data
        self._poke()

    def take(self) -> bytes:
        """Remove and return what was written, and let more be."""
        data = bytes(self.sent)
        self.sent.clear()
        self._poke()
        return data

    def stall(self) -> None:
        """The far end takes nothing from now on."""
        self.stalled = True

    def resume(self) -> None:
        """The far end takes bytes again."""
        self.stalled = False
        self._poke()

    def hang_up(self, error: OSError | None = None) -> None:
        """The far end is gone: what was fed can still be read, then comes the end, or `error`."""
        self.hung_up = True
        self.error = error
        self._poke()

    def send_break(self) -> None:
        """Count a break; see `Chardev.send_break`."""
        if not self._can_break:
            raise BreakUnsupported(f"chardev '{self.id}' ({self.type}) has no break to send")
        self.breaks += 1

    def resize(self, rows: int, cols: int) -> None:
        """Note a window size."""
        if self._can_resize:
            self.sizes.append((rows, cols))

    def _poke(self) -> None:
        for stream in self.streams:
            if isinstance(stream, MemoryStream):
                stream.input_watch.poke()
                stream.output_watch.poke()


class MemoryStream(SoftStream):
    """The stream between a console and a `MemoryChardev`."""

    def __init__(self, far_end: MemoryChardev) -> None:
        super().__init__(Who("inmemory"))
        self._far_end = far_end

    def readable(self) -> bool:
        """Whether the far end sent something or is gone."""
        return bool(self._far_end.fed) or self._far_end.hung_up

    def writable(self) -> bool:
        """Whether the far end takes something or is gone."""
        far_end = self._far_end
        return far_end.hung_up or (not far_end.stalled and len(far_end.sent) < LIMIT)

    def read(self, limit: int) -> bytes:
        """See `Stream.read`."""
        far_end = self._far_end
        if far_end.fed:
            data = bytes(far_end.fed[:limit])
            del far_end.fed[:limit]
            return data
        if not far_end.hung_up:
            raise BlockingIOError
        if far_end.error is not None:
            raise far_end.error
        return b""

    def write(self, buffers: Sequence[memoryview | bytes]) -> int:
        """See `Stream.write`."""
        far_end = self._far_end
        if far_end.hung_up:
            raise far_end.error or BrokenPipeError
        if not self.writable():
            raise BlockingIOError
        before = len(far_end.sent)
        for data in buffers:
            far_end.sent += data[: LIMIT - len(far_end.sent)]
        return len(far_end.sent) - before
