"""What streams over terminals, the master side of a pty or a serial line, have in common."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import struct
import termios
from collections.abc import Sequence

from muxcore.chardev.base import Stream

TIOCGPTPEER = 0x5441
"""Open the slave of a master, ioctl_tty(2); Python's termios has it from 3.13."""


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


class MasterStream(TerminalStream):
    """A stream over the master of a pty, whose slave somebody else reads."""

    @property
    def backlog(self) -> int:
        """See `Stream.backlog`; a master is not told, only the slave is (FIONREAD)."""
        with contextlib.suppress(OSError):
            slave = fcntl.ioctl(self.fd, TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY)
            try:
                poll = select.poll()
                poll.register(slave, select.POLLIN)
                # Whoever finds nothing there waits for what is on its way (n_tty_poll).
                poll.poll(0)
                return int(struct.unpack("i", fcntl.ioctl(slave, termios.FIONREAD, bytes(4)))[0])
            finally:
                os.close(slave)
        return 0
