"""A virtual console (ui/console-vc.c): whoever looks at the console draws it."""

from __future__ import annotations

from collections.abc import Sequence

from muxcore.chardev.base import Chardev, Who
from muxcore.chardev.soft import SoftStream
from muxcore.options.sets import VcOptions

FONT_WIDTH, FONT_HEIGHT = 8, 16
"""Pixels of a character in QEMU's own font (ui/vgafont.h)."""


class VcChardev(Chardev):
    """Always open; takes any output, and tells the size it was given, if any."""

    options: VcOptions

    async def open(self) -> None:
        """Open, at once."""
        self.add_stream(VcStream(grid(self.options)))


class VcStream(SoftStream):
    """Output that needs no keeping: the console's history has it."""

    def __init__(self, size: tuple[int, int] | None) -> None:
        super().__init__(Who("vc"))
        self.size = size

    def write(self, buffers: Sequence[memoryview | bytes]) -> int:
        """Take everything."""
        return sum(map(len, buffers))


def grid(options: VcOptions) -> tuple[int, int] | None:
    """(rows, cols), or None where neither characters nor pixels say both."""
    rows = options.rows or (options.height or 0) // FONT_HEIGHT
    cols = options.cols or (options.width or 0) // FONT_WIDTH
    return (rows, cols) if rows and cols else None
