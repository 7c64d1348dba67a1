"""libghostty-vt, loaded: calls that check, cells taken apart, handles freed once."""

from __future__ import annotations

import ctypes as c
from typing import TYPE_CHECKING, TypeVar

from muxcore.vt import ghostty_abi as abi
from muxcore.vt.cells import TAG_BG_PALETTE, TAG_BG_RGB, pack
from muxcore.vt.engine import EngineError

if TYPE_CHECKING:
    from ctypes import _CData

Out = TypeVar("Out", bound="_CData")
"""What a call fills in and its wrapper returns."""


_ROW_WRAP = 1 << 32
"""In a packed row, whether it goes on in the next one."""


class Library:
    """The loaded library, and whether rows and cells are packed as here and in `cells` is read."""

    def __init__(self) -> None:
        """Load the library.

        Raises:
            EngineError: It is not there, or not the one this module was written for.
        """
        try:
            self.c = abi.load()
            self.quick_style = abi.load_quick_style()
        except (OSError, AttributeError, ImportError) as error:
            raise EngineError(f"libghostty-vt cannot be loaded: {error}") from error
        self.packed = True
        """Whether rows and cells are read by their bits; asking for each is 50 times slower."""

    def call(self, name: str, *arguments: object) -> None:
        """Call `ghostty_NAME`.

        Raises:
            EngineError: It did not succeed.
        """
        self.check(name, getattr(self.c, f"ghostty_{name}")(*arguments))

    def check(self, name: str, result: int) -> None:
        """Look at what `ghostty_NAME` returned.

        Raises:
            EngineError: It did not succeed.
        """
        if result != abi.SUCCESS:
            raise EngineError(f"ghostty_{name} returned {result}")

    def version(self) -> str:
        """Return the library's own version."""
        text = abi.String()
        self.call("build_info", abi.BUILD_INFO_VERSION_STRING, c.byref(text))
        return c.string_at(text.ptr, text.len).decode("ascii", "replace")

    def repack(self, raw: bytes) -> bytes:
        """Return a row's cells in the layout of `muxcore.vt.cells`, asking for each field."""
        cells = memoryview(raw).cast("Q")
        return b"".join(self._repack_cell(cell).to_bytes(8, "little") for cell in cells)

    def wraps(self, row: int) -> bool:
        """Return whether a row goes on in the next one."""
        return bool(row & _ROW_WRAP) if self.packed else self.ask_wraps(row)

    def ask_wraps(self, row: int) -> bool:
        """Return the same from the library itself."""
        wrap = c.c_bool()
        self.call("row_get", row, abi.ROW_DATA_WRAP, c.byref(wrap))
        return wrap.value

    def _repack_cell(self, cell: int) -> int:
        tag = self._field(cell, abi.CELL_CONTENT_TAG, c.c_int()).value
        if tag == TAG_BG_RGB:
            red, green, blue = self._field(cell, abi.CELL_COLOR_RGB, (c.c_uint8 * 3)())
            content = red | green << 8 | blue << 16
        elif tag == TAG_BG_PALETTE:
            content = self._field(cell, abi.CELL_COLOR_PALETTE, c.c_uint8()).value
        else:
            content = self._field(cell, abi.CELL_CODEPOINT, c.c_uint32()).value
        style_id = self._field(cell, abi.CELL_STYLE_ID, c.c_uint16()).value
        width = self._field(cell, abi.CELL_WIDE, c.c_int()).value
        link = self._field(cell, abi.CELL_HAS_HYPERLINK, c.c_bool()).value
        return pack(tag, content, style_id, width, link=link)

    def _field(self, cell: int, key: int, out: Out) -> Out:
        self.call("cell_get", cell, key, c.byref(out))
        return out


class Handles:
    """The library's objects of one terminal, freed together and once."""

    def __init__(self, library: Library, rows: int, cols: int) -> None:
        self._library = library
        self.terminal, self.state = c.c_void_p(), c.c_void_p()
        self.tracked, self.iterator, self.cells = c.c_void_p(), c.c_void_p(), c.c_void_p()
        try:
            library.call("terminal_new", None, c.byref(self.terminal), cols, rows)
            library.call("render_state_new", None, c.byref(self.state))
            point = abi.Point(tag=abi.POINT_SCREEN)
            library.call("terminal_grid_ref_track", self.terminal, point, c.byref(self.tracked))
            library.call("render_state_row_iterator_new", None, c.byref(self.iterator))
            library.call("render_state_row_cells_new", None, c.byref(self.cells))
        except EngineError:
            self.free()
            raise

    def free(self) -> None:
        """Free what was made; a second time does nothing."""
        free = self._library.c
        for handle, function in (
            (self.cells, free.ghostty_render_state_row_cells_free),
            (self.iterator, free.ghostty_render_state_row_iterator_free),
            (self.state, free.ghostty_render_state_free),
            (self.tracked, free.ghostty_tracked_grid_ref_free),
            (self.terminal, free.ghostty_terminal_free),
        ):
            if handle.value is not None:
                function(handle)
                handle.value = None
