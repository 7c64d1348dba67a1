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
    from collections.abc import Iterator

    from muxcore.vt.ghostty_library import Handles, Library


class LineCounter:
    """Knows the number of the oldest row of the main screen the library keeps."""

    def __init__(self, library: Library, handles: Handles) -> None:
        """Begin at 0 with a terminal that has no scrollback."""
        self._library = library
        self._handles = handles
        self._at = abi.PointCoordinate()
        self._rows = c.c_size_t()
        self.first = 0
        """The number of the library's row 0."""

    def scrollback(self) -> int:
        """Return how many rows the library keeps above the screen that is shown."""
        result = self._library.c.ghostty_terminal_get(
            self._handles.terminal, abi.DATA_SCROLLBACK_ROWS, c.byref(self._rows)
        )
        self._library.check("terminal_get", result)
        return self._rows.value

    def before(self) -> int:
        """Prepare for a write; return the scrollback's rows."""
        rows = self.scrollback()
        # The youngest row of the scrollback: nothing but dropping or erasing moves it, and it
        # goes last.
        point = abi.Point(tag=abi.POINT_SCREEN, y=max(0, rows - 1))
        result = self._library.c.ghostty_tracked_grid_ref_set(
            self._handles.tracked, self._handles.terminal, point
        )
        self._library.check("tracked_grid_ref_set", result)
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
    selection = abi.Selection(
        size=c.sizeof(abi.Selection),
        start=_refer(library, terminal, start),
        end=_refer(library, terminal, stop - 1, cols - 1),
    )
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
    lines = text.split("\n")
    if not text.replace("\n", "").isprintable():
        lines = [clean_cluster(line) for line in lines]
    return [line.rstrip(" ") for line in lines] + [""] * (stop - start - len(lines))


def read_wraps(library: Library, terminal: c.c_void_p, start: int, stop: int) -> list[bool]:
    """Return whether each of the library's rows `start` to `stop` - 1 goes on in the next."""
    return [library.wraps(row) for row in read_rows(library, terminal, start, stop)]


def read_rows(library: Library, terminal: c.c_void_p, start: int, stop: int) -> Iterator[int]:
    """Yield what the library has packed about each of its rows `start` to `stop` - 1."""
    get, row = library.c.ghostty_grid_ref_row, c.c_uint64()
    row_at = c.byref(row)
    while start < stop:
        end = _page_end(library, terminal, start, stop)
        ref = _refer(library, terminal, start)
        ref_at = c.byref(ref)
        for y in range(ref.y, ref.y + end - start):
            ref.y = y
            library.check("grid_ref_row", get(ref_at, row_at))
            yield row.value
        start = end


def _page_end(library: Library, terminal: c.c_void_p, start: int, stop: int) -> int:
    """Return the first of the rows up to `stop` that is not on the page of row `start`."""
    page = _refer(library, terminal, start).node
    # A page's rows follow one another: halve the rows that may be on it.
    low, high = start, stop
    while high - low > 1:
        middle = (low + high) // 2
        if _refer(library, terminal, middle).node == page:
            low = middle
        else:
            high = middle
    return high


def _refer(library: Library, terminal: c.c_void_p, row: int, column: int = 0) -> abi.GridRef:
    """Return a reference to a cell of the library's row `row`; good until the next write."""
    ref = abi.GridRef(size=c.sizeof(abi.GridRef))
    point = abi.Point(tag=abi.POINT_SCREEN, x=column, y=row)
    library.call("terminal_grid_ref", terminal, point, c.byref(ref))
    return ref
