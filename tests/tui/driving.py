"""Driving the app as the terminal driver does: decoded keys, before Textual sees them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from muxcore.vt.keys import Key, Modifiers
from tests.support import POLL, TIMEOUT
from tui.app import MuxApp, make_app

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tests.tui.fakes import FakeSession

PREFIX = "ctrl+]"

QUIET = 4
"""Looks at the screen that must agree before it counts as settled."""


def key(name: str) -> Key:
    """A key by its name: `a`, `ctrl+]`, `shift+pageup`."""
    *held, last = name.split("+") if name != "+" else [name]
    modifiers = Modifiers.NONE
    for modifier in held:
        modifiers |= Modifiers[modifier.upper()]
    return Key(last, modifiers, last if len(last) == 1 and not modifiers else "")


def press(app: MuxApp, *names: str) -> None:
    """Press keys; those that another screen is for go nowhere."""
    for name in names:
        app.take_input(key(name))


def on_console(app: MuxApp) -> bool:
    """Whether nothing lies over the console screen."""
    return app.screen is app.console_screen


async def settle(pilot: Pilot[int]) -> None:
    """Let everything that was posted be done and drawn.

    Raises:
        TimeoutError: the screen still changes after `TIMEOUT` seconds.
    """
    app = pilot.app
    assert isinstance(app, MuxApp)
    screen = app.console_screen
    shown = [""] * QUIET
    deadline = time.monotonic() + TIMEOUT
    while True:
        await pilot.pause()
        await app.workers.wait_for_complete()
        await pilot.pause(POLL)
        shown = [*shown[1:], screen_text(app)]
        undrawn = screen.view.waiting or screen.view.terminal.busy or not screen._laid_out
        busy = undrawn or app._redraw is not None or screen.waiting
        if not busy and len(set(shown)) == 1:
            return
        if time.monotonic() > deadline:
            raise TimeoutError("the screen does not come to rest")


def app_for(session: FakeSession) -> MuxApp:
    """The app over a fake session."""
    return make_app(session)


def screen_text(app: MuxApp) -> str:
    """What is on the app's screen, as text."""
    width, height = app.size
    lines = app.screen._compositor.render_strips()
    return "\n".join(line.text[:width] for line in lines[:height])
