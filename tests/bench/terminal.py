"""The user's terminal: a pty of ours, what is read from it, and what xterm would answer there.

What is read is what a terminal, or the ssh link to it, would have to take.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING

from tests import support
from tests.peers import processes
from tests.peers.peer import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COLS, ROWS = 200, 50

XTERM = {
    b"\x1b[c": b"\x1b[?64;1;2;6;9;15;16;17;18;21;22;28c",
    b"\x1b[>c": b"\x1b[>41;379;0c",
    b"\x1b[?69$p": b"\x1b[?69;2$y",
}
"""What XTerm(379) answers: what it is, its version, that it has margins."""


def environment(home: Path) -> dict[str, str]:
    """What a program on it finds: nothing tells of the terminal that the bench runs in."""
    return {
        **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home),
        "TMUX_TMPDIR": str(home),
        "MUXTUI_SOCKET": str(home / "s"),
        "PYTHONPATH": str(ROOT),
        "COLORTERM": "truecolor",
        "LC_ALL": "C.UTF-8",
        "TERM": "xterm-256color",
    }


class Pty(support.Staged):
    """A terminal of COLS by ROWS; what runs on it ends with it.

    Attributes:
        fd: its end, non-blocking, once a program runs.
        started: when that was started, in seconds of time.perf_counter().
        tail: what was read last by `wait_for`, for messages.
    """

    def __init__(self, answers: Mapping[bytes, bytes] = XTERM) -> None:
        super().__init__()
        self.fd = -1
        self.started = 0.0
        self.tail = b""
        self._answers = answers

    def start(self) -> None:
        """Nothing runs there yet."""

    def spawn(self, command: list[str], environment: Mapping[str, str]) -> int:
        """Run a program there; returns its process id."""
        self.fd, slave = pty.openpty()
        self._stack.callback(os.close, self.fd)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLS, 0, 0))
        self.started = time.perf_counter()
        program = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self._stack.callback(processes.stop, program)
        os.close(slave)
        os.set_blocking(self.fd, False)
        return program.pid

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
            self.tail = (self.tail + got)[-2000:]
            if text in got:
                return time.perf_counter() - start
            tail = got[-len(text) :]
        return None

    def settle(self, seconds: float) -> None:
        """Read what comes for a while."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(left)
