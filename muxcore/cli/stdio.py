"""This process's own standard input and output on an event loop, without blocking it.

Their descriptors are shared with the shell and with other programs, so that
they must not be made non-blocking themselves (open(2), O_NONBLOCK).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import Callable


async def read_stdin(limit: int) -> bytes:
    """Up to `limit` bytes of standard input once they are there; empty at its end."""
    loop = asyncio.get_running_loop()
    readable = loop.create_future()
    try:
        loop.add_reader(0, _set, readable)
    except OSError:
        # A regular file is never waited for (epoll refuses it).
        return os.read(0, limit)
    try:
        await readable
    finally:
        loop.remove_reader(0)
    try:
        return os.read(0, limit)
    except OSError:
        # A terminal that hung up gives EIO.
        return b""


class Output:
    """Standard output; `drained` is called whenever everything was taken.

    The caller stops giving while `waiting` is not 0: that bounds what is kept.
    """

    def __init__(self, drained: Callable[[], None]) -> None:
        self._drained = drained
        self._waiting = bytearray()
        self._fd = _reopen(1)

    @property
    def waiting(self) -> int:
        """Bytes that were not taken yet."""
        return len(self._waiting)

    def write(self, data: bytes) -> None:
        """Write `data` behind what waits. Raises BrokenPipeError when nobody reads any more."""
        self._waiting += data
        self._flush()

    async def flush(self) -> None:
        """Write what waits, as long as it takes."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            writable = loop.create_future()
            loop.add_writer(self._fd, _set, writable)
            await writable
            self._flush()

    def close(self) -> None:
        """Give the descriptor back; standard output itself stays."""
        with contextlib.suppress(OSError, ValueError):
            asyncio.get_running_loop().remove_writer(self._fd)
        os.close(self._fd)

    def _flush(self) -> None:
        while self._waiting:
            try:
                del self._waiting[: os.write(self._fd, self._waiting)]
            except BlockingIOError:
                break
        loop = asyncio.get_running_loop()
        if self._waiting:
            loop.add_writer(self._fd, self._more)
        else:
            with contextlib.suppress(OSError):
                loop.remove_writer(self._fd)

    def _more(self) -> None:
        try:
            self._flush()
        except OSError:
            # The next write tells.
            self._waiting.clear()
            asyncio.get_running_loop().remove_writer(self._fd)
        if not self._waiting:
            self._drained()


def _reopen(fd: int) -> int:
    """Another open file description of `fd`, non-blocking where that makes sense."""
    mode = os.fstat(fd).st_mode
    if stat.S_ISCHR(mode) or stat.S_ISFIFO(mode):
        # Not for a regular file: it would be written from its beginning again.
        with contextlib.suppress(OSError):
            return os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    return os.dup(fd)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
