"""Rows of a libghostty-vt render state as runs."""

from __future__ import annotations

import ctypes as c
from functools import lru_cache
from typing import TYPE_CHECKING

from muxcore.vt import ghostty_abi as abi
from muxcore.vt.cells import KnownRows, clean_cluster
from muxcore.vt.engine import EngineError, Line, Style, Underline
from muxcore.vt.links import MAX_LINK, clean_link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from muxcore.vt.engine import Colour, Run
    from muxcore.vt.ghostty_library import Handles, Library

_MAX_CLUSTER = 256
"""Bytes. A cluster has no limit of its own; what does not fit here would not fit a cell either."""


class RowReader:
    """Reads the rows of a render state, which must show the terminal as it is now.

    A screen of many colours asks thousands of times a frame, so nothing is made anew per question.
    """

    def __init__(self, library: Library, handles: Handles) -> None:
        """Read with the iterators of `handles`, one state at a time."""
        self._library = library
        self._terminal = handles.terminal
        self._iterator = handles.iterator
        self._cells = handles.cells
        self._cells_at = c.byref(handles.cells)
        self._select = library.c.ghostty_render_state_row_cells_select
        self._read = library.c.ghostty_render_state_row_cells_get
        self._found = c.create_string_buffer(abi.STYLE.size)
        self._found_at = c.byref(self._found)
        abi.SIZE.pack_into(self._found, 0, abi.STYLE.size)
        self._ref = abi.GridRef(size=c.sizeof(abi.GridRef))
        self._ref_at = c.byref(self._ref)
        self._style_of = library.quick_style
        self._known = KnownRows()
        self._y = 0
        self._entered = False
        self._pages: dict[int, dict[int, Style]] = {}
        """Styles by page and id: an id means the same style within a page, until a write."""

    def changed(self, state: c.c_void_p) -> Iterator[tuple[int, bytes]]:
        """Yield number and packed cells of each row that changed since the state was cleaned."""
        self._begin(state)
        y = c.c_uint16()
        next_dirty = self._library.c.ghostty_render_state_row_iterator_next_dirty
        while next_dirty(self._iterator, c.byref(y)):
            yield y.value, self._raw(y.value)

    def lines(self, state: c.c_void_p, rows: range) -> list[Line]:
        """Return those of the state's rows."""
        self._begin(state)
        lines: list[Line] = []
        row = c.c_uint64()
        for y in range(rows.stop):
            if not self._library.c.ghostty_render_state_row_iterator_next(self._iterator):
                raise EngineError(f"there is no row {y}")
            if y < rows.start:
                continue
            where = c.byref(row)
            self._library.call("render_state_row_get", self._iterator, abi.ROW_RAW, where)
            lines.append(Line(self.decode(self._raw(y)), self._library.wraps(row.value)))
        return lines

    def decode(self, raw: bytes) -> tuple[Run, ...]:
        """Return the runs of the iterator's row, given its packed cells."""
        return self._known.decode(raw, self)

    def _begin(self, state: c.c_void_p) -> None:
        """Point the iterator in front of the state's first row."""
        self._pages.clear()
        iterator = c.byref(self._iterator)
        self._library.call("render_state_get", state, abi.STATE_ROW_ITERATOR, iterator)

    def _raw(self, y: int) -> bytes:
        """Return the packed cells of the iterator's row, the view's row `y`."""
        view = abi.CellsView()
        where = c.byref(view)
        self._library.call("render_state_row_get", self._iterator, abi.ROW_CELLS_RAW, where)
        self._y, self._entered = y, False
        raw = c.string_at(view.ptr, view.len * 8)
        return raw if self._library.packed else self._library.repack(raw)

    def _enter(self) -> None:
        """Point `_cells` and `_ref` at the iterator's row."""
        if self._entered:
            return
        library, point = self._library, abi.Point(tag=abi.POINT_VIEWPORT, y=self._y)
        library.call("render_state_row_get", self._iterator, abi.ROW_CELLS, self._cells_at)
        library.call("terminal_grid_ref", self._terminal, point, self._ref_at)
        self._entered = True

    def styles(self) -> dict[int, Style]:
        """See `muxcore.vt.cells.CellSource`."""
        self._enter()
        return self._pages.setdefault(self._ref.node or 0, {})

    def style(self, column: int) -> Style:
        """See `muxcore.vt.cells.CellSource`."""
        if not self._entered:
            self._enter()
        self._ref.x = column
        if self._style_of(self._ref_at, self._found_at):
            raise EngineError(f"the style of column {column} cannot be read")
        return _converted(self._found.raw)

    def grapheme(self, column: int) -> str:
        """See `muxcore.vt.cells.CellSource`."""
        self._enter()
        text = c.create_string_buffer(_MAX_CLUSTER)
        buffer = abi.Buffer(ptr=c.cast(text, c.c_void_p), cap=_MAX_CLUSTER)
        if self._select(self._cells, column) or self._read(
            self._cells, abi.ROW_CELLS_GRAPHEMES_UTF8, c.byref(buffer)
        ):
            return "\N{REPLACEMENT CHARACTER}"
        return clean_cluster(text.raw[: buffer.len].decode("utf-8", "replace"))

    def link(self, column: int) -> str:
        """See `muxcore.vt.cells.CellSource`."""
        self._enter()
        self._ref.x = column
        uri, length = c.create_string_buffer(MAX_LINK), c.c_size_t()
        if self._library.c.ghostty_grid_ref_hyperlink_uri(
            self._ref_at, uri, MAX_LINK, c.byref(length)
        ):
            return ""
        return clean_link(uri.raw[: length.value])


_UNDERLINES = tuple(Underline)
_new_style = tuple.__new__


@lru_cache(maxsize=8192)
def _converted(raw: bytes) -> Style:
    """Return what a style of the library, given by its bytes, looks like."""
    fields = abi.STYLE.unpack(raw)
    _, fg_tag, red, green, blue, bg_tag, bg_red, bg_green, bg_blue = fields[:9]
    fg = (red, green, blue) if fg_tag == abi.COLOR_RGB else red if fg_tag else None
    bg = (bg_red, bg_green, bg_blue) if bg_tag == abi.COLOR_RGB else bg_red if bg_tag else None
    return _new_style(Style, (fg, bg, *_looks(*fields[9:]), ""))


@lru_cache(maxsize=1024)
def _looks(
    tag: int, red: int, green: int, blue: int, flags: int, underline: int
) -> tuple[bool, bool, bool, Underline, bool, bool, bool, bool, Colour, bool]:
    """Return the fields of a `Style` between its colours and its link."""
    bold, italic, faint, blink, inverse, invisible, strikethrough, overline = (
        bool(flag) for flag in flags.to_bytes(8, "little")
    )
    colour = (red, green, blue) if tag == abi.COLOR_RGB else red if tag else None
    line = _UNDERLINES[underline]
    looks = bold, faint, italic, line, blink, inverse, invisible, strikethrough
    return *looks, colour, overline
