"""The guest's screen, drawn: only rows that changed, at most sixty times a second."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from muxcore.vt.encode import encode_mouse
from muxcore.vt.engine import MouseTracking
from muxcore.vt.keys import Modifiers, Mouse, MouseAction, MouseButton
from tui.paint import Painter

if TYPE_CHECKING:
    from textual import events

    from tui.model import Source
    from tui.state import Size
    from tui.terminal import Terminal

FRAME = 1 / 60
"""Seconds between two frames at least."""

SYNCHRONIZED = 0.15
"""Seconds a guest may keep a frame of its own open (mode 2026) before it is drawn anyway."""

WHEEL_LINES = 3

_BUTTONS = {1: MouseButton.LEFT, 2: MouseButton.MIDDLE, 3: MouseButton.RIGHT}


class GuestView(Widget):
    """Draws a `Terminal` that it feeds from a `Source`; `wake` says there is something to pull."""

    ALLOW_SELECT = False

    class Ready(Message):
        """There is output to pull; at most one is on its way."""

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

    def __init__(self, terminal: Terminal, source: Source, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.terminal = terminal
        self._source = source
        self._painter: Painter | None = None
        self._strips: dict[int, Strip] = {}
        self._live = True
        self._focused_look = True
        self._waking = False
        self._next_frame = 0.0
        self._held_since: float | None = None
        self._cursor_row = 0
        self._origin = (0, 0)
        self._reverse = False
        self._button = MouseButton.NONE

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
        if self.terminal.resize(size):
            self.repaint()

    def repaint(self) -> None:
        """Draw everything again: theme, size or liveness changed."""
        self._painter = None
        self._strips.clear()
        self.refresh()

    def scroll_pages(self, pages: int) -> None:
        """Scroll by whole views: negative is up, towards older lines."""
        self._scroll(pages * max(1, min(self.size.height, self.terminal.engine.rows) - 1))

    def scroll_to_end(self) -> None:
        """Show what is printed now."""
        if self.terminal.engine.viewport_offset:
            self.terminal.engine.scroll_to(0)
            self._scrolled()

    def _scroll(self, lines: int) -> None:
        engine = self.terminal.engine
        before = engine.viewport_offset
        engine.scroll_by(lines)
        if engine.viewport_offset != before:
            self._scrolled()

    def _scrolled(self) -> None:
        self._take_dirty()
        self.post_message(self.Scrolled(self.terminal.engine.viewport_offset))

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    # Frames.

    def wake(self) -> None:
        """Pull soon: at the next frame, once."""
        if self._waking:
            return
        self._waking = True
        delay = self._next_frame - time.monotonic()
        if delay > 0:
            self.set_timer(delay, self._frame, name="frame")
        else:
            self.post_message(self.Ready())

    def on_guest_view_ready(self, message: Ready) -> None:
        message.stop()
        self._frame()

    def _frame(self) -> None:
        self._waking = False
        self._next_frame = time.monotonic() + FRAME
        replies, more = self.terminal.frame(self._source)
        if replies:
            self.post_message(self.Typed(replies))
        if not self._holds_frame():
            self._take_dirty()
        if more or self._held_since is not None:
            self.wake()

    def _holds_frame(self) -> bool:
        """Whether the guest is in the midst of a frame that is not to be seen half done."""
        if not self.terminal.engine.modes.synchronized_output:
            self._held_since = None
            return False
        now = time.monotonic()
        self._held_since = self._held_since or now
        if now - self._held_since < SYNCHRONIZED:
            return True
        self._held_since = None
        return False

    def _take_dirty(self) -> None:
        engine = self.terminal.engine
        dirty = set(engine.dirty_rows())
        reverse = engine.modes.reverse_video
        if reverse != self._reverse:
            self._reverse = reverse
            dirty = set(range(engine.rows))
        for row in dirty:
            self._strips.pop(row, None)
        dirty.update((self._cursor_row, engine.cursor.row))
        self._cursor_row = engine.cursor.row
        if self._pan():
            self.refresh()
            return
        top = self._origin[1]
        width = self.size.width
        self.refresh(*(Region(0, row - top, width, 1) for row in dirty if row >= top))

    def _pan(self) -> bool:
        """Keep the cursor in a view that is smaller than the guest's screen; whether it moved."""
        engine = self.terminal.engine
        cursor = engine.cursor
        left, top = self._origin
        height, width = max(1, self.size.height), max(1, self.size.width)
        if cursor.visible:
            top = min(max(top, cursor.row - height + 1), cursor.row)
            left = min(max(left, cursor.col - width + 1), cursor.col)
        top = min(top, max(0, engine.rows - height))
        left = min(left, max(0, engine.cols - width))
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
        engine = self.terminal.engine
        left, top = self._origin
        width, row = self.size.width, y + top
        if row >= engine.rows:
            return Strip.blank(width, painter.surround)
        strip = self._strips.get(row)
        if strip is None:
            strip = painter.row(engine.row(row), reverse=self._reverse, live=self._live)
            self._strips[row] = strip
        cursor = engine.cursor
        if cursor.visible and cursor.row == row and self._live:
            strip = self._with_cursor(strip, cursor.col, painter)
        if left or strip.cell_length > width:
            strip = strip.crop(left, left + width)
        return strip.adjust_cell_length(width, painter.surround)

    def _with_cursor(self, strip: Strip, col: int, painter: Painter) -> Strip:
        under = strip.crop(col, col + 2)
        span = 1 if under.cell_length < 2 or len(under.text) > 1 else 2
        style = painter.cursor if self._focused_look else painter.idle_cursor
        cell = strip.crop(col, col + span)
        marked = [(text, old + style if old else style) for text, old, _ in cell]
        painted = Strip([type(next(iter(cell)))(*pair) for pair in marked], span)
        return Strip.join([strip.crop(0, col), painted, strip.crop(col + span)])

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
        modes = self.terminal.engine.modes
        if modes.mouse is MouseTracking.OFF or event.shift or not self._live:
            return False
        left, top = self._origin
        x, y = event.x + left, event.y + top
        if not (0 <= x < self.terminal.engine.cols and 0 <= y < self.terminal.engine.rows):
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
