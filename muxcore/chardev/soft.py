"""Streams that have no descriptor an event loop could watch."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from muxcore.chardev.base import Stream, Who


class LevelWatch:
    """Calls back for as long as a condition holds, as `add_reader` does for a descriptor.

    Args:
        condition: looked at before every call; who makes it true calls `poke`.
    """

    def __init__(self, condition: Callable[[], bool]) -> None:
        self._condition = condition
        self._callback: Callable[[], None] | None = None
        self._due: asyncio.Handle | None = None

    def set(self, callback: Callable[[], None] | None) -> None:
        """Call `callback` from now on; None to stop."""
        self._callback = callback
        if callback is None and self._due is not None:
            self._due.cancel()
            self._due = None
        self.poke()

    def poke(self) -> None:
        """The condition may have become true."""
        if self._callback is not None and self._due is None and self._condition():
            self._due = asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        self._due = None
        if self._callback is not None and self._condition():
            try:
                self._callback()
            finally:
                self.poke()


class SoftStream(Stream, ABC):
    """A stream without a descriptor (`fd` is -1): subclasses say when it is readable, writable.

    It gives no input and takes no output until they do.
    """

    def __init__(self, who: Who) -> None:
        super().__init__(-1, who)
        self.input_watch = LevelWatch(self.readable)
        self.output_watch = LevelWatch(self.writable)

    def readable(self) -> bool:
        """Whether `read` has something to tell: input, the end, or an error."""
        return False

    def writable(self) -> bool:
        """Whether `write` takes something, or has an error to tell."""
        return True

    def read(self, limit: int) -> bytes:
        """See `Stream.read`."""
        raise BlockingIOError

    def read_into(self, buffers: Sequence[memoryview]) -> int:
        """See `Stream.read_into`; built on `read`."""
        count = 0
        for buffer in buffers:
            # Only the first read may end the stream or find nothing there.
            if count and not self.readable():
                break
            data = self.read(len(buffer))
            buffer[: len(data)] = data
            count += len(data)
            if len(data) < len(buffer):
                break
        return count

    @abstractmethod
    def write(self, buffers: Sequence[memoryview | bytes]) -> int:
        """See `Stream.write`."""

    @property
    def queued(self) -> int:
        """See `Stream.queued`."""
        return super().queued if self.fd >= 0 else 0

    def watch_input(self, callback: Callable[[], None] | None) -> None:
        """See `Stream.watch_input`."""
        self.input_watch.set(callback)

    def watch_output(self, callback: Callable[[], None] | None) -> None:
        """See `Stream.watch_output`."""
        self.output_watch.set(callback)

    def close(self) -> None:
        """Nothing to give back; nothing is called any more."""
        self.input_watch.set(None)
        self.output_watch.set(None)
