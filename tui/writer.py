"""Writes to the user's terminal without ever waiting for it.

A terminal may take nothing for a while: a thin link, a frozen tmux, a held scroll lock. Textual's
thread queues thirty frames for it, which an echo then waits for, and then stops the application.
Here a drawing that finds an earlier one unwritten is put off: what is drawn in the end is newer.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

MAX_PENDING = 8 << 20
"""Bytes that wait for the terminal at most; a whole screen in true colour is a tenth of it."""

PATIENCE = 1.0
"""Seconds that a terminal gets at the end to take what is left."""


class Writer:
    """Writes to a terminal on the event loop.

    Args:
        loop: the event loop.
        terminal: a descriptor of the terminal; another is opened, which may fail where the terminal
            is another user's: then this one is written to, and waited for.
        written: called when nothing waits any more.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, terminal: int, written: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._written = written
        self._pending = bytearray()
        self._fd = _reopened(terminal)

    @property
    def busy(self) -> bool:
        """Whether something waits for the terminal."""
        return bool(self._pending)

    def write(self, text: str) -> None:
        """Write, now or when the terminal takes it; what is beyond the bound is lost."""
        data = text.encode("utf-8", "replace")
        if self._pending:
            if len(self._pending) + len(data) <= MAX_PENDING:
                self._pending += data
            return
        self._pending += data
        self._send()
        if self._pending:
            self._loop.add_writer(self._fd, self._go_on)

    def close(self) -> None:
        """Write what is left if the terminal takes it in time."""
        self._loop.remove_writer(self._fd)
        deadline = time.monotonic() + PATIENCE
        poller = select.poll()
        poller.register(self._fd, select.POLLOUT)
        while self._pending and (left := deadline - time.monotonic()) > 0:
            if poller.poll(left * 1000):
                self._send()
        os.close(self._fd)

    def _go_on(self) -> None:
        self._send()
        if not self._pending:
            self._loop.remove_writer(self._fd)
            self._written()

    def _send(self) -> None:
        try:
            while self._pending:
                del self._pending[: os.write(self._fd, self._pending)]
        except BlockingIOError:
            pass
        except OSError:
            # The terminal is gone, which its reader will find.
            self._pending.clear()


def _reopened(terminal: int) -> int:
    """Another open file description: not to wait is a property of one, and shells share ours."""
    with contextlib.suppress(OSError):
        flags = os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(os.ttyname(terminal), flags)
    return os.dup(terminal)
