"""What tests of a console share: far ends that misbehave on command, and a loop with its own time.

Nothing here waits for a clock. `virtually` runs a coroutine on a loop whose time only passes while
nothing can happen, so that how long a guest was held is a number to be compared exactly.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any, TypeVar

from muxcore import events
from muxcore.chardev.base import Chardev, State, Stream, Who, hung_up
from muxcore.chardev.memory import MemoryChardev
from muxcore.chardev.soft import SoftStream
from muxcore.console.hub import Console
from muxcore.errors import MuxError
from muxcore.options.sets import MemoryOptions
from muxcore.peers.peer import Peer
from muxcore.wire import frames

T = TypeVar("T")

RING = 64 * 1024
"""The smallest history there is."""


class Scripted(SoftStream):
    """A far end in the test's hand.

    It takes `credit` bytes of output (None: all of it) and keeps them in `got`; `feed` and
    `end_input` are what it sends. An error in `write_error` or `read_error` is raised by the next
    write or read, and by every one after that.
    """

    def __init__(self, *, delay: float = 0.0, half_closes: bool = False) -> None:
        super().__init__(Who("scripted"))
        self.delay = delay
        self.got = bytearray()
        self.credit: int | None = None
        self.write_error: OSError | None = None
        self.read_error: OSError | None = None
        self.closed = False
        self.largest_write = 0
        self._half_closes = half_closes
        self._input = bytearray()
        self._input_ended = False

    def allow(self, credit: int | None) -> None:
        """Take so many bytes more; None for no limit, 0 to stop."""
        self.credit = credit
        self.output_watch.poke()

    def feed(self, data: bytes) -> None:
        """Send `data` to the console."""
        self._input += data
        self.input_watch.poke()

    def end_input(self) -> None:
        """Send no more."""
        self._input_ended = True
        self.input_watch.poke()

    def break_writing(self, error: OSError) -> None:
        """Every write raises `error` from now on."""
        self.write_error = error
        self.output_watch.poke()

    def break_reading(self, error: OSError) -> None:
        """Every read raises `error` once what was fed is read."""
        self.read_error = error
        self.input_watch.poke()

    @property
    def unread(self) -> int:
        """Bytes fed that the console has not read."""
        return len(self._input)

    def readable(self) -> bool:
        return bool(self._input) or self._input_ended or self.read_error is not None

    def writable(self) -> bool:
        return self.write_error is not None or self.credit is None or self.credit > 0

    def ended(self) -> bool:
        return not self._half_closes

    def read(self, limit: int) -> bytes:
        if self._input:
            data = bytes(self._input[:limit])
            del self._input[:limit]
            return data
        if self.read_error is not None:
            raise self.read_error
        if self._input_ended:
            return b""
        raise BlockingIOError

    def write(self, buffers: Sequence[memoryview | bytes]) -> int:
        if self.write_error is not None:
            raise self.write_error
        if not self.writable():
            raise BlockingIOError
        data = b"".join(buffers)[: self.credit]
        self.got += data
        self.largest_write = max(self.largest_write, len(data))
        if self.credit is not None:
            self.credit -= len(data)
        return len(data)

    def close(self) -> None:
        super().close()
        self.closed = True


class ScriptedChardev(Chardev):
    """Any number of far ends, each made by `connect`."""

    def __init__(
        self,
        id: str,
        *,
        resumes: bool = False,
        resume_limit: int | None = None,
        ready: bool = True,
        **options: Any,  # noqa: ANN401 - an option's value is its own type's
    ) -> None:
        super().__init__(id, MemoryOptions(**options))
        self.resumes = resumes  # type: ignore[misc]  # one class for both kinds
        self._resume_limit = resume_limit
        self._ready = ready
        self.ends: list[MuxError | None] = []

    @property
    def resume_limit(self) -> int | None:
        return self._resume_limit

    @property
    def ready(self) -> bool:
        return self._ready

    async def open(self) -> None:
        self.set_state(State.WAITING)

    def after_lost(self, stream: Stream, reason: MuxError | None) -> None:
        self.ends.append(reason)
        if not self.streams:
            self.set_state(State.WAITING)

    def become_ready(self) -> None:
        """What `wait=on` waits for has come."""
        self._ready = True
        self.owner.chardev_changed(self)

    def connect(self, *, delay: float = 0.0, half_closes: bool = False) -> Scripted:
        """A new client."""
        stream = Scripted(delay=delay, half_closes=half_closes)
        self.add_stream(stream)
        return stream


class PairStream(Stream):
    """One end of a socketpair."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock.detach(), Who("pair"))

    def ended(self) -> bool:
        return hung_up(self.fd)


class PairChardev(ScriptedChardev):
    """Clients behind real unix sockets, with a kernel's buffers."""

    def connect_socket(self, *, buffer: int | None = None) -> socket.socket:
        """The far end of a new client, non-blocking; `buffer` bounds what the kernel keeps."""
        near, far = socket.socketpair()
        if buffer is not None:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        near.setblocking(False)
        far.setblocking(False)
        self.add_stream(PairStream(near))
        return far


