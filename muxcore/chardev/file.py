"""A log file (chardev/char-file.c), written by a thread because a disk may hang."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Callable, Sequence

from muxcore.chardev.backoff import Backoff
from muxcore.chardev.base import Chardev, State, Stream, Who
from muxcore.chardev.file_writer import FileWriter, open_log
from muxcore.chardev.soft import SoftStream
from muxcore.chardev.source import FileSource, open_input
from muxcore.chardev.thread import in_thread
from muxcore.errors import MuxError, OpenError
from muxcore.options.sets import FileOptions

CHUNK = 256 * 1024
"""Bytes at most that are taken at once, and so the most that a dying daemon can lose."""

HUNG = 2.0
"""Seconds without a byte written after which a disk counts as failed, until it goes on."""

CLOCK_GRAIN = 0.001
"""Seconds by which an event loop may call a timer early."""

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
            self.set_state(State.FAILED, str(error), retry_in=self._backoff.next())
            return
        self._truncate = False
        self._backoff.opened()
        self._writer = FileWriter(fd, path, self.open_output)
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
        self.set_state(State.OPEN if failed is None else State.FAILED, failed)


class FileStream(SoftStream):
    """The stream to one file.

    `write` takes one chunk, by copy, and no more until that one is written: of
    a chunk that fails the unwritten rest is kept and tried again, so no byte is
    written twice or left out.
    """

    terminals = 0

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
        self._moved_at = 0.0
        self._look: asyncio.TimerHandle | None = None
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
            self._watch_for_a_hang()
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
        if self._look is not None:
            self._look.cancel()
            self._look = None
        self._settled.set()
        self._writer.close()

    async def flush(self) -> None:
        """Wait until everything taken is written, or writing fails."""
        await self._settled.wait()

    def _watch_for_a_hang(self) -> None:
        loop = asyncio.get_running_loop()
        self._moved_at = loop.time()
        # One timer, looked at when it is due: most writes end long before that.
        if self._look is None:
            self._look = loop.call_at(self._moved_at + HUNG, self._look_for_a_hang)

    def _look_for_a_hang(self) -> None:
        self._look = None
        loop = asyncio.get_running_loop()
        if not self._held or self.failed is not None:
            return
        if loop.time() < self._moved_at + HUNG - CLOCK_GRAIN:
            self._look = loop.call_at(self._moved_at + HUNG, self._look_for_a_hang)
        else:
            self._report(0, f"Could not write '{self.who.label}': no answer for {HUNG:g} s")

    def _report(self, written: int, failed: str | None) -> None:
        self._held -= written
        self._moved_at = asyncio.get_running_loop().time()
        if failed != self.failed:
            self.failed = failed
            self._changed(failed)
        if failed is not None or not self._held:
            self._settled.set()
        else:
            self._settled.clear()
        if not self._held:
            self.output_watch.poke()
