"""Our declarations of libghostty-vt beside those of the package it comes in."""

from __future__ import annotations

import ctypes

import pytest

from muxcore.vt import ghostty_abi as abi
from muxcore.vt import selftest
from muxcore.vt.engine import EngineError, Style
from muxcore.vt.ghostty import GhosttyEngine
from muxcore.vt.ghostty_library import Library

PREFIXES = {
    "OPT_": "GHOSTTY_TERMINAL_OPT_",
    "DATA_": "GHOSTTY_TERMINAL_DATA_",
    "SCROLL_": "GHOSTTY_SCROLL_",
    "STATE_": "GHOSTTY_RENDER_STATE_DATA_",
    "DIRTY_": "GHOSTTY_RENDER_STATE_DIRTY_",
    "ROW_CELLS_GRAPHEMES_UTF8": "GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_UTF8",
    "ROW_DATA_": "GHOSTTY_ROW_DATA_",
    "ROW_": "GHOSTTY_RENDER_STATE_ROW_DATA_",
    "CELL_": "GHOSTTY_CELL_DATA_",
    "COLOR_": "GHOSTTY_STYLE_COLOR_",
    "CURSOR_": "GHOSTTY_RENDER_STATE_CURSOR_VISUAL_STYLE_",
    "BUILD_INFO_": "GHOSTTY_BUILD_INFO_",
    "SUCCESS": "GHOSTTY_SUCCESS",
    "OUT_OF_SPACE": "GHOSTTY_OUT_OF_SPACE",
    "POINT_": "GHOSTTY_POINT_TAG_",
    "FORMAT_": "GHOSTTY_FORMATTER_FORMAT_",
}
STRUCTURES = {
    abi.String: "GhosttyString",
    abi.Buffer: "GhosttyBuffer",
    abi.CellsView: "GhosttyCellsView",
    abi.Rgb: "GhosttyColorRgb",
    abi.Cursor: "GhosttyRenderStateCursor",
    abi.Point: "GhosttyPoint",
    abi.PointCoordinate: "GhosttyPointCoordinate",
    abi.GridRef: "GhosttyGridRef",
    abi.Selection: "GhosttySelection",
    abi.SelectionFormatOptions: "GhosttyTerminalSelectionFormatOptions",
    abi.ModeConfig: "GhosttyTerminalModeConfig",
    abi.ScrollViewport: "GhosttyTerminalScrollViewport",
    abi.SizeReport: "GhosttySizeReportSize",
}


def test_every_number_is_the_packages_own() -> None:
    from pyghostty import _ffi

    checked = 0
    for name, number in vars(abi).items():
        prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), None)
        if prefix is not None and isinstance(number, int):
            assert getattr(_ffi.lib, PREFIXES[prefix] + name.removeprefix(prefix)) == number, name
            checked += 1
    assert checked > 25


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: structure.__name__)
def test_every_structure_is_laid_out_as_the_packages_own(structure: type[ctypes.Structure]) -> None:
    from pyghostty import _ffi

    theirs = _ffi.ffi.typeof(STRUCTURES[structure])
    assert ctypes.sizeof(structure) == _ffi.ffi.sizeof(theirs)
    offsets = {name: field.offset for name, field in theirs.fields}
    for name, *_ in structure._fields_:
        if name in offsets:
            assert getattr(structure, name).offset == offsets[name], name


def test_a_style_is_laid_out_as_the_packages_own() -> None:
    from pyghostty import _ffi

    style = _ffi.ffi.new("GhosttyStyle *")
    assert abi.STYLE.size == _ffi.ffi.sizeof("GhosttyStyle")
    style.size, style.underline = 72, 5
    for at, colour in enumerate((style.fg_color, style.bg_color, style.underline_color)):
        colour.tag = at
        colour.value.rgb = (3 * at + 1, 3 * at + 2, 3 * at + 3)
    for name in abi.STYLE_FLAGS[::2]:
        setattr(style, name, True)
    *fields, flags, underline = abi.STYLE.unpack(bytes(_ffi.ffi.buffer(style)))
    assert fields == [72, 0, 1, 2, 3, 1, 4, 5, 6, 2, 7, 8, 9]
    assert flags == 0x0001_0001_0001_0001
    assert underline == 5


def sample(library: Library) -> GhosttyEngine:
    engine = GhosttyEngine(library, selftest.ROWS, selftest.COLS, 0)
    engine.feed(selftest.SAMPLE)
    return engine


def test_packed_cells_are_what_the_library_says_they_are() -> None:
    engine = sample(Library())
    assert engine.packing_is_known()
    engine.close()


def test_the_slow_reading_shows_the_same_screen() -> None:
    library = Library()
    library.packed = False
    engine = sample(library)
    selftest.check(engine)
    engine.close()


def test_a_library_that_shows_another_screen_is_refused() -> None:
    engine = sample(Library())
    engine.feed(b"\x1b[1;1HZ")
    with pytest.raises(EngineError, match="self-test"):
        selftest.check(engine)
    engine.close()


def test_a_cluster_beyond_all_measure_is_replaced() -> None:
    engine = GhosttyEngine(Library(), 2, 10, 0)
    engine.feed(b"e" + "\N{COMBINING ACUTE ACCENT}".encode() * 2000)
    assert sum(run.width for run in engine.row(0)) == 10
    assert len(engine.row(0)[0].text) < 300
    assert engine.row(0)[0].style == Style()
    engine.close()
