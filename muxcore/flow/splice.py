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

REFUSALS = {errno.EINVAL, errno.ENOMEM, errno.ENOBUFS}
"""What splice(2) fails with where a copy may well succeed."""

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
        self._spoiled = False
        try:
            for _ in range(2):
                self._fds += os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
                fcntl.fcntl(self._fds[-1], fcntl.F_SETPIPE_SZ, _SIZE)
            self._fds.append(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC))
        except OSError:
            self.close()
            raise
        self._out, self._in, self._copy_out, self._copy_in, self._null = self._fds

    @property
    def broken(self) -> bool:
        """Whether the pipes have failed; then they give nothing to anybody any more."""
        return self._spoiled or not self._fds

    def close(self) -> None:
        """Give the descriptors back. Idempotent."""
        fds, self._fds, self.held = self._fds, [], 0
        for fd in fds:
            with contextlib.suppress(OSError):
                os.close(fd)

    def take(self, fd: int, buffers: Sequence[memoryview]) -> int | None:
        """Read from `fd` as much as `buffers` take, at most `LIMIT`, into them and for `send`.

        Returns 0 at the end of the stream, and None where it has to be read in another way: it
        cannot be spliced, or there is no memory for that. The burst is held until `drop`.

        Raises:
            BlockingIOError: nothing is there now.
            OSError: the stream is broken.
        """
        self.drop()
        room = min(LIMIT, sum(map(len, buffers)))
        try:
            self.held = os.splice(fd, self._in, room, flags=_MOVE | _NONBLOCK)
        except OSError as error:
            if error.errno in REFUSALS:
                return None
            raise
        # In more pieces than the second pipe has room for it is for the history alone.
        return self._read(self._copy_out if self._copy() else self._out, buffers)

    def send(self, fd: int) -> int | None:
        """Give `fd` the burst, and return how much it took; None if it has to be written to it.

        Raises:
            BlockingIOError: it takes nothing now.
            OSError: the stream is broken.
        """
        if not self._copy():
            return None
        count, taken = self.held, 0
        try:
            while taken < count:
                taken += os.splice(self._copy_out, fd, count - taken, flags=_MOVE | _NONBLOCK)
        except OSError as error:
            # What is taken is taken: the next write meets the same again, if it is still there.
            if not taken:
                if error.errno in REFUSALS:
                    return None
                raise
        finally:
            self._forget(self._copy_out, count - taken)
        return taken

    def drop(self) -> None:
        """Everybody was given the burst."""
        if self.held:
            self._forget(self._out, self.held)
            self.held = 0

    def _copy(self) -> bool:
        """Have the burst in the second pipe too, whole, or else nothing there."""
        if not self.held or self._spoiled or _tee is None:
            return False
        count: int = _tee(self._out, self._copy_in, ctypes.c_size_t(self.held), _NONBLOCK)
        if count == self.held:
            return True
        self._forget(self._copy_out, max(0, count))
        return False

    def _read(self, pipe: int, buffers: Sequence[memoryview]) -> int:
        """Read the burst out of `pipe`, in which it is whole."""
        count = left = self.held
        for buffer in buffers:
            part = buffer[:left]
            while part:
                try:
                    got = os.readv(pipe, [part])
                except BlockingIOError as error:
                    # It would be taken for a guest that has printed nothing, and the burst be lost.
                    raise OSError(errno.EIO, os.strerror(errno.EIO)) from error
                left -= got
                part = part[got:]
        if pipe == self._out:
            self.held = 0
        return count

    def _forget(self, pipe: int, count: int) -> None:
        """Take `count` bytes out of `pipe`; if that fails, what is in it must reach nobody."""
        try:
            while count > 0:
                count -= os.splice(pipe, self._null, count, flags=_MOVE)
        except OSError:
            self._spoiled = True


def make_splice() -> Splice | None:
    """Pipes for a console, None where there can be none."""
    with contextlib.suppress(OSError):
        return Splice()
    return None
