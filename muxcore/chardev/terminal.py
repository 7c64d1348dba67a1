"""What streams over terminals, the master side of a pty or a serial line, have in common."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence

from muxcore.chardev.base import Stream


class TerminalStream(Stream):
    """A stream over a terminal, where EIO on reading is the end (tty hung up, pty(7))."""

    # n_tty's buffer: a terminal never gives more at once (linux/drivers/tty/n_tty.c).
    full_read = 4095

    def read(self, limit: int) -> bytes:
        """See `Stream.read`."""
        try:
            return os.read(self.fd, limit)
        except OSError as error:
            if error.errno == errno.EIO:
                return b""
            raise

    def read_into(self, buffers: Sequence[memoryview]) -> int:
        """See `Stream.read_into`."""
        try:
            return os.readv(self.fd, buffers)
        except OSError as error:
            if error.errno == errno.EIO:
                return 0
            raise
