"""A pseudo-terminal whose slave others open (chardev/char-pty.c).

The kernel tells that nobody has the slave open by POLLHUP on the master, once
it has been opened and closed for the first time. POLLHUP cannot be waited for
to go away, so an open is learned from inotify, and while nobody is there the
master is not polled at all.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import termios
import tty
from collections.abc import Callable

from muxcore.chardev.backoff import Backoff
from muxcore.chardev.base import Chardev, State, Stream, Who, hung_up
from muxcore.chardev.opens import watch_opens
from muxcore.chardev.stale import is_stale_pty_link, remove_stale, unlink_if
from muxcore.chardev.terminal import MasterStream
from muxcore.errors import MuxError, OpenError, describe_os_error
from muxcore.options.sets import PtyOptions

OPENER_DELAY = 0.1
"""Seconds before output: terminal programs flush what is there right after they opened."""


class PtyChardev(Chardev):
    """A pty, with a symlink to its slave where `path` is given.

    One stream for all that have the slave open at once: the kernel does not
    tell them apart. The slave is raw, without echo, and made so again whenever
    the last of them has left.
    """

    options: PtyOptions
    resumes = True

    def __init__(self, id: str, options: PtyOptions) -> None:
        super().__init__(id, options)
        self._backoff = Backoff()
        self._master = -1
        self._slave_name = ""
        self._linked = False
        self._raw: list[int | list[bytes | int]] = []
        self._stop_watching: Callable[[], None] | None = None

    @property
    def resume_limit(self) -> int:
        """See `Chardev.resume_limit`."""
        return self.options.replay

    @property
    def filename(self) -> str:
        """See `Chardev.filename`."""
        return f"pty:{self._slave_name}" if self._slave_name else "pty"

    @property
    def address(self) -> str:
        """The symlink, or the slave."""
        return self.options.path or self._slave_name

    @property
    def connect_command(self) -> str | None:
        """Opens the slave with tio."""
        return f"tio {shlex.quote(os.path.abspath(self.address))}" if self.address else None

    async def open(self) -> None:
        """Make the pty and its symlink; a failure is tried again."""
        if self._master >= 0:
            return
        try:
            self._make()
        except OpenError as error:
            self.close()
            self.set_state(State.FAILED, str(error), retry_in=self._backoff.next())
            return
        self._wait()

    def close(self) -> None:
        """Remove the symlink if it is still ours, and give the pty back."""
        if self._stop_watching is not None:
            self._stop_watching()
            self._stop_watching = None
        if self._linked:
            self._linked = False
            unlink_if(self.options.path, lambda path: os.readlink(path) == self._slave_name)
        if self._master >= 0:
            master, self._master = self._master, -1
            self._slave_name = ""
            with contextlib.suppress(OSError):
                os.close(master)

    def after_lost(self, stream: Stream, reason: MuxError | None) -> None:
        """The last opener has left: make the slave raw again and wait for the next."""
        if self._master >= 0:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._master, termios.TCSANOW, self._raw)
            self._wait()

    def _make(self) -> None:
        try:
            self._master, slave = os.openpty()
            try:
                tty.setraw(self._master, termios.TCSANOW)
                self._raw = termios.tcgetattr(self._master)
                self._slave_name = os.ttyname(slave)
            finally:
                os.close(slave)
            os.set_blocking(self._master, False)
            self._stop_watching = watch_opens(self._slave_name, self._opened)
        except (OSError, termios.error) as error:
            raise OpenError(f"Failed to create PTY: {_why(error)}") from error
        if self.options.path:
            make_link(self._slave_name, self.options.path)
            self._linked = True

    def _wait(self) -> None:
        self.set_state(State.WAITING)
        # Somebody may have come while the last one's end was on its way.
        if not hung_up(self._master):
            self._begin()

    def _opened(self) -> None:
        if (stream := self.first_stream) is not None:
            self.owner.stream_held(self, stream, OPENER_DELAY)
        else:
            # Whoever it was may have written and left: the end comes after that.
            self._begin()

    def _begin(self) -> None:
        self.add_stream(PtyStream(self._master, Who(self.address), delay=OPENER_DELAY))


def _why(error: OSError | termios.error) -> str:
    # A termios.error has an errno and its text, but is no OSError.
    return describe_os_error(error if isinstance(error, OSError) else OSError(*error.args))


class PtyStream(MasterStream):
    """One stretch of somebody having the slave open; the master stays with the chardev."""

    def close(self) -> None:
        """Only forget the descriptor: the next stream is over the same one."""
        self.fd = -1


def make_link(slave: str, path: str) -> None:
    """Make a symlink at `path`, replacing one that a killed daemon left.

    Raises:
        OpenError: something else, or a link to a living pty, is there.
    """
    try:
        try:
            os.symlink(slave, path)
        except FileExistsError:
            if not remove_stale(path, is_stale_pty_link):
                raise
            os.symlink(slave, path)
    except OSError as error:
        raise OpenError(f"Failed to create PTY symlink: {describe_os_error(error)}") from error
