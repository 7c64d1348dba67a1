"""The driver between a real terminal and Textual: an application on a pty, typed at."""

from __future__ import annotations

import ast
import os
import select
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = """
import os, sys
from textual import events
from textual.app import App
from muxcore.vt.keys import Key
from tui.driver import MuxDriver

class Typed(App):
    ENABLE_COMMAND_PALETTE = False
    declined = False

    def report(self, *what):
        os.write(int(sys.argv[1]), repr(what).encode() + b"\\n")

    def on_mount(self):
        self._driver.input_sink = self.sink
        self.call_after_refresh(self.report, "ready", None)

    def sink(self, event):
        declines, self.declined = self.declined, isinstance(event, Key) and event.name == "ctrl+]"
        if declines:
            return False
        self.report("sink", event.raw)
        if isinstance(event, Key) and event.name == "f12":
            self._driver.input_sink = None
        return True

    def on_key(self, event):
        self.report("key", event.key)
        self.screen.refresh()

    def on_paste(self, event):
        self.report("paste", event.text)

    def on_mouse_down(self, event):
        self.report("mouse", (event.x, event.y))

    def on_app_blur(self, event):
        self.report("blur", None)

    def on_resize(self, event):
        self.report("resize", tuple(event.size))

app = Typed(driver_class=MuxDriver)
app.run()
app.report("end", app.return_code)
"""


class Terminal:
    """The application's terminal: what it writes is drained, what it reports is read."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        termios.tcsetwinsize(slave, (24, 80))
        self._reports, reports = os.pipe()
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("TEXTUAL")},
            "TERM": "xterm-256color",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(reports)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            pass_fds=[reports],
            cwd=Path(__file__).parents[2],
            env=environment,
            start_new_session=True,
        )
        os.close(slave)
        os.close(reports)
        self.output = b""
        self._pending = b""

    def type(self, data: bytes) -> None:
        """Send bytes as a terminal does, reading what comes meanwhile."""
        os.set_blocking(self.master, False)
        while data:
            self._pump(0.01)
            try:
                data = data[os.write(self.master, data) :]
            except BlockingIOError:
                continue

    def report(self, *kinds: str) -> tuple[str, Any]:
        """Return the next report of one of these kinds; others are passed over."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            line, found, rest = self._pending.partition(b"\n")
            if found:
                self._pending = rest
                kind, what = ast.literal_eval(line.decode())
                if kind in kinds:
                    return kind, what
            elif time.monotonic() > deadline:
                raise TimeoutError(f"no {kinds}; the terminal shows {self.output[-500:]!r}")
            else:
                self._pump(0.05)

    def until_shown(self, needle: bytes) -> None:
        deadline = time.monotonic() + TIMEOUT
        while needle not in self.output:
            assert time.monotonic() < deadline, self.output[-500:]
            self._pump(0.05)

    def _pump(self, timeout: float) -> None:
        ready, _, _ = select.select([self.master, self._reports], [], [], timeout)
        if self._reports in ready:
            self._pending += os.read(self._reports, 65_536)
        if self.master in ready:
            try:
                self.output += os.read(self.master, 65_536)
            except OSError:
                return

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self._reports)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    try:
        made.report("ready")
        yield made
    finally:
        made.close()


def typed(terminal: Terminal, data: bytes) -> bytes:
    """Type at the guest view; return what reached the sink, as many bytes as were typed."""
    terminal.type(data)
    got = b""
    while len(got) < len(data):
        kind, what = terminal.report("sink", "key", "paste")
        assert kind == "sink", what
        got += what
    return got


KEYS = [
    b"\x03",
    b"\x10",
    b"\x11",
    b"\x1a",
    b"\x08",
    b"\x7f",
    b"\x1b\x7f",
    b"\x1b\r",
    b"\x1b1",
    b"\x1b ",
    b"\x1b[25~",
    b"\x1b[1;2R",
    b"\x1b[1;5A",
    b"\x1b[Z",
    "é你".encode(),
    b"\x1b[200~pasted\x03\x1b[A\n\x1b[201~",
]


def test_what_is_typed_reaches_the_sink_exactly(terminal: Terminal) -> None:
    for key in KEYS:
        assert typed(terminal, key) == key
    everything = b"".join(KEYS)
    assert typed(terminal, everything) == everything


