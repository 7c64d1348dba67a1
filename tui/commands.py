"""What the actions of `tui.actions` do: one method `do_ID` each."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from muxcore.errors import MuxError
from tui.actions import ACTIONS
from tui.chardev_text import chardev_text, free_id
from tui.screens.chardev import ChardevQuestion, ChardevScreen
from tui.screens.choice import NEW, backend_choice, console_choice
from tui.screens.confirm import Confirm
from tui.screens.help import HelpScreen
from tui.screens.welcome import WelcomeScreen
from tui.text_commands import TextCommands
from tui.themes import usable_themes
from tui.words import endings, peer_name

if TYPE_CHECKING:
    from textual.app import App

    from tui.model import Session
    from tui.screens.console import ConsoleScreen
    from tui.state import BackendState

BACKEND_TYPES = ("socket", "pty", "file", "process", "serial", "ringbuf", "null")
"""The order a user is offered them in: what is wanted most comes first."""

AGAIN = 10.0
"""Seconds within which a second reset goes further than the first."""


class Commands(TextCommands):
    """Carries out actions on the console screen of an app.

    Args:
        app: the app.
        session: where everything comes from.
        screen: the console screen.
        prefix: the prefix as people write it.
        repaint: writes the whole screen to the user's terminal again.
    """

    def __init__(
        self,
        app: App[int],
        session: Session,
        screen: ConsoleScreen,
        prefix: str,
        repaint: Callable[[], None],
    ) -> None:
        super().__init__(app, session, screen)
        self._prefix = prefix
        self._repaint = repaint
        self._reset_at = -math.inf

    def do(self, action: str, argument: str = "") -> None:
        """Carry out an action by its id."""
        method: Callable[..., None] = getattr(self, f"do_{action}")
        if argument:
            method(argument)
        else:
            method()

    def attempt(self, doing: Awaitable[None], done: str = "") -> None:
        """Run a command in the background; say when it failed, or that it is done."""

        async def run() -> None:
            try:
                await doing
            except MuxError as error:
                self._app.notify(str(error), severity="error", markup=False)
            else:
                if done:
                    self._app.notify(done, markup=False)

        self._app.run_worker(run(), exit_on_error=False)

    # muxtui.

    def do_leave(self) -> None:
        self._app.exit(0)

    def do_help(self) -> None:
        self._app.push_screen(HelpScreen(self._prefix))

    def do_palette(self) -> None:
        self._app.search_commands(
            [
                (action.title, lambda id=action.id: self.do(id), f"{action.help} ({action.key})")
                for action in ACTIONS
                if action.id != "palette"
            ],
            placeholder="What is to be done?",
        )

    def do_quit(self) -> None:
        consoles = self._session.consoles
        if not consoles:
            self._stop("stop")
            return
        facts = endings(consoles, self._session.view_id)
        answers = (("cancel", "Cancel"), ("leave", "Leave, all goes on"), ("stop", "Stop all"))
        question = "Stop the daemon, and everything on it?"
        self._app.push_screen(Confirm(question, facts, answers, "stop"), self._stop)

    def _stop(self, answer: str | None) -> None:
        if answer == "leave":
            self._app.exit(0)
        elif answer == "stop":
            self._app.run_worker(self._stop_daemon(), exit_on_error=False)

    async def _stop_daemon(self) -> None:
        try:
            await self._session.stop_daemon()
        except MuxError as error:
            self._app.notify(str(error), severity="error", markup=False)
        else:
            self._app.exit(0)

    def do_start_daemon(self) -> None:
        # It may take seconds on a busy machine.
        self._app.notify("Starting the daemon …", markup=False)
        self.attempt(self._session.start_daemon())

    # Consoles.

    def do_next(self) -> None:
        self._switch(1)

    def do_previous(self) -> None:
        self._switch(-1)

    def do_console(self, digit: str) -> None:
        consoles = self._session.consoles
        if int(digit) <= len(consoles):
            self._show(consoles[int(digit) - 1].name)

    def do_consoles(self) -> None:
        session = self._session
        marked = [(console, session.mark(console.name)) for console in session.consoles]
        self._app.push_screen(console_choice(marked, session.on_view, session.now()), self._show)

    def _switch(self, step: int) -> None:
        names = [console.name for console in self._session.consoles]
        if self._session.on_view in names:
            self._show(names[(names.index(self._session.on_view) + step) % len(names)])

    def _show(self, name: str | None) -> None:
        if name and name != self._session.on_view:
            self._session.show(name)
            self._screen.select(None)

    def do_new_console(self) -> None:
        self._app.push_screen(WelcomeScreen(first=False), self.begin)

    def begin(self, start: str | None) -> None:
        """Do what was chosen on the welcome screen."""
        if start == "quit":
            self.do_quit()
        elif start == "leave" and not self._session.consoles:
            self.do_leave()
        elif start == "shell":
            name = self._free_console("shell")
            guest = chardev_text("process", f"{name}.guest", {"command": self._session.shell()})
            self.attempt(self._make_console(name, guest))
        elif start in ("socket", "serial", "process"):
            self._ask_guest(start)

    def _ask_guest(self, type: str) -> None:
        names = {"socket": "vm", "serial": "board", "process": "program"}
        question = ChardevQuestion(
            title={
                "socket": "Connect to a socket",
                "serial": "Open a serial port",
                "process": "Run a command",
            }[type],
            types=(type,),
            forms=self._session.forms(),
            submit=self._make_console,
            id_for=lambda _, name: f"{name}.guest",
            named=self._free_console(names[type]),
            ports=self._session.serial_ports() if type == "serial" else (),
        )
        self._app.push_screen(ChardevScreen(question))

    async def _make_console(self, name: str, guest: str) -> None:
        await self._session.add_console(name, guest)
        self._session.show(name)

    def _free_console(self, stem: str) -> str:
        names = [console.name for console in self._session.consoles]
        return stem if stem not in names else free_id(stem, names)

    def do_send_break(self) -> None:
        self.attempt(self._session.send_break(), "A break was sent.")

    def do_add_backend(self) -> None:
        console = self._screen.console
        if console is None:
            self._app.notify("No console is on view yet.", markup=False)
            return
        loose = self._session.loose
        if not loose:
            self._ask_backend(console.name)
            return

        def chosen(id: str | None) -> None:
            if id == NEW:
                self._ask_backend(console.name)
            elif id:
                self.attempt(self._session.adopt_backend(console.name, id))

        self._app.push_screen(backend_choice(console.name, loose), chosen)

    def _ask_backend(self, console: str) -> None:
        taken = [backend.id for item in self._session.consoles for backend in item.backends]
        taken += [chardev.id for chardev in self._session.loose]
        forms = self._session.forms()
        question = ChardevQuestion(
            title=f"Another backend for {console}",
            types=[type for type in BACKEND_TYPES if type in forms],
            forms=forms,
            submit=lambda _, chardev: self._session.add_backend(console, chardev),
            id_for=lambda type, _: free_id(f"{console}.{type}", taken),
            values={"server": "on", "wait": "off"},
            ports=self._session.serial_ports(),
        )
        self._app.push_screen(ChardevScreen(question))

    # This view.

    def do_reset(self) -> None:
        """Draw all anew: the view from the history, and the user's terminal, whoever wrote to it.

        Once more, soon, leaves the alternate screen, which garbage may have chosen.
        """
        terminal, now = self._screen.view.terminal, self._session.now()
        alternate = terminal.modes.alternate_screen
        leave = alternate and now - self._reset_at <= AGAIN
        self._reset_at = now
        self._screen.notes.dismiss_trouble()
        terminal.reset(leave=leave)
        self._session.show(self._session.on_view)
        self._screen.update_soon()
        self._repaint()
        if alternate and not leave:
            said = f"Still garbled? {self._prefix} r again leaves the full-screen program's screen."
            self._app.notify(said, title="Redrawn from history", markup=False)

    def do_size(self) -> None:
        self._screen.fitted = not self._screen.fitted
        self._screen.update()
        if self._screen.fitted:
            size = self._screen.drawn
            self._app.notify(
                f"In the guest: stty rows {size.rows} cols {size.cols}",
                title="Drawn as large as the view",
                markup=False,
            )

    def do_scroll_up(self) -> None:
        self._screen.view.scroll_pages(-1)

    def do_scroll_down(self) -> None:
        self._screen.view.scroll_pages(1)

    def do_pan_up(self) -> None:
        self._pan(0, -1)

    def do_pan_down(self) -> None:
        self._pan(0, 1)

    def do_pan_left(self) -> None:
        self._pan(-1, 0)

    def do_pan_right(self) -> None:
        self._pan(1, 0)

    def _pan(self, right: int, down: int) -> None:
        """Move by half a view."""
        view = self._screen.view
        view.pan(right * max(1, view.size.width // 2), down * max(1, view.size.height // 2))

    def do_theme(self) -> None:
        names = usable_themes(self._app.available_themes, ansi=self._app.native_ansi_color)
        self._app.theme = names[(names.index(self._app.theme) + 1) % len(names)]

    # The focused pane.

    def do_focus_next(self) -> None:
        self._focus(1)

    def do_focus_previous(self) -> None:
        self._focus(-1)

    def _focus(self, step: int) -> None:
        console = self._screen.console
        ids = [backend.id for backend in console.backends] if console else []
        if not ids:
            return
        if self._screen.selected in ids:
            index = ids.index(self._screen.selected) + step
        else:
            index = 0 if step > 0 else -1
        self._screen.select(ids[index % len(ids)])

    def _pane(self) -> BackendState | None:
        console = self._screen.console
        backends = console.backends if console else ()
        found = next((item for item in backends if item.id == self._screen.selected), None)
        if found is None:
            self._app.notify(f"Choose a pane first: {self._prefix} tab.", markup=False)
        return found

    def _other_pane(self) -> BackendState | None:
        """The focused pane, unless it is this view's own."""
        pane = self._pane()
        if pane is not None and pane.id == self._session.view_id:
            self._app.notify(f"This is your own view: {self._prefix} d leaves.", markup=False)
            return None
        return pane

    def do_pause(self) -> None:
        if pane := self._other_pane():
            self.attempt(self._session.set_backend(pane.id, paused=not pane.paused))

    def do_readonly(self) -> None:
        if pane := self._pane():
            self.attempt(self._session.set_backend(pane.id, readonly=not pane.readonly))

    def do_copy(self) -> None:
        if (pane := self._pane()) is None:
            return
        if not pane.connect:
            self._app.notify(f"{pane.id} has no command to connect with.", markup=False)
            return
        self._app.copy_to_clipboard(pane.connect)
        self._app.notify(pane.connect, title="Copied", markup=False)

    def do_detach(self) -> None:
        if pane := self._other_pane():
            done = f"{pane.id} is off this console.\nTo put it back: {self._prefix} a"
            self.attempt(self._session.detach_backend(pane.id), done)

    def do_disconnect(self) -> None:
        pane = self._other_pane()
        if pane is None:
            return
        if not pane.peers:
            self._app.notify(f"Nobody is connected to {pane.id}.", markup=False)
        elif len(pane.peers) == 1:
            self._disconnect(pane.peers[0].id)
        else:
            answers = (("", "Cancel"), *((peer.id, peer_name(peer)) for peer in pane.peers))
            question = f"Disconnect whom from {pane.id}?"
            self._app.push_screen(Confirm(question, (), answers), self._disconnect)

    def _disconnect(self, peer: str | None) -> None:
        if peer:
            self.attempt(self._session.disconnect_peer(peer))

    def do_remove(self) -> None:
        pane = self._other_pane()
        if pane is None:
            return
        facts = [f"{pane.type} {pane.address}".strip()]
        facts += [f"{peer_name(peer)} is disconnected" for peer in pane.peers]
        answers = (("keep", "Keep it"), ("remove", "Remove"))

        def answered(answer: str | None) -> None:
            if answer == "remove":
                self.attempt(self._session.remove_backend(pane.id))

        self._app.push_screen(Confirm(f"Remove {pane.id}?", facts, answers, "remove"), answered)
