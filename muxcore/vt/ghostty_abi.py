"""The part of libghostty-vt's C interface muxtui uses, for ctypes.

The library comes with the package `pyghostty`, whose own binding parses 80 KB of declarations when
it is imported (a quarter of a second); this file declares two dozen functions instead. Names and
numbers are those of `pyghostty/_cdef.py` 0.1.3, which a test compares with these.
"""

from __future__ import annotations

import ctypes as c
import importlib.util
import struct
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SUCCESS = 0
OUT_OF_SPACE = -3

OPT_WRITE_PTY = 1
OPT_BELL = 2
OPT_SIZE = 6
OPT_TITLE = 9
OPT_COLOR_FOREGROUND = 11
OPT_COLOR_BACKGROUND = 12
OPT_COLOR_CURSOR = 13
OPT_COLOR_PALETTE = 14
OPT_KITTY_IMAGE_STORAGE_LIMIT = 15
OPT_SCROLLBACK_MAX_BYTES = 27
OPT_SCROLLBACK_MAX_LINES = 28

DATA_CURSOR_X = 3
DATA_CURSOR_Y = 4
DATA_CURSOR_PENDING_WRAP = 5
DATA_ACTIVE_SCREEN = 6
DATA_KITTY_KEYBOARD_FLAGS = 8
DATA_TITLE = 12
DATA_SCROLLBACK_ROWS = 15
DATA_COLOR_PALETTE_DEFAULT = 25
DATA_MODE = 37

SCROLL_VIEWPORT_BOTTOM = 1
SCROLL_VIEWPORT_ROW = 3

POINT_VIEWPORT = 1
POINT_SCREEN = 2

FORMAT_PLAIN = 0

STATE_DIRTY = 3
STATE_ROW_ITERATOR = 4
STATE_CURSOR = 18
DIRTY_FALSE = 0

ROW_RAW = 2
ROW_CELLS = 3
ROW_CELLS_RAW = 5

ROW_CELLS_GRAPHEMES_UTF8 = 9

ROW_DATA_WRAP = 1

CELL_CODEPOINT = 1
CELL_CONTENT_TAG = 2
CELL_WIDE = 3
CELL_STYLE_ID = 6
CELL_HAS_HYPERLINK = 7
CELL_COLOR_PALETTE = 10
CELL_COLOR_RGB = 11

COLOR_RGB = 2

CURSOR_BAR = 0
CURSOR_BLOCK = 1
CURSOR_UNDERLINE = 2

BUILD_INFO_VERSION_STRING = 5


class String(c.Structure):
    """GhosttyString."""

    _fields_ = (("ptr", c.c_void_p), ("len", c.c_size_t))


class Buffer(c.Structure):
    """GhosttyBuffer."""

    _fields_ = (("ptr", c.c_void_p), ("cap", c.c_size_t), ("len", c.c_size_t))


class CellsView(c.Structure):
    """GhosttyCellsView."""

    _fields_ = (("ptr", c.c_void_p), ("len", c.c_size_t))


SIZE = struct.Struct("@N")
"""The first member of structures that may grow: their size."""

STYLE = struct.Struct("@N i4x3B5x i4x3B5x i4x3B5x Q i 0N")
"""GhosttyStyle: its size; tag and red (or index), green, blue of foreground, background and
underline colour; eight flags in a byte each (`STYLE_FLAGS`); underline."""

STYLE_FLAGS = (
    "bold",
    "italic",
    "faint",
    "blink",
    "inverse",
    "invisible",
    "strikethrough",
    "overline",
)


class Cursor(c.Structure):
    """GhosttyRenderStateCursor."""

    _fields_ = (
        ("size", c.c_size_t),
        ("viewport_has_value", c.c_bool),
        ("viewport_x", c.c_uint16),
        ("viewport_y", c.c_uint16),
        ("wide_tail", c.c_bool),
        ("visible", c.c_bool),
        ("blinking", c.c_bool),
        ("password_input", c.c_bool),
        ("visual_style", c.c_int),
    )


class Rgb(c.Structure):
    """GhosttyColorRgb."""

    _fields_ = (("r", c.c_uint8), ("g", c.c_uint8), ("b", c.c_uint8))


class Point(c.Structure):
    """GhosttyPoint, its union replaced by the coordinate (see `ScrollViewport`)."""

    _fields_ = (
        ("tag", c.c_int),
        ("_gap", c.c_int),
        ("x", c.c_uint16),
        ("y", c.c_uint32),
        ("_padding", c.c_uint64),
    )


class PointCoordinate(c.Structure):
    """GhosttyPointCoordinate."""

    _fields_ = (("x", c.c_uint16), ("y", c.c_uint32))


class GridRef(c.Structure):
    """GhosttyGridRef."""

    _fields_ = (("size", c.c_size_t), ("node", c.c_void_p), ("x", c.c_uint16), ("y", c.c_uint16))


class Selection(c.Structure):
    """GhosttySelection."""

    _fields_ = (
        ("size", c.c_size_t),
        ("start", GridRef),
        ("end", GridRef),
        ("rectangle", c.c_bool),
    )


