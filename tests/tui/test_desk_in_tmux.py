"""Copies, the editor and files with a real terminal around the app, and a real daemon behind it."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.muxcore.daemons import ROOT, SLOW, cli, served
from tests.support import eventually_sync, unix_path

pytestmark = pytest.mark.needs("tmux")

GUEST = "seq -f 'line %g of many' 1 200; echo 'see /etc/fstab, again'; exec cat"

EDITOR = """#!/bin/sh
stat -c '%a %n' "$1" > {log}
cat "$1" >> {log}
echo editing
read answer
echo "done: $answer" >> {log}
"""


class Terminal:
    """tmux, with the app in it."""

    def __init__(self, directory: Path) -> None:
        self._socket = unix_path(directory, "tmux")
        self.log = directory / "editor.log"

    def tmux(self, *words: str) -> str:
        """The output of a tmux command."""
        command = ["tmux", "-S", self._socket, "-f", "/dev/null", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def keys(self, *names: str) -> None:
        """Type keys."""
        self.tmux("send-keys", "-t", "app", *names)

    def mouse(self, *events: tuple[int, int, int, str]) -> None:
        """Send mouse events: button, column and row from 1 on, `M` or `m`."""
        sent = "".join(f"\x1b[<{button};{x};{y}{end}" for button, x, y, end in events)
        self.keys("-H", *(f"{byte:02x}" for byte in sent.encode()))

    def shows(self, text: str) -> None:
        """Wait until a text is on the screen."""
        try:
            eventually_sync(lambda: text in self.screen(), SLOW, repr(text))
        except TimeoutError as error:
            raise AssertionError(f"{error} in:\n{self.screen()}") from error

    def screen(self) -> str:
        """What is on the screen."""
        return self.tmux("capture-pane", "-p", "-t", "app")

    def row_of(self, text: str) -> int:
        """The row, from 1 on, that shows a text."""
        return next(row for row, line in enumerate(self.screen().splitlines(), 1) if text in line)

    def copied(self, text: str) -> None:
        """Wait until tmux has it as its newest buffer."""

        def buffer() -> bool:
            with contextlib.suppress(subprocess.CalledProcessError):
                return self.tmux("show-buffer") == text
            return False

        eventually_sync(buffer, SLOW, repr(text))


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    made = Terminal(tmp_path)
    socket = unix_path(tmp_path, "s")
    editor = tmp_path / "editor"
    editor.write_text(EDITOR.format(log=made.log))
    editor.chmod(0o700)
    for name, value in (
        ("MUXTUI_SOCKET", socket),
        ("PYTHONPATH", str(ROOT)),
        ("LC_ALL", "C.UTF-8"),
        ("EDITOR", str(editor)),
        ("TMPDIR", str(tmp_path)),
    ):
        monkeypatch.setenv(name, value)
    for name in ("VISUAL", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    with served(socket), contextlib.ExitStack() as stack:
        assert (
            cli("add", "vm1", "--guest", f"process,command={GUEST.replace(',', ',,')}").returncode
            == 0
        )
        app = shlex.join([sys.executable, "-m", "tui", "vm1"])
        stack.callback(made.tmux, "kill-server")
        made.tmux(
            *("start-server", ";", "set", "-s", "set-clipboard", "on", ";"),
            *("new-session", "-d", "-x", "90", "-y", "30", "-s", "app", app),
        )
        made.shows("see /etc/fstab")
        made.shows("x2")
        yield made


def test_what_is_copied_with_keys_is_in_the_users_clipboard(terminal: Terminal) -> None:
    terminal.keys("C-]", "[")
    terminal.shows("copy mode")
    terminal.keys("2", "k", "0", "v", "j", "$", "y")
    terminal.copied("line 200 of many\nsee /etc/fstab, again")
    terminal.keys("h", "i", "Enter")
    terminal.shows("hi\nhi")


def test_what_is_selected_with_the_mouse_is_in_the_users_clipboard(terminal: Terminal) -> None:
    row = terminal.row_of("see /etc/fstab")
    terminal.mouse((0, 1, row - 1, "M"), (32, 2, row, "M"), (32, 3, row, "M"), (0, 3, row, "m"))
    terminal.copied("line 200 of many\nsee")
    terminal.mouse(*((0, 7, row, end) for end in "MmMm"))
    terminal.copied("/etc/fstab")
    terminal.mouse((1, 7, row, "M"), (1, 7, row, "m"))
    terminal.keys("Enter")
    terminal.shows("\n/etc/fstab")


def test_the_editor_has_all_lines_and_the_app_goes_on_after_it(terminal: Terminal) -> None:
    terminal.keys("C-]", "e")
    terminal.shows("editing")
    assert "ctrl+]" not in terminal.screen()
    assert cli("send", "vm1", "-", input=b"printed meanwhile\n").returncode == 0
    terminal.keys("a", "n", "s", "w", "e", "r", "Enter")
    terminal.shows("printed meanwhile")
    lines = terminal.log.read_text().splitlines()
    mode, path = lines[0].split(" ", 1)
    assert mode == "600"
    assert not os.path.exists(path)
    assert "line 1 of many" in lines
    assert "see /etc/fstab, again" in lines
    assert lines[-1] == "done: answer"
    terminal.keys("b", "a", "c", "k", "Enter")
    terminal.shows("back\nback")
    terminal.shows("ctrl+] menu")


def test_an_editor_may_be_interrupted(terminal: Terminal) -> None:
    terminal.keys("C-]", "e")
    terminal.shows("editing")
    terminal.keys("C-c")
    terminal.shows("ended with SIGINT")
    terminal.keys("b", "a", "c", "k", "Enter")
    eventually_sync(lambda: terminal.screen().count("\nback") == 2, SLOW, "the echo")


def test_a_reset_writes_over_what_others_wrote_to_the_terminal(terminal: Terminal) -> None:
    before = terminal.screen()
    tty = terminal.tmux("display-message", "-p", "-t", "app", "#{pane_tty}").strip()
    Path(tty).write_text("\x1b7\x1b[5;1HBroadcast message\x1b[0K\x1b8", encoding="ascii")
    terminal.shows("Broadcast message")
    terminal.keys("C-]", "r")
    eventually_sync(lambda: terminal.screen() == before, SLOW, "the screen as it was")


def test_the_screen_is_saved_where_the_user_says(terminal: Terminal, tmp_path: Path) -> None:
    terminal.keys("C-]", "S", "Enter")
    terminal.shows("~/muxtui-vm1-")
    terminal.keys("C-u", *str(tmp_path / "saved.txt"), "Enter")
    terminal.shows("Saved in")
    assert "see /etc/fstab, again\n" in (tmp_path / "saved.txt").read_text()


def test_a_search_can_be_typed_at_once(terminal: Terminal) -> None:
    terminal.keys("C-]", "/", *"line 1[2-4] ", "Enter", "n")
    terminal.shows(" 2/3 ")
    terminal.shows("line 13 of many")
    terminal.keys("Escape")
    terminal.shows("see /etc/fstab")
    terminal.keys("h", "i", "Enter")
    terminal.shows("hi\nhi")


def test_lines_are_stamped_with_their_times(terminal: Terminal) -> None:
    terminal.keys("C-]", "t")
    terminal.shows("times: time of day")
    row = terminal.row_of("see /etc/fstab")

    def stamped() -> bool:
        return terminal.screen().splitlines()[row - 1][2:9:3] == "::."

    eventually_sync(stamped, SLOW, "a stamp")
