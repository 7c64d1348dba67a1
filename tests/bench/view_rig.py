"""The view bench's machinery: a real tmux client on a pty of ours, and what is shown in it.

The pty stands for the user's terminal: what is read from it is what a terminal, or the ssh link to
it, would have to take. It answers as xterm does, or not at all. It runs muxtui, by itself or in a
tmux, on a daemon of its own with the guest as a `process` guest; or a tmux with the guest in it,
alone or beside another pane.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tests import support
from tests.bench.terminal import COLS, ROWS, XTERM, Pty, environment
from tests.bench.view_guest import READY
from tests.peers import processes
from tests.peers.peer import ROOT

if TYPE_CHECKING:
    pass

SystemName = Literal["muxtui", "muxtui-no-margins", "muxtui-in-tmux", "tmux", "tmux-beside"]

CONSOLE = "bench"
START_TIMEOUT = 30.0
"""Seconds until everything is up and has drawn something."""

GAP = 0.004
"""Seconds of silence at the terminal that end a frame."""

_TMUX_CONF = """\
set -g status off
set -g escape-time 0
set -g default-terminal tmux-256color
set -g history-limit 10000
set -ga terminal-features ',*:RGB:256'
set -g remain-on-exit on
set -g window-size latest
"""


class Window(NamedTuple):
    """What came to the terminal in a while, and the CPU that it took."""

    seconds: float
    frames: int
    """Bursts of output, told apart by GAP."""
    written: int
    """Bytes."""
    cpu: dict[str, float]
    """CPU seconds by role: `ui` and `worker` of muxtui, `daemon`, `tmux`."""


class Terminal(Pty):
    """The user's terminal, COLS by ROWS, on which a guest is shown.

    Entered when the program has drawn something, gone when left.
    """

    def __init__(self, system: SystemName, kind: str, size: str) -> None:
        """Describe it; nothing runs yet.

        Args:
            system: who shows the guest.
            kind: what the guest plays, see `view_guest`.
            size: the guest's size as `COLSxROWS`.
        """
        self._system = system
        self._guest = shlex.join([sys.executable, "-m", "tests.bench.view_guest", kind, size])
        super().__init__({} if system == "muxtui-no-margins" else XTERM)
        self._cols = int(size.partition("x")[0])
        self._server: int | None = None
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start whatever shows the guest."""
        # What a program that has just ended leaves there may still come.
        directory = tempfile.TemporaryDirectory(prefix="mux-view-", ignore_cleanup_errors=True)
        self._dir = Path(self._stack.enter_context(directory))
        self._environment = environment(self._dir)
        command = self._guest
        if self._system.startswith("muxtui"):
            self._start_daemon()
            command = shlex.join([sys.executable, "-m", "tui", CONSOLE])
        if self._system in ("muxtui", "muxtui-no-margins"):
            app = [sys.executable, "-m", "tui", CONSOLE]
            self.pane = self.spawn(app, self._environment)
        else:
            self._start_tmux(command)

    def _start_daemon(self) -> None:
        command = [sys.executable, "-m", "muxcore", "serve"]
        self._daemon = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._stack.callback(processes.stop, self._daemon)
        support.connect_unix(self._environment["MUXTUI_SOCKET"], START_TIMEOUT).close()
        guest = "process,command=" + self._guest.replace(",", ",,")
        self._muxcore("add", CONSOLE, "--guest", guest)

    def _start_tmux(self, command: str) -> None:
        (self._dir / "tmux.conf").write_text(_TMUX_CONF)
        self._stack.callback(self._tmux, "kill-server")
        self._tmux("new-session", "-d", "-x", str(COLS), "-y", str(ROWS), f"exec {command}")
        if self._system == "tmux-beside":
            self._tmux("split-window", "-dhl", str(COLS - self._cols - 1), "exec cat")
        self.spawn(["tmux", "attach"], self._environment)
        pids = self._tmux("display", "-pt", "{left}", "#{pid} #{pane_pid}").split()
        self._server, self.pane = (int(pid) for pid in pids)

    def _muxcore(self, *words: str) -> str:
        return self._run(sys.executable, "-m", "muxcore", *words)

    def _tmux(self, *words: str) -> str:
        return self._run("tmux", "-f", str(self._dir / "tmux.conf"), *words)

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self._environment,
            check=True,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=START_TIMEOUT,
        )
        return done.stdout

    def console(self) -> dict[str, Any]:
        """What the daemon says of the console."""
        (found,) = json.loads(self._muxcore("ls", "--json"))
        return dict(found)

    def received(self) -> int:
        """Bytes the guest has printed and this system has let it print; 0 for tmux."""
        return 0 if self._daemon is None else int(self.console()["guest"]["received"])

    def start_guest(self) -> None:
        """Wait for the guest's first screen, and have it play.

        Raises:
            TimeoutError: it does not come.
        """
        if self.wait_for(READY, START_TIMEOUT) is None:
            raise TimeoutError(f"{self._system} does not show the guest but {self.tail!r}")
        self.press(b"g")

    def watch(self, seconds: float) -> Window:
        """Read for `seconds`, and count."""
        used = self.cpu()
        start = last = time.monotonic()
        frames = written = 0
        while (now := time.monotonic()) < start + seconds:
            data = self.read(start + seconds - now)
            if not data:
                continue
            now = time.monotonic()
            if now - last > GAP or not frames:
                frames += 1
            last = now
            written += len(data)
        elapsed = time.monotonic() - start
        cpu = {role: used_now - used.get(role, 0) for role, used_now in self.cpu().items()}
        return Window(elapsed, frames, written, cpu)

    def cpu(self) -> dict[str, float]:
        """CPU seconds used so far, by role."""
        used = {"tmux": processes.cpu_seconds(self._server) if self._server is not None else 0.0}
        if self._daemon is not None:
            used["ui"] = processes.cpu_seconds(self.pane)
            used["worker"] = sum(map(processes.cpu_seconds, processes.family(self.pane)[1:]))
            used["daemon"] = processes.cpu_seconds(self._daemon.pid)
        return used
