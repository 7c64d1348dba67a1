"""What the daemon's event loop waits with: an epoll that outlives a shortage.

The kernel may refuse to watch one more descriptor: for want of memory, or
because its user watches too many (ENOMEM and ENOSPC, epoll_ctl(2)). Whoever
asked is in the midst of something then, often for somebody else. So what is
refused is kept in mind, and tried again until it is granted.
"""

from __future__ import annotations

import errno
import logging
import math
import selectors
from typing import Any

from muxcore.errors import describe_os_error

RETRY = 0.2
"""Seconds at most until a descriptor that was refused is tried again."""

MAX_EVENTS = 256
"""Descriptors told of by one epoll_wait(2); further ones come with the next, none is left out."""

SHORTAGES = {errno.ENOMEM, errno.ENOSPC}

log = logging.getLogger(__name__)


class Epoll:
    """The part of `select.epoll` that a selector uses; see the module.

    Args:
        real: the epoll object, owned from now on.
    """

    def __init__(self, real: Any) -> None:  # noqa: ANN401 - an epoll, or a test's
        self._real = real
        self._refused: dict[int, int] = {}
        self.close = real.close
        self.fileno = real.fileno
        # Nothing stands between the loop and its epoll while nothing was refused.
        self.poll = real.poll

    def register(self, fd: int, events: int) -> None:
        """Watch `fd`, now or once that is granted."""
        try:
            self._real.register(fd, events)
        except OSError as error:
            self._keep(fd, events, error)

    def modify(self, fd: int, events: int) -> None:
        """Watch `fd` for other events."""
        if fd in self._refused:
            self._refused[fd] = events
            return
        try:
            self._real.modify(fd, events)
        except OSError as error:
            self._keep(fd, events, error)

    def unregister(self, fd: int) -> None:
        """Watch `fd` no longer."""
        self._refused.pop(fd, None)
        self._real.unregister(fd)

    def _keep(self, fd: int, events: int, error: OSError) -> None:
        if error.errno not in SHORTAGES:
            raise error
        if not self._refused:
            log.warning("cannot watch a descriptor: %s; trying again", describe_os_error(error))
        self._refused[fd] = events
        self.poll = self._poll_and_try

    def _poll_and_try(self, timeout: float, limit: int) -> list[tuple[int, int]]:
        """See `select.epoll.poll`; `timeout` is seconds, -1 for ever."""
        self._try_again()
        if self._refused:
            timeout = RETRY if timeout < 0 else min(timeout, RETRY)
        else:
            self.poll = self._real.poll
        ready: list[tuple[int, int]] = self._real.poll(timeout, limit)
        return ready

    def _try_again(self) -> None:
        for fd, events in list(self._refused.items()):
            try:
                self._watch(fd, events)
            except OSError as error:
                if error.errno in SHORTAGES:
                    return
                # Closed meanwhile: nobody waits for it.
            del self._refused[fd]

    def _watch(self, fd: int, events: int) -> None:
        try:
            self._real.register(fd, events)
        except FileExistsError:
            # It is watched; only what for could not be changed.
            self._real.modify(fd, events)


class Selector(selectors.EpollSelector):
    """A selector over an `Epoll`, whose cost does not grow with what is registered."""

    def __init__(self) -> None:
        super().__init__()
        self._selector: Any = Epoll(self._selector)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """See `selectors.BaseSelector.select`, but the events are epoll's own (epoll_ctl(2))."""
        if timeout is None:
            timeout = -1
        elif timeout > 0:
            # Up to the next millisecond, epoll's resolution: less would be none, and spin.
            timeout = math.ceil(timeout * 1e3) * 1e-3
        else:
            timeout = 0
        # The standard library's own, which its type stubs leave out.
        keys: dict[int, selectors.SelectorKey] = self._fd_to_key  # type: ignore[attr-defined]
        told = self._selector.poll(timeout, MAX_EVENTS)
        return [(keys[fd], events) for fd, events in told if fd in keys]
