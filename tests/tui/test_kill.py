"""What `kill -9` of the app leaves: everything but the view; and of its screen: the app."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ptyprocess import PtyProcess

from tests.muxcore.daemons import ROOT, SLOW, cli, served
from tests.support import eventually_sync, read_some, read_until, unix_path
from tui import guardian


def console() -> dict[str, Any]:
    (found,) = json.loads(cli("ls", "--json").stdout)
    return dict(found)


def views() -> list[str]:
    return [item["id"] for item in console()["backends"] if item["type"] == "attach"]


def workers(app: int) -> list[int]:
    """The processes that keep the screen of an app."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        # A process may end between the two.
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{pid}/status").read_text()
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if f"\nPPid:\t{app}\n" in status and b"muxcore.screen" in command:
                found.append(int(pid))
    return found


def test_a_killed_screen_is_replaced_and_ends_with_the_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = unix_path(tmp_path, "s")
    monkeypatch.setenv("MUXTUI_SOCKET", path)
    with served(path):
        assert cli("add", "vm1", "--guest", "process,command=echo READY; cat").returncode == 0
        command = [sys.executable, "-m", "tui", "vm1"]
        app = PtyProcess.spawn(command, cwd=str(ROOT), dimensions=(24, 120))
        try:
            read_until(app.fd, b"READY", SLOW)
            (first,) = workers(app.pid)
            os.kill(first, signal.SIGKILL)
            read_until(app.fd, b"restarted", SLOW)
            (second,) = workers(app.pid)
            assert second != first
            app.write(b"still here\r")
            read_until(app.fd, b"still here", SLOW)
            os.kill(app.pid, signal.SIGKILL)
            eventually_sync(lambda: not _running(second), SLOW, "the end of the screen's process")
        finally:
            app.close(force=True)


def _running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    # Without a parent it is for init to clear away.
    return status.rpartition(")")[2].split()[0] not in "ZX"


@contextlib.contextmanager
def on_a_terminal() -> Iterator[PtyProcess]:
    """An app that shows the first line of its console."""
    assert cli("add", "vm1", "--guest", "process,command=echo READY; cat").returncode == 0
    app = PtyProcess.spawn(
        [sys.executable, "-m", "tui", "vm1"], cwd=str(ROOT), dimensions=(24, 120)
    )
    try:
        read_until(app.fd, b"READY", SLOW)
        yield app
    finally:
        app.close(force=True)


def rest_of(app: PtyProcess) -> bytes:
    """What the terminal is still told, up to its end."""
    told = b""
    while data := read_some(app.fd, SLOW):
        told += data
    return told


def test_a_killed_app_leaves_a_terminal_that_can_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUXTUI_SOCKET", path := unix_path(tmp_path, "s"))
    with served(path), on_a_terminal() as app:
        os.kill(app.pid, signal.SIGKILL)
        told = rest_of(app)
        assert guardian.TOLD.strip().encode() in told
        for mode in (b"1000", b"1003", b"1004", b"1006", b"1049"):
            assert b"\x1b[?%sl" % mode in told


def test_an_app_that_is_left_gives_the_terminal_back_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUXTUI_SOCKET", path := unix_path(tmp_path, "s"))
    with served(path), on_a_terminal() as app:
        app.write(b"\x1dd")
        told = rest_of(app)
        assert b"\x1b[?1049l" in told
        assert guardian.TOLD.strip().encode() not in told


def test_a_terminal_that_the_app_did_not_take_is_told_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, writer = os.pipe()
    with open(writer, "wb") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        for taken in (False, True):
            guard = guardian.Guardian()
            if taken:
                guard.began()
                guard.ended()
            guard.close()
    with open(reader, "rb") as told:
        assert told.read() == b""


def test_a_killed_app_takes_its_own_view_along_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, shared = unix_path(tmp_path, "s"), unix_path(tmp_path, "shared")
    monkeypatch.setenv("MUXTUI_SOCKET", path)
    with served(path):
        backend = f"socket,id=sock0,path={shared},server=on,wait=off"
        assert cli("add", "vm1", "--guest", "process,command=cat", "-b", backend).returncode == 0
        app = PtyProcess.spawn(
            [sys.executable, "-m", "tui", "vm1"], cwd=str(ROOT), dimensions=(24, 80)
        )
        try:
            with socket.socket(socket.AF_UNIX) as other:
                other.connect(shared)
                eventually_sync(views, SLOW, "the app's view")
                os.kill(app.pid, signal.SIGKILL)
                eventually_sync(lambda: not views(), SLOW, "the end of its view")
                assert console()["guest"]["state"] == "open"
                other.send(b"still here\n")
                read_until(other, b"still here\r\n", SLOW)
        finally:
            app.close(force=True)
