"""What every chardev and every byte stream is to the rest of muxcore.

A `Chardev` is a configured endpoint: it opens, listens, connects, retries and
says how it is. A `Stream` is one live byte stream of it, over a non-blocking
descriptor. The chardev makes and closes streams; its owner (a console) reads
and writes them. The owner tells the chardev when a stream ended (`lost`); the
chardev tells the owner when one begins (`Owner.stream_opened`).

::

                  start            stream_opened
    CLOSED ──► CONNECTING ──────────────► OPEN ──┐ lost
                  ▲   │ cannot               │   │
         retry_at │   ▼                      ▼   ▼
               RETRYING ◄──────────────── (RETRYING | WAITING | CLOSED | FAILED)

`WAITING` is a server without a client, or a pty that nobody has open.
`FAILED` is an endpoint that cannot work now; when `retry_at` is set it is tried
again by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import select
import sys
import termios
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from muxcore.chardev.heard import Heard
from muxcore.chardev.line import Line
from muxcore.errors import BreakUnsupported, MuxError
from muxcore.options.sets import ChardevOptions

NO_MEMORY = frozenset({errno.ENOBUFS, errno.ENOMEM})
"""What the kernel lacks when a write failed that may succeed a moment later, send(2)."""

START_WAIT = 2.0
"""Seconds that `Chardev.start` waits for an attempt (a TCP host may be silent for minutes)."""


class State(StrEnum):
    """How a chardev is; the values are what QMP and the TUI show."""

    CLOSED = "closed"
    CONNECTING = "connecting"
    WAITING = "waiting"
    OPEN = "open"
    RETRYING = "retrying"
    FAILED = "failed"


AWAY = frozenset({State.CONNECTING, State.RETRYING, State.FAILED})
"""The states between which an endpoint goes to and fro while it cannot be had."""


@dataclass(frozen=True)
class Who:
    """Who is at the far end of a stream, as far as the kernel tells (SO_PEERCRED)."""

    label: str
    pid: int | None = None
    user: str | None = None
    address: str | None = None


class Stream:
    """One live byte stream over a non-blocking descriptor, which it owns.

    `full_read` is the most one read can give: a read that gives less means that
    nothing more is there. `tell_gaps` is False where an in-stream marker would
    be out of place. `splices` says that the descriptor is all there is to it,
    and a socket or a pipe (splice(2)). `terminals` is how many may be at the far end to answer what
    a guest asks: 0, 1, or 2 for many. `delay` is the time in seconds that output waits after the
    stream opened. `failed` holds the reason while the stream takes no output
    and is expected to recover; such a stream never holds up the guest. `size`
    is the (rows, cols) that its far end has from the start, if it has one.
    """

    full_read = 1 << 20
    tell_gaps = True
    splices = False
    terminals = 1
    size: tuple[int, int] | None = None

    def __init__(self, fd: int, who: Who, *, delay: float = 0.0) -> None:
        self.fd = fd
        self.who = who
        self.delay = delay
        self.failed: str | None = None
        self.heard: Callable[[Heard], None] | None = None
        """Called with what the far end says beside the bytes, while they are read."""

    def read(self, limit: int) -> bytes:
        """Up to `limit` bytes; empty at the end of the stream.

        Raises:
            BlockingIOError: nothing is there now.
            OSError: the stream is broken.
        """
        return os.read(self.fd, limit)

    def read_into(self, buffers: Sequence[memoryview]) -> int:
        """Fill `buffers` from the front; see `read`. Returns 0 at the end of the stream."""
        return os.readv(self.fd, buffers)

    def write(self, buffers: Sequence[memoryview | bytes]) -> int:
        """Take what can be taken now and return its length; see `read` for the errors."""
        try:
            if len(buffers) == 1:
                return os.write(self.fd, buffers[0])
            return os.writev(self.fd, buffers)
        except OSError as error:
            if error.errno in NO_MEMORY:
                raise BlockingIOError from error
            raise

    def cut_off(self, error: OSError) -> bool:
        """Whether a far end that output cannot reach, for `error`, is there and waits for it.

        It would wait for ever; one that refuses output (EPIPE) may still type.
        """
        return error.errno != errno.EPIPE and self.fd >= 0 and not hung_up(self.fd)

    @property
    def held(self) -> int:
        """Bytes taken by `write` that are not at the far end's door yet."""
        return 0

    @property
    def backlog(self) -> int | None:
        """Bytes taken by `write` that the far end has not read; None where nobody can tell."""
        return None

    @property
    def queued(self) -> int:
        """Bytes the kernel still holds for the far end, as far as it tells (TIOCOUTQ, SIOCOUTQ).

        A unix socket tells the memory they take, tcp(7) those not acknowledged. A
        system call: not for the way of every byte.
        """
        try:
            return int.from_bytes(fcntl.ioctl(self.fd, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
        except OSError:
            return 0

    def ended(self) -> bool:
        """Whether an end of input is the end of the stream (False: it was half closed)."""
        return True

    def guest_changed(self, there: bool) -> None:
        """Whether there is a guest to type to; input that nobody types waits for one."""

    def watch_input(self, callback: Callable[[], None] | None) -> None:
        """Call `callback` whenever input, an end or an error is there; None to stop."""
        loop = asyncio.get_running_loop()
        if callback is None:
            loop.remove_reader(self.fd)
        else:
            loop.add_reader(self.fd, callback)

    def watch_output(self, callback: Callable[[], None] | None) -> None:
        """Call `callback` whenever output can be taken; None to stop."""
        loop = asyncio.get_running_loop()
        if callback is None:
            loop.remove_writer(self.fd)
        else:
            loop.add_writer(self.fd, callback)

    def close(self) -> None:
        """Give the descriptor back. Nothing may be watched any more. Idempotent."""
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            with contextlib.suppress(OSError):
                os.close(fd)

    async def flush(self) -> None:
        """Wait until `held` is 0, or until it is known that it will not be."""


class Owner(Protocol):
    """What a chardev may ask of the console (or of the place for loose chardevs) it is on."""

    def stream_opened(self, chardev: Chardev, stream: Stream) -> None:
        """`stream` is live from now on; the owner reads and writes it until it is lost."""

    def stream_held(self, chardev: Chardev, stream: Stream, seconds: float) -> None:
        """Output to `stream` is to wait for `seconds` (a second opener of a pty flushes too)."""

    def stream_closed(self, chardev: Chardev, stream: Stream, reason: MuxError | None) -> None:
        """The chardev ends `stream` itself; the owner must let go of it before returning."""

    def stream_failed(self, chardev: Chardev, who: Who, reason: MuxError) -> None:
        """Somebody tried to connect, and it came to nothing."""

    def chardev_changed(self, chardev: Chardev) -> None:
        """The chardev's state, reason, address or exit status changed."""


class Unowned:
    """The owner of a chardev that is on no console: nobody reads, nobody writes."""

    def stream_opened(self, chardev: Chardev, stream: Stream) -> None:
        """Leave the stream alone until an owner comes."""

    def stream_held(self, chardev: Chardev, stream: Stream, seconds: float) -> None:
        """Nothing is written anyhow."""

    def stream_closed(self, chardev: Chardev, stream: Stream, reason: MuxError | None) -> None:
        """Nothing is watched."""

    def stream_failed(self, chardev: Chardev, who: Who, reason: MuxError) -> None:
        """Nobody to tell."""

    def chardev_changed(self, chardev: Chardev) -> None:
        """Nobody to tell."""


class Chardev(ABC):
    """A configured byte endpoint.

    Args:
        id: the chardev's id, unique in the daemon.
        options: the typed options of its type.

    Subclasses implement `open`, and `close` where there is more to end than
    streams; they report through `set_state`, `add_stream` and `drop_stream`.
    """

    options: ChardevOptions
    resumes: ClassVar[bool] = False
    """A new stream goes on where the last one ended (a file, a pty), not at the present."""

    def __init__(self, id: str, options: ChardevOptions) -> None:
        self.id = id
        self.options = options
        self.owner: Owner = Unowned()
        self.is_guest = False
        self.console = id
        """The console's id, as users know it; whoever puts the chardev on a console sets it."""
        self.readonly = options.readonly
        self.state = State.CLOSED
        self.reason: str | None = None
        self.retry_at: float | None = None
        self.since = time.time()
        """Wall clock since when it is there, or is not: attempts in between do not count."""
        self.exit_status: int | None = None
        self.size: tuple[int, int] | None = None
        """(rows, cols) the far end was told, or None."""
        self.log: Chardev | None = None
        """What its `logfile` is written by."""
        self.streams: dict[Stream, None] = {}
        """In the order in which they came; each is found and let go of in one step."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._retry: asyncio.TimerHandle | None = None

    @property
    def whole(self) -> tuple[Chardev, ...]:
        """It, and its log if it has one."""
        return (self,) if self.log is None else (self, self.log)

    @property
    def type(self) -> str:
        """QEMU's name of the type."""
        return self.options.TYPE

    @property
    def filename(self) -> str:
        """What QEMU's query-chardev shows as `filename`, e.g. `unix:/p,server=on`."""
        return self.type

    @property
    def address(self) -> str:
        """Where it is, for people: a path, `host:port`, a command line; may be empty."""
        return ""

    @property
    def connect_command(self) -> str | None:
        """A shell command that reaches this backend, ready to copy; None if there is none."""
        return None

    @property
    def first_stream(self) -> Stream | None:
        """The one of its streams that has been there longest, if there is any."""
        return next(iter(self.streams), None)

    @property
    def can_break(self) -> bool:
        """Whether `send_break` can work at all."""
        return False

    @property
    def can_resize(self) -> bool:
        """Whether the far end can be told a window size."""
        return False

    @property
    def line(self) -> Line | None:
        """The serial line at the far end; None if it has none."""
        return None

    @property
    def resume_limit(self) -> int | None:
        """Bytes of history at most that a resuming stream is sent; None for all there is."""
        return None

    @property
    def ready(self) -> bool:
        """Whether `wait=on` is satisfied (true for everything but a socket server)."""
        return True

    async def start(self, owner: Owner, wait: float = START_WAIT) -> None:
        """Begin, and report to `owner`. Returns once the first attempt is decided.

        An attempt that takes longer than `wait` seconds goes on by itself. Never
        raises for what the world does: that becomes the state, `reason` and,
        where it is worth another attempt, `retry_at`.
        """
        self.owner = owner
        await asyncio.wait([self.spawn(self.open(), "open")], timeout=wait)

    @abstractmethod
    async def open(self) -> None:
        """Make one attempt and set the state that follows from it."""

    def close(self) -> None:
        """End what is not a stream (a listener, a symlink, a child). Idempotent."""

    def lost(self, stream: Stream, reason: MuxError | None) -> None:
        """The owner saw `stream` end, by itself (None) or by an error; it is no longer watched.

        The base closes the stream and calls `after_lost`.
        """
        if stream in self.streams:
            del self.streams[stream]
            stream.close()
            self.after_lost(stream, reason)

    def after_lost(self, stream: Stream, reason: MuxError | None) -> None:
        """Decide what follows the end of a stream; the base simply is closed."""
        if not self.streams:
            self.set_state(State.CLOSED, str(reason) if reason else None)

    def send_break(self) -> None:
        """Send a break condition.

        Raises:
            BreakUnsupported: this kind of endpoint has none.
        """
        raise BreakUnsupported(f"chardev '{self.id}' ({self.type}) has no break to send")

    def resize(self, rows: int, cols: int) -> None:
        """Tell the far end its window size; without effect where `can_resize` is False."""

    async def aclose(self) -> None:
        """End everything: streams, retries, tasks. Idempotent; nothing is left behind."""
        self.cancel_retry()
        for stream in list(self.streams):
            self.drop_stream(stream, None)
        self.close()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.set_state(State.CLOSED, None)

    # What subclasses report with.

    def set_state(
        self, state: State, reason: str | None = None, *, retry_in: float | None = None
    ) -> None:
        """Change the state, tell the owner, and try `open` again after `retry_in` seconds."""
        self.cancel_retry()
        if retry_in is not None:
            self.retry_at = time.time() + retry_in
            loop = asyncio.get_running_loop()
            self._retry = loop.call_later(retry_in, self._try_again)
        if (state, reason) != (self.state, self.reason) or retry_in is not None:
            if not (state in AWAY and self.state in AWAY):
                self.since = time.time()
            self.state, self.reason = state, reason
            self.owner.chardev_changed(self)

    def cancel_retry(self) -> None:
        """Forget the attempt that is due, if one is."""
        self.retry_at = None
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def add_stream(self, stream: Stream) -> None:
        """A stream begins: the state is OPEN and the owner has it from now on."""
        self.streams[stream] = None
        self.set_state(State.OPEN)
        self.owner.stream_opened(self, stream)

    def drop_stream(self, stream: Stream, reason: MuxError | None) -> None:
        """End a stream from this side; `after_lost` is not called."""
        if stream in self.streams:
            self.owner.stream_closed(self, stream, reason)
            del self.streams[stream]
            stream.close()

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run `work` as a task of this chardev; `aclose` cancels it and waits for it."""
        task = asyncio.get_running_loop().create_task(work, name=f"{self.id}: {name}")
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _try_again(self) -> None:
        self._retry = None
        self.retry_at = None
        self.spawn(self.open(), "open")

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.set_state(State.FAILED, f"internal error: {error!r}")
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"{task.get_name()} failed", "exception": error, "task": task}
            )


def hung_up(fd: int) -> bool:
    """Whether the far end of `fd` is gone altogether (POLLHUP or POLLERR, poll(2)).

    False where it cannot be told: it is told by the next read or write.
    """
    try:
        poll = select.poll()
        poll.register(fd, 0)
        return bool(poll.poll(0))
    except OSError:
        return False
