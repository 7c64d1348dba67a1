"""The console screen: the guest large, a pane per backend, a line that says how things stand.

Every key goes to the guest but the prefix, and while a pane has the focus, the
keys of its actions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen

from muxcore.vt.encode import encode_focus, encode_key, encode_paste
from muxcore.vt.keys import Key, KeyAction, Paste
from tui import words
from tui.actions import PANE_ACTIONS, by_key
from tui.messages import Asked, ConsoleChosen, PaneAsked, PaneChosen
from tui.state import ConsoleState, GuestState, Link, Size
from tui.terminal import Terminal, engine_size
from tui.widgets.backend_pane import BackendPane, BackendStrip
from tui.widgets.console_strip import ConsoleStrip
from tui.widgets.guest_view import GuestView
from tui.widgets.line import Line
from tui.widgets.prefix_hint import PrefixHint
from tui.widgets.status_bar import BarState, StatusBar

if TYPE_CHECKING:
    from textual import events

    from tui.model import Session

WIDE = 130
"""Columns from which on there is room for panes beside eighty columns of guest."""


class ConsoleScreen(Screen[None]):
    """Shows the console on view.

    Args:
        session: where everything comes from.
        prefix: the one key that is not the guest's, as `muxcore.vt.keys` names it.
    """

    AUTO_FOCUS = None

    def __init__(self, session: Session, prefix: str) -> None:
        super().__init__()
        self._session = session
        self._prefix = prefix
        self._pending = False
        self.selected: str | None = None
        """The backend whose pane has the focus; None while keys go to the guest."""
        self.fitted = False
        """Whether a guest that cannot be told a size gets the whole view."""
        self.view = GuestView(Terminal(), session, id="guest")
        self._panes: dict[str, BackendPane] = {}
        self._laid_out = False
        """Whether the view has the size it will keep: the guest is told no other."""

    def compose(self) -> ComposeResult:
        yield ConsoleStrip(id="consoles")
        with Horizontal(id="middle"):
            yield self.view
            yield VerticalScroll(id="panes", can_focus=False)
        yield BackendStrip(id="strip")
        yield StatusBar(id="status")
        yield PrefixHint(id="hint")
        yield Line(id="banner")

    # State in.

    @property
    def console(self) -> ConsoleState | None:
        """The console on view, as last known."""
        name = self._session.on_view
        return next((item for item in self._session.consoles if item.name == name), None)

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
        return self._session.link.link is Link.LIVE and bool(self._session.view_id)

    def update(self) -> None:
        """Show the session's present state."""
        session = self._session
        console = self.console
        now = session.now()
        marked = [(item, session.mark(item.name)) for item in session.consoles]
        strip = self.query_one(ConsoleStrip)
        strip.display = len(marked) > 1
        strip.show(marked, session.on_view)
        self.set_class(not self.live, "-stale")
        self.view.set_live(self.live)
        self.view.set_active(self.selected is None)
        self._fit()
        self._update_panes(console, now)
        self._update_status(console, now)
        self._update_banner(now)

    def _update_panes(self, console: ConsoleState | None, now: float) -> None:
        session = self._session
        backends = console.backends if console else ()
        ids = [backend.id for backend in backends]
        if self.selected not in ids:
            self.selected = None
        if ids != list(self._panes):
            self._mount_panes(ids)
        rated = tuple((backend, session.rate(backend.id)) for backend in backends)
        for backend, rate in rated:
            pane = self._panes[backend.id]
            pane.show(backend, rate, now, own=backend.id == session.view_id)
            pane.set_class(backend.id == self.selected, "-selected")
        self.set_class(self.selected is not None, "-choosing")
        self.query_one(BackendStrip).show(rated, now, self.selected, session.view_id)

    def _mount_panes(self, ids: list[str]) -> None:
        holder = self.query_one("#panes", VerticalScroll)
        for id in [id for id in self._panes if id not in ids]:
            self._panes.pop(id).remove()
        for id in ids:
            if id not in self._panes:
                self._panes[id] = BackendPane(id)
                holder.mount(self._panes[id])
        ordered = {id: self._panes[id] for id in ids}
        if list(ordered) != list(self._panes):
            self._panes = ordered
            holder.sort_children(key=lambda pane: ids.index(getattr(pane, "backend", ids[0])))

    def _update_status(self, console: ConsoleState | None, now: float) -> None:
        notes = words.notes(console, self._session.status) if console else []
        if skipped := self.view.terminal.skipped:
            notes.insert(0, (words.gap_note(skipped), "warning"))
        if back := self.view.terminal.engine.viewport_offset:
            notes.insert(0, (f"▲ {back} lines back", "accent"))
        if self.live or self._session.link.link is not Link.LIVE:
            problem = ""
        else:
            problem = self._session.view_problem
        if problem:
            notes.insert(0, (problem, "error"))
        self.query_one(StatusBar).show(
            BarState(
                console=console.name if console else (self._session.on_view or ""),
                guest=self.guest,
                live=self.live or self._session.on_view is None,
                size=words.size_words(self.drawn, self._told(), self.guest),
                notes=tuple(notes),
                prefix=self._prefix,
                now=now,
            )
        )

    def _update_banner(self, now: float) -> None:
        banner = self.query_one("#banner", Line)
        link = self._session.link
        banner.display = link.link is not Link.LIVE
        banner.set_class(link.link is Link.LOST, "-lost")
        what, why = words.link_words(link, now)
        lines = [Content.styled(what, "bold")]
        if link.link is Link.LOST:
            lines.append(Content(why))
            lines += [Content(line) for line in words.LOSS]
            lines.append(
                Content.assemble(
                    ("enter", "bold"),
                    " starts it again   ",
                    (f"{self._prefix} d", "bold"),
                    " leaves",
                )
            )
        banner.show(Content("\n").join(lines))

    # Size.

    def _told(self) -> Size | None:
        status, console = self._session.status, self.console
        return status.size if status else console.size if console else None

    @property
    def drawn(self) -> Size:
        """The size of the guest's screen as it is drawn."""
        return Size(self.view.terminal.engine.rows, self.view.terminal.engine.cols)

    def _fit(self) -> None:
        size = Size(self.view.size.height, self.view.size.width)
        if self._laid_out and size.rows and size.cols:
            self._session.resize(size.rows, size.cols)
            self.view.set_guest_size(
                engine_size(size, self.guest, self._told(), fitted=self.fitted)
            )

    def on_resize(self, event: events.Resize) -> None:
        """Choose where the panes go; the size that arrived is not laid out yet."""
        self.set_class(event.size.width >= WIDE, "-wide")
        self.call_after_refresh(self._settle)

    def _settle(self) -> None:
        self._laid_out = True
        self.update()

    # Keys in.

    def handle_input(self, event: Key | Paste) -> None:
        """Take a key or a piece of a paste from the operator's terminal."""
        if isinstance(event, Paste):
            if self.selected is None and self.live:
                modes = self.view.terminal.engine.modes
                self.type(encode_paste(event.data, modes, start=event.start, end=event.end))
        elif event.action is not KeyAction.RELEASE:
            self._handle_key(event)

    def handle_focus(self, gained: bool) -> None:
        """The operator's terminal gained or lost the focus: a guest may want to know."""
        if self.live:
            self.type(encode_focus(gained, self.view.terminal.engine.modes))

    def _handle_key(self, key: Key) -> None:
        if self._pending:
            self._end_prefix()
            self._after_prefix(key)
        elif key.name == self._prefix:
            self._begin_prefix()
        elif self.selected is not None:
            self._pane_key(key)
        elif not self.live:
            if key.key in ("enter", "kp_enter") and self._session.link.link is Link.LOST:
                self.act("start_daemon")
        elif key.name in ("shift+pageup", "shift+pagedown"):
            self.view.scroll_pages(-1 if key.key == "pageup" else 1)
        else:
            self._send_key(key)

    def _send_key(self, key: Key) -> None:
        data = encode_key(key, self.view.terminal.engine.modes)
        if data:
            self.view.scroll_to_end()
            self.type(data)

    def _begin_prefix(self) -> None:
        self._pending = True
        guest = self.guest
        hint = self.query_one(PrefixHint)
        hint.show_for(
            self._prefix,
            pane=self.selected,
            width=self.size.width,
            can_break=guest is not None and guest.can_break,
        )
        hint.display = True

    def _end_prefix(self) -> None:
        self._pending = False
        self.query_one(PrefixHint).display = False

    def _after_prefix(self, key: Key) -> None:
        if key.name == self._prefix:
            self._send_key(key)
        elif key.key.isdigit() and key.key != "0":
            self.act("console", key.key)
        elif (action := by_key(key.name)) is not None:
            self.act(action.id)
        elif key.key == "escape":
            self.select(None)

    def _pane_key(self, key: Key) -> None:
        if key.key in ("escape", "enter"):
            self.select(None)
        elif (action := by_key(key.name)) and (
            action in PANE_ACTIONS or action.id.startswith("focus_")
        ):
            self.act(action.id)

    def act(self, action: str, argument: str = "") -> None:
        """Ask for an action; see `tui.commands`."""
        self.post_message(Asked(action, argument))

    def select(self, backend: str | None) -> None:
        """Give a pane the focus, or the guest."""
        self.selected = backend
        self.update()
        if backend in self._panes:
            self._panes[backend].scroll_visible(animate=False)

    def type(self, data: bytes) -> None:
        """Send bytes to the guest."""
        if data and not self._session.send(data) and self.live:
            self.notify("The guest takes no more input.", severity="warning", markup=False)

    def on_guest_view_typed(self, message: GuestView.Typed) -> None:
        self.type(message.data)

    def on_guest_view_scrolled(self) -> None:
        self.update()

    def on_pane_chosen(self, message: PaneChosen) -> None:
        self.select(None if message.backend == self.selected else message.backend)

    def on_pane_asked(self, message: PaneAsked) -> None:
        self.selected = message.backend
        self.act(message.action)

    def on_console_chosen(self, message: ConsoleChosen) -> None:
        self._session.show(message.name)
        self.update()
