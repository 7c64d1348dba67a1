"""The app: its life, its themes, its screens. No feature lives here."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from typing import TYPE_CHECKING, Any, ClassVar

from rich.console import COLOR_SYSTEMS
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.filter import Monochrome, NoColor
from textual.geometry import Offset

from muxcore.screen.process import EngineProcess
from tui.actions import DEFAULT_PREFIX
from tui.clipboard import osc52, targets
from tui.colour_depth import Depth, colour_depth, is_modern
from tui.commands import Commands
from tui.desktop import Desktop
from tui.driver import MuxDriver
from tui.input_queue import InputQueue
from tui.look import Look
from tui.screens.console import ConsoleScreen
from tui.screens.welcome import WelcomeScreen
from tui.session import DaemonSession
from tui.state import Link
from tui.terminal import Terminal
from tui.themes import THEMES, first_theme, has_colours

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType
    from textual import events
    from textual.binding import BindingType
    from textual.driver import Driver
    from textual.screen import Screen
    from textual.timer import Timer

    from muxcore.screen.worker import Worker
    from muxcore.vt.keys import Key, Paste
    from tui.guardian import Guardian
    from tui.model import Session
    from tui.terminal_cursor import CursorPlace

TICK = 1.0
"""Seconds between two looks at what only time changes: `retrying in 4 s`."""

SETTLED = 1.0
"""Seconds after which what the app has made stays.

Looking through all of it for garbage, again and again, would stop the drawing for as long as the
daemon keeps a flood for a view.
"""

SOON = 0.01
"""Seconds between two looks whether a screen has come up that what was typed is for."""

RESTARTED = "The daemon was started again; consoles that were made by hand are gone."


class MuxApp(App[int]):
    """muxtui's user interface over a session; made by `make_app`."""

    ENABLE_COMMAND_PALETTE = False
    # Textual loads no style sheet of its default screen.
    CSS_PATH = "screens/console.tcss"
    BINDINGS: ClassVar[list[BindingType]] = []
    TITLE = "muxtui"

    def __init__(
        self,
        session: Session,
        prefix: str,
        depth: Depth = Depth.TRUE,
        driver_class: type[Driver] | None = None,
        terminal: Terminal | None = None,
    ) -> None:
        super().__init__(
            driver_class=driver_class,
            watch_css=False,
            ansi_color=None if has_colours(depth) else True,
        )
        self._limit_colours(depth)
        self.session = session
        look = Look(depth=depth, modern=is_modern(os.environ))
        self._desktop = Desktop(self._write_to_terminal, os.environ)
        self.console_screen = ConsoleScreen(
            session, prefix, self._act, terminal, look, self._desktop
        )
        self.commands = Commands(self, session, self.console_screen, prefix, self.repaint_terminal)
        self._input = InputQueue(self._obey_input, self._input_waits, self._obey_soon)
        self.console_screen.ready = self._input.go_on
        self.give_input: Callable[[Key | Paste], None] = lambda _: None
        """Gives Textual keys and pastes that were held back."""
        self._redraw: Timer | None = None
        self._last_link = Link.CONNECTING
        self._was_lost = False
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = first_theme(depth)

    def _limit_colours(self, depth: Depth) -> None:
        """Have Textual write what the terminal shows; it finds out less, and NO_COLOR in grey."""
        colours = "standard" if depth is Depth.NONE else depth.value
        self.console._color_system = COLOR_SYSTEMS[colours]  # noqa: SLF001
        self.no_color = depth is Depth.NONE
        self._filters = [
            item for item in self._filters if not isinstance(item, Monochrome | NoColor)
        ]
        if self.no_color:
            self._filters.append(NoColor())

    def get_default_screen(self) -> Screen[Any]:
        """The console screen lies under all others."""
        return self.console_screen

    async def on_ready(self) -> None:
        """Begin: the console screen is composed and laid out."""
        if isinstance(self._driver, MuxDriver):
            self._driver.input_sink = self.take_input
            self.give_input = self._driver.give
            self.console_screen.view.cursor.put = self._put_cursor
            self.console_screen.view.draw = self._driver.draw_lines
            self.console_screen.draw_alone = self._driver.draw_alone
        self.session.watch(self._session_changed, self.console_screen.wake)
        self.set_interval(TICK, self._tick, name="tick")
        self.theme_changed_signal.subscribe(self, lambda _: self.console_screen.view.repaint())
        await self.session.start()
        self._update()

    async def on_unmount(self) -> None:
        """End the session with the app."""
        self._desktop.leave()
        await self.session.close()

    # Output.

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Have our driver show an update with as little output as it takes."""
        driver = self._driver
        if not isinstance(driver, MuxDriver) or not isinstance(
            renderable, ChopsUpdate | LayoutUpdate
        ):
            super()._display(screen, renderable)
        elif self._running and not self._closed and not self._batch_count:
            driver.draw(renderable, self.screen.outer_size.clamp_offset(self.cursor_position))
            self.post_display_hook()

    def _put_cursor(self, place: CursorPlace | None, drawing: bool) -> None:
        """Put the terminal's own cursor where a view wants it; see `ViewCursor.put`."""
        if place is not None:
            self.cursor_position = Offset(place.x, place.y)
        if isinstance(self._driver, MuxDriver):
            self._driver.put_cursor(place, drawing=drawing)

    def on_resize(self, event: events.Resize) -> None:
        """Take nothing for granted that a terminal shows that was resized, if only for a moment."""
        if isinstance(self._driver, MuxDriver):
            self._driver.repaint(event.size)

    def repaint_terminal(self) -> None:
        """Write all that is shown again: others may have written to the terminal."""
        if isinstance(self._driver, MuxDriver):
            self._driver.repaint(self.size)

    def _write_to_terminal(self, text: str) -> None:
        if self._driver is not None:
            self._driver.write(text)

    def copy_to_clipboard(self, text: str) -> None:
        """Set the clipboard of the user's terminal, and its primary selection if it has one."""
        self._clipboard = text
        if self._driver is not None:
            for target in targets(os.environ):
                self._driver.write(osc52(text, target))

    # Input.

    def take_input(self, event: Key | Paste) -> bool:
        """Offered every key and paste before Textual; what another screen is for is declined."""
        if self._input.idle and self.screen is not self.console_screen:
            return False
        self._input.put(event)
        return True

    def _obey_input(self, event: Key | Paste) -> None:
        if self.screen is self.console_screen:
            self.console_screen.handle_input(event)
        else:
            self.give_input(event)

    def _input_waits(self) -> bool:
        """Whether what was typed before has still to take effect: a screen that it brings up."""
        ending = not self.screen_stack
        return ending or self.console_screen.busy or not self.screen.is_mounted

    def _obey_soon(self) -> None:
        self.set_timer(SOON, self._input.go_on, name="input")

    def on_app_focus(self, event: events.AppFocus) -> None:
        """Tell the console screen, which tells a guest that asked."""
        self.console_screen.handle_focus(True)

    def on_app_blur(self, event: events.AppBlur) -> None:
        """Tell the console screen, which tells a guest that asked."""
        self.console_screen.handle_focus(False)

    def _act(self, action: str, argument: str) -> None:
        self.commands.do(action, argument)

    # State.

    def _session_changed(self) -> None:
        """Draw the new state: a change of the link at once, all else when its time has come.

        But for a size: what comes behind it in the stream is printed for it.
        """
        self.console_screen.fit()
        if self.session.link.link is not self._last_link:
            self._update()
        elif self._redraw is None:
            self._redraw = self.set_timer(self.console_screen.due, self._update, name="redraw")

    def _tick(self) -> None:
        if self._redraw is None:
            self._update()

    def _update(self) -> None:
        if self._redraw is not None:
            self._redraw.stop()
            self._redraw = None
        if not self.screen_stack or not self.is_running:
            # The app is ending: its screens go before its timers do.
            return
        self._last_link = self.session.link.link
        if self._last_link is Link.LIVE:
            self._choose_console()
        elif self._last_link is Link.LOST:
            self._was_lost = True
        for notice in self.session.take_notices():
            self.notify(notice, title=self.session.on_view or "", markup=False)
        self.console_screen.update()

    def _choose_console(self) -> None:
        """See to it that an existing console is on view; without any, ask for one."""
        names = [console.name for console in self.session.consoles]
        welcome = isinstance(self.screen, WelcomeScreen) and self.screen.first
        if names and welcome:
            self.screen.dismiss("")
        if names and self.session.on_view not in names:
            self._say_gone(self.session.on_view)
            self.session.show(names[0])
        elif not names and self.screen is self.console_screen:
            self.session.show(None)
            notice = RESTARTED if self._was_lost else ""
            self.push_screen(WelcomeScreen(first=True, notice=notice), self.commands.begin)
        self._was_lost = False

    def _say_gone(self, console: str | None) -> None:
        if console is not None:
            self.notify(f"There is no console {console}.", severity="warning", markup=False)


