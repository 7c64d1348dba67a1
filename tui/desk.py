"""Where a guest's text is read: search, selection, copies and time stamps of one view, together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from muxcore.vt.keys import MouseButton
from tui.copying import Copying
from tui.reading import Reading
from tui.saving import Saver
from tui.widgets.search_bar import SearchBar
from tui.widgets.stamp_gutter import StampGutter
from tui.widgets.status_bar import StatusBar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from muxcore.vt.keys import Key, Paste
    from tui.frames import FrameChange
    from tui.model import Session
    from tui.screens.console import ConsoleScreen
    from tui.selection import Selection
    from tui.widgets.guest_view import GuestView
    from tui.widgets.pointer import Pointed


class Desk:
    """What is done with the text in the view of a console screen.

    Args:
        screen: the screen.
        view: its view.
        session: where the console comes from.
    """

    def __init__(self, screen: ConsoleScreen, view: GuestView, session: Session) -> None:
        self._screen = screen
        self._view = view
        self._session = session
        self.reading = Reading(
            view,
            run=self._run,
            later=self._later,
            changed=self._changed,
            copy=lambda selection: self._run(self._copy(selection)),
            ready=lambda: screen.ready(),
        )
        self.bar = SearchBar(id="search")
        self.bar.display = False
        self.gutter = StampGutter(view, session, self._opened, id="stamps")
        self._copying: Copying | None = None
        self._epoch = 0
        self._console = session.on_view
        self._marks: list[int] = []
        self._held_at: int | None = None
        """The first line of the view while it is held for a drag."""
        view.set_overlay("reading", self.reading.spans)
        view.listeners.append(self._frame)
        view.keep = self.reading.places
        view.scrolls = self.reading.scroll

    @property
    def copying(self) -> Copying:
        """The copies made; only a screen that is shown has an app to make them with."""
        if self._copying is None:
            self._copying = Copying(self._screen.app, self._view)
        return self._copying

    def saver(self) -> Saver:
        """What can be saved now."""
        return Saver(
            self._view.terminal,
            self.reading,
            self.copying,
            self._view.first_line,
            self._view.held,
        )

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._view.run_worker(work, group="desk", exit_on_error=False)

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        self._view.set_timer(seconds, call, name="search")

    def _opened(self) -> float:
        guest = self._screen.guest
        return guest.since if guest else 0.0

    async def _copy(self, selection: Selection) -> None:
        await self.copying.copy(selection, self._session.on_view or "console", self._session.now())

    # What happened.

    def _changed(self) -> None:
        """The mode, or what is said of it, is another."""
        searching = self.reading.searching.search
        lines = list(searching.lines) if searching else []
        if lines != self._marks:
            self._marks = lines
            self._view.set_marks(lines)
        shown = self.reading.mode in ("typing", "found")
        self._screen.query_one(StatusBar).display = not shown
        self.bar.display = shown
        if searching is not None and shown:
            typing = self.reading.mode == "typing"
            self.bar.show_search(searching, self.reading.entry if typing else None)
        self._screen.activate()
        self._screen.update_soon()

    def _frame(self, change: FrameChange) -> None:
        terminal = self._view.terminal
        epoch = terminal.epoch != self._epoch
        self._epoch = terminal.epoch
        if self._session.on_view != self._console:
            self._console = self._session.on_view
            self.reading.end()
        elif epoch or change.rows or change.numbers:
            if epoch and not self.reading.follow(terminal.moved):
                why = "the screen was resized" if change.size else "its lines are gone"
                self._screen.notify(f"The selection was dropped: {why}.", markup=False)
            self.reading.output()
        self.gutter.look()

    def moved(self) -> None:
        """The view shows other lines."""
        self.gutter.look()

    # Input.

    def press(self, key: Key) -> bool:
        """Take a key; whether it was not for the guest."""
        return self.reading.press(key)

    def paste(self, piece: Paste) -> bool:
        """Take a piece of a paste; whether it was not for the guest."""
        return self.reading.paste(piece.data.decode("utf-8", "replace"))

    def point(self, message: Pointed) -> None:
        """The mouse did something that is not for the guest."""
        selecting = self.reading.selecting
        if message.action == "release":
            selecting.release()
            self._let_go()
        elif message.action == "drag":
            selecting.drag(message.place)
            self._hold()
        elif message.button is MouseButton.LEFT:
            self.reading.click(message.place, block=message.block)
        elif message.button is MouseButton.RIGHT:
            selecting.extend(message.place)
        elif message.button is MouseButton.MIDDLE:
            self._paste()

    def _hold(self) -> None:
        """Keep what is printed meanwhile from moving the lines away under the mouse."""
        if not self._view.held:
            self._view.hold()
            self._held_at = self._view.first_line

    def _let_go(self) -> None:
        """Follow the live screen again, unless the view was scrolled."""
        held_at, self._held_at = self._held_at, None
        if held_at == self._view.first_line and not self.reading.mode:
            self._view.scroll_to_end()

    def _paste(self) -> None:
        """Type what was copied last."""
        if self.copying.last and self._screen.live and not self.reading.mode:
            data = self.copying.last.encode()
            self._screen.paste(data)
