"""Lines of a libghostty-vt terminal by number: counting them, reading their text.

The library counts rows from the oldest one it keeps, and drops old ones a page at a time without
saying how many. So a row is followed through every write by a tracked reference: where it is
afterwards tells what was dropped above it.
"""

from __future__ import annotations

import ctypes as c
from typing import TYPE_CHECKING

from muxcore.vt import ghostty_abi as abi
from muxcore.vt.cells import clean_cluster

if TYPE_CHECKING:
    from muxcore.vt.ghostty_library import Handles, Library


class LineCounter:
    """Knows the number of the oldest row of the main screen the library keeps."""

    def __init__(self, library: Library, handles: Handles) -> None:
        """Begin at 0 with a terminal that has no scrollback."""
        self._library = library
        self._handles = handles
        self._at = abi.PointCoordinate()
        self.first = 0
        """The number of the library's row 0."""

    def scrollback(self) -> int:
        """Return how many rows the library keeps above the screen that is shown."""
        rows = c.c_size_t()
        terminal = self._handles.terminal
        self._library.call("terminal_get", terminal, abi.DATA_SCROLLBACK_ROWS, c.byref(rows))
        return rows.value

    def before(self) -> int:
        """Prepare for a write; return the scrollback's rows."""
        rows = self.scrollback()
        # The youngest row of the scrollback: nothing but dropping or erasing moves it, and it
        # goes last.
        point = abi.Point(tag=abi.POINT_SCREEN, y=max(0, rows - 1))
        self._library.call(
            "tracked_grid_ref_set", self._handles.tracked, self._handles.terminal, point
        )
        return rows

    def after(self, before: int, height: int, kept: int) -> None:
        """Take account of a write.

        Args:
            before: What `before` returned.
            height: Rows of the screen.
            kept: Rows of scrollback the library never drops.
        """
        rows = self.scrollback()
        found = self._library.c.ghostty_tracked_grid_ref_point(
            self._handles.tracked, abi.POINT_SCREEN, c.byref(self._at)
        )
        if before and not rows:
            self.first += before
        elif found != abi.SUCCESS or (not before and rows >= kept):
            # More passed than is kept: skip numbers rather than use any twice.
            self.first += before + height
        elif before:
            self.first += before - 1 - self._at.y


def read_texts(
    library: Library, terminal: c.c_void_p, start: int, stop: int, cols: int
) -> list[str]:
    """Return the text of the library's rows `start` to `stop` - 1, trailing blanks stripped."""
    selection = abi.Selection(size=c.sizeof(abi.Selection))
    for ref, x, y in ((selection.start, 0, start), (selection.end, cols - 1, stop - 1)):
        ref.size = c.sizeof(abi.GridRef)
        point = abi.Point(tag=abi.POINT_SCREEN, x=x, y=y)
        library.call("terminal_grid_ref", terminal, point, c.byref(ref))
    options = abi.SelectionFormatOptions(
        size=c.sizeof(abi.SelectionFormatOptions),
        emit=abi.FORMAT_PLAIN,
        trim=True,
        selection=c.pointer(selection),
    )
    length = c.c_size_t()
    size = 128 * (stop - start)
    while True:
        buffer = c.create_string_buffer(size)
        result = library.c.ghostty_terminal_selection_format_buf(
            terminal, options, buffer, size, c.byref(length)
        )
        if result != abi.OUT_OF_SPACE:
            break
        size = length.value
    library.check("terminal_selection_format_buf", result)
    text = c.string_at(buffer, length.value).decode("utf-8", "replace")
    lines = [_clean(line) for line in text.split("\n")]
    return lines + [""] * (stop - start - len(lines))


def _clean(line: str) -> str:
    return (line if line.isprintable() else clean_cluster(line)).rstrip(" ")


def read_wraps(library: Library, terminal: c.c_void_p, start: int, stop: int) -> list[bool]:
    """Return whether each of the library's rows `start` to `stop` - 1 goes on in the next."""
    ref, row, wrap = abi.GridRef(size=c.sizeof(abi.GridRef)), c.c_uint64(), c.c_bool()
    wraps = []
    for y in range(start, stop):
        point = abi.Point(tag=abi.POINT_SCREEN, y=y)
        library.call("terminal_grid_ref", terminal, point, c.byref(ref))
        library.call("grid_ref_row", c.byref(ref), c.byref(row))
        library.call("row_get", row, abi.ROW_DATA_WRAP, c.byref(wrap))
        wraps.append(wrap.value)
    return wraps
