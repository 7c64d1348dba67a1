"""The engine on libghostty-vt, through ctypes."""

from __future__ import annotations

import ctypes as c
import weakref
from functools import partial
from typing import TYPE_CHECKING

from muxcore.vt import ghostty_abi as abi
from muxcore.vt import mend, selftest
from muxcore.vt.cells import unpack
from muxcore.vt.engine import (
    CELL_PIXELS,
    DEFAULT_SCROLLBACK_BYTES,
    MAX_REPLIES,
    Cursor,
    CursorShape,
    Engine,
    Line,
    Modes,
    MouseFormat,
    MouseTracking,
    clean_title,
)
from muxcore.vt.ghostty_library import Handles, Library, Out
from muxcore.vt.ghostty_lines import LineCounter, read_rows, read_texts, read_wraps
from muxcore.vt.ghostty_rows import RowReader

if TYPE_CHECKING:
    from muxcore.vt.engine import Colours, EngineMaker

_BYTES_A_CELL = 8
"""A packed cell."""

_PAGE_BYTES = 1 << 19
"""More than a page of scrollback takes; memory is granted and freed by pages."""

_LEAST_LINES = 2048
"""Kept even where fewer are shown, so that lines can be counted (see `LineCounter`)."""

_PAGE_LINES = 4096
"""More than fit a page."""

_SHAPES = {
    abi.CURSOR_BAR: CursorShape.BAR,
    abi.CURSOR_BLOCK: CursorShape.BLOCK,
    abi.CURSOR_UNDERLINE: CursorShape.UNDERLINE,
}
_ANSI = 1 << 15
_RESET = b"\x1bc"
"""RIS; see `muxcore.vt.watch`: it always comes alone."""

