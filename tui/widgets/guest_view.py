"""The guest's screen and scrollback, drawn: only rows that changed, and only while they are seen.

Scrolled back, the view stays on the same lines while output arrives, for they have numbers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from muxcore.errors import MuxError
from tui.line_painter import LinePainter, Overlay
from tui.look import Look
from tui.paint import Painter
from tui.rows import Place
from tui.viewport import Viewport
from tui.widgets.pointer import Pointer
from tui.widgets.view_bar import ViewBar
from tui.widgets.view_cursor import ViewCursor

if TYPE_CHECKING:
    from rich.segment import Segment
    from textual import events

    from muxcore.vt.requests import Request
    from tui.cell_style import GuestColours
    from tui.frames import FrameChange
    from tui.state import Size
    from tui.terminal import Terminal


class GuestView(Widget):
    """Draws a `Terminal`.

    Args:
        terminal: what is drawn; the view begins and ends it.
        look: how it is drawn.
    """

    ALLOW_SELECT = False

    class Ready(Message):
        """There is something to draw; at most one is on its way."""

    @dataclass
    class Typed(Message):
        """Bytes for the guest: a mouse report, or the terminal's answer to a query."""

        data: bytes

    @dataclass
    class Asked(Message):
        """The guest asks something of the desktop."""

        request: Request

    class Changed(Message):
        """What is said about the view is other than it was: its place, the guest's title, ..."""

    class Resized(Message):
        """The view has another size: a line beside it came or went."""

    def __init__(
        self, terminal: Terminal, look: Look | None = None, *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.terminal = terminal
        terminal.on_frame = self._note
        terminal.on_reply = self._answer
        terminal.on_request = self._ask
        self.port = Viewport(terminal)
        """Which lines and columns are shown. Move it by the view's methods, which draw."""
        self.pointer = Pointer(self)
        self.bar = ViewBar(self)
        self.look = look or Look()
        self.cursor = ViewCursor(self)
        self.draw: Callable[[Widget, Mapping[int, Strip]], bool] | None = None
        """Draws lines of the view past Textual; whether it could."""
        self.listeners: list[Callable[[FrameChange], None]] = []
        """Called after the view with what changed in the terminal."""
        self.scrolls: Callable[[int], bool] = lambda _: False
        """Told of lines to scroll by; whether it saw to that itself."""
        self.keep: Callable[[], dict[str, Place]] = dict
        """Gives places, by name, that are to be followed through a resize: `Terminal.moved`."""
        self.fetching = False
        """Whether older lines are being fetched."""
        self.at_start = False
        """Whether it is known that there are no older lines."""
        self._painter: Painter | None = None
        self._lines = LinePainter(terminal, self.port)
        self._live = True
        self._change: FrameChange | None = None
        self._cursor_row = 0
        self._epoch = 0
        self._said: tuple[object, ...] = ()

    def on_mount(self) -> None:
        self.terminal.open()

    def on_unmount(self) -> None:
        self.terminal.close()

    # What the screen tells the view.

    def set_live(self, live: bool) -> None:
        """Draw what is now, or, dimmed, what was."""
        if live != self._live:
            self._live = self._lines.live = live
            self.repaint()

    def set_active(self, active: bool) -> None:
        """Draw the cursor of a view that keys go to, or of one they do not."""
        if active != self.cursor.active:
            self.cursor.active = active
            self.cursor.place()
            self.refresh()

    def set_look(self, look: Look) -> None:
        """Draw in another way."""
        if look != self.look:
            self.look = look
            self.repaint()

    def set_guest_size(self, size: Size) -> None:
        """Give the guest's screen a size."""
        self.terminal.resize(size, self._keep)

    def _keep(self) -> dict[str, Place]:
        end = Place(self.port.end_then, self.terminal.cols - 1)
        return {"top": Place(self.port.first, 0), "end": end, **self.keep()}

    def set_overlay(self, name: str, overlay: Overlay | None) -> None:
        """Lay something over the lines, in place of what had this name; None: nothing.

        What it says of a line may change: `remark` then.
        """
        if overlay is not None:
            self._lines.overlays[name] = overlay
        else:
            self._lines.overlays.pop(name, None)
        self.refresh()

    def remark(self) -> None:
        """Draw again what lies over the lines."""
        self.refresh()

    def set_marks(self, lines: Sequence[int]) -> None:
        """Mark lines on the scroll bar."""
        self.bar.mark(lines)
        self.refresh()

    def wake(self) -> None:
        """There is output to pull."""
        self.terminal.wake()

    @property
    def colours(self) -> GuestColours | None:
        """The colours the guest has here; None where only the user's terminal knows them."""
        return self._paint.guest_colours

    def repaint(self) -> None:
        """Draw everything again: theme, look or liveness changed."""
        self._painter = None
        self._lines.forget()
        self.bar.forget()
        self.refresh()

    @property
    def live(self) -> bool:
        """Whether what is shown is what is."""
        return self._live

    # Moving about.

    @property
    def first_line(self) -> int:
        """The line at the top."""
        return self.port.first

    @property
    def page(self) -> int:
        """Lines that are seen at once."""
        return self.port.page

    @property
    def held(self) -> bool:
        """Whether the view stays on its lines rather than follow the live screen."""
        return not self.port.follows

    def scroll_pages(self, pages: int) -> None:
        """Scroll by whole views: negative is up, towards older lines."""
        self.scroll_lines(pages * max(1, self.port.page - 1))

    def scroll_lines(self, lines: int) -> None:
        """Scroll by lines: negative is up; at the end the view follows the live screen again."""
        self.drag_to(self.port.first + lines)

    def drag_to(self, line: int) -> None:
        """Have a line on top; at the end the view follows the live screen again."""
        if self.scrolls(line - self.port.first):
            return
        self._moved(self.port.go_to(line))
        if line < self.terminal.oldest_line:
            self._fetch(line)

    def hold(self) -> None:
        """Stay on what is shown, though it be the live screen."""
        self.port.hold()
        self._moved(True)

    def go_to(self, line: int) -> None:
        """Have a line on top, and stay there; if it is not at hand, it is fetched."""
        self.port.hold(line)
        self._moved(True)
        if line < self.terminal.oldest_line:
            self._fetch(line)

    def reveal(self, place: Place) -> None:
        """Have a place in sight, and stay there."""
        self.port.show(place.line, place.col)
        self._moved(True)

    def fetch_older(self) -> None:
        """Have older lines fetched from the history."""
        self._fetch(self.port.first)

    def scroll_to_end(self) -> None:
        """Show what is printed now, with the cursor in sight."""
        self._moved(self.port.end())

    def pan(self, columns: int, rows: int = 0) -> None:
        """Move over a guest's screen that is larger than the view, until something is typed."""
        moved = self.port.pan(columns)
        self._moved(self.port.scroll(rows) or moved)

    def _moved(self, moved: bool) -> None:
        if moved:
            self.refresh()
            self.post_message(self.Changed())

    def _fetch(self, line: int) -> None:
        if self.fetching or self.at_start or self.terminal.modes.alternate_screen:
            return
        self.fetching = True
        self.post_message(self.Changed())
        self.run_worker(self._fetch_older(line), group="older", exit_on_error=False)

    async def _fetch_older(self, line: int) -> None:
        epoch, more = self._epoch, False
        try:
            # A daemon that is gone is said elsewhere.
            with contextlib.suppress(MuxError):
                more = await self.terminal.older()
        finally:
            self.fetching = False
        if epoch == self._epoch:
            self.at_start = not more
            if more and not self.port.follows:
                self.port.hold(line)
                self.refresh()
        self.post_message(self.Changed())

    def on_resize(self) -> None:
        self.port.resize(self.size.height, self.size.width)
        self.post_message(self.Resized())

    # Frames.

    def _answer(self, data: bytes) -> None:
        self.post_message(self.Typed(data))

    def _ask(self, request: Request) -> None:
        self.post_message(self.Asked(request))

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
            for listener in self.listeners:
                listener(change)

    @property
    def waiting(self) -> bool:
        """Whether there is something that has yet to be drawn."""
        return self._change is not None or self.fetching

    def _show(self, change: FrameChange) -> None:
        terminal = self.terminal
        self._lines.forget_rows(change.rows)
        if terminal.epoch != self._epoch:
            self._epoch = terminal.epoch
            self._lines.forget_lines()
            self.at_start = False
            moved = terminal.moved
            top, end = moved.get("top"), moved.get("end")
            # Lines that became too many for the engine went from the oldest on.
            nearest = terminal.oldest_line if end else None
            self.port.renumber(top.line if top else nearest, end and end.line)
            self.refresh()
        if (
            self._lines.follow_modes()
            or self.port.update()
            or change.size
            or change.lines
            or self._renumbered(change)
        ):
            self.refresh()
        else:
            self._refresh_rows(change)
        self._say()

    def _renumbered(self, change: FrameChange) -> bool:
        """Whether other lines are where some were, though the view did not move."""
        return change.numbers and not self.port.follows

    def _refresh_rows(self, change: FrameChange) -> None:
        cursor = self.terminal.cursor
        rows = set(change.rows)
        if not self.cursor.own:
            rows |= {self._cursor_row, cursor.row}
        self._cursor_row = cursor.row
        live, width = self.port.live_line, self.size.width
        seen = [y for row in rows if (y := self.port.row_of(live + row)) is not None]
        self.cursor.place(drawing=bool(seen))
        if not seen:
            return
        bar = self.bar.column(self._paint)
        lines = {y: self._line(y, width, bar) for y in seen} if self.draw is not None else {}
        if self.draw is None or not self.draw(self, lines):
            self.refresh(*(Region(0, y, width, 1) for y in seen))

    def _say(self) -> None:
        """Have the screen tell what is new, in its own time."""
        terminal, port = self.terminal, self.port
        said = (
            terminal.rows,
            terminal.cols,
            terminal.title,
            terminal.bell_count,
            terminal.skipped,
            terminal.doubtful,
            terminal.trouble,
            port.follows,
            port.new_lines,
            port.first - port.live_line,
            port.left,
        )
        if said != self._said:
            self._said = said
            self.post_message(self.Changed())

    # Drawing. Past the styles cache: a guest's rows have no borders, links or filters.

    def render_lines(self, crop: Region) -> list[Strip]:
        """The strips of a part of the view."""
        bar = self.bar.column(self._paint)
        width = self.size.width
        lines = [self._line(y, width, bar) for y in range(crop.y, crop.bottom)]
        self.cursor.place(drawing=True)
        if crop.x == 0 and crop.width >= width:
            return lines
        return [line.crop(crop.x, crop.right) for line in lines]

    def _line(self, y: int, width: int, bar: Sequence[Segment]) -> Strip:
        painter = self._paint
        number = self.port.line_at(y)
        left = self.port.left
        if number is None:
            strip = Strip.blank(width, painter.surround)
        else:
            strip = self.cursor.on(number, self._lines.paint(number, painter), painter)
            if left or strip.cell_length > width:
                strip = strip.crop(left, left + width)
            strip = strip.adjust_cell_length(width, painter.surround)
        if bar:
            strip = Strip([*strip.crop(0, width - 1), bar[y]], width)
        return strip

    @property
    def _paint(self) -> Painter:
        return self._painter or self._make_painter()

    def _make_painter(self) -> Painter:
        app, look = self.app, self.look
        self._painter = Painter(
            app.theme_variables,
            dark=app.current_theme.dark,
            depth=look.depth,
            palette=look.palette,
            links=look.links,
            modern=look.modern,
        )
        if (colours := self._painter.guest_colours) is not None:
            self.terminal.set_colours(*colours)
        return self._painter

    # The mouse.

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self.pointer.down(event)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        self.pointer.up(event)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.pointer.move(event)

    def on_leave(self) -> None:
        self.pointer.leave()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.pointer.wheel(event, -1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.pointer.wheel(event, 1)

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        self.pointer.wheel_sideways(event, -1)

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        self.pointer.wheel_sideways(event, 1)
