"""Gives the terminal back for an app that was killed and could not do it itself.

Who kills the app (kill -9, or the kernel for want of memory) leaves the terminal in the alternate
screen and reporting every motion of the mouse, which then is typed into the shell. A child that is
forked while the process is small waits for the app's end. If the terminal was the app's then, the
child undoes the modes; the line settings are the shell's own to set, and it does.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import NoReturn

RESTORE = (
    "\x1b[?2026l\x1b[?69l\x1b[m\x1b]8;;\x1b\\"
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l\x1b[?1004l\x1b[?2048l"
    "\x1b[?7h\x1b[0 q\x1b[?25h\x1b[?1049l"
)
"""Ends what Textual and the driver begin. Bracketed paste stays: the shell may have begun it."""

TOLD = "muxtui was killed; its consoles go on\r\n"

_HAS, _LEFT = b"+", b"-"


class Guardian:
    """See the module. Made by forking: while there is one thread, and little in memory."""

    def __init__(self) -> None:
        reader, self._writer = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            os.close(self._writer)
            _guard(reader)
        os.close(reader)

    def began(self) -> None:
        """The terminal is the app's from now on."""
        self._tell(_HAS)

    def ended(self) -> None:
        """The terminal is as it was found."""
        self._tell(_LEFT)

    def close(self) -> None:
        """End the child."""
        os.close(self._writer)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def _tell(self, what: bytes) -> None:
        # Somebody may have killed the child, which is nobody's loss yet.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._writer, what)


def _guard(reader: int) -> NoReturn:
    """Be the child: wait for the app's end."""
    try:
        # Neither what is typed nor the end of the terminal is meant for it.
        os.setsid()
        last = b""
        while told := os.read(reader, 64):
            last = told[-1:]
        if last == _HAS:
            os.write(sys.stderr.fileno(), (RESTORE + TOLD).encode())
    finally:
        os._exit(0)
