"""What the driver writes to a real terminal, and to one that takes nothing for a while."""

from __future__ import annotations

import os
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from muxcore.vt.choice import make_engine
from tests.muxcore.daemons import SLOW
from tests.support import eventually_sync, read_some, read_until

ROWS, COLS = 24, 80
FRAMES = 150

PROGRAM = """
import os, sys
from textual.app import App
from textual.widgets import Static
from tui.driver import MuxDriver
from tui.screens.direct import DirectScreen

class Counter(App):
    ENABLE_COMMAND_PALETTE = False
    CSS = "Static { height: 24; }"
    number = 0

    def get_default_screen(self):
        return DirectScreen()

    def compose(self):
        yield Static(id="all")

    def on_mount(self):
        self.screen.draw_alone = self._driver.draw_alone
        self.call_after_refresh(os.write, int(sys.argv[1]), b"r")

    def on_key(self, event):
        if event.key == "a":
            self._display = None
            self.query_one("#all").update("alone", layout=False)
            return
        self.number += 1
        text = f"frame {self.number:04} " + chr(48 + self.number % 70) * 1500
        lines = {y: strip for y, strip in enumerate(self.drawn(text))}
        assert self._driver.draw_lines(self.query_one("#all"), lines)
        os.write(int(sys.argv[1]), b".")

    def drawn(self, text):
        from textual.strip import Strip
        from rich.segment import Segment
        return [Strip([Segment(text[at:at + 80].ljust(80))], 80) for at in range(0, 1600, 80)]

app = Counter(driver_class=MuxDriver)
app.run()
"""


class Terminal:
    """The application's terminal, which reads when it is told to."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        termios.tcsetwinsize(slave, (ROWS, COLS))
        self.reports, reports = os.pipe()
        environment = {**os.environ, "TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(reports)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=Path(__file__).parents[2],
            env=environment,
            pass_fds=[reports],
            start_new_session=True,
        )
        os.close(slave)
        os.close(reports)
        self.written = 0
        self.engine = make_engine(ROWS, COLS, 0)

    def shows(self, text: str) -> bool:
        """Take what the application has written; whether `text` is on the screen."""
        data = read_some(self.master)
        self.written += len(data)
        self.engine.feed(data)
        rows = ("".join(run.text for run in self.engine.row(y)) for y in range(ROWS))
        return any(text in row for row in rows)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.reports)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


def test_a_terminal_that_takes_nothing_holds_nobody_and_is_spared_what_is_stale(
    terminal: Terminal,
) -> None:
    read_until(terminal.reports, b"r", SLOW)
    for _ in range(FRAMES):
        os.write(terminal.master, b"k")
        read_until(terminal.reports, b".")
    eventually_sync(lambda: terminal.shows(f"frame {FRAMES:04}"), what="the newest drawing")
    assert terminal.written < FRAMES * 1500 / 2


def test_a_widget_is_drawn_without_textual(terminal: Terminal) -> None:
    read_until(terminal.reports, b"r", SLOW)
    os.write(terminal.master, b"a")
    eventually_sync(lambda: terminal.shows("alone"), what="the widget")
