"""A program on a pseudo-terminal, most often a guest's emulator or a shell."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import signal
import struct
import termios
from collections.abc import Callable, Sequence
from typing import ClassVar

from muxcore.chardev.backoff import Backoff
from muxcore.chardev.base import Chardev, State, Stream, Who
from muxcore.chardev.child import Child, spawn
from muxcore.chardev.soft import LevelWatch
from muxcore.chardev.terminal import MasterStream
from muxcore.errors import MuxError, OpenError
from muxcore.options.sets import ProcessOptions

TERM = "xterm-256color"
"""What the views of muxtui understand."""


class ProcessChardev(Chardev):
    """A command run by `/bin/sh -c`, started again as `restart` says.

    Args:
        id: the chardev's id.
        options: its options.
        environment: of the client that asked; None for this process's own.
        cwd: its working directory, for a command without the option.
    """

    options: ProcessOptions
    nofile: ClassVar[int | None] = None
    """The soft RLIMIT_NOFILE that programs get; a daemon that raises its own sets it."""
    umask: ClassVar[int | None] = None
    """The umask that programs get; a daemon that tightens its own sets it."""

    def __init__(
        self,
        id: str,
        options: ProcessOptions,
        environment: dict[str, str] | None = None,
        cwd: str | None = None,
    ) -> None:
        super().__init__(id, options)
        self.environment = environment
        self.cwd = cwd
        self.size: tuple[int, int] = (options.rows, options.cols)
        self._backoff = Backoff()
        self._child: Child | None = None

    @property
    def address(self) -> str:
        """The command."""
        return self.options.command

    @property
    def pid(self) -> int | None:
        """The running program's process id."""
        return self._child.pid if self._child else None

    @property
    def can_resize(self) -> bool:
        """Its terminal's size can be set."""
        return True

    async def open(self) -> None:
        """Start the program."""
        if self._child is not None:
            return
        self.exit_status = None
        try:
            pid, master = spawn(
                self.options.command,
                cwd=self._directory(),
                env=self._environment(),
                size=self.size,
                nofile=self.nofile,
                umask=self.umask,
            )
        except OpenError as error:
            self._finish(State.FAILED, str(error), failed=True)
            return
        self._backoff.opened()
        self._child = Child(pid, self._child_ended)
        self.add_stream(ProcessStream(master, Who(f"pid {pid}", pid=pid)))

    def resize(self, rows: int, cols: int) -> None:
        """Set the size of its terminal; the kernel sends SIGWINCH."""
        self.size = (rows, cols)
        for stream in self.streams:
            # It may have ended a moment ago.
            with contextlib.suppress(OSError):
                size = struct.pack("4H", rows, cols, 0, 0)
                fcntl.ioctl(stream.fd, termios.TIOCSWINSZ, size)

    def after_lost(self, stream: Stream, reason: MuxError | None) -> None:
        """Its terminal is closed; the state follows from how the program ends."""
        if self._child is None:
            self._ended()
        else:
            # Closing the master sent SIGHUP; a program that survives it has no terminal any more.
            self.spawn(self._child.end(), "end")

    async def aclose(self) -> None:
        """See `Chardev.aclose`; the program is ended within about a second, and always reaped."""
        child, self._child = self._child, None
        try:
            await super().aclose()
        finally:
            if child is not None:
                await child.end()

    def _directory(self) -> str | None:
        return os.path.join(self.cwd or "", os.path.expanduser(self.options.cwd)) or None

    def _environment(self) -> dict[str, str]:
        env = dict(os.environ if self.environment is None else self.environment)
        # The size of the asker's terminal is not that of the program's.
        env.pop("LINES", None)
        env.pop("COLUMNS", None)
        env["TERM"] = TERM
        try:
            words = shlex.split(self.options.env)
        except ValueError as error:
            raise OpenError(f"env is not written as a shell would: {error}") from error
        for word in words:
            name, equals, value = word.partition("=")
            if not (name and equals):
                raise OpenError(f"env takes NAME=VALUE words, not '{word}'")
            env[name] = value
        return env

    def _child_ended(self, returncode: int) -> None:
        self.exit_status = returncode
        if self._child is None:
            return
        self._child = None
        if not self.streams:
            self._ended()
        for stream in self.streams:
            if isinstance(stream, ProcessStream):
                stream.end_when_drained()

    def _ended(self) -> None:
        status = self.exit_status
        self._finish(State.CLOSED, describe_status(status), failed=status != 0)

    def _finish(self, state: State, reason: str, *, failed: bool) -> None:
        restart = self.options.restart
        if restart == "always" or (restart == "on-failure" and failed):
            self.set_state(State.RETRYING, reason, retry_in=self._backoff.next())
        else:
            self.set_state(state, reason)


class ProcessStream(MasterStream):
    """The stream over the master of a program's pty.

    Once the program has ended it ends with what is there, even if something the
    program left behind still holds the terminal open.
    """

    def __init__(self, fd: int, who: Who) -> None:
        super().__init__(fd, who)
        self._callback: Callable[[], None] | None = None
        self._ending = False
        self._drain = LevelWatch(lambda: True)

    def end_when_drained(self) -> None:
        """The program has ended: nothing that is not there now is its output."""
        callback = self._callback
        self.watch_input(None)
        self._ending = True
        self.watch_input(callback)

    def read(self, limit: int) -> bytes:
        """See `Stream.read`."""
        try:
            return super().read(limit)
        except BlockingIOError:
            # n_tty_read looks for what is still on its way before it says that nothing is there.
            if self._ending:
                return b""
            raise

    def read_into(self, buffers: Sequence[memoryview]) -> int:
        """See `Stream.read_into`."""
        try:
            return super().read_into(buffers)
        except BlockingIOError:
            if self._ending:
                return 0
            raise

    def watch_input(self, callback: Callable[[], None] | None) -> None:
        """See `Stream.watch_input`."""
        self._callback = callback
        if self._ending:
            self._drain.set(callback)
        else:
            super().watch_input(callback)


def describe_status(returncode: int | None) -> str:
    """How a program ended, in words."""
    if returncode is None:
        return "ended"
    if returncode >= 0:
        return f"exited with status {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"
