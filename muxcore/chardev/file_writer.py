"""The file behind a log: opened as a log must be, written by a thread, followed when it is moved.

A program that rotates logs renames the file and makes a new one, or expects that whoever writes it
does. Before each write the path is looked at: once it leads to another file, or to none, output
goes on in the file that is there then, which is made if need be. A byte is in exactly one of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import queue
import stat
import threading
from collections.abc import Callable

from muxcore.chardev.thread import NO_THREAD, post, start_thread
from muxcore.errors import OpenError, describe_os_error

RETRY = 1.0
"""Seconds between attempts to write what could not be written."""

ROTATION = 0.1
"""Seconds that a file which was renamed is waited for in its place, before it is made: logrotate
moves aside, as a stray, what is there already when it comes to make it (logrotate(8), `create`)."""


def open_log(path: str, *, truncate: bool, mode: int = 0o600, verb: str = "open") -> int:
    """Open a log file for appending.

    Args:
        path: the file.
        truncate: whether what a regular file holds goes.
        mode: permissions of a file that is made, before the umask.
        verb: what could not be done, for the error.

    Raises:
        OpenError: it cannot be opened, or is nothing that a log should go to.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NOCTTY
    try:
        # Without O_NONBLOCK a FIFO would wait for a reader before it could be refused.
        fd = os.open(path, flags | os.O_NONBLOCK, mode)
    except OSError as error:
        raise OpenError(f"Could not {verb} '{path}': {_why_not_opened(error, path)}") from error
    try:
        kind = os.fstat(fd).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISCHR(kind)):
            raise OpenError(f"Could not {verb} '{path}': not a regular file or a character device")
        if truncate and stat.S_ISREG(kind):
            os.ftruncate(fd, 0)
        os.set_blocking(fd, True)
    except OSError as error:
        os.close(fd)
        raise OpenError(f"Could not {verb} '{path}': {describe_os_error(error)}") from error
    except OpenError:
        os.close(fd)
        raise
    return fd


def _why_not_opened(error: OSError, path: str) -> str:
    if error.errno == errno.ELOOP and os.path.islink(path):
        return "it is a symbolic link, and a log is not written through one"
    if error.errno == errno.ENXIO:
        return "not a regular file or a character device"
    return describe_os_error(error)


class FileWriter:
    """The thread that writes one file, and the descriptor, which is the thread's to close.

    Args:
        fd: an open file, blocking.
        path: where it is.
        reopen: opens what is at the path; called in the thread, raises OpenError.
    """

    def __init__(self, fd: int, path: str, reopen: Callable[[], int]) -> None:
        self._fd = fd
        self._path = path
        self._reopen = reopen
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._started = False
        self._retry: asyncio.TimerHandle | None = None
        self._closing = threading.Event()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self.report: Callable[[int, str | None], None] | None = None

    def submit(self, data: bytes) -> None:
        """Write `data`; one at a time, `report` says how it goes."""
        self._jobs.put(data)
        self._start()

    def close(self) -> None:
        """Close the file once what was submitted is written, or fails."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._jobs.put(None)
        if self._retry is not None:
            self._retry.cancel()
        self._started = self._started or start_thread(self._run, f"close {self._path}")
        if not self._started:
            self._close()
            self._tell_closed()

    async def wait_closed(self, seconds: float) -> None:
        """Wait until the file is closed, at most `seconds`."""
        await asyncio.wait([self._closed], timeout=seconds)

    def _start(self) -> None:
        """Start the thread, unless it runs; one that is not to be had is a failure to write."""
        self._retry = None
        if self._started:
            return
        self._started = start_thread(self._run, f"write {self._path}")
        if not self._started:
            self._retry = self._loop.call_later(RETRY, self._start)
            self._tell(0, f"Could not write '{self._path}': {NO_THREAD}")

    def _run(self) -> None:
        while (data := self._jobs.get()) is not None:
            self._write(memoryview(data))
        self._close()
        post(self._loop, self._tell_closed)

    def _close(self) -> None:
        # Nobody is left to be told: whoever waited for the bytes has flushed before.
        with contextlib.suppress(OSError):
            os.close(self._fd)

    def _write(self, rest: memoryview) -> None:
        while rest:
            try:
                self._follow()
                written = os.write(self._fd, rest)
            except OSError as error:
                failure = f"Could not write '{self._path}': {describe_os_error(error)}"
            except OpenError as error:
                failure = str(error)
            else:
                rest = rest[written:]
                self._tell(written, None)
                continue
            self._tell(0, failure)
            # Set once the owner has let go: nobody waits for these bytes any more.
            if self._closing.wait(RETRY):
                return

    def _follow(self) -> None:
        """Go on in the file that is at the path now, if it is another. Raises OpenError."""
        if self._is_there():
            return
        if not os.path.lexists(self._path) and os.fstat(self._fd).st_nlink:
            self._closing.wait(ROTATION)
        left, self._fd = self._fd, self._reopen()
        with contextlib.suppress(OSError):
            os.close(left)

    def _is_there(self) -> bool:
        try:
            return os.path.samestat(os.lstat(self._path), os.fstat(self._fd))
        except FileNotFoundError:
            return False
        except OSError:
            # Who may no longer look there can still write what is open.
            return True

    def _tell(self, written: int, failed: str | None) -> None:
        def report() -> None:
            if self.report is not None:
                self.report(written, failed)

        post(self._loop, report)

    def _tell_closed(self) -> None:
        if not self._closed.done():
            self._closed.set_result(None)
