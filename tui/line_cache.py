"""Lines of scrollback at hand for drawing; the rest is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from muxcore.screen.codec import Plain

if TYPE_CHECKING:
    from muxcore.vt.engine import Line

MAX_CACHED = 4000
"""Lines kept; with more, all are asked for again."""

AHEAD = 100
"""Lines asked for before and behind those that are wanted."""


class LineCache:
    """Lines by their numbers, for one epoch at a time.

    Args:
        ask: asks for the lines of an epoch from a number up to another: `Service` `lines`.
        unpack: makes lines of the answer.
        arrived: called when lines came.
    """

    def __init__(
        self,
        ask: Callable[[int, int, int], asyncio.Future[Plain]],
        unpack: Callable[[Plain], list[Line]],
        arrived: Callable[[], None],
    ) -> None:
        self._ask = ask
        self._unpack = unpack
        self._arrived = arrived
        self._lines: dict[int, Line] = {}
        self._epoch = 0
        self._asked = range(0)

    def get(self, number: int, epoch: int) -> Line | None:
        """The line, or None when it is not here yet; then it is asked for."""
        if epoch != self._epoch:
            self.clear()
            self._epoch = epoch
        line = self._lines.get(number)
        if line is None and number not in self._asked:
            self._fetch(range(number - AHEAD, number + AHEAD), epoch)
        return line

    def clear(self) -> None:
        """Forget all lines, those that are on their way too."""
        self._lines.clear()
        self._asked = range(0)
        self._epoch = 0

    def _fetch(self, wanted: range, epoch: int) -> None:
        self._asked = wanted
        future = self._ask(epoch, wanted.start, wanted.stop)
        future.add_done_callback(lambda done: self._take(done, epoch))

    def _take(self, future: asyncio.Future[Plain], epoch: int) -> None:
        if epoch == self._epoch:
            self._asked = range(0)
        if future.cancelled() or epoch != self._epoch:
            return
        start, packed = future.result()
        lines = self._unpack(packed)
        if len(self._lines) > MAX_CACHED:
            self._lines.clear()
        known = len(self._lines)
        self._lines.update(enumerate(lines, start))
        if len(self._lines) > known:
            self._arrived()
