"""The engine on libghostty-vt, through ctypes."""

from __future__ import annotations

import ctypes as c
import weakref
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from muxcore.vt import ghostty_abi as abi
from muxcore.vt import selftest
from muxcore.vt.cells import CellSource, clean_cluster, decode_row, unpack
from muxcore.vt.engine import (
    CELL_PIXELS,
    MAX_REPLIES,
    Cursor,
    CursorShape,
    Engine,
    EngineError,
    Modes,
    MouseFormat,
    MouseTracking,
    Run,
    Style,
    clean_title,
    intern_style,
)
from muxcore.vt.ghostty_library import Handles, Library, Out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from muxcore.vt.engine import Colour, EngineMaker

_BYTES_A_CELL = 8
"""A packed cell."""

_PAGE_BYTES = 1 << 18
"""About what a page of scrollback takes; memory is granted and freed by pages."""

_PAGE_LINES = 4096
"""More than fit a page."""

_SHAPES = {
    abi.CURSOR_BAR: CursorShape.BAR,
    abi.CURSOR_BLOCK: CursorShape.BLOCK,
    abi.CURSOR_UNDERLINE: CursorShape.UNDERLINE,
}
_ANSI = 1 << 15
_TRACKING = (
    (1003, MouseTracking.ANY),
    (1002, MouseTracking.BUTTON),
    (1000, MouseTracking.NORMAL),
    (9, MouseTracking.X10),
)
_FORMATS = (
    (1016, MouseFormat.SGR_PIXELS),
    (1006, MouseFormat.SGR),
    (1015, MouseFormat.URXVT),
    (1005, MouseFormat.UTF8),
)


