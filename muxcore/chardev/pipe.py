"""A pair of FIFOs, or one file that goes both ways (chardev/char-pipe.c).

What is written to PATH.in is input; output can be read from PATH.out. They are
never made. As a guest the two are crossed: the far end is then a QEMU with
`-chardev pipe,path=PATH`, whose input is PATH.in too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import stat
from collections.abc import Callable, Sequence

from muxcore.chardev.backoff import Backoff
from muxcore.chardev.base import NO_MEMORY, Chardev, State, Stream, Who
from muxcore.chardev.thread import in_thread
from muxcore.errors import MuxError, OpenError, describe_os_error
from muxcore.options.sets import PipeOptions


class PipeChardev(Chardev):
    """FIFOs held open in both directions, so that readers and writers may come and go.

    Who reads one notices nothing when it is opened again, and so lacks nothing.
    """

    options: PipeOptions
    resumes = True

    def __init__(self, id: str, options: PipeOptions) -> None:
        super().__init__(id, options)
        self._backoff = Backoff()

    @property
    def address(self) -> str:
        """The path, without `.in` and `.out`."""
        return self.options.path

    @property
    def connect_command(self) -> str:
        """Shows what is printed and passes on what is typed, line by line."""
        path = os.path.abspath(self.options.path)
        reader, writer = shlex.quote(f"{path}.out"), shlex.quote(f"{path}.in")
        return f"cat {reader} & cat > {writer}"

    async def open(self) -> None:
        """Open the FIFOs; a failure is tried again."""
        if self.streams:
            return
        path = self.options.path
        self.set_state(State.CONNECTING)
        try:
            fds = await in_thread(lambda: open_pipe(path), f"open {path}", _close_all)
        except OpenError as error:
            self._try_later(str(error))
            return
        self._backoff.opened()
        source, sink = reversed(fds) if self.is_guest else fds
        self.add_stream(PipeStream(source, sink, Who(path)))

    def after_lost(self, stream: Stream, reason: MuxError | None) -> None:
        """Only a device can end: try to open it again."""
        self._try_later(str(reason) if reason else "the device is gone")

    def _try_later(self, reason: str) -> None:
        self.set_state(State.FAILED, reason, retry_in=self._backoff.next())


def open_pipe(path: str) -> tuple[int, int]:
    """Open PATH.in and PATH.out, else PATH for both; returns two descriptors, non-blocking.

    Raises:
        OpenError: neither can be had; the text is QEMU's, and names PATH.
    """
    try:
        try:
            return _open_two(f"{path}.in", f"{path}.out")
        except FileNotFoundError:
            return _open_two(path)
    except OSError as error:
        raise OpenError(f"Could not open '{path}': {describe_os_error(error)}") from error
    except _WrongKind:
        what = "not a FIFO or a character device"
        raise OpenError(f"Could not open '{path}': {what}") from None


class _WrongKind(Exception):  # noqa: N818 - reads as what it says
    """Something that is there, and cannot be a pipe."""


def _open_two(*paths: str) -> tuple[int, int]:
    """Both ways: a FIFO so held neither ends nor breaks when its other users leave, fifo(7)."""
    fds: list[int] = []
    try:
        for path in paths:
            fds.append(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY))
            mode = os.fstat(fds[-1]).st_mode
            if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
                raise _WrongKind
        if len(fds) == 1:
            # Not opened again: a device may be opened once only.
            fds.append(os.dup(fds[0]))
    except BaseException:
        _close_all(fds)
        raise
    return fds[0], fds[1]


def _close_all(fds: Sequence[int]) -> None:
    for fd in fds:
        with contextlib.suppress(OSError):
            os.close(fd)


class PipeStream(Stream):
    """A stream with one descriptor for input, `fd`, and another for output."""

    def __init__(self, source: int, sink: int, who: Who) -> None:
        super().__init__(source, who)
        self._sink = sink

    def write(self, buffers: Sequence[memoryview | bytes]) -> int:
        """See `Stream.write`."""
        try:
            return os.writev(self._sink, buffers)
        except OSError as error:
            if error.errno in NO_MEMORY:
                raise BlockingIOError from error
            raise

    def watch_output(self, callback: Callable[[], None] | None) -> None:
        """See `Stream.watch_output`."""
        loop = asyncio.get_running_loop()
        if callback is None:
            loop.remove_writer(self._sink)
        else:
            loop.add_writer(self._sink, callback)

    def close(self) -> None:
        """See `Stream.close`."""
        super().close()
        if self._sink >= 0:
            sink, self._sink = self._sink, -1
            with contextlib.suppress(OSError):
                os.close(sink)
