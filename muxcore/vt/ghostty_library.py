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


class Library:
    """The loaded library, and whether its packed cells are laid out as `muxcore.vt.cells` reads."""

    def __init__(self) -> None:
        """Load the library.

        Raises:
            EngineError: It is not there, or not the one this module was written for.
        """
        try:
            self.c = abi.load()
        except (OSError, AttributeError, ImportError) as error:
            raise EngineError(f"libghostty-vt cannot be loaded: {error}") from error
        self.packed = True
        """Whether rows are read as packed cells; else each cell is asked for, 50 times slower."""

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
        return pack(tag, content, style_id, self._field(cell, abi.CELL_WIDE, c.c_int()).value)

    def _field(self, cell: int, key: int, out: Out) -> Out:
        self.call("cell_get", cell, key, c.byref(out))
        return out


class Handles:
    """The library's objects of one terminal, freed together and once.

    `state` follows the view, `history` reads other lines.
    """

    def __init__(self, library: Library, rows: int, cols: int) -> None:
        self._library = library
        self.terminal, self.state = c.c_void_p(), c.c_void_p()
        self.history, self.tracked = c.c_void_p(), c.c_void_p()
        self.iterator, self.cells = c.c_void_p(), c.c_void_p()
        try:
            library.call("terminal_new", None, c.byref(self.terminal), cols, rows)
            library.call("render_state_new", None, c.byref(self.state))
            library.call("render_state_new", None, c.byref(self.history))
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
            (self.history, free.ghostty_render_state_free),
            (self.tracked, free.ghostty_tracked_grid_ref_free),
            (self.terminal, free.ghostty_terminal_free),
        ):
            if handle.value is not None:
                function(handle)
                handle.value = None
