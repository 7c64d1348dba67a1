"""How long a console may keep its guest waiting for slow peers. No I/O."""

from __future__ import annotations

BUDGET = 0.05
"""Seconds of waiting in any second, over all peers of one console."""

WINDOW = 1.0


class Patience:
    """The waiting that one console has spent within the last second.

    Under the policy `drop` the guest waits for a peer that was keeping up, but a
    client that stops again and again must not slow the guest down for good: what
    is spent comes back only when it is a second old.
    """

    def __init__(self) -> None:
        self._spent: list[tuple[float, float]] = []
        self._total = 0.0

    def left(self, now: float, patience: float) -> float:
        """Seconds the guest may wait from `now` for a peer with `patience` seconds.

        A peer's own patience above `BUDGET` raises the budget for that peer: its
        user asked for it.
        """
        return max(0.0, min(patience, max(BUDGET, patience) - self._recent(now)))

    def spend(self, start: float, end: float) -> None:
        """Note that the guest waited from `start` to `end`."""
        if end > start:
            self._spent.append((start, end))
            self._total += end - start

    def _recent(self, now: float) -> float:
        """Seconds spent within the window; a sum that is kept, as waits may be many and short."""
        begin = now - WINDOW
        old = 0
        for start, end in self._spent:
            if end > begin:
                break
            self._total -= end - start
            old += 1
        del self._spent[:old]
        if not self._spent:
            # Where rounding errors end.
            self._total = 0.0
            return 0.0
        return self._total - max(0.0, begin - self._spent[0][0])
