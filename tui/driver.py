"""The terminal's input, before Textual takes it apart.

Textual's key parser loses keys a guest needs: Alt-Backspace becomes ctrl+w, Shift-F3 a cursor
position, `^H` and DEL one key. `MuxDriver` decodes the input itself and offers each key and paste
to `input_sink`. What the sink declines goes on to Textual's parser, a key as xterm would send it;
so do mouse and focus events and the reports Textual asks for, as the bytes received. Other reports
are dropped: Textual would take them for keys.

The outer terminal stays in its legacy keyboard mode. Textual would push kitty's "report all keys"
flags, which turn text into escape sequences, bind Ctrl to the active keyboard layout and reach
users through terminals, tmux and ssh hops that each support them differently. "Disambiguate" alone
has the second fault too, and its cure, "report alternate keys", crashes Textual's parser. Legacy
input is what a guest behind xterm would get; only a lone ESC needs a time-out. The decoder
understands CSI u and modifyOtherKeys all the same, from a terminal configured to send them.
"""

from __future__ import annotations

import asyncio
import os
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from rich.color import ColorSystem
from textual import constants, events
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Region

from muxcore.vt.decode import Decoder
from muxcore.vt.encode import encode_key
from muxcore.vt.engine import Modes
from muxcore.vt.keys import UNIDENTIFIED, Key, Paste, Report
from tui.canvas import Canvas
from tui.colour_depth import is_modern
from tui.output import Places, erases, pieces
from tui.terminal_cursor import SHORT, CursorPlace, TerminalCursor
from tui.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from textual.app import App
    from textual.strip import Strip
    from textual.widget import Widget

    from muxcore.vt.keys import InputEvent
    from tui.guardian import Guardian

    InputSink: TypeAlias = Callable[[Key | Paste], bool]

ESCAPE_DELAY = 0.05
"""Seconds to wait for the rest of a sequence before ESC is a key."""

READ_SIZE = 4096
"""Bytes read at once; the kernel's terminal queue holds no more."""

MAX_TEXTUAL_PASTE = 1 << 20
"""Bytes of one paste that are kept for Textual, which wants it whole."""

_TICK = 0.01
_XTERM = Modes()
_ASKED = re.compile(rb"\x1b\[(?:\?[0-9]+;[0-9]\$y|48;[0-9]+;[0-9]+;[0-9]+;[0-9]+t)")
"""Mode reports (DECRPM) and in-band resizes (mode 2048)."""

_MARGINS_ASKED = "\x1b[?69$p"
_MARGINS_KNOWN = re.compile(rb"\x1b\[\?69;[12]\$y")
_MARGINS_ON = "\x1b[?69h"
_MARGINS_OFF = "\x1b[?69l"
"""DECLRMM: left and right margins, so that columns scroll by themselves (DEC STD 070)."""

_KITTY_PUSH = "\x1b[>"
_KITTY_POP = "\x1b[<u"


