"""What `kill -9` of the app leaves: everything but the view."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from ptyprocess import PtyProcess

from tests.muxcore.daemons import ROOT, SLOW, cli, served
from tests.support import eventually_sync, read_until, unix_path


def console() -> dict[str, Any]:
    (found,) = json.loads(cli("ls", "--json").stdout)
    return dict(found)


def views() -> list[str]:
    return [item["id"] for item in console()["backends"] if item["type"] == "attach"]


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
