"""The console screen: the guest large, a pane per backend, a line that says how things stand.

Every key goes to the guest but the prefix, and while a pane has the focus, the
keys of its actions.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal

from muxcore.settings import DEFAULTS, Settings
from muxcore.vt.encode import encode_focus, encode_key, encode_paste
from muxcore.vt.keys import Key, KeyAction, Paste
from tui import words
from tui.desk import Desk
from tui.desktop import Desktop
from tui.keyboard import Keyboard
from tui.messages import ConsoleChosen, PaneAsked, PaneChosen
from tui.screens.direct import DirectScreen
from tui.state import ConsoleState, GuestState, Link, Size
from tui.terminal import Terminal, engine_size
from tui.themes import STARK
from tui.view_notes import ViewNotes
from tui.widgets.backend_pane import BackendStrip
from tui.widgets.banner import Banner
from tui.widgets.console_strip import ConsoleStrip
from tui.widgets.guest_view import GuestView
from tui.widgets.pane_list import PaneList
from tui.widgets.pointer import Pointed
from tui.widgets.prefix_hint import PrefixHint
from tui.widgets.status_bar import BarState, StatusBar

if TYPE_CHECKING:
    from textual import events, geometry
    from textual.timer import Timer

    from tui.look import Look
    from tui.model import Session
    from tui.stamps import StampMode

WIDE = 130
"""Columns from which on there is room for panes beside eighty columns of guest."""

REFRESH = 0.25
"""Seconds between two drawings of panes and status at least."""

SOON = 0.02
"""Seconds that what comes together is waited for: Textual has no timer of none."""


class ConsoleScreen(DirectScreen):
    """Shows the console on view.

    Args:
        session: where everything comes from.
        prefix: the one key that is not the guest's, as `muxcore.vt.keys` names it.
        act: does an action of `tui.actions` by its id, at once: the next key may depend on it.
        terminal: the guest's screen; one in this process where none is given.
        look: what the user's terminal can show.
        desktop: what a guest may be allowed to use of it; nothing where none is given.
    """

    AUTO_FOCUS = ""

    def __init__(
        self,
        session: Session,
        prefix: str,
        act: Callable[[str, str], None],
        terminal: Terminal | None = None,
        look: Look | None = None,
        desktop: Desktop | None = None,
    ) -> None:
        super().__init__()
        self._act = act
        self._session = session
        self._keyboard = Keyboard(prefix)
        self.ready: Callable[[], None] = lambda: None
        """Called when `busy` may be over."""
        self.selected: str | None = None
        """The backend whose pane has the focus; None while keys go to the guest."""
        self.fitted = False
        """Whether a guest that cannot be told a size gets the whole view."""
        self.view = GuestView(terminal or Terminal(session), look, id="guest")
        self.desk = Desk(self, self.view, session)
        """What is done with the text in the view."""
        self._laid_out = False
        """Whether the view has the size it will keep: the guest is told no other."""
        self._soon: Timer | None = None
        self._drawn = 0.0
        self._covered = False
        self._hinting = False
        self.notes = ViewNotes(self.view, desktop or Desktop(lambda _: None, {}), self._update_in)

    def compose(self) -> ComposeResult:
        yield ConsoleStrip(id="consoles")
        with Horizontal(id="middle"):
            yield self.desk.gutter
            yield self.view
            yield PaneList(id="panes")
        yield BackendStrip(id="strip")
        yield StatusBar(id="status")
        yield self.desk.bar
        yield PrefixHint(id="hint")
        yield Banner(id="banner")

    # State in.

    @property
    def console(self) -> ConsoleState | None:
        """The console on view, as last known."""
        name = self._session.on_view
        return next((item for item in self._session.consoles if item.name == name), None)

    @property
    def settings(self) -> Settings:
        """What is chosen for its keys and its screen."""
        return self.console.settings if self.console else DEFAULTS

    @property
    def guest(self) -> GuestState | None:
        """Its guest; what the stream says is newer than what a query said."""
        console = self.console
        known = console.guest if console else None
        status = self._session.status
        if status is None or status.guest is None or known is None:
            return known
        return known.renewed(status.guest)

    @property
    def live(self) -> bool:
        """Whether what is shown is what is."""
        return bool(self._session.view_id) and not self._lost

    @property
    def _lost(self) -> bool:
        return self._session.link.link is Link.LOST

    @property
    def waiting(self) -> bool:
        """Whether there is something that has yet to be shown."""
        return self._soon is not None

    @property
    def due(self) -> float:
        """Seconds until panes and status may be drawn again."""
        return max(SOON, self._drawn + REFRESH - time.monotonic())

    def update_soon(self) -> None:
        """Show what is new when its time has come."""
        if self._soon is None:
            self._soon = self.set_timer(self.due, self.update, name="update")

    def _update_in(self, seconds: float) -> None:
        self.set_timer(seconds, self.update_soon, name="note")

    def update(self) -> None:
        """Show the session's present state."""
        if self._soon is not None:
            self._soon.stop()
            self._soon = None
        self._drawn = time.monotonic()
        session = self._session
        console = self.console
        now = session.now()
        marked = [(item, session.mark(item.name)) for item in session.consoles]
        strip = self.query_one(ConsoleStrip)
        strip.display = len(marked) > 1
        strip.show(marked, session.on_view)
        self.set_class(not self.live, "-stale")
        self.set_class(self.app.theme == STARK.name, "-contrast")
        self.view.set_live(self.live)
        self.activate()
        if console:
            chosen = console.settings
            self.view.terminal.set_scrollback(chosen.scrollback, chosen.scrollback_bytes)
            allowed = "links" in chosen.allow
            self.view.terminal.set_links(allowed)
            self.view.set_look(replace(self.view.look, palette=chosen.palette, links=allowed))
        self.fit()
        self.notes.settle(console)
        self._update_panes(console, now)
        self._update_status(console, now)
        self.query_one(Banner).show_link(session.link, now, self._keyboard.prefix)

    def _update_panes(self, console: ConsoleState | None, now: float) -> None:
        session = self._session
        backends = console.backends if console else ()
        if self.selected not in [backend.id for backend in backends]:
            self.selected = None
        rated = tuple((backend, session.rate(backend.id)) for backend in backends)
        self.set_class(self.selected is not None, "-choosing")
        self.query_one(PaneList).show(rated, now, self.selected, session.view_id)
        self.query_one(BackendStrip).show(rated, now, self.selected, session.view_id)

    def _update_status(self, console: ConsoleState | None, now: float) -> None:
        session, port = self._session, self.view.port
        problem = "" if self.live or self._lost else session.view_problem
        notes = words.view_notes(self.notes.facts(problem))
        if console:
            notes = words.notes(console, session.status) + notes
        if note := self.desk.reading.note:
            notes.insert(0, (note, "accent"))
        size = words.size_words(
            self.drawn,
            self._told(),
            self.guest,
            self._room,
            top=port.first - port.live_line,
            left=port.left,
        )
        self.query_one(StatusBar).show(
            BarState(
                console=session.on_view or "",
                guest=self.guest,
                live=self.live,
                size=size,
                notes=tuple(notes),
                prefix=self._keyboard.prefix,
                now=now,
            )
        )

    # Size.

    def _told(self) -> Size | None:
        status, console = self._session.status, self.console
        return status.size if status else console.size if console else None

    @property
    def drawn(self) -> Size:
        """The size of the guest's screen as it is drawn."""
        return Size(self.view.terminal.rows, self.view.terminal.cols)

    @property
    def _room(self) -> Size:
        """What the guest may have: time stamps take columns from the view, not from it."""
        return Size(self.view.size.height, self.view.region.x + self.view.size.width)

    def fit(self) -> None:
        """Tell the size of the view, and draw the guest's screen for that which it was told."""
        size = self._room
        if self._laid_out and size.rows and size.cols:
            self._session.resize(size.rows, size.cols)
            self.view.set_guest_size(
                engine_size(size, self.guest, self._told(), fitted=self.fitted)
            )

    def on_resize(self, event: events.Resize) -> None:
        """Choose where the panes go; the size that arrived is not laid out yet."""
        self.set_class(event.size.width >= WIDE, "-wide")
        self.call_after_refresh(self._settle)

    def _screen_resized(self, size: geometry.Size) -> None:
        """Lay out for the terminal as it is now, whatever size is told.

        Textual tells a screen that was laid out its own size once more. Where the next one is on
        its way already, each comes behind the other again and again, and no key is taken any more.
        """
        super()._screen_resized(self.app.size)

    def _settle(self) -> None:
        self._laid_out = True
        self.update()
        self.view.wake()

    def wake(self) -> None:
        """There is output to pull: once it is known for what size it was printed."""
        if self._laid_out:
            self.view.wake()

    # Keys in.

    @property
    def busy(self) -> bool:
        """Whether what comes of the last key is still to come: the next one has to wait."""
        return self.desk.reading.busy

    def _is_prefix(self, key: Key) -> bool:
        return key.name == self._keyboard.prefix

    def handle_input(self, event: Key | Paste) -> None:
        """Take a key or a piece of a paste from the operator's terminal."""
        if isinstance(event, Paste):
            if self.desk.paste(event):
                return
            if self.selected is None and self.live:
                self.paste(event.data, start=event.start, end=event.end)
        elif event.action is not KeyAction.RELEASE:
            self._handle_key(event)

    def handle_focus(self, gained: bool) -> None:
        """The operator's terminal gained or lost the focus: a guest may want to know."""
        if self.live:
            self.type(encode_focus(gained, self.view.terminal.modes))

    def _handle_key(self, key: Key) -> None:
        press = self._keyboard.press(key, pane=self.selected is not None)
        self._show_hint(self._keyboard.pending)
        if press.whose == "action":
            self._act(press.action, press.argument)
        elif press.whose == "release":
            self.select(None)
        elif press.whose == "guest" and not self._is_prefix(key) and self.desk.press(key):
            return
        elif press.whose == "guest" and self.live:
            self._send_key(key)
        elif press.whose == "guest" and key.key in ("enter", "kp_enter") and self._lost:
            self._act("start_daemon", "")

    def _send_key(self, key: Key) -> None:
        data = encode_key(key, self.view.terminal.modes, self.settings)
        if data:
            self.view.scroll_to_end()
            self.type(data)

    def _show_hint(self, wanted: bool) -> None:
        if not (wanted or self._hinting):
            return
        self._hinting = wanted
        hint = self.query_one(PrefixHint)
        if wanted:
            can_break = self.guest is not None and self.guest.can_break
            width = self.size.width
            prefix = self._keyboard.prefix
            hint.show_for(prefix, pane=self.selected, width=width, can_break=can_break)
        hint.display = wanted

    def next_stamps(self) -> StampMode:
        """Tell when lines were printed in another way, or not at all."""
        mode = self.desk.gutter.next_mode()
        self.update()
        return mode

    def select(self, backend: str | None) -> None:
        """Give a pane the focus, or the guest."""
        self.selected = backend
        self.update()
        if backend is not None:
            self.query_one(PaneList).scroll_to_pane(backend)

    def paste(self, data: bytes, *, start: bool = True, end: bool = True) -> None:
        """Send the guest a piece of a paste; `start` and `end`: the first one, the last one."""
        modes = self.view.terminal.modes
        self.type(encode_paste(data, modes, self.settings, start=start, end=end))

    def type(self, data: bytes) -> None:
        """Send bytes to the guest."""
        if data and not self._session.send(data) and self.live:
            self.notify("The guest takes no more input.", severity="warning", markup=False)

    def on_guest_view_typed(self, message: GuestView.Typed) -> None:
        self.type(message.data)

    def on_guest_view_resized(self) -> None:
        if self._laid_out:
            self.update()

    def on_pointed(self, message: Pointed) -> None:
        self.desk.point(message)

    def on_guest_view_changed(self) -> None:
        self.desk.moved()
        self.notes.look()
        self.update_soon()

    def on_guest_view_asked(self, message: GuestView.Asked) -> None:
        if self.console is not None:
            self.notes.ask(self.console, message.request)
            self.update_soon()

    def on_screen_suspend(self) -> None:
        """Another screen lies over this one."""
        self._covered = True
        self.activate()

    def on_screen_resume(self) -> None:
        """This screen can be seen again."""
        self._covered = False
        self.activate()

    def activate(self) -> None:
        """Draw the guest's cursor as one that keys go to, or do not."""
        busy = self._covered or self.desk.reading.mode != ""
        self.view.set_active(self.selected is None and not busy)

    def on_pane_chosen(self, message: PaneChosen) -> None:
        self.select(None if message.backend == self.selected else message.backend)

    def on_pane_asked(self, message: PaneAsked) -> None:
        self.selected = message.backend
        self._act(message.action, "")

    def on_console_chosen(self, message: ConsoleChosen) -> None:
        self._session.show(message.name)
        self.update()
