"""The engine on bittty, pure Python: slower by a factor of thirty, but it runs everywhere."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

import bittty
from bittty.devices.modes import MouseEncoding, MouseProtocol
from bittty.present import Bell, RowsScrolledOff, ScrollbackCleared

from muxcore.vt import mend, selftest
from muxcore.vt.cells import append_run, clean_cluster
from muxcore.vt.engine import (
    CELL_PIXELS,
    DEFAULT_SCROLLBACK_BYTES,
    MAX_REPLIES,
    PLAIN,
    Colours,
    Cursor,
    CursorShape,
    Engine,
    Line,
    Modes,
    MouseFormat,
    MouseTracking,
    Run,
    Style,
    Underline,
    clean_title,
    intern_style,
)
from muxcore.vt.links import clean_link

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bittty.present import PresentEvent
    from bittty.style import Color
    from bittty.video import Cell

    from muxcore.vt.engine import Colour, EngineMaker

_TRACKING = {
    MouseProtocol.X10: MouseTracking.X10,
    MouseProtocol.NORMAL: MouseTracking.NORMAL,
    MouseProtocol.BUTTON: MouseTracking.BUTTON,
    MouseProtocol.ANY: MouseTracking.ANY,
}
_FORMATS = {
    MouseEncoding.UTF8: MouseFormat.UTF8,
    MouseEncoding.SGR: MouseFormat.SGR,
    MouseEncoding.SGR_PIXELS: MouseFormat.SGR_PIXELS,
    MouseEncoding.URXVT: MouseFormat.URXVT,
}


_BYTES_A_CELL = 2
"""A kept line is a few runs and their text."""

_LEAVES_CLEARED = frozenset({b"\x1b[?1047l", b"\x1b[?1049l"})
"""Leave an alternate screen that is blank when it is shown again; bittty keeps what was on it."""

_CLEAR = b"\x1b[2J"
_RESET = b"\x1bc"
"""RIS, which leaves bittty's cursor as it is."""

_NAMED_COLOURS = ("foreground", "background", "cursor")

_UNDERLINES = {
    "double": Underline.DOUBLE,
    "curly": Underline.CURLY,
    "dotted": Underline.DOTTED,
    "dashed": Underline.DASHED,
}


class _Cable:
    """The board's way to the guest (`bittty.Connection`): what it sends is kept as replies."""

    closed = False

    def __init__(self, replies: bytearray) -> None:
        self._replies = replies

    def write(self, data: str) -> int:
        """Keep a reply."""
        return self.write_bytes(data.encode())

    def write_bytes(self, data: bytes) -> int:
        """Keep a reply."""
        self._replies += data[: MAX_REPLIES - len(self._replies)]
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def configure_line(self, line: object) -> None:
        """There is no line to configure."""

    def resize(self, rows: int, cols: int) -> None:
        """The guest learns its size elsewhere."""

    def close(self) -> None:
        """There is nothing to close."""