class MuxDriver(LinuxDriver):
    """Textual's Linux driver with the guest's keys taken out of its input.

    The terminal is read on the event loop, not in Textual's thread, so that the sink decides with
    the application's state before it and the order of all input stays as it was typed. At most
    `READ_SIZE` bytes are taken a turn; the rest waits in the kernel.
    """

    input_sink: InputSink | None = None
    """Called on the event loop with each `Key` and `Paste`; true: it took it.

    A paste goes on, piece by piece, where its first piece went. None: all input is Textual's.
    """

    guardian: Guardian | None = None
    """Is told when the terminal is taken and given back."""

    def __init__(
        self,
        app: App[Any],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        """See `textual.driver.Driver`."""
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.cursor = TerminalCursor(self._send, shapes=is_modern(os.environ))
        """The terminal's own cursor; hidden until a view puts it somewhere."""
        self._away = False
        self._decoder = Decoder()
        self._parser = XTermParser(debug)
        self._escape_timer: asyncio.TimerHandle | None = None
        self._parser_timer: asyncio.TimerHandle | None = None
        self._paste_sink: InputSink | None = None
        self._paste_text = bytearray()
        colours = app.console._color_system or ColorSystem.TRUECOLOR  # noqa: SLF001 (the same)
        self._canvas = Canvas(colours, erase=erases(os.environ))
        self._cursor = (0, 0)
        self._places = Places()
        self._out: Writer | None = None
        self._margins = False
        """Whether the terminal has margins on."""
        self._late = False
        """Whether something was drawn that is not being written yet."""

    # Output.

    def draw(self, update: ChopsUpdate | LayoutUpdate, cursor: tuple[int, int]) -> None:
        """Show what Textual has drawn, with the terminal's cursor at `cursor`."""
        self._canvas.resize(*self._app.size)
        for x, y, strip in pieces(update):
            self._canvas.put(x, y, strip)
        self._cursor = cursor
        self._show()

    def draw_lines(self, widget: Widget, lines: Mapping[int, Strip]) -> bool:
        """Show lines of a widget, by their number in it, at once and past Textual.

        Returns:
            Whether that could be done; a widget that something lies over must be refreshed.
        """
        place = self._place_of(widget)
        if place is None:
            return False
        self._put(place, lines.items())
        self._show_drawn()
        return True

    def draw_alone(self, widgets: Iterable[Widget]) -> set[Widget]:
        """Show widgets as they are now, at once and past Textual.

        Returns:
            Those that were shown; others have something over them.
        """
        drawn = set()
        for widget in widgets:
            place = self._place_of(widget)
            if place is not None:
                strips = widget.render_lines(Region(0, 0, place.width, place.height))
                self._put(place, enumerate(strips))
                drawn.add(widget)
        if drawn:
            self._show_drawn()
        return drawn

    def _place_of(self, widget: Widget) -> Region | None:
        if self._app._batch_count:  # noqa: SLF001 (Textual has no other)
            return None
        return self._places.of(widget)

    def _put(self, place: Region, lines: Iterable[tuple[int, Strip]]) -> None:
        self._canvas.resize(*self._app.size)
        for y, strip in lines:
            if 0 <= y < place.height:
                self._canvas.put(place.x, place.y + y, strip)

    def _show_drawn(self) -> None:
        """Show what was drawn past Textual, with the cursor where that wants it."""
        app = self._app
        self._cursor = app.screen.outer_size.clamp_offset(app.cursor_position)
        self._show()

    def put_cursor(self, place: CursorPlace | None, *, drawing: bool) -> None:
        """Show the terminal's own cursor somewhere, or hide it.

        Args:
            place: where, or None.
            drawing: something is about to be drawn, which moves it.
        """
        if self._away:
            return
        if place is not None:
            self._cursor = (place.x, place.y)
        moves = place is not None and not drawing
        self.cursor.put(place, self._canvas.flush(self._cursor) if moves else "")

    def repaint(self, size: tuple[int, int]) -> None:
        """Write everything again: the terminal, which has that size, may show something else.

        If the size is another, Textual is about to draw everything anew.
        """
        self._canvas.forget()
        if self._margins:
            self._set_margins(True)
        if self._canvas.size == size:
            self._show()

    def _set_margins(self, on: bool) -> None:
        self._margins = on
        self._send(_MARGINS_ON if on else _MARGINS_OFF)
        self._canvas.use_margins(on)

    def _show(self) -> None:
        """Write what was drawn, or leave it until the terminal has taken what came before."""
        if self._out is None or self._away:
            return
        self._late = self._out.busy
        if self._late:
            return
        data = self._canvas.flush(self._cursor)
        if len(data) > SHORT and self._app._sync_available:  # noqa: SLF001 (Textual has no other)
            self._send(f"{SYNC_START}{data}{SYNC_END}")
        elif data:
            self._send(self.cursor.around(data))

    def _written(self) -> None:
        if self._late:
            self._show()

    def _send(self, data: str) -> None:
        if self._out is not None:
            self._out.write(data)

    def write(self, data: str) -> None:
        """Write to the terminal, but for the keyboard mode Textual asks for.

        Nothing is written while the terminal is left to another program.
        """
        if self._away or data == _KITTY_POP:
            return
        if data.startswith(_KITTY_PUSH) and data.endswith("u"):
            return
        self._send(self.cursor.around(data))

    def start_application_mode(self) -> None:
        """Start application mode and read the terminal."""
        self._canvas.forget()
        if self._out is None:
            assert self._file is not None, "Textual draws on standard error"
            self._out = Writer(self._loop, self._file.fileno(), self._written)
        if self.guardian is not None:
            self.guardian.began()
        before = self._key_thread
        super().start_application_mode()  # type: ignore[no-untyped-call]
        # Without a new thread the start was given up: a background job, which must not read.
        if self._key_thread is not before:
            self._loop.add_reader(self.fileno, self._read)

    def stop_application_mode(self) -> None:
        """Leave application mode, with the cursor as it was found."""
        if self._margins:
            self._set_margins(False)
        self.cursor.leave()
        super().stop_application_mode()

    def _request_terminal_sync_mode_support(self) -> None:
        """Ask what modes the terminal knows."""
        super()._request_terminal_sync_mode_support()
        # It prints a part of the question, and has no margins.
        if os.environ.get("TERM_PROGRAM") != "Apple_Terminal":
            self.write(_MARGINS_ASKED)

    def close(self) -> None:
        """Have all written that was to be, if the terminal takes it."""
        super().close()
        if self._out is not None:
            self._out.close()
            self._out = None
        if self.guardian is not None:
            self.guardian.ended()

    def suspend_application_mode(self) -> None:
        """Leave the terminal to another program; what is drawn meanwhile goes nowhere."""
        super().suspend_application_mode()
        self._away = True

    def resume_application_mode(self) -> None:
        """Take the terminal back."""
        self._away = False
        super().resume_application_mode()

    def disable_input(self) -> None:
        """Stop reading the terminal and forget unfinished input."""
        self._loop.remove_reader(self.fileno)
        for timer in (self._escape_timer, self._parser_timer):
            if timer is not None:
                timer.cancel()
        self._decoder = Decoder()
        super().disable_input()

    def run_input_thread(self) -> None:
        """End Textual's input thread at once: `_read` has its work."""

    def _read(self) -> None:
        """Take what the terminal has sent."""
        try:
            data = os.read(self.fileno, READ_SIZE)
        except OSError:
            data = b""
        if not data:
            # The terminal is gone: nobody can see or use the application any more.
            self._loop.remove_reader(self.fileno)
            self._app.exit()
            return
        if self._escape_timer is not None:
            self._escape_timer.cancel()
            self._escape_timer = None
        self._dispatch(self._decoder.feed(data))
        if self._decoder.pending:
            self._escape_timer = self._loop.call_later(ESCAPE_DELAY, self._flush)

    def _flush(self) -> None:
        """Nothing followed in time: an ESC was the key."""
        self._escape_timer = None
        self._dispatch(self._decoder.flush())

    def _dispatch(self, input_events: Iterable[InputEvent]) -> None:
        for event in input_events:
            if isinstance(event, Paste):
                self._paste(event)
            elif isinstance(event, Key):
                if self.input_sink is None or not self.input_sink(event):
                    self._give_key(event)
            elif isinstance(event, Report) and _MARGINS_KNOWN.fullmatch(event.raw):
                self._set_margins(True)
                self._show()
            elif not isinstance(event, Report) or _ASKED.fullmatch(event.raw):
                self._give(event.raw)

    def _paste(self, piece: Paste) -> None:
        """Hand on a piece of a paste to whoever took the first one."""
        if piece.start:
            sink = self.input_sink
            self._paste_sink = sink if sink is not None and sink(piece) else None
            self._paste_text.clear()
        elif self._paste_sink is not None:
            self._paste_sink(piece)
        if self._paste_sink is None:
            self._give_paste(piece)

    def give(self, typed: Key | Paste) -> None:
        """Give Textual what the sink took and is not for it after all."""
        if isinstance(typed, Key):
            self._give_key(typed)
            return
        if typed.start:
            self._paste_text.clear()
        self._give_paste(typed)

    def _give_paste(self, piece: Paste) -> None:
        """Collect a paste for Textual, up to its bound, and give it when it is whole."""
        self._paste_text += piece.data[: MAX_TEXTUAL_PASTE - len(self._paste_text)]
        if piece.end:
            text = self._paste_text.decode("utf-8", "replace")
            self._paste_text.clear()
            self.process_message(events.Paste(text.replace("\0", "")))

    def _give_key(self, key: Key) -> None:
        """Give Textual a key in the only form its parser takes without fault, xterm's."""
        data = b"" if key.key == UNIDENTIFIED else encode_key(key, _XTERM)
        if data == b"\x1b":
            # Alone it would make the parser wait once more.
            self.process_message(events.Key("escape", "\x1b"))
        elif data:
            self._give(data)

    def _give(self, data: bytes) -> None:
        """Have Textual's parser take input, now or when it has waited for more in vain."""
        for message in self._parser.feed(data.decode("utf-8", "replace")):
            self.process_message(message)
        if self._parser_timer is not None:
            self._parser_timer.cancel()
        delay = constants.ESCAPE_DELAY + _TICK
        self._parser_timer = self._loop.call_later(delay, self._tick)

    def _tick(self) -> None:
        self._parser_timer = None
        for message in self._parser.tick():
            self.process_message(message)
