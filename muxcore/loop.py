"""The daemon's event loop: asyncio's own, with less between a descriptor and its callback.

A console lives on wake-ups: two for a key and its echo, one for every burst of
a flood. asyncio's selector loop spends some 5 us on each, of which most goes
into queueing the callback before it is run. Here it is run at once, which makes
a wake-up as cheap as uvloop's. uvloop itself will not do: libuv stops watching
a descriptor that polls POLLERR (uv_poll_start), so that what a client typed
before it left with output unread would stay behind.
"""

from __future__ import annotations

import asyncio
import math
import select
import selectors
from collections.abc import Iterable

MAX_EVENTS = 256
"""Descriptors told of by one epoll_wait(2); further ones come with the next, none is left out."""


class Selector(selectors.EpollSelector):
    """An epoll selector whose cost does not grow with what is registered."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """See `selectors.BaseSelector.select`."""
        if timeout is None:
            timeout = -1
        elif timeout > 0:
            # Up to the next millisecond, epoll's resolution: less would be none, and spin.
            timeout = math.ceil(timeout * 1e3) * 1e-3
        else:
            timeout = 0
        # The standard library's own, which its type stubs leave out.
        keys: dict[int, selectors.SelectorKey] = self._fd_to_key  # type: ignore[attr-defined]
        poll = self._selector.poll  # type: ignore[attr-defined]
        ready = []
        for fd, told in poll(timeout, MAX_EVENTS):
            key = keys.get(fd)
            if key is not None:
                # A hang-up or an error is told to whoever watches, for input or for room.
                events = selectors.EVENT_WRITE if told & ~select.EPOLLIN else 0
                if told & ~select.EPOLLOUT:
                    events |= selectors.EVENT_READ
                ready.append((key, events & key.events))
        return ready


class Loop(asyncio.SelectorEventLoop):
    """A selector loop that runs a descriptor's callback when it is told of, not a turn later."""

    def __init__(self) -> None:
        super().__init__(Selector())

    def _process_events(self, event_list: Iterable[tuple[selectors.SelectorKey, int]]) -> None:
        """What `asyncio.BaseEventLoop` calls with all that the selector found.

        A callback may end the watch of a descriptor that is told of after it.
        """
        for key, events in event_list:
            reader, writer = key.data
            if events & selectors.EVENT_READ and reader is not None and not reader.cancelled():
                reader._run()  # noqa: SLF001 - asyncio's own way to run a handle
            if events & selectors.EVENT_WRITE and writer is not None and not writer.cancelled():
                writer._run()  # noqa: SLF001
