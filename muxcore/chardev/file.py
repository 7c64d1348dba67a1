"""A log file (chardev/char-file.c), written by a thread because a disk may hang."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import queue
import shlex
import stat
import threading
from collections.abc import Callable, Sequence

from muxcore.chardev.backoff import Backoff
from muxcore.chardev.base import Chardev, State, Stream, Who
from muxcore.chardev.soft import SoftStream
from muxcore.chardev.source import FileSource, open_input
from muxcore.chardev.thread import NO_THREAD, in_thread, post, start_thread
from muxcore.errors import MuxError, OpenError, describe_os_error
from muxcore.options.sets import FileOptions

CHUNK = 256 * 1024
"""Bytes at most that are taken at once, and so the most that a dying daemon can lose."""

RETRY = 1.0
"""Seconds between attempts to write what could not be written."""

CLOSE_WAIT = 1.0
"""Seconds that closing waits for a writing thread before it is left to itself."""


class FileChardev(Chardev):
    """A file that output is appended to; what is in its `input_path` is input, once.

    A symlink is refused (a log in a directory that others can write to would
    otherwise be a way to any file), and so is whatever is neither a regular
    file nor a character device.
    """

    options: FileOptions
    resumes = True

    def __init__(self, id: str, options: FileOptions) -> None:
        super().__init__(id, options)
        self._backoff = Backoff()
        self._truncate = not options.append
        self._writer: FileWriter | None = None

    @property
    def address(self) -> str:
        """The file's path."""
        return self.options.path

    @property
    def connect_command(self) -> str:
        """Follows the file from its beginning."""
        return f"tail -c +1 -F {shlex.quote(os.path.abspath(self.options.path))}"

    async def open(self) -> None:
        """Open the file, truncating it at the first success unless `append` is on."""
        if self.streams:
            return
        path = self.options.path
        self.set_state(State.CONNECTING)
        try:
            fd = await in_thread(self.open_output, f"open {path}", os.close)
            source = await self._open_source(fd)
        except OpenError as error:
            delay = self._backoff.next(asyncio.get_running_loop().time())
            self.set_state(State.FAILED, str(error), retry_in=delay)
            return
        self._truncate = False
        self._backoff.opened(asyncio.get_running_loop().time())
        self._writer = FileWriter(fd, path)
        self.add_stream(
            FileStream(self._writer, Who(path), self._writing_changed, source, self.edit())
        )

    def open_output(self) -> int:
        """Open the file, in a thread; returns a descriptor. Raises OpenError."""
        return open_log(self.options.path, truncate=self._truncate)

    def edit(self) -> Callable[[bytes], bytes] | None:
        """What is done to output on its way into the file."""
        return None

    def after_lost(self, stream: Stream, reason: MuxError | None) -> None:
        """A file never ends by itself: somebody took it off its console."""
        self.set_state(State.CLOSED, str(reason) if reason else None)

    async def aclose(self) -> None:
        """See `Chardev.aclose`; a thread that hangs in the disk is left to itself."""
        await super().aclose()
        if self._writer is not None:
            await self._writer.wait_closed(CLOSE_WAIT)

    async def _open_source(self, output: int) -> FileSource | None:
        path = self.options.input_path
        if not path:
            return None
        try:
            fd = await in_thread(lambda: open_input(path), f"open {path}", os.close)
        except BaseException:
            os.close(output)
            raise
        return FileSource(fd, path)

    def _writing_changed(self, failed: str | None) -> None:
        if failed is None:
            self.set_state(State.OPEN)
        else:
            self.set_state(State.FAILED, f"Could not write '{self.options.path}': {failed}")


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
        name: what the thread is called.
    """

    def __init__(self, fd: int, name: str) -> None:
        self._fd = fd
        self._name = name
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
        self._started = self._started or start_thread(self._run, f"close {self._name}")
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
        self._started = start_thread(self._run, f"write {self._name}")
        if not self._started:
            self._retry = self._loop.call_later(RETRY, self._start)
            self._tell(0, NO_THREAD)

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
                written = os.write(self._fd, rest)
            except OSError as error:
                self._tell(0, describe_os_error(error))
                # Set once the owner has let go: nobody waits for these bytes any more.
                if self._closing.wait(RETRY):
                    return
            else:
                rest = rest[written:]
                self._tell(written, None)

    def _tell(self, written: int, failed: str | None) -> None:
        def report() -> None:
            if self.report is not None:
                self.report(written, failed)

        post(self._loop, report)

    def _tell_closed(self) -> None:
        if not self._closed.done():
            self._closed.set_result(None)


class FileStream(SoftStream):
    """The stream to one file.

    `write` takes one chunk, by copy, and no more until that one is written: of
    a chunk that fails the unwritten rest is kept and tried again, so no byte is
    written twice or left out.
    """

    def __init__(
        self,
        writer: FileWriter,
        who: Who,
        changed: Callable[[str | None], None],
        source: FileSource | None = None,
        edit: Callable[[bytes], bytes] | None = None,
    ) -> None:
        super().__init__(who)
        self._writer = writer
        self._changed = changed
        self._source = source
        self._edit = edit
        self._wanted = True
        if source is not None:
            source.begin(self.input_watch.poke)
        self._held = 0
        self._settled = asyncio.Event()
        self._settled.set()
        writer.report = self._report

    @property
    def held(self) -> int:
        """Bytes taken and not written yet."""
        return self._held

    def writable(self) -> bool:
        """Whether nothing is outstanding."""
        return not self._held

    def write(self, buffers: Sequence[memoryview | bytes]) -> int:
        """Take at most `CHUNK` bytes; see the class."""
        if not self.writable():
            raise BlockingIOError
        try:
            count, data = self._copy(buffers)
        except MemoryError:
            raise BlockingIOError from None
        if count:
            self._held = len(data)
            self._settled.clear()
            self._writer.submit(data)
        return count

    def _copy(self, buffers: Sequence[memoryview | bytes]) -> tuple[int, bytes]:
        """How much is taken of `buffers`, and what is to be written for it."""
        chunk = bytearray()
        for data in buffers:
            chunk += data[: CHUNK - len(chunk)]
        return len(chunk), bytes(chunk) if self._edit is None else self._edit(bytes(chunk))

    def readable(self) -> bool:
        """Whether input is there, and somebody to type it to."""
        return self._wanted and self._source is not None and self._source.ready

    def guest_changed(self, there: bool) -> None:
        """See `Stream.guest_changed`."""
        self._wanted = there
        self.input_watch.poke()

    def read(self, limit: int) -> bytes:
        """See `Stream.read`; the end of the input is not the end of the stream."""
        if self._source is None or not self.readable():
            raise BlockingIOError
        return self._source.take(limit)

    def close(self) -> None:
        """Let the thread finish what it holds and close the file, whenever that is."""
        super().close()
        if self._source is not None:
            self._source.close()
        self._writer.report = None
        self._settled.set()
        self._writer.close()

    async def flush(self) -> None:
        """Wait until everything taken is written, or writing fails."""
        await self._settled.wait()

    def _report(self, written: int, failed: str | None) -> None:
        self._held -= written
        if failed != self.failed:
            self.failed = failed
            self._changed(failed)
        if failed is not None or not self._held:
            self._settled.set()
        else:
            self._settled.clear()
        if not self._held:
            self.output_watch.poke()
