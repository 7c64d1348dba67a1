"""The daemon's own log: written by a thread, because a terminal, a pipe or a disk may hang."""

from __future__ import annotations

import logging
import logging.handlers
import queue
import threading

from muxcore.chardev.thread import start_thread

MOST = 1000
"""Lines that may wait; further ones are left out, and counted in the log."""

END = 1.0
"""Seconds that the last lines are given at the end."""


class Journal(logging.handlers.QueueHandler):
    """Hands what is logged to `target`, in a thread, and never waits for that.

    Args:
        target: what writes; nobody else may use it.
    """

    def __init__(self, target: logging.Handler) -> None:
        self._records: queue.Queue[logging.LogRecord | None] = queue.Queue(MOST)
        super().__init__(self._records)
        self._target = target
        self._left_out = 0
        self._started = False
        self._ended = threading.Event()

    def enqueue(self, record: logging.LogRecord) -> None:
        """See `logging.handlers.QueueHandler`; without a thread to be had lines wait for one."""
        self._started = self._started or start_thread(self._run, "log")
        try:
            self._records.put_nowait(record)
        except queue.Full:
            self._left_out += 1

    def end(self) -> bool:
        """Write what waits, for `END` seconds at most; whether all of it was written."""
        logging.getLogger().removeHandler(self)
        if not self._started:
            return True
        try:
            self._records.put_nowait(None)
        except queue.Full:
            return False
        return self._ended.wait(END)

    def _run(self) -> None:
        while (record := self._records.get()) is not None:
            # Not `handle`: a lock held over a write that hangs would hold up whoever ends.
            self._target.emit(record)
            if self._left_out:
                count, self._left_out = self._left_out, 0
                self._target.emit(_note(count))
        self._target.close()
        self._ended.set()


def _note(count: int) -> logging.LogRecord:
    text = f"{count} lines of this log were left out: it was not written fast enough"
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, None, None)
