"""An event loop that is refused a watch asks again, and nobody else notices."""

from __future__ import annotations

import asyncio
import errno
import os
import select
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from muxcore.flow.loop import Loop
from muxcore.flow.selector import Epoll
from tests.support import eventually


class Stingy:
    """An epoll that refuses what is asked of it while `error` is set."""

    def __init__(self, real: select.epoll) -> None:
        self.error: int | None = None
        self.real = real
        self.close, self.fileno, self.poll = real.close, real.fileno, real.poll
        self.unregister = real.unregister

    def register(self, fd: int, events: int) -> None:
        self._refuse()
        self.real.register(fd, events)

    def modify(self, fd: int, events: int) -> None:
        self._refuse()
        self.real.modify(fd, events)

    def _refuse(self) -> None:
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error))


def played(play: Callable[[Stingy], Coroutine[Any, Any, None]]) -> None:
    """Run `play` on a loop over a stingy epoll."""
    loop = Loop()
    selector = loop._selector
    stingy = Stingy(selector._selector._real)
    selector._selector = Epoll(stingy)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(play(stingy))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.ENOMEM])
def test_a_watch_that_is_refused_is_granted_later(code: int) -> None:
    async def play(epoll: Stingy) -> None:
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        with near, far:
            heard: list[bytes] = []
            epoll.error = code
            loop.add_reader(near, lambda: heard.append(near.recv(10)))
            far.send(b"hello")
            await asyncio.sleep(0)
            assert not heard
            epoll.error = None
            await eventually(lambda: heard == [b"hello"])
            loop.remove_reader(near)

    played(play)


def test_a_change_that_is_refused_costs_nothing_that_was_watched_before() -> None:
    async def play(epoll: Stingy) -> None:
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        with near, far:
            heard: list[bytes] = []
            wrote: list[bool] = []
            loop.add_reader(near, lambda: heard.append(near.recv(10)))
            epoll.error = errno.ENOMEM

            def writable() -> None:
                wrote.append(True)
                loop.remove_writer(near)

            loop.add_writer(near, writable)
            far.send(b"hello")
            await eventually(lambda: heard == [b"hello"])
            assert not wrote
            epoll.error = None
            await eventually(lambda: wrote == [True])
            loop.remove_reader(near)

    played(play)


def test_a_descriptor_that_is_closed_before_its_watch_is_granted_is_forgotten() -> None:
    async def play(epoll: Stingy) -> None:
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        with far:
            epoll.error = errno.ENOSPC
            loop.add_reader(near, lambda: None)
            loop.add_writer(near, lambda: None)
            loop.remove_writer(near)
            loop.remove_reader(near)
            near.close()
            epoll.error = None
            await asyncio.sleep(0)
            assert loop._selector._selector.poll == epoll.poll  # type: ignore[attr-defined]

    played(play)


def test_any_other_error_is_told() -> None:
    async def play(_: Stingy) -> None:
        near, far = socket.socketpair()
        far.close()
        fd = near.fileno()
        near.close()
        with pytest.raises(OSError, match="Bad file descriptor"):
            asyncio.get_running_loop().add_reader(fd, lambda: None)

    played(play)