class Recorder:
    """Everything a console told the world."""

    def __init__(self) -> None:
        self.events: list[events.Event] = []

    def __call__(self, event: events.Event) -> None:
        self.events.append(event)

    def of(self, kind: type[T]) -> list[T]:
        """The events of one kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    def gaps(self, peer: str) -> list[tuple[int, int]]:
        """What a peer was told it does not get."""
        return [(gap.from_, gap.to) for gap in self.of(events.Gap) if gap.peer == peer]

    def states(self, peer: str) -> list[str]:
        """The states a peer went through."""
        return [event.state for event in self.of(events.PeerChanged) if event.peer == peer]


class Bench:
    """A console with a guest in memory, and what it told."""

    def __init__(self, history: int) -> None:
        self.heard = Recorder()
        self.console = Console("vm", history=history, notify=self.heard)
        self.guest = MemoryChardev("vm.guest", can_break=True, can_resize=True)

    def peer(self, id: str) -> Peer:
        """The live peer `id`."""
        return next(peer for peer in self.console.peers if peer.id == id)

    def describe(self, backend: str) -> dict[str, Any]:
        """A backend as mux-query-consoles shows it."""
        described: list[dict[str, Any]] = self.console.describe()["backends"]
        return next(item for item in described if item["id"] == backend)

    async def print(self, data: bytes) -> None:
        """The guest prints `data`, and the console has seen all of it or is held."""
        self.guest.feed(data)
        await self.settle()

    async def settle(self) -> None:
        """Let the loop run until what is there is read, or the guest is held."""
        for _ in range(100_000):
            if not self.guest.fed or self.console.held:
                break
            await asyncio.sleep(0)
        await turns(10)


async def turns(count: int = 50) -> None:
    """Let everything that is due happen, `count` turns of the loop deep."""
    for _ in range(count):
        await asyncio.sleep(0)


@asynccontextmanager
async def bench(*backends: Chardev, history: int = RING) -> AsyncIterator[Bench]:
    """A console that runs, and ends with the block."""
    made = Bench(history)
    raised: list[dict[str, Any]] = []
    # What a callback raises would only be logged, and the console go on half done.
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
    await made.console.start(made.guest, backends)
    try:
        yield made
    finally:
        await made.console.aclose()
    assert not raised, raised


def expected_raw(
    source: bytes, gaps: Iterable[tuple[int, int]], start: int = 0, *, marker: bool = True
) -> bytes:
    """What a raw peer that began at `start` must have got, its gaps being what it was told."""
    got = bytearray()
    at = start
    for begin, end in gaps:
        assert begin >= at, "gaps overlap"
        got += source[at:begin]
        if marker:
            got += b"\r\n[muxtui: %d bytes skipped]\r\n" % (end - begin)
        at = end
    return bytes(got + source[at:])


def decode_frames(stream: bytes) -> list[frames.Frame]:
    """The frames of a stream that ends at a frame's boundary."""
    decoder = frames.FrameDecoder(frames.TO_CLIENT)
    decoded = decoder.feed(stream)
    assert decoder.pending == 0, "the stream ends within a frame"
    return decoded


def check_framed(
    decoded: Iterable[frames.Frame], source: bytes, start: int
) -> tuple[int, list[tuple[int, int]]]:
    """Assert that `D` and `G` frames cover `source` from `start` exactly; returns end and gaps."""
    at = start
    gaps: list[tuple[int, int]] = []
    for frame in decoded:
        if frame.kind == b"D":
            (offset,) = frames.OFFSET.unpack_from(frame.payload)
            data = frame.payload[frames.OFFSET.size :]
            assert offset == at
            assert data == source[at : at + len(data)]
            at += len(data)
        elif frame.kind == b"G":
            begin, end = frames.SPAN.unpack(frame.payload)
            assert begin == at
            assert end > begin
            gaps.append((begin, end))
            at = end
    return at, gaps


def pattern(count: int) -> bytes:
    """`count` bytes in which no 4-aligned word comes twice and no escape or bell hides."""
    words = (b"%08x" % index for index in range(-(-count // 8)))
    return b"".join(words)[:count]


class _Jumping(selectors.SelectSelector):
    """Lets no time pass while something can happen, and jumps when nothing can."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise AssertionError("nothing can happen any more")
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock only moves while nothing is due."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def virtually(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `work` on a `VirtualLoop`."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(work())


class HoldClock:
    """How long a console's guest was held, in seconds of the loop's clock.

    Wraps the one method through which a hold acts, before anything is held.
    """

    def __init__(self, console: Console) -> None:
        self.holds: list[tuple[float, float]] = []
        self._since: float | None = None
        self._pause = console.pause_guest
        console.pause_guest = self._note  # type: ignore[method-assign]

    def _note(self, paused: bool) -> None:
        now = asyncio.get_running_loop().time()
        if paused and self._since is None:
            self._since = now
        elif not paused and self._since is not None:
            self.holds.append((self._since, now))
            self._since = None
        self._pause(paused)

    @property
    def total(self) -> float:
        """Seconds of all holds that are over."""
        return sum(end - start for start, end in self.holds)


Work = Callable[[], Coroutine[Any, Any, None]]


def in_virtual_time(test: Work) -> Callable[[], None]:
    """Run the test on a loop whose clock stands still while anything can happen."""

    @wraps(test)
    def run() -> None:
        virtually(test)

    del run.__wrapped__  # pytest would see a coroutine
    return run


async def until_read(made: Bench) -> None:
    """Let time pass until the guest has nothing left to print."""
    while made.guest.fed:  # noqa: ASYNC110 - the passing of time is the point
        await asyncio.sleep(0.001)
    await turns()
