"""One burst of a flood to many sockets and pipes without a copy for each: splice(2), tee(2).

The burst's pages go from the guest's socket into a pipe, once through a second
pipe into the history, which keeps a copy of everything, and by way of the same
second pipe to every peer that is caught up. Whatever one of them does not take
it goes on with from the history, as ever: both pipes are empty after a burst.

A peer's kernel then holds the very pages the guest's program filled. One that
was given pages by their owner (vmsplice(2), MSG_ZEROCOPY) may see what that
owner writes to them later; that is the guest's own output and nobody else's.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
from collections.abc import Sequence

LIMIT = 64 * 1024
"""Bytes in the pipes at most."""

_SIZE = 256 * 1024
"""What a pipe is asked to hold: a page may be in it for a few bytes only."""

_NONBLOCK = 2  # SPLICE_F_NONBLOCK, <fcntl.h>
_MOVE = 1  # SPLICE_F_MOVE

_tee = getattr(ctypes.CDLL(None, use_errno=True), "tee", None)
"""tee(2), which Python does not have; None where the C library has not either."""


class Splice:
    """The two pipes of one console; see the module.

    Raises:
        OSError: there are no descriptors or no memory for them, or the system has no tee(2).
    """

    def __init__(self) -> None:
        if _tee is None:
            raise OSError("there is no tee(2)")
        self.held = 0
        """Bytes of the burst that `send` gives."""
        self._fds: list[int] = []
        try:
            for _ in range(2):
                self._fds += os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
                fcntl.fcntl(self._fds[-1], fcntl.F_SETPIPE_SZ, _SIZE)
            self._fds.append(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC))
        except OSError:
            self.close()
            raise
        self._out, self._in, self._copy_out, self._copy_in, self._null = self._fds

    def close(self) -> None:
        """Give the descriptors back. Idempotent."""
        fds, self._fds = self._fds, []
        for fd in fds:
            os.close(fd)

    def take(self, fd: int, buffers: Sequence[memoryview]) -> int:
        """Read from `fd` as much as `buffers` take, at most `LIMIT`, into them and for `send`.

        Returns 0 at the end of the stream. The burst is held until `drop`.

        Raises:
            BlockingIOError: nothing is there now.
            OSError: the stream is broken, or (EINVAL) cannot be spliced.
        """
        self.drop()
        room = min(LIMIT, sum(map(len, buffers)))
        self.held = os.splice(fd, self._in, room, flags=_MOVE | _NONBLOCK)
        if self.held and not self._copy():
            # The pipe took them in more pieces than its twin has room for: they are read as ever.
            return self._read(self._out, buffers, self.held)
        return self._read(self._copy_out, buffers, self.held)

    def send(self, fd: int, views: Sequence[memoryview]) -> int:
        """Give `fd` the burst, which is `views`, and return how much it took.

        Raises:
            BlockingIOError: it takes nothing now.
            OSError: the stream is broken.
        """
        if not self.held or not self._copy():
            return os.writev(fd, views)
        taken = 0
        try:
            while taken < self.held:
                taken += os.splice(self._copy_out, fd, self.held - taken, flags=_MOVE | _NONBLOCK)
        except BlockingIOError:
            if not taken:
                raise
        except OSError as error:
            if taken or error.errno != errno.EINVAL:
                raise
            return os.writev(fd, views)
        finally:
            self._forget(self._copy_out, self.held - taken)
        return taken

    def drop(self) -> None:
        """Everybody was given the burst."""
        self._forget(self._out, self.held)
        self.held = 0

    def _copy(self) -> bool:
        """Have the burst in the second pipe too, whole, or else nothing there."""
        assert _tee is not None
        count: int = _tee(self._out, self._copy_in, ctypes.c_size_t(self.held), _NONBLOCK)
        if count == self.held:
            return True
        self._forget(self._copy_out, max(0, count))
        return False

    def _read(self, pipe: int, buffers: Sequence[memoryview], count: int) -> int:
        left = count
        for buffer in buffers:
            part = buffer[:left]
            while part:
                got = os.readv(pipe, [part])
                left -= got
                part = part[got:]
        if pipe == self._out:
            self.held = 0
        return count

    def _forget(self, pipe: int, count: int) -> None:
        while count > 0:
            count -= os.splice(pipe, self._null, count, flags=_MOVE)


def make_splice() -> Splice | None:
    """Pipes for a console, None where there can be none."""
    with contextlib.suppress(OSError):
        return Splice()
    return None
