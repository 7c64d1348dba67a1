"""The app on a terminal, under the kill soak: the numbers that it shows, and its processes."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from pathlib import Path

from ptyprocess import PtyProcess

from muxcore.vt.choice import make_engine
from tests.muxcore.daemons import ROOT

ROWS, COLS = 24, 100
NUMBER = re.compile(r"\b\d{15}\b")


class View:
    """`muxtui CONSOLE` on a terminal of its own.

    Attributes:
        fd: the terminal, to be read whenever something is there.
    """

    def __init__(self, control: str, console: str) -> None:
        command = [sys.executable, "-m", "tui", "--socket", control, console]
        self._app = PtyProcess.spawn(command, cwd=str(ROOT), dimensions=(ROWS, COLS))
        self._screen = make_engine(ROWS, COLS)
        self.fd: int = self._app.fd
        os.set_blocking(self.fd, False)

    @property
    def pid(self) -> int:
        """The app's process."""
        return int(self._app.pid)

    def read(self) -> None:
        """Show what is there, and answer what is asked."""
        with contextlib.suppress(OSError):
            self._screen.feed(os.read(self.fd, 1 << 18))
            os.write(self.fd, self._screen.take_replies())

    def numbers(self) -> list[str]:
        """The numbers on the screen, from its top."""
        rows = ("".join(run.text for run in self._screen.row(y)) for y in range(ROWS))
        return NUMBER.findall("\n".join(rows))

    def newest(self) -> int:
        """The largest of them; 0 if there is none."""
        return max(map(int, self.numbers()), default=0)

    def workers(self) -> list[int]:
        """The processes that keep its screens."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            # A process may end between the two.
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text()
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
                if f"\nPPid:\t{self.pid}\n" in status and b"muxcore.screen" in command:
                    found.append(int(pid))
        return found

    def kill(self) -> None:
        """Kill the app, not its worker."""
        os.kill(self.pid, signal.SIGKILL)
        self._app.close(force=True)
        self._screen.close()
