"""The guest's screen, drawn: only rows that changed.

Scrolled back, the view stays on the same lines while output arrives, for they have numbers.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from muxcore.errors import MuxError
from muxcore.vt.encode import encode_mouse
from muxcore.vt.engine import PLAIN, CursorShape, MouseTracking
from muxcore.vt.keys import Modifiers, Mouse, MouseAction, MouseButton
from tui.frames import FrameChange
from tui.paint import Painter

if TYPE_CHECKING:
    from textual import events

    from muxcore.vt.engine import Line
    from tui.state import Size
    from tui.terminal import Terminal

WHEEL_LINES = 3

MAX_STRIPS = 1000
"""Painted lines of scrollback that are kept."""

_BUTTONS = {1: MouseButton.LEFT, 2: MouseButton.MIDDLE, 3: MouseButton.RIGHT}


class GuestView(Widget):
    """Draws a `Terminal`."""

    ALLOW_SELECT = False

    class Ready(Message):
        """There is something to draw; at most one is on its way."""

    @dataclass
    class Typed(Message):
        """Bytes for the guest: a mouse report, or the terminal's answer to a query."""

        data: bytes

    @dataclass
    class Scrolled(Message):
        """The view moved in the scrollback."""

        offset: int

    class Resized(Message):
        """The view has another size: a line beside it came or went."""

    def __init__(self, terminal: Terminal, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.terminal = terminal
        terminal.on_frame = self._note
        terminal.on_reply = self._answer
        self._painter: Painter | None = None
        self._strips: dict[int, Strip] = {}
        self._old_strips: dict[int, Strip] = {}
        self._live = True
        self._focused_look = True
        self._change: FrameChange | None = None
        self._cursor_row = 0
        self._origin = (0, 0)
        self._top: int | None = None
        """The line at the top of a view that is scrolled back."""
        self._epoch = 0
        self._reverse = False
        self._button = MouseButton.NONE

    def on_mount(self) -> None:
        self.terminal.open()

    def on_unmount(self) -> None:
        self.terminal.close()

    # What the screen tells the view.

    def set_live(self, live: bool) -> None:
        """Draw what is now, or, dimmed, what was."""
        if live != self._live:
            self._live = live
            self.repaint()

    def set_active(self, active: bool) -> None:
        """Draw the cursor of a view that keys go to, or of one they do not."""
        if active != self._focused_look:
            self._focused_look = active
            self.repaint()

    def set_guest_size(self, size: Size) -> None:
        """Give the guest's screen a size."""
        self.terminal.resize(size)

    def wake(self) -> None:
        """There is output to pull."""
        self.terminal.wake()

    def repaint(self) -> None:
        """Draw everything again: theme, size or liveness changed."""
        self._painter = None
        self._strips.clear()
        self._old_strips.clear()
        self.refresh()

    # The scrollback.

    @property
    def lines_back(self) -> int:
        """Lines the view is scrolled back; 0 while it follows the output."""
        return 0 if self._top is None else self._live_top - self._top

    @property
    def _live_top(self) -> int:
        """The line at the top of a view that is not scrolled back."""
        return self.terminal.end_line - self.terminal.rows + self._origin[1]

    def scroll_pages(self, pages: int) -> None:
        """Scroll by whole views: negative is up, towards older lines."""
        self._scroll(pages * max(1, min(self.size.height, self.terminal.rows) - 1))

    def scroll_to_end(self) -> None:
        """Show what is printed now."""
        if self._top is not None:
            self._go_to(None)

    def _scroll(self, lines: int) -> None:
        top = (self._live_top if self._top is None else self._top) + lines
        oldest = self.terminal.oldest_line
        if top < oldest and not self.terminal.modes.alternate_screen:
            self.run_worker(self._fetch_older(), group="older", exclusive=True)
        top = max(top, oldest)
        self._go_to(top if top < self._live_top else None)

    def _go_to(self, top: int | None) -> None:
        if top != self._top:
            self._top = top
            self.refresh()
            self.post_message(self.Scrolled(self.lines_back))

    async def _fetch_older(self) -> None:
        # A daemon that is gone is said elsewhere.
        with contextlib.suppress(MuxError):
            await self.terminal.older()

    def _answer(self, data: bytes) -> None:
        self.post_message(self.Typed(data))

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    # Frames.

    def _note(self, change: FrameChange) -> None:
        """Draw what changed, soon; called by the terminal at most sixty times a second."""
        if self._change is None:
            self._change = change
            self.post_message(self.Ready())
        else:
            self._change.add(change)

    def on_guest_view_ready(self, message: Ready) -> None:
        message.stop()
        change, self._change = self._change, None
        if change is not None:
            self._show(change)

    @property
    def waiting(self) -> bool:
        """Whether there is something that has yet to be drawn."""
        return self._change is not None

    def _show(self, change: FrameChange) -> None:
        terminal = self.terminal
        for row in change.rows:
            self._strips.pop(row, None)
        if terminal.epoch != self._epoch:
            self._epoch = terminal.epoch
            self._old_strips.clear()
            self._go_to(None)
        if terminal.modes.reverse_video != self._reverse:
            self._reverse = terminal.modes.reverse_video
            self.repaint()
        if self._pan() or change.size or self._top is not None:
            self._keep_top()
            self.refresh()
            return
        rows = {*change.rows, self._cursor_row, terminal.cursor.row}
        self._cursor_row = terminal.cursor.row
        top, width = self._origin[1], self.size.width
        self.refresh(*(Region(0, row - top, width, 1) for row in rows if row >= top))

    def _keep_top(self) -> None:
        """Keep a view that is scrolled back on lines that are there."""
        if self._top is not None and self._top < self.terminal.oldest_line:
            self._go_to(self.terminal.oldest_line)

    def _pan(self) -> bool:
        """Keep the cursor in a view that is smaller than the guest's screen; whether it moved."""
        terminal = self.terminal
        cursor = terminal.cursor
        left, top = self._origin
        height, width = max(1, self.size.height), max(1, self.size.width)
        if cursor.visible and self._top is None:
            top = min(max(top, cursor.row - height + 1), cursor.row)
            left = min(max(left, cursor.col - width + 1), cursor.col)
        top = min(top, max(0, terminal.rows - height))
        left = min(left, max(0, terminal.cols - width))
        moved = (left, top) != self._origin
        self._origin = (left, top)
        return moved

    # Drawing. Past the styles cache: a guest's rows have no borders, links or filters.

    def render_lines(self, crop: Region) -> list[Strip]:
        """The strips of a part of the view."""
        self._pan()
        lines = [self._line(y) for y in range(crop.y, crop.bottom)]
        if crop.x == 0 and crop.width >= self.size.width:
            return lines
        return [line.crop(crop.x, crop.right) for line in lines]

    def _line(self, y: int) -> Strip:
        painter = self._painter or self._make_painter()
        terminal = self.terminal
        left, width = self._origin[0], self.size.width
        number = y + (self._live_top if self._top is None else self._top)
        if number >= terminal.end_line:
            return Strip.blank(width, painter.surround)
        row = number - (terminal.end_line - terminal.rows)
        if row >= 0:
            strip = self._strips.get(row)
            if strip is None:
                strip = painter.row(terminal.row(row), reverse=self._reverse, live=self._live)
                self._strips[row] = strip
        else:
            strip = self._old_line(number, painter)
        cursor = terminal.cursor
        if cursor.visible and cursor.row == row and self._live:
            strip = painter.with_cursor(
                strip, cursor.col, CursorShape.BLOCK, focused=self._focused_look
            )
        if left or strip.cell_length > width:
            strip = strip.crop(left, left + width)
        return strip.adjust_cell_length(width, painter.surround)

    def _old_line(self, number: int, painter: Painter) -> Strip:
        """A line of scrollback; blank until it has come."""
        strip = self._old_strips.get(number)
        if strip is None:
            line: Line | None = self.terminal.line(number)
            if line is None:
                return Strip.blank(self.terminal.cols, painter.style(PLAIN))
            strip = painter.row(line.runs, reverse=self._reverse, live=self._live)
            if len(self._old_strips) >= MAX_STRIPS:
                self._old_strips.clear()
            self._old_strips[number] = strip
        return strip

    def _make_painter(self) -> Painter:
        app = self.app
        self._painter = Painter(app.theme_variables, dark=app.current_theme.dark)
        return self._painter

    # The mouse: the guest's if it asked for it and shift is not held, else the scrollback's.

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self._button = _BUTTONS.get(event.button, MouseButton.NONE)
        self._report(event, self._button, MouseAction.PRESS)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        button = _BUTTONS.get(event.button, self._button)
        self._button = MouseButton.NONE
        self._report(event, button, MouseAction.RELEASE)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self._report(event, self._button, MouseAction.MOTION)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        if not self._report(event, MouseButton.WHEEL_UP, MouseAction.PRESS):
            self._scroll(-WHEEL_LINES)
        event.stop()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        if not self._report(event, MouseButton.WHEEL_DOWN, MouseAction.PRESS):
            self._scroll(WHEEL_LINES)
        event.stop()

    def _report(self, event: events.MouseEvent, button: MouseButton, action: MouseAction) -> bool:
        """Tell the guest; whether it wanted to know."""
        modes = self.terminal.modes
        if modes.mouse is MouseTracking.OFF or event.shift or not self._live:
            return False
        left, top = self._origin
        x, y = event.x + left, event.y + top
        if not (0 <= x < self.terminal.cols and 0 <= y < self.terminal.rows):
            return True
        modifiers = Modifiers.NONE
        if event.ctrl:
            modifiers |= Modifiers.CTRL
        if event.meta:
            modifiers |= Modifiers.ALT
        data = encode_mouse(Mouse(x, y, button, action, modifiers), modes)
        if data:
            self.post_message(self.Typed(data))
        return True
