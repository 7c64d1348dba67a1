"""A child process on a pseudo-terminal: started, awaited, ended. ptyprocess only starts it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import warnings
from collections.abc import Callable
from typing import ClassVar

from ptyprocess import PtyProcess

from muxcore.chardev.thread import post, start_thread
from muxcore.errors import OpenError, describe_os_error

HANGUP_GRACE = 0.5
"""Seconds that a child has to end after its terminal is gone, and again after SIGTERM."""


REAP_RETRY = 0.5
"""Seconds between two looks at a child when there is neither a pidfd nor a thread to wait with."""


class Child:
    """A process that leads a session on its own pty.

    Args:
        pid: the process, a child of this one.
        ended: called on the loop once it is reaped, with its return code: the
            exit status, or the negative number of the signal that killed it.
    """

    def __init__(self, pid: int, ended: Callable[[int], None]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._reaped = asyncio.Event()
        self._pidfd = -1
        self._has_thread = False
        self._watch()

    def signal(self, number: int) -> None:
        """Send a signal to the process and its group."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    async def end(self) -> None:
        """See that it ends, its terminal being closed (SIGHUP): SIGTERM, then SIGKILL."""
        try:
            for number in (signal.SIGTERM, signal.SIGKILL):
                if await self._wait(HANGUP_GRACE):
                    return
                self.signal(number)
            await self._wait(HANGUP_GRACE)
        finally:
            if self.returncode is None:
                # In the kernel for longer, or we are in a hurry: it is reaped all the same.
                self.signal(signal.SIGKILL)
                self._reap_in_thread()

    async def _wait(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._reaped.wait(), seconds)
        return self._reaped.is_set()

    def _watch(self) -> None:
        try:
            self._pidfd = os.pidfd_open(self.pid)
        except OSError:
            # Out of descriptors, or a sandbox without it.
            self._reap_in_thread()
        else:
            self._loop.add_reader(self._pidfd, self._reap)

    def _unwatch(self) -> None:
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            fd, self._pidfd = self._pidfd, -1
            with contextlib.suppress(OSError):
                os.close(fd)

    def _reap(self) -> None:
        returncode = wait_for(self.pid, os.WNOHANG)
        if returncode is not None:
            self._finish(returncode)

    def _reap_in_thread(self) -> None:
        self._unwatch()
        if self._has_thread:
            return

        def reap() -> None:
            returncode = wait_for(self.pid, 0)
            post(self._loop, lambda: self._finish(returncode or 0))

        self._has_thread = start_thread(reap, f"reap {self.pid}")
        if not self._has_thread:
            self._loop.call_later(REAP_RETRY, self._reap_or_try_again)

    def _reap_or_try_again(self) -> None:
        if self.returncode is None:
            self._reap()
        if self.returncode is None:
            self._reap_in_thread()

    def _finish(self, returncode: int) -> None:
        self._unwatch()
        self.returncode = returncode
        self._reaped.set()
        self._ended(returncode)


def wait_for(pid: int, options: int) -> int | None:
    """Reap `pid`: its return code, None while it runs; 0 if somebody else has reaped it."""
    try:
        reaped, status = os.waitpid(pid, options)
    except ChildProcessError:
        return 0
    return os.waitstatus_to_exitcode(status) if reaped else None


def spawn(
    command: str,
    *,
    cwd: str | None,
    env: dict[str, str],
    size: tuple[int, int],
    nofile: int | None,
    umask: int | None = None,
) -> tuple[int, int]:
    """Run `command` by /bin/sh on a new pty; returns its pid and the non-blocking master.

    Args:
        command: for `/bin/sh -c`.
        cwd: its working directory; None for ours.
        env: its whole environment.
        size: rows and columns.
        nofile: its soft RLIMIT_NOFILE; None for ours.
        umask: its file mode creation mask; None for ours.

    Raises:
        OpenError: it cannot be started.
    """

    def prepare() -> None:
        # What raises here is told to the parent by ptyprocess, as its text only.
        restore_defaults(nofile)
        if umask is not None:
            os.umask(umask)
        if cwd is not None:
            try:
                os.chdir(cwd)
            except OSError as error:
                raise OSError(f"cannot change to '{cwd}': {describe_os_error(error)}") from None

    _Spawned.made.clear()
    try:
        _reserve_descriptors()
        with warnings.catch_warnings():
            # Python 3.12 warns of forking beside threads. Ours hold no lock that
            # the child's few steps to its exec would need.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = _Spawned.spawn(
                ["/bin/sh", "-c", command], env=env, preexec_fn=prepare, dimensions=size
            )
    except OSError as error:
        for child in _Spawned.made:
            child.discard()
        reason = describe_os_error(error) if error.errno else str(error)
        raise OpenError(f"Could not start '{command}': {reason}") from error
    os.set_inheritable(child.fd, False)
    os.set_blocking(child.fd, False)
    return child.pid, child.fd


class _Spawned(PtyProcess):  # type: ignore[misc]  # ptyprocess has no types
    """A ptyprocess that only spawns: the library's own ends a child by sleeping."""

    made: ClassVar[list[_Spawned]] = []

    def __init__(self, pid: int, fd: int) -> None:
        self.pid = pid
        self.fd = fd
        # Nothing is left to do for __del__.
        self.closed = True
        self.made.append(self)

    def discard(self) -> None:
        """End a child that has told that it could not begin."""
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def restore_defaults(nofile: int | None) -> None:
    """In the child: undo what a daemon does to its signals and limits."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        # The C library keeps some real-time signals for itself.
        with contextlib.suppress(OSError):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if nofile is not None:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, hard))


def _reserve_descriptors() -> None:
    """Fail now if descriptors or ptys are short: ptyprocess leaks a pipe when its fork fails."""
    with contextlib.ExitStack() as stack:
        for make_two in (os.pipe, os.openpty):
            for fd in make_two():
                stack.callback(os.close, fd)