class GhosttyEngine(Engine):
    """A terminal of libghostty-vt."""

    def __init__(self, library: Library, rows: int, cols: int, scrollback_lines: int) -> None:
        """Make a blank screen; see `Engine`.

        Raises:
            EngineError: There is no memory for it.
        """
        super().__init__(rows, cols, scrollback_lines)
        self._library = library
        self._open()

    def _open(self) -> None:
        """Make the terminal, its render state and its callbacks."""
        self._handles = Handles(self._library, self._rows, self._cols)
        self._free = weakref.finalize(self, self._handles.free)
        self._terminal = self._handles.terminal
        self._view: list[tuple[Run, ...]] = [()] * self._rows
        self._dirty: set[int] = set()
        self._stale = True
        self._known_modes: Modes | None = None
        self._connect_callbacks()
        self._set_size(abi.OPT_KITTY_IMAGE_STORAGE_LIMIT, 0)
        self._grant_scrollback()

    def _connect_callbacks(self) -> None:
        """Let the library report replies, bells and sizes; the callbacks do not hold the engine."""
        replies, this = self._replies, weakref.ref(self)

        def write_pty(_terminal: int, _data: int, text: int, length: int) -> None:
            replies.extend(c.string_at(text, length)[: MAX_REPLIES - len(replies)])

        def bell(_terminal: int, _data: int) -> None:
            if engine := this():
                engine.bell_count += 1

        def size(_terminal: int, _data: int, out: c._Pointer[abi.SizeReport]) -> bool:
            if engine := this():
                out[0] = abi.SizeReport(engine.rows, engine.cols, *CELL_PIXELS)
            return engine is not None

        self._callbacks = (abi.WRITE_PTY_FN(write_pty), abi.BELL_FN(bell), abi.SIZE_FN(size))
        options = (abi.OPT_WRITE_PTY, abi.OPT_BELL, abi.OPT_SIZE)
        for option, callback in zip(options, self._callbacks, strict=True):
            self._library.call("terminal_set", self._terminal, option, callback)

    def _set_size(self, option: int, value: int) -> None:
        self._library.call("terminal_set", self._terminal, option, c.byref(c.c_size_t(value)))

    def _grant_scrollback(self) -> None:
        """Bound scrollback by the bytes its lines take.

        A bound on lines makes the library free and allocate pages where one on bytes reuses them,
        which is five times faster; so that one is set too high to be met. An eighth more than the
        cells need is for styles and clusters.
        """
        lines = self._scrollback_limit
        needed = lines * (self._cols + 1) * _BYTES_A_CELL * 9 // 8 + _PAGE_BYTES
        self._set_size(abi.OPT_SCROLLBACK_MAX_BYTES, needed if lines else 0)
        self._set_size(abi.OPT_SCROLLBACK_MAX_LINES, 2 * lines + _PAGE_LINES if lines else 0)

    def _write(self, data: bytes) -> None:
        self._library.c.ghostty_terminal_vt_write(self._terminal, data, len(data))
        self._stale, self._known_modes = True, None

    def _resize(self) -> None:
        size = (self._cols, self._rows, *CELL_PIXELS)
        self._library.call("terminal_resize", self._terminal, *size)
        self._grant_scrollback()
        self._view = [()] * self._rows
        self._dirty.clear()
        self._stale = True

    def _restart(self) -> None:
        self._free()
        self._open()

    def close(self) -> None:
        self._free()

    def _get(self, data: int, out: Out) -> Out:
        self._library.call("terminal_get", self._terminal, data, c.byref(out))
        return out

    def _mode(self, number: int) -> bool:
        return bool(self._get(abi.DATA_MODE, abi.ModeConfig(mode=number)).value)

    @property
    def title(self) -> str:
        title = self._get(abi.DATA_TITLE, abi.String())
        return clean_title(c.string_at(title.ptr, title.len) if title.len else b"")

    @property
    def modes(self) -> Modes:
        if self._known_modes is None:
            self._known_modes = self._read_modes()
        return self._known_modes

    def _read_modes(self) -> Modes:
        mode = self._mode
        return Modes(
            application_cursor=mode(1),
            application_keypad=mode(66),
            newline=mode(20 | _ANSI),
            backarrow_sends_bs=mode(67),
            bracketed_paste=mode(2004),
            focus_events=mode(1004),
            mouse=next((kind for number, kind in _TRACKING if mode(number)), MouseTracking.OFF),
            mouse_format=next((kind for number, kind in _FORMATS if mode(number)), MouseFormat.X10),
            alternate_scroll=mode(1007),
            alternate_screen=self._get(abi.DATA_ACTIVE_SCREEN, c.c_int()).value == 1,
            synchronized_output=mode(2026),
            reverse_video=mode(5),
        )

    @property
    def cursor(self) -> Cursor:
        self._refresh()
        cursor = abi.Cursor(size=c.sizeof(abi.Cursor))
        self._library.call(
            "render_state_get", self._handles.state, abi.STATE_CURSOR, c.byref(cursor)
        )
        return Cursor(
            row=min(cursor.viewport_y, self._rows - 1),
            col=min(max(cursor.viewport_x - cursor.wide_tail, 0), self._cols - 1),
            visible=cursor.visible and cursor.viewport_has_value,
            shape=_SHAPES.get(cursor.visual_style, CursorShape.BLOCK),
            blinking=cursor.blinking,
        )

    def row(self, y: int) -> tuple[Run, ...]:
        if not 0 <= y < self._rows:
            raise IndexError(y)
        self._refresh()
        return self._view[y]

    def dirty_rows(self) -> Sequence[int]:
        self._refresh()
        dirty = sorted(self._dirty)
        self._dirty.clear()
        return dirty

    def _refresh(self) -> None:
        """Bring `_view` up to date with the terminal."""
        if self._stale:
            self._stale = False
            self._attempt(self._update)

    def _update(self) -> None:
        state, dirty = self._handles.state, c.c_int()
        self._library.call("render_state_update", state, self._terminal)
        self._library.call("render_state_get", state, abi.STATE_DIRTY, c.byref(dirty))
        if dirty.value == abi.DIRTY_FALSE:
            return
        source = _Row(self._library, self._handles)
        for y, raw in self._changed_rows():
            runs = decode_row(raw, source.at_row())
            if y < self._rows and runs != self._view[y]:
                self._view[y] = runs
                self._dirty.add(y)
        self._library.call("render_state_clean", state)

    def _changed_rows(self) -> Iterator[tuple[int, bytes]]:
        """Yield number and packed cells of each row that changed since the state was cleaned."""
        library, handles = self._library, self._handles
        iterator, y, view = handles.iterator, c.c_uint16(), abi.CellsView()
        library.call("render_state_get", handles.state, abi.STATE_ROW_ITERATOR, c.byref(iterator))
        while library.c.ghostty_render_state_row_iterator_next_dirty(iterator, c.byref(y)):
            library.call("render_state_row_get", iterator, abi.ROW_CELLS_RAW, c.byref(view))
            raw = c.string_at(view.ptr, view.len * 8)
            yield y.value, raw if library.packed else library.repack(raw)

    def packed_cells_match(self) -> bool:
        """Whether the screen's packed cells mean what `ghostty_cell_get` says they mean."""
        self._library.call("render_state_update", self._handles.state, self._terminal)
        for _, raw in self._changed_rows():
            asked = memoryview(self._library.repack(raw)).cast("Q")
            if [*map(unpack, memoryview(raw).cast("Q"))] != [*map(unpack, asked)]:
                return False
        return True

    @property
    def scrollback_lines(self) -> int:
        bar = self._get(abi.DATA_SCROLLBAR, abi.Scrollbar())
        return max(0, int(bar.total - bar.len))

    @property
    def viewport_offset(self) -> int:
        bar = self._get(abi.DATA_SCROLLBAR, abi.Scrollbar())
        return max(0, int(bar.total - bar.len - bar.offset))

    def scroll_to(self, offset_from_bottom: int) -> None:
        offset = min(max(0, offset_from_bottom), self.scrollback_lines)
        if offset == self.viewport_offset:
            return
        scroll: Callable[[c.c_void_p, abi.ScrollViewport], None]
        scroll = self._library.c.ghostty_terminal_scroll_viewport
        scroll(self._terminal, abi.ScrollViewport(tag=abi.SCROLL_VIEWPORT_BOTTOM))
        if offset:
            delta = abi.ScrollViewport(tag=abi.SCROLL_VIEWPORT_DELTA, delta=-offset)
            scroll(self._terminal, delta)
        self._stale = True


