"""Whose input goes to the guest next. No I/O.

Every peer has its own small inbox; the console takes from them in turn, a
little at a time, into a short queue. So one user's paste does not hold up
another's Ctrl-C, and what the guest does not read waits with its sender.
Turns end between keys, never within one; and where the rest of a key has not come yet, the others
wait a moment for it. So what one user began is never ended by another.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Protocol
from weakref import WeakKeyDictionary

QUEUE = 1024
"""Bytes waiting for the guest itself; up to `LONGEST` more where the last is a whole key."""

TURN = 256
"""Bytes one peer may add before the next one's turn."""


LONGEST = 64
"""Bytes of a sequence that is kept whole at most."""

_SEQUENCE = re.compile(
    rb"\x1b\x1b?(?:\[[0-?]*[ -/]*[@-~]?|[NO].?|"
    rb"\][^\x07\x1b]*(?:\x07|\x1b\\?)?|[P_][^\x1b]*(?:\x1b\\?)?|[^\x1b]?)|"
    rb"[\xc0-\xdf].?|[\xe0-\xef].{,2}|[\xf0-\xf7].{,3}",
    re.DOTALL,
)
"""A key or a terminal's answer (ECMA-48 5.4 and 5.6; SS2 and SS3 with what they shift; with Alt
an ESC more), or a character in UTF-8, as far as it is there."""


def whole(inbox: bytes | bytearray, limit: int) -> int:
    """How many bytes of `inbox` to take so that about `limit` are and no sequence is cut.

    Another's bytes come next, and must not end what this one began. A sequence across the limit
    waits for its turn; one that begins the inbox is taken whole, up to `LONGEST` bytes of it.
    """
    if len(inbox) <= limit:
        return len(inbox)
    for match in _SEQUENCE.finditer(inbox, max(0, limit - LONGEST), limit + LONGEST):
        if match.start() < limit < match.end():
            return match.start() or match.end()
    return limit


_UNFINISHED = re.compile(
    rb"(?:\x1b(?:\[[0-?]*[ -/]*|[NO]|\][^\x07\x1b]*|[P_][^\x1b]*)?|"
    rb"[\xc0-\xf7]|[\xe0-\xf7][\x80-\xbf]|[\xf0-\xf7][\x80-\xbf]{2})\Z"
)


def unfinished(data: bytes) -> bool:
    """Whether `data` ends with what may be the beginning of a key or of a character."""
    if data.isascii() and b"\x1b" not in data:
        return False
    return _UNFINISHED.search(data, max(0, len(data) - LONGEST)) is not None


class Source(Protocol):
    """A peer, as far as its input goes."""

    queued: bool
    inbox: bytearray

    def take(self, limit: int) -> bytes:
        """Up to about `limit` bytes, at least one, removed from the inbox: see `whole`."""

    def drop_input(self) -> int:
        """Empty the inbox and return how much was in it."""


class Lane:
    """What one peer typed for one of several guests.

    Args:
        taken: called when some of it is gone.
    """

    def __init__(self, taken: Callable[[], None]) -> None:
        self.queued = False
        self.inbox = bytearray()
        self._taken = taken

    def take(self, limit: int) -> bytes:
        """See `Source`."""
        end = whole(self.inbox, limit)
        data = bytes(self.inbox[:end])
        del self.inbox[:end]
        self._taken()
        return data

    def drop_input(self) -> int:
        """See `Source`."""
        count = len(self.inbox)
        self.inbox.clear()
        self._taken()
        return count


class Lanes:
    """What one peer typed that nobody took yet, for each feed that it types to.

    Args:
        taken: called when some of it is gone.
    """

    def __init__(self, taken: Callable[[], None]) -> None:
        self._taken = taken
        self._lanes: WeakKeyDictionary[object, Lane] = WeakKeyDictionary()

    def lane(self, feed: object) -> Lane:
        """The lane to `feed`."""
        lane = self._lanes.get(feed)
        if lane is None:
            lane = self._lanes[feed] = Lane(self._taken)
        return lane

    @property
    def waiting(self) -> int:
        """Bytes in all of them."""
        return sum(len(lane.inbox) for lane in self._lanes.values())

    def drop_input(self) -> int:
        """Empty all of them, and return how much was in them."""
        return sum(lane.drop_input() for lane in list(self._lanes.values()))


class InputQueue:
    """The guest's queue and the peers waiting to add to it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._waiting: deque[Source] = deque()
        self._unfinished: Source | None = None

    def __bool__(self) -> bool:
        return bool(self.data or self._waiting)

    @property
    def idle(self) -> bool:
        """Whether nothing waits, and nobody has begun what others would end."""
        return not self.data and not self._waiting and self._unfinished is None

    def add(self, source: Source) -> None:
        """`source` has input."""
        if not source.queued:
            source.queued = True
            self._waiting.append(source)

    def fill(self) -> bytearray:
        """Take from the peers in turn until the queue is full; returns the queue itself."""
        while len(self.data) < QUEUE and (source := self._next()) is not None:
            source.queued = False
            data = source.take(min(TURN, QUEUE - len(self.data)))
            self.data += data
            self._unfinished = source if unfinished(data) else None
            if source.inbox:
                self.add(source)
        return self.data

    def _next(self) -> Source | None:
        if self._unfinished is None:
            return self._waiting.popleft() if self._waiting else None
        if not self._unfinished.queued:
            return None
        self._waiting.remove(self._unfinished)
        return self._unfinished

    @property
    def waits(self) -> bool:
        """Whether sources wait for another to go on with what it began."""
        return self._unfinished is not None and bool(self._waiting)

    def go_on(self) -> None:
        """Wait no longer."""
        self._unfinished = None

    def sent(self, count: int) -> None:
        """The guest took the first `count` bytes of the queue."""
        del self.data[:count]

    def drop(self) -> int:
        """Forget everything that waits, and return how many bytes that was."""
        count = len(self.data)
        self.data.clear()
        self._unfinished = None
        while self._waiting:
            source = self._waiting.popleft()
            source.queued = False
            count += source.drop_input()
        return count
