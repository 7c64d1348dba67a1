"""An event loop for the injection: its time passes only while nothing happens, and quickly."""

from __future__ import annotations

import selectors
from typing import Any

from muxcore.flow import loop, selector
from tests.inject.faults import Epoll, Injector

HASTE = 20
"""Seconds of the loop's clock to one of the world's, while nothing happens."""


class Selector(selector.Selector):
    """The daemon's own selector over an epoll that may fail; it makes time pass.

    What is ready comes first, in no time. When nothing is, the world (threads, the kernel) gets a
    part of the time in which something may still come.
    """

    def __init__(self, injector: Injector) -> None:
        super().__init__()
        self.now = 0.0
        real: Any = self._selector._real
        self._selector = selector.Epoll(Epoll(injector, "loop", real))

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """See `selectors.BaseSelector.select`."""
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        assert timeout is not None, "nothing can happen any more"
        ready = super().select(timeout / HASTE)
        self.now += 0 if ready else max(0.0, timeout)
        return ready


class Loop(loop.Loop):
    """See the module."""

    def __init__(self, injector: Injector) -> None:
        self._faulty = Selector(injector)
        super().__init__(self._faulty)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._faulty.now