class _Row:
    """Answers a decoder's questions about the row a state's iterator is at.

    A screen of many colours asks thousands of times a frame, so nothing is made anew per question.
    """

    def __init__(self, library: Library, handles: Handles) -> None:
        self._library = library
        self._iterator = handles.iterator
        self._cells = handles.cells
        self._select = library.c.ghostty_render_state_row_cells_select
        self._read = library.c.ghostty_render_state_row_cells_get
        self._found = abi.Style(size=c.sizeof(abi.Style))
        self._found_at = c.byref(self._found)
        self._entered = False
        self._source = CellSource(self._style, self._grapheme)

    def at_row(self) -> CellSource:
        """Return the answers for the row the iterator is at now."""
        self._entered = False
        return self._source

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
        underline=style.underline != 0,
        blink=style.blink,
        reverse=style.inverse,
        conceal=style.invisible,
        strike=style.strikethrough,
    )
    return intern_style(converted)


def _colour(colour: abi.StyleColor) -> Colour:
    if colour.tag == abi.COLOR_PALETTE:
        return int(colour.value.palette)
    if colour.tag == abi.COLOR_RGB:
        red, green, blue = colour.value.rgb
        return red, green, blue
    return None


def choose() -> tuple[str, EngineMaker]:
    """Return the engine's name and maker, after its self-test.

    Raises:
        EngineError: The library is not there, or does not pass.
    """
    library = Library()
    engine = GhosttyEngine(library, selftest.ROWS, selftest.COLS, 0)
    try:
        engine.feed(selftest.SAMPLE)
        library.packed = engine.packed_cells_match()
        selftest.check(engine)
    finally:
        engine.close()
    return f"libghostty-vt {library.version()}", partial(GhosttyEngine, library)
