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

from textual import constants, events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from muxcore.vt.decode import Decoder
from muxcore.vt.encode import encode_key
from muxcore.vt.engine import Modes
from muxcore.vt.keys import UNIDENTIFIED, Key, Paste, Report
from tui.colour_depth import is_modern
from tui.terminal_cursor import TerminalCursor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.app import App

    from muxcore.vt.keys import InputEvent

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
        self.cursor = TerminalCursor(super().write, shapes=is_modern(os.environ))
        """The terminal's own cursor; hidden until a view puts it somewhere."""
        self._decoder = Decoder()
        self._parser = XTermParser(debug)
        self._escape_timer: asyncio.TimerHandle | None = None
        self._parser_timer: asyncio.TimerHandle | None = None
        self._paste_sink: InputSink | None = None
        self._paste_text = bytearray()

    def write(self, data: str) -> None:
        """Write to the terminal, but for the keyboard mode Textual asks for."""
        if data == _KITTY_POP or (data.startswith(_KITTY_PUSH) and data.endswith("u")):
            return
        super().write(self.cursor.around(data))

    def start_application_mode(self) -> None:
        """Start application mode and read the terminal."""
        before = self._key_thread
        super().start_application_mode()  # type: ignore[no-untyped-call]
        # Without a new thread the start was given up: a background job, which must not read.
        if self._key_thread is not before:
            self._loop.add_reader(self.fileno, self._read)

    def stop_application_mode(self) -> None:
        """Leave application mode, with the cursor as it was found."""
        self.cursor.leave()
        super().stop_application_mode()

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
