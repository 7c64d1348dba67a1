"""What this terminal answers to a replay: the daemon takes the answers of who is told offsets for
answers to what is live, so they are taken out here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from muxcore.answers.arbiter import HOLD, Arbiter, Respondent
from muxcore.ring import MIN_CAPACITY, History


class ReplayAnswers:
    """See the module.

    Args:
        typed: called with what is typed and is no such answer.
    """

    def __init__(self, typed: Callable[[bytes], None]) -> None:
        self._typed = typed
        self._history = History(MIN_CAPACITY)
        clock = asyncio.get_running_loop().time
        self._arbiter = Arbiter(self._history, clock)
        self._respondent = Respondent(self._arbiter, 0)
        self._timer: asyncio.TimerHandle | None = None

    def show(self, data: bytes) -> None:
        """The terminal is shown replayed output."""
        for at in range(0, len(data), MIN_CAPACITY):
            begin = self._history.end
            self._history.append(data[at : at + MIN_CAPACITY], 0.0)
            if self._arbiter.printed(begin):
                self._arbiter.settle_all()
                self._respondent.sent(self._history.end)

    def take(self, data: bytes) -> None:
        """`data` came from the terminal."""
        self.close()
        passed = b"".join(
            item if isinstance(item, bytes) else item.data for item in self._respondent.take(data)
        )
        if self._respondent.held:
            self._timer = asyncio.get_running_loop().call_later(HOLD, self._release)
        if passed:
            self._typed(passed)

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _release(self) -> None:
        self._timer = None
        self._typed(self._respondent.release())