_SOFT_RESET = b"\x1b[!p"
"""DECSTR, which the library does not know."""

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

    def __init__(
        self,
        library: Library,
        rows: int,
        cols: int,
        scrollback_lines: int,
        scrollback_bytes: int = DEFAULT_SCROLLBACK_BYTES,
    ) -> None:
        """Make a blank screen; see `Engine`.

        Raises:
            EngineError: There is no memory for it.
        """
        super().__init__(rows, cols, scrollback_lines, scrollback_bytes)
        self._library = library
        self._open()

    def _open(self) -> None:
        """Make the terminal, its render state and its callbacks."""
        self._handles = Handles(self._library, self._rows, self._cols)
        self._free = weakref.finalize(self, self._handles.free)
        self._terminal = self._handles.terminal
        self._reader = RowReader(self._library, self._handles)
        self._counter = LineCounter(self._library, self._handles)
        self._forget_rows()
        self._known_modes: Modes | None = None
        self._connect_callbacks()
        self._set_size(abi.OPT_KITTY_IMAGE_STORAGE_LIMIT, 0)
        self._grant_scrollback()
        self._paint(self._colours)

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

    def _paint(self, colours: Colours) -> None:
        entries = (abi.Rgb * 256)()
        self._get(abi.DATA_COLOR_PALETTE_DEFAULT, entries)
        for at, colour in enumerate(colours.palette[:256]):
            entries[at] = abi.Rgb(*colour)
        self._library.call("terminal_set", self._terminal, abi.OPT_COLOR_PALETTE, entries)
        for option, single in (
            (abi.OPT_COLOR_FOREGROUND, colours.foreground),
            (abi.OPT_COLOR_BACKGROUND, colours.background),
            (abi.OPT_COLOR_CURSOR, colours.cursor),
        ):
            value = c.byref(abi.Rgb(*single)) if single else None
            self._library.call("terminal_set", self._terminal, option, value)

    def _set_size(self, option: int, value: int) -> None:
        self._library.call("terminal_set", self._terminal, option, c.byref(c.c_size_t(value)))

    def _grant_scrollback(self) -> None:
        """Bound scrollback by the bytes its lines take.

        A bound on lines makes the library free and allocate pages where one on bytes reuses them,
        which is five times faster; so that one is set too high to be met. An eighth more than the
        cells need is for styles and clusters.
        """
        line_bytes = (self._cols + 1) * _BYTES_A_CELL * 9 // 8
        most = max(_LEAST_LINES, self._scrollback_bytes // line_bytes)
        self._kept = min(max(_LEAST_LINES, self._scrollback_limit), most)
        needed = (self._kept + self._rows) * line_bytes + 2 * _PAGE_BYTES
        self._set_size(abi.OPT_SCROLLBACK_MAX_BYTES, needed)
        self._set_size(abi.OPT_SCROLLBACK_MAX_LINES, 2 * self._kept + _PAGE_LINES)

    def _write(self, data: bytes) -> None:
        if data == _RESET:
            self._write_reset()
            return
        for number, part in enumerate(data.split(_SOFT_RESET)):
            if number:
                self._write_piece(mend.soft_reset(*self._position()))
            # Lines are counted exactly while less than the whole scrollback passes in one write.
            size = 2 * self._kept
            for at in range(0, len(part), size):
                self._write_piece(part[at : at + size])
        self._stale, self._known_modes = True, None

    def _write_reset(self) -> None:
        """Obey RIS; the title stays, as in xterm."""
        title = self.title.encode()
        self._write_piece(_RESET)
        text = abi.String(c.cast(c.c_char_p(title), c.c_void_p), len(title))
        self._library.call("terminal_set", self._terminal, abi.OPT_TITLE, c.byref(text))
        self._stale, self._known_modes = True, None

    def _position(self) -> tuple[int, int]:
        """Return the cursor's row and column."""
        row = self._get(abi.DATA_CURSOR_Y, c.c_uint16()).value
        return row, self._get(abi.DATA_CURSOR_X, c.c_uint16()).value

    def _write_piece(self, data: bytes) -> None:
        before = None if self._alternate else self._counter.before()
        self._library.c.ghostty_terminal_vt_write(self._terminal, data, len(data))
        alternate = self._get(abi.DATA_ACTIVE_SCREEN, c.c_int()).value == 1
        if alternate != self._alternate:
            self._switched(alternate)
        elif before is not None:
            self._counter.after(before, self._rows, self._kept)

    def _resize(self) -> None:
        size = (self._cols, self._rows, *CELL_PIXELS)
        self._library.call("terminal_resize", self._terminal, *size)
        self._grant_scrollback()
        self._forget_rows()

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
            kitty_keyboard=self._get(abi.DATA_KITTY_KEYBOARD_FLAGS, c.c_uint8()).value,
            modify_other_keys=self._other_keys[b"m"],
            format_other_keys=self._other_keys[b"f"],
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
            visible=cursor.visible,
            shape=_SHAPES.get(cursor.visual_style, CursorShape.BLOCK),
            blinking=cursor.blinking,
            pending_wrap=self._get(abi.DATA_CURSOR_PENDING_WRAP, c.c_bool()).value,
        )

    @property
    def cursor_line(self) -> int:
        # Asked for after each piece fed: the rows are not looked at for it.
        row: int = self._get(abi.DATA_CURSOR_Y, c.c_uint16()).value
        return self.end_line - self._rows + min(row, self._rows - 1)

    def _update(self) -> None:
        state, dirty = self._handles.state, c.c_int()
        self._library.call("render_state_update", state, self._terminal)
        self._library.call("render_state_get", state, abi.STATE_DIRTY, c.byref(dirty))
        if dirty.value == abi.DIRTY_FALSE:
            return
        for y, raw in self._reader.changed(state):
            runs = self._reader.decode(raw)
            if y < self._rows:
                self._show(y, runs)
        self._library.call("render_state_clean", state)

    def packing_is_known(self) -> bool:
        """Whether the screen's packed cells and rows mean what the library says they mean."""
        library, terminal, height = self._library, self._terminal, self._rows
        library.call("render_state_update", self._handles.state, terminal)
        for _, raw in self._reader.changed(self._handles.state):
            asked = memoryview(library.repack(raw)).cast("Q")
            if [*map(unpack, memoryview(raw).cast("Q"))] != [*map(unpack, asked)]:
                return False
        wraps = [library.ask_wraps(row) for row in read_rows(library, terminal, 0, height)]
        return wraps == read_wraps(library, terminal, 0, height)

    @property
    def first_line(self) -> int:
        if self._alternate:
            return 0
        rows = self._counter.scrollback()
        return self._counter.first + rows - min(rows, self._scrollback_limit)

    @property
    def end_line(self) -> int:
        if self._alternate:
            return self._rows
        return self._counter.first + self._counter.scrollback() + self._rows

    def _library_rows(self, start: int, stop: int) -> range:
        """Return where the library has those lines, as far as they are kept."""
        # The library may keep rows above the alternate screen too; they have no numbers.
        first = -self._counter.scrollback() if self._alternate else self._counter.first
        start, stop = max(start, self.first_line), min(stop, self.end_line)
        return range(start - first, max(start, stop) - first)

    def lines(self, start: int, stop: int) -> list[Line]:
        rows = self._library_rows(start, stop)
        if not rows:
            return []
        # Reading makes the library forget what changed, so the view's state must learn it first;
        # and a state that was used before would not learn what that one did.
        self._refresh()
        state, lines = c.c_void_p(), list[Line]()
        self._library.call("render_state_new", None, c.byref(state))
        try:
            while len(lines) < len(rows):
                lines += self._read_lines(state, rows[len(lines) :])
        finally:
            self._library.c.ghostty_render_state_free(state)
            self._scroll(abi.ScrollViewport(tag=abi.SCROLL_VIEWPORT_BOTTOM))
        return lines

    def _scroll(self, where: abi.ScrollViewport) -> None:
        self._library.c.ghostty_terminal_scroll_viewport(self._terminal, where)

    def _read_lines(self, state: c.c_void_p, rows: range) -> list[Line]:
        """Return the first of those rows of the library, as many as a view shows at once."""
        top = min(rows.start, self._counter.scrollback())
        self._scroll(abi.ScrollViewport(tag=abi.SCROLL_VIEWPORT_ROW, row=top))
        self._library.call("render_state_update", state, self._terminal)
        stop = min(rows.stop - top, self._rows)
        return self._reader.lines(state, range(rows.start - top, stop))

    def texts(self, start: int, stop: int) -> list[tuple[str, bool]]:
        rows = self._library_rows(start, stop)
        if not rows:
            return []
        where = self._library, self._terminal, rows.start, rows.stop
        texts = read_texts(*where, self._cols)
        return list(zip(texts, read_wraps(*where), strict=True))


def choose() -> tuple[str, EngineMaker]:
    """Return the engine's name and maker, after its self-test.

    Raises:
        EngineError: The library is not there, or does not pass.
    """
    library = Library()
    engine = GhosttyEngine(library, selftest.ROWS, selftest.COLS, 0)
    try:
        engine.feed(selftest.SAMPLE)
        library.packed = engine.packing_is_known()
        selftest.check(engine)
    finally:
        engine.close()
    return f"libghostty-vt {library.version()}", partial(GhosttyEngine, library)
