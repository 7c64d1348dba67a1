"""The view bench's machinery: a real tmux client on a pty of ours, and what is shown in it.

The pty stands for the user's terminal: what is read from it is what a terminal, or the ssh link to
it, would have to take. It answers as xterm does, or not at all. It runs muxtui, by itself or in a
tmux, on a daemon of its own with the guest as a `process` guest; or a tmux with the guest in it,
alone or beside another pane.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import select
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from tests import support
from tests.bench.view_guest import READY
from tests.peers.processes import cpu_seconds, family

if TYPE_CHECKING:
    from types import TracebackType

SystemName = Literal["muxtui", "muxtui-no-margins", "muxtui-in-tmux", "tmux", "tmux-beside"]

ROOT = Path(__file__).parents[2]
COLS, ROWS = 200, 50
CONSOLE = "bench"
START_TIMEOUT = 30.0
"""Seconds until everything is up and has drawn something."""

GAP = 0.004
"""Seconds of silence at the terminal that end a frame."""

_ANSWERS = {
    b"\x1b[c": b"\x1b[?64;1;2;6;9;15;16;17;18;21;22;28c",
    b"\x1b[>c": b"\x1b[>41;379;0c",
    b"\x1b[?69$p": b"\x1b[?69;2$y",
}
"""What the terminal answers, as XTerm(379) does: what it is, its version, that it has margins."""

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


class Terminal:
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
        self._answers = {} if system == "muxtui-no-margins" else _ANSWERS
        self._cols = int(size.partition("x")[0])
        self._tail = b""
        self._stack = contextlib.ExitStack()
        self._server: int | None = None
        self._daemon: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._dir = Path(tempfile.mkdtemp(prefix="mux-view-"))
            stack.callback(_remove, self._dir)
            # A terminal of its own: nothing in the environment tells of the one this runs in.
            self._environment = {
                **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
                "HOME": str(self._dir),
                "XDG_RUNTIME_DIR": str(self._dir),
                "TMUX_TMPDIR": str(self._dir),
                "MUXTUI_SOCKET": str(self._dir / "s"),
                "PYTHONPATH": str(ROOT),
                "COLORTERM": "truecolor",
                "LC_ALL": "C.UTF-8",
                "TERM": "xterm-256color",
            }
            command = self._guest
            if self._system.startswith("muxtui"):
                self._start_daemon(stack)
                command = shlex.join([sys.executable, "-m", "tui", CONSOLE])
            if self._system in ("muxtui", "muxtui-no-margins"):
                self.pane = self._attach(stack, [sys.executable, "-m", "tui", CONSOLE])
            else:
                self._start_tmux(stack, command)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _start_daemon(self, stack: contextlib.ExitStack) -> None:
        command = [sys.executable, "-m", "muxcore", "serve"]
        self._daemon = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        stack.callback(_stop, self._daemon)
        support.connect_unix(self._environment["MUXTUI_SOCKET"], START_TIMEOUT).close()
        guest = "process,command=" + self._guest.replace(",", ",,")
        self._muxcore("add", CONSOLE, "--guest", guest)

    def _start_tmux(self, stack: contextlib.ExitStack, command: str) -> None:
        (self._dir / "tmux.conf").write_text(_TMUX_CONF)
        stack.callback(self._tmux, "kill-server")
        self._tmux("new-session", "-d", "-x", str(COLS), "-y", str(ROWS), f"exec {command}")
        if self._system == "tmux-beside":
            self._tmux("split-window", "-dhl", str(COLS - self._cols - 1), "exec cat")
        self._attach(stack, ["tmux", "attach"])
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

    def _attach(self, stack: contextlib.ExitStack, command: list[str]) -> int:
        master, slave = pty.openpty()
        stack.callback(os.close, master)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLS, 0, 0))
        client = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self._environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        stack.callback(_stop, client)
        os.close(slave)
        os.set_blocking(master, False)
        self.fd = master
        return client.pid

    def console(self) -> dict[str, Any]:
        """What the daemon says of the console."""
        (found,) = json.loads(self._muxcore("ls", "--json"))
        return dict(found)

    def received(self) -> int:
        """Bytes the guest has printed and this system has let it print; 0 for tmux."""
        return 0 if self._daemon is None else int(self.console()["guest"]["received"])

    # What happens at the terminal.

    def press(self, key: bytes) -> None:
        """Type."""
        os.write(self.fd, key)

    def read(self, timeout: float) -> bytes:
        """Whatever comes within `timeout` seconds, once; empty when nothing does."""
        if not select.select([self.fd], [], [], max(0.0, timeout))[0]:
            return b""
        data = os.read(self.fd, 1 << 20)
        for query in filter(data.__contains__, self._answers):
            os.write(self.fd, self._answers[query])
        return data

    def wait_for(self, text: bytes, timeout: float) -> float | None:
        """Seconds until `text` has come; None when it does not in time."""
        start = time.perf_counter()
        tail = b""
        while (left := start + timeout - time.perf_counter()) > 0:
            got = tail + self.read(left)
            self._tail = (self._tail + got)[-2000:]
            if text in got:
                return time.perf_counter() - start
            tail = got[-len(text) :]
        return None

    def start_guest(self) -> None:
        """Wait for the guest's first screen, and have it play.

        Raises:
            TimeoutError: it does not come.
        """
        if self.wait_for(READY, START_TIMEOUT) is None:
            raise TimeoutError(f"{self._system} does not show the guest but {self._tail!r}")
        self.press(b"g")

    def settle(self, seconds: float) -> None:
        """Read what comes for a while."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(left)

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
        used = {"tmux": cpu_seconds(self._server) if self._server is not None else 0.0}
        if self._daemon is not None:
            used["ui"] = cpu_seconds(self.pane)
            used["worker"] = sum(map(cpu_seconds, family(self.pane)[1:]))
            used["daemon"] = cpu_seconds(self._daemon.pid)
        return used


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _remove(directory: Path) -> None:
    subprocess.run(["rm", "-rf", str(directory)], check=True)