def make_app(
    session: Session,
    *,
    prefix: str = DEFAULT_PREFIX,
    depth: Depth = Depth.TRUE,
    driver_class: type[Driver] | None = None,
    terminal: Terminal | None = None,
) -> MuxApp:
    """Make the app over a session; tests and screenshots give it theirs."""
    return MuxApp(session, prefix, depth, driver_class, terminal)


def run(socket: str, console: str | None, worker: Worker, guardian: Guardian) -> int:
    """Run the user interface on the daemon at `socket` until it is left.

    Args:
        socket: path of the control socket.
        console: the console to show; the first one where it is None.
        worker: the process that is to keep its screen, started early.
        guardian: what gives the terminal back if the app is killed.

    Returns:
        The exit status: 0 unless the app failed.
    """
    session = DaemonSession(socket, console)
    depth = colour_depth(os.environ)
    terminal = Terminal(session, EngineProcess, worker)
    MuxDriver.guardian = guardian
    app = make_app(session, depth=depth, driver_class=MuxDriver, terminal=terminal)
    return asyncio.run(_run(app))


async def _run(app: MuxApp) -> int:
    loop = asyncio.get_running_loop()
    for ending in (signal.SIGHUP, signal.SIGTERM):
        # The terminal is gone, or we are to go: the daemon keeps everything.
        loop.add_signal_handler(ending, app.exit, 0)
    loop.call_later(SETTLED, _collect)
    status = await app.run_async()
    return app.return_code or status or 0


def _collect() -> None:
    """From now on collect what becomes garbage: all that is there by now stays."""
    gc.freeze()
    gc.enable()
