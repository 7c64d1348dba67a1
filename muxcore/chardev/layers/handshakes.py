"""The clients of a server that are only connecting: bounded in number, and not open yet."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from muxcore.chardev.base import Chardev, Who
from muxcore.chardev.layers.stream import LayeredStream
from muxcore.errors import StreamError

MOST = 512
"""Clients of one server that are connecting at a time; the oldest gives way to one more.

As many honest ones may come at once; as many that only connect, with TLS, cost 30 MB."""

TOLD = 10
"""Failures told one by one in a second; of more it is told how many there were."""


class Handshakes:
    """See the module.

    Args:
        chardev: whose clients they are; it owns the tasks, and its owner is told what fails.
        admit: called with a stream when its handshake is over.
        prepare: awaited before a handshake goes on; it raises StreamError if that fails.
    """

    def __init__(
        self,
        chardev: Chardev,
        admit: Callable[[LayeredStream], None],
        prepare: Callable[[], Awaitable[None]],
    ) -> None:
        self._chardev = chardev
        self._admit = admit
        self._prepare = prepare
        self._shaking: dict[LayeredStream, asyncio.Task[None]] = {}
        self._may_tell = TOLD
        self._untold = 0
        self._second: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._shaking)

    def begin(self, stream: LayeredStream) -> None:
        """Admit `stream` once its handshake is over, or close it."""
        if stream.ready:
            self._admit(stream)
            return
        if len(self._shaking) >= MOST:
            oldest, task = next(iter(self._shaking.items()))
            del self._shaking[oldest]
            task.cancel()
            # A task that never ran cannot close what it was given.
            oldest.close()
            self._failed(oldest, StreamError(f"{MOST} others are connecting"))
        self._shaking[stream] = self._chardev.spawn(self._shake(stream), "handshake")

    def close(self) -> None:
        """End them all."""
        for stream, task in self._shaking.items():
            task.cancel()
            stream.close()
        self._shaking.clear()
        if self._second is not None:
            self._second.cancel()
            self._second = None

    async def _shake(self, stream: LayeredStream) -> None:
        try:
            await self._prepare()
            await stream.shake_hands()
        except StreamError as error:
            stream.close()
            self._failed(stream, error)
        else:
            self._admit(stream)
        finally:
            self._shaking.pop(stream, None)

    def _failed(self, stream: LayeredStream, error: StreamError) -> None:
        if self._second is None:
            later = asyncio.get_running_loop().call_later
            self._second = later(1.0, self._a_second_later, stream.who)
        if self._may_tell:
            self._may_tell -= 1
            self._chardev.owner.stream_failed(self._chardev, stream.who, error)
        else:
            self._untold += 1

    def _a_second_later(self, who: Who) -> None:
        self._second = None
        self._may_tell = TOLD
        if self._untold:
            error = StreamError(f"{self._untold} more clients failed to connect")
            self._untold = 0
            self._chardev.owner.stream_failed(self._chardev, who, error)
