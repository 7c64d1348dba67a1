"""Noticing that a guest rang the bell. No I/O."""

from __future__ import annotations

from muxcore.ring import History

BEL = 0x07
LOOK_BACK = 1024
"""Bytes before a BEL in which the start of a string it may end is looked for."""

LOOK_AT = 16 * 1024
"""Bytes at the end of a chunk that are looked at: in a flood one bell more or less is no news."""

LOOKS = 16
"""BELs looked at in one chunk: a guest that prints nothing but titles costs no more than that."""


class Bell:
    """Counts chunks of output that ring the bell (BEL, ECMA-48 8.3.3).

    A BEL also ends an OSC string, as every prompt that sets a title shows; one
    that does is no bell.
    """

    def __init__(self) -> None:
        self.count = 0

    def scan(self, history: History, begin: int) -> None:
        """Look at the output from `begin` to the end; at most one bell is counted in it."""
        if history.end - begin > LOOK_AT:
            begin = history.end - LOOK_AT
        at = history.find(BEL, begin)
        if at is not None:
            self._look(history, at)

    def _look(self, history: History, at: int | None) -> None:
        for _ in range(LOOKS):
            if at is None:
                return
            if not self._ends_string(history, at):
                self.count += 1
                return
            at = history.find(BEL, at + 1)

    @staticmethod
    def _ends_string(history: History, at: int) -> bool:
        first = max(history.start, at - LOOK_BACK)
        before = history.read(first, at - first)
        opened = before.rfind(b"\x1b]")
        return opened >= 0 and not any(end in before[opened:] for end in (b"\x07", b"\x1b\\"))
