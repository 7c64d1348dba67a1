"""The mouse over the guest view: the guest's if it asked for it, else the view's.

Shift takes it from a guest, and so does a view that is scrolled back: what is under the mouse then
is not what the guest has there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from textual.message import Message

from muxcore.vt.encode import encode_key, encode_mouse
from muxcore.vt.engine import MouseTracking
from muxcore.vt.keys import Key, Modifiers, Mouse, MouseAction, MouseButton
from tui.rows import Place

if TYPE_CHECKING:
    from textual import events
    from textual.timer import Timer

    from tui.widgets.guest_view import GuestView

WHEEL_LINES = 3
"""Lines, or arrow keys, that a notch of the wheel stands for."""

WHEEL_COLUMNS = 8

EDGE = 0.05
"""Seconds between two scrollings while a selection is drawn beyond the view."""

_BUTTONS = {1: MouseButton.LEFT, 2: MouseButton.MIDDLE, 3: MouseButton.RIGHT}


@dataclass
class Pointed(Message):
    """The mouse did something over the guest's lines that is not for the guest.

    `place` is the cell under it, or the nearest one.
    """

    action: Literal["press", "drag", "release"]
    place: Place
    button: MouseButton
    block: bool
    """Whether Alt (Meta) or Ctrl was held: Shift is what takes the mouse from a guest."""


class Pointer:
    """Where the mouse is over a view, and what it does there."""

    def __init__(self, view: GuestView) -> None:
        self._view = view
        self.near_bar = False
        """Whether it is where the scroll bar is, or holds that."""
        self._button = MouseButton.NONE
        self._grip: int | None = None
        """The row of the scroll bar's thumb that is held."""
        self._drawing = False
        """Whether a button is held that was not pressed for the guest."""
        self._pressed_row = 0
        self._held: events.MouseEvent | None = None
        """Where the mouse is held beyond the view, which scrolls until it is elsewhere."""
        self._timer: Timer | None = None

    # Buttons.

    def down(self, event: events.MouseDown) -> None:
        """A button was pressed."""
        view = self._view
        self._button = _BUTTONS.get(event.button, MouseButton.NONE)
        if self._take_bar(event) or self._report(event, self._button, MouseAction.PRESS):
            return
        self._drawing = True
        self._pressed_row = event.y
        view.capture_mouse()
        self._point(event, "press")

    def move(self, event: events.MouseMove) -> None:
        """The mouse moved."""
        view = self._view
        if self._grip is not None:
            bar = view.bar.shown
            if bar is not None:
                view.drag_to(bar.top_at(event.y, self._grip))
        elif self._drawing:
            self._drag(event)
        else:
            self._hover(event)
            self._report(event, self._button, MouseAction.MOTION)

    def up(self, event: events.MouseUp) -> None:
        """A button was released."""
        view = self._view
        if self._drawing or self._grip is not None:
            view.release_mouse()
        if self._grip is not None:
            self._grip = None
        elif self._drawing:
            self._drawing = False
            self._hold(None)
            self._point(event, "release")
        else:
            button = _BUTTONS.get(event.button, self._button)
            self._report(event, button, MouseAction.RELEASE)
        self._button = MouseButton.NONE
        self._hover(event)

    def leave(self) -> None:
        """The mouse is elsewhere."""
        if self.near_bar and self._grip is None:
            self.near_bar = False
            self._view.refresh()

    def _drag(self, event: events.MouseMove) -> None:
        self._hold(event if self._beyond(event) else None)
        self._point(event, "drag")

    def _beyond(self, event: events.MouseEvent) -> int:
        """How many rows below the view the mouse is, negative above; 0 within."""
        view, row = self._view, event.y
        if row == 0 < self._pressed_row and not view.region.y:
            # There is nothing above it that the mouse could be on.
            return -1
        return row if row < 0 else max(0, row - view.size.height + 1)

    def _hold(self, event: events.MouseEvent | None) -> None:
        """Scroll on while the mouse is held where it is, or no more."""
        self._held = event
        if event is None and self._timer is not None:
            self._timer.stop()
            self._timer = None
        elif event is not None and self._timer is None:
            self._timer = self._view.set_interval(EDGE, self._scroll_on, name="edge")
            self._scroll_on()

    def _scroll_on(self) -> None:
        view, event = self._view, self._held
        if event is None or view.app.mouse_captured is not view:
            self._hold(None)
            return
        view.scroll_lines(self._beyond(event))
        self._point(event, "drag")

    def _point(self, event: events.MouseEvent, action: Literal["press", "drag", "release"]) -> None:
        view, last = self._view, self._view.terminal.cols - 1
        line = view.port.line_at(min(max(event.y, 0), view.size.height - 1))
        col = min(max(event.x, 0) + view.port.left, last)
        place = Place(view.terminal.end_line - 1, last) if line is None else Place(line, col)
        block = event.meta or event.ctrl
        view.post_message(Pointed(action, place, self._button, block))

    # The scroll bar.

    def _on_bar(self, event: events.MouseEvent) -> bool:
        return event.x == self._view.size.width - 1 and 0 <= event.y < self._view.size.height

    def _hover(self, event: events.MouseEvent) -> None:
        near = self._on_bar(event) and not self._for_guest(event)
        if near != self.near_bar:
            self.near_bar = near
            self._view.refresh()

    def _take_bar(self, event: events.MouseDown) -> bool:
        view = self._view
        bar = view.bar.shown
        if bar is None or not self._on_bar(event) or self._for_guest(event):
            return False
        thumb = bar.thumb
        held = event.y in thumb
        self._grip = event.y - thumb.start if held else len(thumb) // 2
        view.capture_mouse()
        if not held:
            view.drag_to(bar.top_at(event.y, self._grip))
        return True

    # The wheel.

    def wheel(self, event: events.MouseScrollUp | events.MouseScrollDown, step: int) -> None:
        """The wheel was turned: -1 is up."""
        event.stop()
        view = self._view
        button = MouseButton.WHEEL_UP if step < 0 else MouseButton.WHEEL_DOWN
        if self._report(event, button, MouseAction.PRESS):
            return
        modes = view.terminal.modes
        if event.shift and view.terminal.cols > view.port.cols:
            view.pan(step * WHEEL_COLUMNS)
        elif self._scrolls_guest() and not event.shift:
            arrow = encode_key(Key("up" if step < 0 else "down"), modes)
            view.post_message(view.Typed(arrow * WHEEL_LINES))
        else:
            view.scroll_lines(step * WHEEL_LINES)

    def _scrolls_guest(self) -> bool:
        """Whether the wheel is to be arrow keys: on a screen without lines above it."""
        view, modes = self._view, self._view.terminal.modes
        live = view.live and view.port.follows
        return live and modes.alternate_screen and modes.alternate_scroll

    def wheel_sideways(self, event: events.MouseEvent, step: int) -> None:
        """The wheel was turned sideways: -1 is left."""
        event.stop()
        button = MouseButton.WHEEL_LEFT if step < 0 else MouseButton.WHEEL_RIGHT
        if not self._report(event, button, MouseAction.PRESS):
            self._view.pan(step * WHEEL_COLUMNS)

    # The guest.

    def _for_guest(self, event: events.MouseEvent) -> bool:
        view = self._view
        asked = view.terminal.modes.mouse is not MouseTracking.OFF
        return asked and view.live and view.port.follows and not event.shift

    def _report(self, event: events.MouseEvent, button: MouseButton, action: MouseAction) -> bool:
        """Tell the guest; whether it is one that wants to know."""
        if not self._for_guest(event):
            return False
        view = self._view
        line = view.port.line_at(event.y) if event.y >= 0 else None
        x = event.x + view.port.left
        if line is None or not 0 <= x < view.terminal.cols:
            return True
        modifiers = Modifiers.NONE
        if event.ctrl:
            modifiers |= Modifiers.CTRL
        if event.meta:
            modifiers |= Modifiers.ALT
        mouse = Mouse(x, line - view.port.live_line, button, action, modifiers)
        data = encode_mouse(mouse, view.terminal.modes)
        if data:
            view.post_message(view.Typed(data))
        return True
