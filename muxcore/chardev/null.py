"""A chardev that swallows everything (chardev/char-null.c)."""

from __future__ import annotations

from collections.abc import Sequence

from muxcore.chardev.base import Chardev, Who
from muxcore.chardev.soft import SoftStream
from muxcore.options.sets import NullOptions


class NullChardev(Chardev):
    """Always open; takes any output, gives no input."""

    options: NullOptions

    async def open(self) -> None:
        """Open, at once."""
        self.add_stream(NullStream(Who("null")))


class NullStream(SoftStream):
    """The far end of nowhere."""

    terminals = 0

    def write(self, buffers: Sequence[memoryview | bytes]) -> int:
        """Take everything."""
        return sum(map(len, buffers))
