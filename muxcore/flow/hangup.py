"""Noticing that a far end is gone without reading from it.

A peer whose input buffer is full is not read, so that its own transport pushes
back; its end must be noticed all the same. An event loop only watches for
input or for room, so these descriptors live in an epoll of their own, asked for
nothing but EPOLLHUP and EPOLLERR, which epoll(7) always reports.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable

RETRY = 0.5
"""Seconds until what the kernel had no descriptor or no memory for is tried again."""


class HangupWatch:
    """Calls back, once, when the far end of a watched descriptor is gone.

    Nobody fails for want of a watch: one that cannot be had now is had later.
    """

    def __init__(self) -> None:
        self._epoll: select.epoll | None = None
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._watched: set[int] = set()
        self._retry: asyncio.TimerHandle | None = None

    def watch(self, fd: int, callback: Callable[[], None]) -> None:
        """Call `callback` once when `fd` hangs up; a second call replaces the callback."""
        self._callbacks[fd] = callback
        try:
            self._arm(fd)
        except OSError:
            if self._retry is None:
                loop = asyncio.get_running_loop()
                self._retry = loop.call_later(RETRY, self._try_again)

    def forget(self, fd: int) -> None:
        """Watch `fd` no longer; without effect if it is not watched."""
        self._callbacks.pop(fd, None)
        if fd in self._watched and self._epoll is not None:
            self._watched.discard(fd)
            self._epoll.unregister(fd)

    def close(self) -> None:
        """Watch nothing any more. Idempotent."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._epoll is not None:
            asyncio.get_running_loop().remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None
        self._callbacks.clear()
        self._watched.clear()

    def _arm(self, fd: int) -> None:
        if self._epoll is None:
            self._epoll = select.epoll()
            asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._ready)
        if fd in self._watched:
            self._epoll.modify(fd, select.EPOLLONESHOT)
        else:
            self._epoll.register(fd, select.EPOLLONESHOT)
            self._watched.add(fd)

    def _try_again(self) -> None:
        self._retry = None
        for fd, callback in list(self._callbacks.items()):
            if fd not in self._watched:
                self.watch(fd, callback)

    def _ready(self) -> None:
        if self._epoll is None:
            return
        for fd, _ in self._epoll.poll(0):
            callback = self._callbacks.get(fd)
            self.forget(fd)
            if callback is not None:
                callback()