def test_a_lone_escape_is_a_key_when_nothing_follows(terminal: Terminal) -> None:
    assert typed(terminal, b"\x1b") == b"\x1b"
    assert typed(terminal, b"x") == b"x"


def test_what_the_sink_declines_is_textuals(terminal: Terminal) -> None:
    assert typed(terminal, b"\x1d") == b"\x1d"
    terminal.type(b"a")
    assert terminal.report("sink", "key") == ("key", "a")
    assert typed(terminal, b"b\x1d") == b"b\x1d"
    terminal.type(b"\x1b[A")
    assert terminal.report("sink", "key") == ("key", "up")
    assert typed(terminal, b"\x1d") == b"\x1d"
    terminal.type(b"\x1b")
    assert terminal.report("sink", "key") == ("key", "escape")


def test_without_a_sink_all_input_is_textuals(terminal: Terminal) -> None:
    assert typed(terminal, b"\x1b[24~") == b"\x1b[24~"
    for data, report in [
        (b"a", ("key", "a")),
        (b"\x1b", ("key", "escape")),
        (b"\x1bx", ("key", "alt+x")),
        (b"\x1b[97;5u", ("key", "ctrl+a")),
        (b"\x1b[1089::99;5u", ("key", "ctrl+c")),
        (b"\x1b[200~two\nlines\x1b[201~", ("paste", "two\nlines")),
    ]:
        terminal.type(data)
        assert terminal.report("sink", "key", "paste") == report


def test_a_paste_is_bounded_on_its_way_to_textual(terminal: Terminal) -> None:
    typed(terminal, b"\x1b[24~")
    terminal.type(b"\x1b[200~" + b"x" * (3 << 19) + b"\x1b[201~")
    _, text = terminal.report("paste")
    assert len(text) == 1 << 20


def test_mouse_focus_and_size_are_always_textuals(terminal: Terminal) -> None:
    terminal.type(b"\x1b[<0;10;5M")
    assert terminal.report("mouse", "sink") == ("mouse", (9, 4))
    terminal.type(b"\x1b[O")
    assert terminal.report("blur", "sink") == ("blur", None)


def test_answers_of_the_terminal_are_nobodys_keys(terminal: Terminal) -> None:
    terminal.type(b"\x1b[?62;22c\x1b[24;80R\x1b]11;rgb:0/0/0\x07\x1bP>|x\x1b\\")
    assert typed(terminal, b"x") == b"x"


def test_textual_hears_the_mode_reports_it_asked_for(terminal: Terminal) -> None:
    typed(terminal, b"\x1b[24~")
    terminal.type(b"\x1b[?2026;2$yr")
    terminal.until_shown(b"\x1b[?2026h")


def test_the_outer_keyboard_stays_in_its_legacy_mode(terminal: Terminal) -> None:
    terminal.until_shown(b"\x1b[?2004h")
    assert b"\x1b[>" not in terminal.output


def test_a_terminal_that_is_gone_ends_the_application(terminal: Terminal) -> None:
    attributes = termios.tcgetattr(terminal.master)
    assert not attributes[3] & termios.ICANON
    os.close(terminal.master)
    terminal.master = os.open(os.devnull, os.O_RDWR)
    assert terminal.process.wait(TIMEOUT) is not None


def test_margins_are_used_where_the_terminal_has_them_and_given_back(terminal: Terminal) -> None:
    terminal.until_shown(b"\x1b[?69$p")
    assert b"\x1b[?69h" not in terminal.output
    terminal.type(b"\x1b[?69;2$y")
    terminal.until_shown(b"\x1b[?69h")
    assert b"\x1b[?69l" not in terminal.output
    terminal.type(b"\x1b[24~\x11")
    terminal.until_shown(b"\x1b[?69l")


def test_a_terminal_that_knows_of_no_margins_gets_none(terminal: Terminal) -> None:
    terminal.until_shown(b"\x1b[?69$p")
    terminal.type(b"\x1b[?69;0$yx")
    assert terminal.report("sink", "key") == ("sink", b"x")
    assert b"\x1b[?69h" not in terminal.output
