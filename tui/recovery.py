"""What to do when an engine ends: which bytes ended it, which engine to try next. Pure.

The bytes that an engine was obeying when it ended are suspect. The next one is fed them in small
pieces, one at a time; a piece that ends it once more is left out ever after. An engine that keeps
ending is replaced by the other one, and at last none is tried any more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from muxcore.screen.items import Attached, Gap, Item, Output

PIECE = 4096
"""Bytes fed at once where an engine ended before; what is left out is no larger."""

MAX_LEFT_OUT = 64
"""Ranges that are left out at most; of more, the first are fed again."""

MAX_ENDS = 8
"""Engines of one kind that may end within `WINDOW`."""

WINDOW = 60.0
"""Seconds."""

FALLBACK = "bittty"
"""The engine that is tried when the best one keeps ending: pure Python, it cannot crash."""


class Recovery:
    """The engines of one view: how they ended, and how the next is fed."""

    def __init__(self) -> None:
        self.engine = ""
        """The engine to start next; empty for the best one."""
        self.given_up = False
        """Whether no engine is tried any more."""
        self.left_out: list[tuple[int, int]] = []
        """Ranges of the console's history that no engine is fed, in ascending order."""
        self._console = ""
        self._suspect = (0, 0)
        self._obeyed = 0
        self._sent = 0
        self._ends: deque[float] = deque(maxlen=MAX_ENDS)
        self._reason = ""
        self._restarting = False

    @property
    def trouble(self) -> str:
        """What happened, in a line; empty when nothing did."""
        parts = []
        if self.given_up:
            parts.append(f"terminal engine given up: {self._reason}")
        elif self._reason:
            which = f" as {self.engine}" if self.engine else ""
            parts.append(f"terminal engine restarted{which}: {self._reason}")
        if self.left_out:
            start, stop = self.left_out[-1]
            more = f" and {len(self.left_out) - 1} more ranges" if len(self.left_out) > 1 else ""
            parts.append(f"bytes {start}..{stop}{more} left out")
        return "; ".join(parts)

    # What happens.

    def attached(self, item: Attached) -> None:
        """A stream begins. What is known holds for the same console with a longer history."""
        known = max([self._suspect[1], *(stop for _, stop in self.left_out)])
        if item.console != self._console or item.end < known:
            self._forget()
        if not self._restarting:
            self._reason = ""
        self._restarting = False
        self._console = item.console
        self._obeyed = self._sent = item.offset

    def sent(self, item: Output | Gap) -> None:
        """An item was passed to the engine."""
        self._sent = item.end if isinstance(item, Gap) else item.offset + len(item.data)

    def obeyed(self, offset: int) -> None:
        """The engine has obeyed the history up to an offset."""
        self._obeyed = offset

    def ended(self, reason: str, now: float) -> None:
        """The engine ended, at a time in seconds."""
        self._reason = reason
        self._restarting = True
        self._suspect_what_was_fed()
        if len(self._ends) == MAX_ENDS and now - self._ends[0] < WINDOW:
            self._replace()
        self._ends.append(now)

    def retry(self) -> None:
        """Try engines again after all, from the best one on."""
        self.engine = ""
        self.given_up = False
        self._ends.clear()
        self._forget()

    def _suspect_what_was_fed(self) -> None:
        start, stop = self._obeyed, self._sent
        self._obeyed = self._sent
        low, high = self._suspect
        if start >= stop:
            return
        if stop - start <= PIECE and low <= start and stop <= high:
            self.left_out = sorted([*self.left_out, (start, stop)])[-MAX_LEFT_OUT:]
        else:
            self._suspect = (start, stop)

    def _replace(self) -> None:
        """Go on with the other engine, to which the same bytes may do no harm, or give up."""
        self._forget()
        self._ends.clear()
        if self.engine == FALLBACK:
            self.given_up = True
        self.engine = FALLBACK

    def _forget(self) -> None:
        self._suspect = (0, 0)
        self.left_out = []

    # How to feed.

    def careful(self, item: Item) -> bool:
        """Whether an item made by `cut` is to be obeyed before another is sent."""
        low, high = self._suspect
        return isinstance(item, Output) and low <= item.offset < high

    def cut(self, output: Output) -> Iterator[Output | Gap]:
        """The output in pieces: what is left out as gaps, what is suspect in small ones."""
        at, end = output.offset, output.offset + len(output.data)
        while at < end:
            stop, out = self._next(at, end)
            if out:
                yield Gap(at, stop)
            elif stop - at == len(output.data):
                yield output
            else:
                yield Output(at, output.data[at - output.offset : stop - output.offset])
            at = stop

    def _next(self, at: int, end: int) -> tuple[int, bool]:
        """Where the piece that begins at `at` ends, and whether it is left out."""
        for start, stop in self.left_out:
            if start <= at < stop:
                return min(stop, end), True
            if at < start:
                end = min(end, start)
        low, high = self._suspect
        if low <= at < high:
            return min(end, high, at + PIECE), False
        return (min(end, low) if at < low else end), False
