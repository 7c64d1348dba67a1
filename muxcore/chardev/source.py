"""What a file holds, as input: read ahead by a thread, because a disk may hang."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import Callable

from muxcore.chardev.thread import post, start_thread
from muxcore.errors import OpenError, describe_os_error

CHUNK = 64 * 1024
"""Bytes read at once, and so the most that is held."""

RETRY = 1.0
"""Seconds until a thread that was not to be had is tried for again."""


def open_input(path: str) -> int:
    """Open a regular file for reading.

    Raises:
        OpenError: it cannot be opened, or is something that could keep a reader waiting.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise OpenError(f"Could not open '{path}': {describe_os_error(error)}") from error
    try:
        regular = stat.S_ISREG(os.fstat(fd).st_mode)
    except OSError as error:
        os.close(fd)
        raise OpenError(f"Could not open '{path}': {describe_os_error(error)}") from error
    if not regular:
        os.close(fd)
        raise OpenError(f"Could not open '{path}': not a regular file")
    return fd


class FileSource:
    """The bytes of one file, from its beginning to its end.

    Args:
        fd: the file, owned from now on.
        name: what the thread is called.
    """

    def __init__(self, fd: int, name: str) -> None:
        self._fd = fd
        self._name = name
        self._loop = asyncio.get_running_loop()
        self._data = b""
        self._reading = False
        self._closed = False
        self._tell: Callable[[], None] | None = None

    @property
    def ready(self) -> bool:
        """Whether `take` has something."""
        return bool(self._data)

    def begin(self, ready: Callable[[], None]) -> None:
        """Read, and call `ready` whenever there is something to take."""
        self._tell = ready
        self._read_on()

    def take(self, limit: int) -> bytes:
        """Up to `limit` bytes; empty while nothing was read, and after the end."""
        data, self._data = self._data[:limit], self._data[limit:]
        if not self._data:
            self._read_on()
        return data

    def close(self) -> None:
        """Read no more; a thread that hangs in the disk is left to itself. Idempotent."""
        if not self._closed:
            self._closed = True
            if not self._reading:
                self._close()

    def _read_on(self) -> None:
        if not self._reading and not self._closed:
            self._reading = start_thread(self._run, f"read {self._name}")
            if not self._reading:
                self._loop.call_later(RETRY, self._read_on)

    def _run(self) -> None:
        try:
            data = os.read(self._fd, CHUNK)
        except OSError:
            # A part that cannot be read is the end of the input, not of the output.
            data = b""
        if not post(self._loop, lambda: self._got(data)):
            self._close()

    def _got(self, data: bytes) -> None:
        self._reading = False
        if self._closed or not data:
            self._closed = True
            self._close()
        else:
            self._data = data
            if self._tell is not None:
                self._tell()

    def _close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._fd)
