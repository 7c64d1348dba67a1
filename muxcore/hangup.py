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


class HangupWatch:
    """Calls back, once, when the far end of a watched descriptor is gone."""

    def __init__(self) -> None:
        self._epoll: select.epoll | None = None
        self._callbacks: dict[int, Callable[[], None]] = {}

    def watch(self, fd: int, callback: Callable[[], None]) -> None:
        """Call `callback` once when `fd` hangs up; a second call replaces the callback."""
        if self._epoll is None:
            self._epoll = select.epoll()
            asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._ready)
        if fd in self._callbacks:
            self._epoll.modify(fd, select.EPOLLONESHOT)
        else:
            self._epoll.register(fd, select.EPOLLONESHOT)
        self._callbacks[fd] = callback

    def forget(self, fd: int) -> None:
        """Watch `fd` no longer; without effect if it is not watched."""
        if self._callbacks.pop(fd, None) is not None and self._epoll is not None:
            self._epoll.unregister(fd)

    def close(self) -> None:
        """Watch nothing any more. Idempotent."""
        if self._epoll is not None:
            asyncio.get_running_loop().remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None
        self._callbacks.clear()

    def _ready(self) -> None:
        if self._epoll is None:
            return
        for fd, _ in self._epoll.poll(0):
            callback = self._callbacks.get(fd)
            self.forget(fd)
            if callback is not None:
                callback()
