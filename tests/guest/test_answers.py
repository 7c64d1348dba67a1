"""A guest that asks at every prompt, with two apps, tio and picocom on its console at once."""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.control import Control
from tests.guest import linux, qemu, sharing
from tests.muxcore.daemons import ROOT, served
from tests.support import eventually_sync, unix_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.guest,
    pytest.mark.needs("tmux", "tio", "picocom"),
    pytest.mark.timeout(300),
]

LITTER = re.compile(rb"[0-9]+;[0-9]+R")
"""What is left of a cursor's position where somebody took it for keys."""

SHIFT_F3 = b"\x1b[1;2R"
ASK = b"\x1b[6n"
TERMINALS = 4
PTYS = 2
"""Those of the terminals that are on a pty."""


@dataclass
class Desk:
    """A guest at its prompt, and four terminals on its console, each a window of tmux."""

    control: Control
    operator: sharing.StreamView
    tmux_socket: str

    def tmux(self, *words: str) -> str:
        """The output of a tmux command."""
        command = ["tmux", "-S", self.tmux_socket, "-f", "/dev/null", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def screen(self, window: str) -> str:
        """What a terminal shows."""
        return self.tmux("capture-pane", "-p", "-t", f"t:{window}")

    @property
    def typed(self) -> int:
        """Bytes that the guest was sent."""
        return int(self.control.console("vm1")["guest"]["sent"])

    @property
    def surplus(self) -> int:
        """Answers that were taken out."""
        backends = self.control.console("vm1")["backends"]
        return sum(backend["surplus"] for backend in backends)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    console = unix_path(tmp_path, "vm1")
    guest = linux.linux(console, wait=True)
    ptys = {name: str(tmp_path / name) for name in ("tty0", "tty1")}
    backends = [f"pty,id=pty{number},path={path}" for number, path in enumerate(ptys.values())]
    config = sharing.write_config(
        tmp_path, {"vm1": (f"socket,path={console},reconnect-ms=100", backends)}
    )
    control = unix_path(tmp_path, "control")
    for name, value in (
        ("MUXTUI_SOCKET", control),
        ("PYTHONPATH", str(ROOT)),
        ("LC_ALL", "C.UTF-8"),
        ("TMPDIR", str(tmp_path)),
    ):
        monkeypatch.setenv(name, value)
    for name in ("COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    with contextlib.ExitStack() as stack:
        stack.enter_context(served(control, "-c", config))
        operator = stack.enter_context(sharing.stream(control, "vm1"))
        client = stack.enter_context(Control(control))
        stack.enter_context(guest)
        operator.login()
        made = Desk(client, operator, unix_path(tmp_path, "tmux"))
        stack.callback(made.tmux, "kill-server")
        app = shlex.join([sys.executable, "-m", "tui", "vm1"])
        windows = {
            "app0": app,
            "app1": app,
            "tio": f"tio -n {ptys['tty0']}",
            "picocom": f"picocom -q --noinit {ptys['tty1']}",
        }
        size = ("-x", "100", "-y", "30")
        first, *others = windows.items()
        made.tmux("new-session", "-d", "-s", "t", "-n", first[0], *size, first[1])
        for name, command in others:
            made.tmux("new-window", "-d", "-t", "t:", "-n", name, command)
        eventually_sync(lambda: _peers(client) == TERMINALS + 1, sharing.WAIT, "everybody")
        yield made


def _peers(control: Control) -> int:
    return sum(len(backend["peers"]) for backend in control.console("vm1")["backends"])


def _everybody_shows(desk: Desk, text: str) -> None:
    for window in ("app0", "app1", "tio", "picocom"):
        eventually_sync(
            lambda name=window: text in desk.screen(name),  # type: ignore[misc]
            sharing.WAIT,
            f"{text!r} at {window}",
        )


def test_t11_one_answer_to_each_prompt_with_two_apps_tio_and_picocom(desk: Desk) -> None:
    typists = ["tio", "app0", "picocom", "app1"]
    # The ptys brought their terminals the prompts before them, whose answers nobody waits for.
    replayed = PTYS * desk.operator.everything.count(ASK)
    eventually_sync(lambda: desk.surplus == replayed, sharing.WAIT, "answers to the replay")
    for number, window in enumerate(typists * 2):
        before, surplus = desk.typed, desk.surplus
        desk.tmux("send-keys", "-t", f"t:{window}", f"echo mark{number}", "Enter")
        desk.operator.expect(rb"\r\nmark%d\r\n.*?# \x1b\[6n" % number)
        eventually_sync(
            lambda wanted=surplus + TERMINALS - 1: desk.surplus == wanted,  # type: ignore[misc]
            sharing.WAIT,
            "an answer by each terminal",
        )
        line = len(f"echo mark{number}\r")
        answer = desk.typed - before - line
        assert len("\x1b[1;1R") <= answer <= len("\x1b[24;100R"), "not one answer"
        _everybody_shows(desk, f"mark{number}")
    assert not LITTER.search(desk.operator.everything)
    for window in typists:
        assert not LITTER.search(desk.screen(window).encode())
    # Nothing is open any more, so this is a key: Shift-F3.
    before = desk.typed
    desk.tmux("send-keys", "-t", "t:tio", "-H", *(f"{byte:02x}" for byte in SHIFT_F3))
    eventually_sync(lambda: desk.typed == before + len(SHIFT_F3), sharing.WAIT)


def test_u_boot_is_typed_to_with_picocom_as_it_always_was(tmp_path: Path) -> None:
    console, tty = unix_path(tmp_path, "vm1"), str(tmp_path / "tty")
    config = sharing.write_config(
        tmp_path,
        {"vm1": (f"socket,path={console},reconnect-ms=100", [f"pty,id=pty0,path={tty}"])},
    )
    control = unix_path(tmp_path, "control")
    with (
        served(control, "-c", config),
        sharing.stream(control, "vm1") as operator,
        qemu.uboot(console, wait=True),
    ):
        operator.interrupt_autoboot()
        with sharing.on_a_terminal("picocom", "--noinit", tty) as (picocom, _):
            # What is typed before it has set its terminal is flushed.
            picocom.expect(b"Terminal ready")
            picocom.send(b"echo from pico\x1b[D\x1b[Ccom\r")
            operator.expect(rb"\nfrom picocom\r?\n.*?=> ")
            picocom.expect(rb"\nfrom picocom\r?\n.*?=> ")