class SelectionFormatOptions(c.Structure):
    """GhosttyTerminalSelectionFormatOptions."""

    _fields_ = (
        ("size", c.c_size_t),
        ("emit", c.c_int),
        ("unwrap", c.c_bool),
        ("trim", c.c_bool),
        ("selection", c.POINTER(Selection)),
    )


class ModeConfig(c.Structure):
    """GhosttyTerminalModeConfig; ANSI modes have bit 15 set."""

    _fields_ = (("mode", c.c_uint16), ("value", c.c_bool))


class ScrollViewport(c.Structure):
    """GhosttyTerminalScrollViewport, its union replaced by the members used.

    ctypes cannot pass a union by value; a structure of the same size and class can stand in.
    """

    _fields_ = (("tag", c.c_int), ("row", c.c_size_t), ("_padding", c.c_uint64))


class SizeReport(c.Structure):
    """GhosttySizeReportSize."""

    _fields_ = (
        ("rows", c.c_uint16),
        ("columns", c.c_uint16),
        ("cell_width", c.c_uint32),
        ("cell_height", c.c_uint32),
    )


WRITE_PTY_FN = c.CFUNCTYPE(None, c.c_void_p, c.c_void_p, c.c_void_p, c.c_size_t)
BELL_FN = c.CFUNCTYPE(None, c.c_void_p, c.c_void_p)
SIZE_FN = c.CFUNCTYPE(c.c_bool, c.c_void_p, c.c_void_p, c.POINTER(SizeReport))

_P = c.c_void_p
_PROTOTYPES: dict[str, tuple[object, tuple[object, ...]]] = {
    "build_info": (c.c_int, (c.c_int, _P)),
    "cell_get": (c.c_int, (c.c_uint64, c.c_int, _P)),
    "terminal_new": (c.c_int, (_P, _P, c.c_uint16, c.c_uint16)),
    "terminal_free": (None, (_P,)),
    "terminal_reset": (None, (_P,)),
    "terminal_resize": (c.c_int, (_P, c.c_uint16, c.c_uint16, c.c_uint32, c.c_uint32)),
    "terminal_set": (c.c_int, (_P, c.c_int, _P)),
    "terminal_get": (c.c_int, (_P, c.c_int, _P)),
    "terminal_vt_write": (None, (_P, c.c_char_p, c.c_size_t)),
    "terminal_scroll_viewport": (None, (_P, ScrollViewport)),
    "terminal_grid_ref": (c.c_int, (_P, Point, _P)),
    "terminal_grid_ref_track": (c.c_int, (_P, Point, _P)),
    "terminal_selection_format_buf": (c.c_int, (_P, SelectionFormatOptions, _P, c.c_size_t, _P)),
    "tracked_grid_ref_free": (None, (_P,)),
    "tracked_grid_ref_has_value": (c.c_bool, (_P,)),
    "tracked_grid_ref_point": (c.c_int, (_P, c.c_int, _P)),
    "tracked_grid_ref_set": (c.c_int, (_P, _P, Point)),
    "grid_ref_row": (c.c_int, (_P, _P)),
    "grid_ref_hyperlink_uri": (c.c_int, (_P, _P, c.c_size_t, _P)),
    "row_get": (c.c_int, (c.c_uint64, c.c_int, _P)),
    "render_state_new": (c.c_int, (_P, _P)),
    "render_state_free": (None, (_P,)),
    "render_state_update": (c.c_int, (_P, _P)),
    "render_state_clean": (c.c_int, (_P,)),
    "render_state_get": (c.c_int, (_P, c.c_int, _P)),
    "render_state_row_iterator_new": (c.c_int, (_P, _P)),
    "render_state_row_iterator_free": (None, (_P,)),
    "render_state_row_iterator_next": (c.c_bool, (_P,)),
    "render_state_row_iterator_next_dirty": (c.c_bool, (_P, _P)),
    "render_state_row_get": (c.c_int, (_P, c.c_int, _P)),
    "render_state_row_cells_new": (c.c_int, (_P, _P)),
    "render_state_row_cells_free": (None, (_P,)),
    "render_state_row_cells_select": (c.c_int, (_P, c.c_uint16)),
    "render_state_row_cells_get": (c.c_int, (_P, c.c_int, _P)),
}


def load() -> c.CDLL:
    """Load libghostty-vt and declare its functions.

    Raises:
        OSError: The package or its library is not there, or not for this machine.
        AttributeError: The library lacks a function.
    """
    library = c.CDLL(_path())
    for name, (result, arguments) in _PROTOTYPES.items():
        function = getattr(library, f"ghostty_{name}")
        function.restype, function.argtypes = result, arguments
    return library


def load_quick_style() -> Callable[[object, object], int]:
    """Return `ghostty_grid_ref_style`, for references to a `GridRef` and a `STYLE`.

    It is asked for every cell that differs from its neighbour. Not converting arguments, and not
    releasing the interpreter's lock for so little, makes it three times as fast.

    Raises:
        OSError, AttributeError: See `load`.
    """
    function: Callable[[object, object], int] = c.PyDLL(_path()).ghostty_grid_ref_style
    return function


def _path() -> str:
    spec = importlib.util.find_spec("pyghostty")
    if spec is None or not spec.submodule_search_locations:
        raise OSError("the package pyghostty is not installed")
    return str(Path(spec.submodule_search_locations[0], "_lib", "libghostty-vt.so"))
