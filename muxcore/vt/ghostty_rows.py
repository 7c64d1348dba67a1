"""Rows of a libghostty-vt render state as runs."""

from __future__ import annotations

import ctypes as c
from functools import lru_cache
from typing import TYPE_CHECKING

from muxcore.vt import ghostty_abi as abi
from muxcore.vt.cells import CellSource, clean_cluster, decode_row
from muxcore.vt.engine import EngineError, Line, Style, Underline, intern_style

if TYPE_CHECKING:
    from collections.abc import Iterator

    from muxcore.vt.engine import Colour, Run
    from muxcore.vt.ghostty_library import Handles, Library


class RowReader:
    """Reads the rows of a render state.

    A screen of many colours asks thousands of times a frame, so nothing is made anew per question.
    """

    def __init__(self, library: Library, handles: Handles) -> None:
        """Read with the iterators of `handles`, one state at a time."""
        self._library = library
        self._iterator = handles.iterator
        self._cells = handles.cells
        self._select = library.c.ghostty_render_state_row_cells_select
        self._read = library.c.ghostty_render_state_row_cells_get
        self._found = abi.Style(size=c.sizeof(abi.Style))
        self._found_at = c.byref(self._found)
        self._entered = False
        self._source = CellSource(self._style, self._grapheme)

    def changed(self, state: c.c_void_p) -> Iterator[tuple[int, bytes]]:
        """Yield number and packed cells of each row that changed since the state was cleaned."""
        self._begin(state)
        y = c.c_uint16()
        next_dirty = self._library.c.ghostty_render_state_row_iterator_next_dirty
        while next_dirty(self._iterator, c.byref(y)):
            yield y.value, self._raw()

    def lines(self, state: c.c_void_p, rows: range) -> list[Line]:
        """Return those of the state's rows."""
        self._begin(state)
        lines, row, wrap = [], c.c_uint64(), c.c_bool()
        for y in range(rows.stop):
            if not self._library.c.ghostty_render_state_row_iterator_next(self._iterator):
                raise EngineError(f"there is no row {y}")
            if y < rows.start:
                continue
            get = "render_state_row_get", self._iterator
            self._library.call(*get, abi.ROW_RAW, c.byref(row))
            self._library.call("row_get", row, abi.ROW_DATA_WRAP, c.byref(wrap))
            lines.append(Line(self.decode(self._raw()), wrap.value))
        return lines

    def _begin(self, state: c.c_void_p) -> None:
        """Point the iterator in front of the state's first row."""
        iterator = c.byref(self._iterator)
        self._library.call("render_state_get", state, abi.STATE_ROW_ITERATOR, iterator)

    def _raw(self) -> bytes:
        """Return the packed cells of the iterator's row."""
        view = abi.CellsView()
        self._library.call("render_state_row_get", self._iterator, abi.ROW_CELLS_RAW, c.byref(view))
        self._entered = False
        raw = c.string_at(view.ptr, view.len * 8)
        return raw if self._library.packed else self._library.repack(raw)

    def decode(self, raw: bytes) -> tuple[Run, ...]:
        """Return the runs of the iterator's row, given its packed cells."""
        return decode_row(raw, self._source)

    def _enter(self) -> None:
        """Point `_cells` at the iterator's row."""
        cells = c.byref(self._cells)
        self._library.call("render_state_row_get", self._iterator, abi.ROW_CELLS, cells)
        self._entered = True

    def _style(self, column: int) -> Style:
        if not self._entered:
            self._enter()
        if self._select(self._cells, column) or self._read(
            self._cells, abi.ROW_CELLS_STYLE, self._found_at
        ):
            raise EngineError(f"the style of column {column} cannot be read")
        return _converted(bytes(self._found))

    def _grapheme(self, column: int) -> str:
        if not self._entered:
            self._enter()
        # A cluster has no limit of its own; what does not fit here would not fit a cell either.
        text = c.create_string_buffer(256)
        buffer = abi.Buffer(ptr=c.cast(text, c.c_void_p), cap=len(text))
        if self._select(self._cells, column) or self._read(
            self._cells, abi.ROW_CELLS_GRAPHEMES_UTF8, c.byref(buffer)
        ):
            return "\N{REPLACEMENT CHARACTER}"
        return clean_cluster(text.raw[: buffer.len].decode("utf-8", "replace"))


@lru_cache(maxsize=8192)
def _converted(raw: bytes) -> Style:
    """Return what a style of the library, given by its bytes, looks like."""
    style = abi.Style.from_buffer_copy(raw)
    converted = Style(
        fg=_colour(style.fg_color),
        bg=_colour(style.bg_color),
        bold=style.bold,
        dim=style.faint,
        italic=style.italic,
        underline=Underline(style.underline),
        blink=style.blink,
        reverse=style.inverse,
        conceal=style.invisible,
        strike=style.strikethrough,
        underline_colour=_colour(style.underline_color),
        overline=style.overline,
    )
    return intern_style(converted)


def _colour(colour: abi.StyleColor) -> Colour:
    if colour.tag == abi.COLOR_PALETTE:
        return int(colour.value.palette)
    if colour.tag == abi.COLOR_RGB:
        red, green, blue = colour.value.rgb
        return red, green, blue
    return None
