"""An owner for chardev tests: it reads what comes, notes what it is told, and lets go in order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from muxcore.chardev.base import Chardev, Stream, Who
from muxcore.errors import MuxError, StreamError
from tests.support import eventually


class RecordingOwner:
    """Reads every stream to its end (unless `reading` is off) and records everything."""

    def __init__(self, *, reading: bool = True) -> None:
        self.reading = reading
        self.got = bytearray()
        self.live: list[Stream] = []
        self.opened: list[Stream] = []
        self.held: list[tuple[Stream, float]] = []
        self.ended: list[Stream] = []
        self.failed: list[str] = []
        self.changes: list[tuple[str, str | None]] = []

    def stream_opened(self, chardev: Chardev, stream: Stream) -> None:
        """Read it from now on."""
        self.live.append(stream)
        self.opened.append(stream)
        if self.reading:
            self.read(chardev, stream)

    def stream_held(self, chardev: Chardev, stream: Stream, seconds: float) -> None:
        """Note it."""
        self.held.append((stream, seconds))

    def stream_closed(self, chardev: Chardev, stream: Stream, reason: MuxError | None) -> None:
        """Let go of it."""
        self._let_go(stream)

    def stream_failed(self, chardev: Chardev, who: Who, reason: MuxError) -> None:
        """Note why."""
        self.failed.append(str(reason))

    def chardev_changed(self, chardev: Chardev) -> None:
        """Note the state."""
        self.changes.append((chardev.state.value, chardev.reason))

    def read(self, chardev: Chardev, stream: Stream) -> None:
        """Begin to read."""
        stream.watch_input(lambda: self._readable(chardev, stream))

    def lose(self, chardev: Chardev, stream: Stream, reason: MuxError | None = None) -> None:
        """Give the stream up, as a console does at its end."""
        self._let_go(stream)
        chardev.lost(stream, reason)

    def _readable(self, chardev: Chardev, stream: Stream) -> None:
        try:
            data = stream.read(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self.lose(chardev, stream, StreamError(str(error)))
            return
        self.got += data
        if not data:
            if stream.ended():
                self.lose(chardev, stream)
            else:
                stream.watch_input(None)

    def _let_go(self, stream: Stream) -> None:
        stream.watch_input(None)
        stream.watch_output(None)
        self.live.remove(stream)
        self.ended.append(stream)

    @property
    def states(self) -> list[str]:
        """The states that were told, without repeats."""
        states: list[str] = []
        for state, _ in self.changes:
            if states[-1:] != [state]:
                states.append(state)
        return states

    async def stream(self) -> Stream:
        """The stream, once there is one."""
        await eventually(lambda: self.live, what="a stream")
        return self.live[-1]

    async def has(self, data: bytes) -> None:
        """Return once `data` has come."""
        await eventually(lambda: data in self.got, what=f"{data!r} in {bytes(self.got[-200:])!r}")


@contextlib.asynccontextmanager
async def running(chardev: Chardev, *, reading: bool = True) -> AsyncIterator[RecordingOwner]:
    """Start `chardev`, and end it whatever happens."""
    owner = RecordingOwner(reading=reading)
    try:
        await chardev.start(owner)
        yield owner
    finally:
        await chardev.aclose()
        assert not owner.live


@contextlib.asynccontextmanager
async def talking(
    *command: str,
) -> AsyncIterator[tuple[asyncio.StreamWriter, asyncio.StreamReader]]:
    """Run a program; what it is sent and what it says. It is killed at the end."""
    program = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert program.stdin is not None
    assert program.stdout is not None
    try:
        async with asyncio.timeout(20):
            yield program.stdin, program.stdout
    finally:
        with contextlib.suppress(ProcessLookupError):
            program.kill()
        await program.communicate()