class BitttyEngine(Engine):
    """A terminal of bittty.

    Scrolled-off lines are kept as they were: a resize pads or cuts them instead of reflowing.
    """

    keeps_scrollback = True
    """Asked by the board of whom it presents to (`bittty.Presentable`)."""

    def __init__(
        self,
        rows: int,
        cols: int,
        scrollback_lines: int,
        scrollback_bytes: int = DEFAULT_SCROLLBACK_BYTES,
    ) -> None:
        """Make a blank screen; see `Engine`."""
        super().__init__(rows, cols, scrollback_lines, scrollback_bytes)
        self._restart()

    def _restart(self) -> None:
        self._board = bittty.Board(width=self._cols, height=self._rows)
        # Without grapheme clusters a combining mark would get a cell of its own.
        self._board.modes.set_grapheme_capability("permanently-set")
        # What a guest put into the clipboard is nobody's business, least of all its next user's.
        del self._board.registry["OSC_CLIPBOARD"]
        self._measure()
        self._board.host.attach(_Cable(self._replies))
        self._board.attach_display(self)
        self._board.title.title = ""
        self._paint(self._colours)
        most = self._scrollback_bytes // (self._cols * _BYTES_A_CELL)
        self._history: deque[Line] = deque(maxlen=min(self._scrollback_limit, most))
        self._scrolled_off = 0
        self._forget_rows()

    def _measure(self) -> None:
        """Tell the board how many pixels it has."""
        width, height = CELL_PIXELS
        pixels = (self._cols * width, self._rows * height)
        self._board.caps = replace(self._board.caps, cell_px=CELL_PIXELS, window_px=pixels)

    def _write(self, data: bytes) -> None:
        self._stale = True
        if data in _LEAVES_CLEARED and self._alternate:
            data = _CLEAR + data
        elif data == _RESET:
            data += mend.DEFAULT_SHAPE
        self._board.feed_host_data(data)
        if self._board.blitter.in_alt_screen != self._alternate:
            self._switched(not self._alternate)

    def _paint(self, colours: Colours) -> None:
        named = colours._asdict()
        overrides = {name: named[name] for name in _NAMED_COLOURS if named[name]}
        self._board.palette_overrides = {**overrides, **dict(enumerate(colours.palette[:256]))}
        self._board.palette.reset()

    def _resize(self) -> None:
        self._measure()
        self._board.resize(self._cols, self._rows)
        self._forget_rows()

    def close(self) -> None:
        """Unplug the board."""
        self._board.detach_display()
        self._board.host.detach()

    def present(self, event: PresentEvent) -> None:
        """Take notice of what happened on the board (`bittty.Presentable`)."""
        if isinstance(event, Bell):
            self.bell_count += 1
        elif isinstance(event, ScrollbackCleared):
            self._history.clear()
        elif isinstance(event, RowsScrolledOff):
            self._history.extend(Line(_runs(line.cells), line.wrapped) for line in event.lines)
            self._scrolled_off += len(event.lines)

    @property
    def title(self) -> str:
        return clean_title(self._board.title.title)

    @property
    def modes(self) -> Modes:
        modes, mouse = self._board.modes, self._board.mouse
        return Modes(
            application_cursor=modes.cursor_application_mode,
            application_keypad=modes.application_keypad,
            newline=modes.linefeed_newline_mode,
            backarrow_sends_bs=modes.backarrow_key_sends_bs,
            bracketed_paste=modes.bracketed_paste,
            focus_events=modes.focus_reporting,
            mouse=_TRACKING.get(mouse.protocol, MouseTracking.OFF),
            mouse_format=_FORMATS.get(mouse.encoding, MouseFormat.X10),
            alternate_scroll=modes.alternate_scroll_mode,
            alternate_screen=self._board.blitter.in_alt_screen,
            synchronized_output=modes.synchronized_output,
            reverse_video=modes.reverse_screen,
            kitty_keyboard=int(self._board.keyboard.kitty_flags),
            modify_other_keys=self._other_keys[b"m"],
            format_other_keys=self._other_keys[b"f"],
        )

    @property
    def cursor(self) -> Cursor:
        board = self._board
        return Cursor(
            row=min(board.cursor.y, self._rows - 1),
            col=min(max(board.cursor.display_x, 0), self._cols - 1),
            visible=board.modes.cursor_visible,
            shape=CursorShape(board.cursor.shape),
            blinking=board.modes.cursor_blinking,
            pending_wrap=board.cursor.wrap_pending,
        )

    def _update(self) -> None:
        for y in range(self._rows):
            self._show(y, self._read_row(y))

    def _read_row(self, y: int) -> tuple[Run, ...]:
        return _fit(_runs(self._board.blitter.main_page.grid[y]), self._cols)

    @property
    def first_line(self) -> int:
        return 0 if self._alternate else self._scrolled_off - len(self._history)

    @property
    def end_line(self) -> int:
        return self._rows + (0 if self._alternate else self._scrolled_off)

    def lines(self, start: int, stop: int) -> list[Line]:
        first, screen = self.first_line, self.end_line - self._rows
        start, stop = max(start, first), min(stop, self.end_line)
        kept = islice(self._history, max(0, start - first), max(0, min(stop, screen) - first))
        lines = [Line(_fit(line.runs, self._cols), line.wrapped) for line in kept]
        page = self._board.blitter.main_page
        live = range(max(start, screen) - screen, max(stop, screen) - screen)
        return lines + [Line(self._read_row(y), page.is_line_wrapped(y)) for y in live]

    def texts(self, start: int, stop: int) -> list[tuple[str, bool]]:
        return [
            ("".join(run.text for run in line.runs).rstrip(" "), line.wrapped)
            for line in self.lines(start, stop)
        ]


def _runs(cells: Sequence[Cell]) -> tuple[Run, ...]:
    """Return the runs of a row of cells; the second cell of a wide character has no text."""
    runs: list[Run] = []
    parts: list[str] = []
    start = 0
    style = cells[0][0]
    for at, (cell_style, text) in enumerate(cells):
        if cell_style is not style and parts:
            append_run(runs, "".join(parts), _style(style), at - start)
            parts, start = [], at
        style = cell_style
        parts.append(clean_cluster(text) if text else "")
    append_run(runs, "".join(parts), _style(style), len(cells) - start)
    return tuple(runs)


def _fit(runs: tuple[Run, ...], cols: int) -> tuple[Run, ...]:
    """Return a row cut or padded to `cols` columns."""
    width = sum(run.width for run in runs)
    if width < cols:
        return (*runs, Run(" " * (cols - width), PLAIN, cols - width))
    fitted = list(runs)
    while width > cols:
        last = fitted.pop()
        width -= last.width
        keep = cols - width
        if keep > 0:
            # Cells of a run cannot be told apart where characters are wide: blanks instead.
            text = last.text[:keep] if len(last.text) == last.width else " " * keep
            fitted.append(Run(text, last.style, keep))
            break
    return tuple(fitted)


@lru_cache(maxsize=8192)
def _style(style: bittty.style.Style) -> Style:
    """Return what a bittty style looks like."""
    converted = Style(
        fg=_colour(style.fg),
        bg=_colour(style.bg),
        bold=bool(style.bold),
        dim=bool(style.dim),
        italic=bool(style.italic),
        underline=_underline(style),
        blink=bool(style.blink),
        reverse=bool(style.reverse),
        conceal=bool(style.conceal),
        strike=bool(style.strike),
        underline_colour=_colour(style.underline_color),
        overline=bool(style.overline),
        link=clean_link(style.hyperlink or ""),
    )
    return intern_style(converted)


def _underline(style: bittty.style.Style) -> Underline:
    """Return the kind of underline; SGR 24 leaves its name behind."""
    kind = _UNDERLINES.get(style.underline_style, Underline.SINGLE)
    return kind if style.underline else Underline.NONE


def _colour(colour: Color | None) -> Colour:
    """Return a bittty colour; its modes are `default`, `indexed` and `rgb`."""
    return None if colour is None or colour.mode == "default" else colour.value


def choose() -> tuple[str, EngineMaker]:
    """Return the engine's name and maker, after its self-test.

    Raises:
        EngineError: It does not pass.
    """
    engine = BitttyEngine(selftest.ROWS, selftest.COLS, 0)
    engine.feed(selftest.SAMPLE)
    selftest.check(engine)
    return f"bittty {bittty.__version__}", BitttyEngine
