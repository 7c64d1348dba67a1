"""When to try again: a growing delay with jitter, or a fixed one. No I/O."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

SHORTEST = 0.1
LONGEST = 30.0
STEADY = 1.0
"""Seconds a connection must have lasted to make up for the failures before it."""


def _loop_clock() -> float:
    return asyncio.get_running_loop().time()


class Backoff:
    """The delays between attempts.

    Args:
        fixed_ms: a fixed delay in milliseconds (QEMU's `reconnect-ms`), 0 for no
            further attempt, None for a delay that doubles from `SHORTEST` to
            `longest`, each drawn from the upper half of its range.
        longest: seconds.
        draw: a random number in 0..1.
        clock: seconds of a monotonic clock; the running loop's unless it is said.
    """

    def __init__(
        self,
        fixed_ms: int | None = None,
        *,
        longest: float = LONGEST,
        draw: Callable[[], float] = random.random,
        clock: Callable[[], float] = _loop_clock,
    ) -> None:
        self._fixed = None if fixed_ms is None else fixed_ms / 1000
        self._longest = longest
        self._draw = draw
        self._clock = clock
        self._limit = 2 * SHORTEST
        self._opened_at: float | None = None

    def opened(self) -> None:
        """An attempt succeeded."""
        self._opened_at = self._clock()

    def next(self) -> float | None:
        """Seconds until the next attempt, counted from now; None for never again.

        An endpoint that is lost within `STEADY` seconds counts as one more failure,
        so that a far end which accepts and hangs up is not called ten times a second.
        """
        if self._fixed is not None:
            return self._fixed or None
        if self._opened_at is not None and self._clock() - self._opened_at >= STEADY:
            self._limit = 2 * SHORTEST
        self._opened_at = None
        limit = min(self._limit, self._longest)
        self._limit = 2 * limit
        return limit * (0.5 + 0.5 * self._draw())
