"""Finding the queries in a console's output, however it was split into reads. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from muxcore.answers.queries import BEGUN, BEGUN_STRING, QUERY, Kind, questions
from muxcore.ring import History

ESC = 0x1B
MOST = 512
"""Queries looked at in one piece of output at most: who asks more at once waits for no answer."""

SPARSE = 256
"""ESCs in one piece up to which each is looked at by itself."""


class Query(NamedTuple):
    """A query in the history: its bytes are those from `start` up to `end`."""

    start: int
    end: int
    kind: Kind


class Inquiry:
    """Looks for queries from an offset on.

    What may be the beginning of one is kept, `queries.LONGEST` bytes at most. Output without an
    ESC costs one search for that byte.
    """

    def __init__(self) -> None:
        self.begun = b""
        """What may be the beginning of a query."""

    def look(self, history: History, begin: int, end: int) -> list[Query]:
        """The queries that end in the output from `begin`, where it was left off, up to `end`.

        Raises:
            ValueError: `begin` is no longer retained.
        """
        at = begin
        if not self.begun:
            found = history.find(ESC, begin)
            if found is None or found >= end:
                return []
            at = found
        data = self.begun + history.read(at, end - at)
        return self._find(data, end - len(data))

    def break_off(self) -> None:
        """What comes next is not what follows."""
        self.begun = b""

    def _find(self, data: bytes, offset: int) -> list[Query]:
        found: list[Query] = []
        for match in islice(_candidates(data), MOST):
            start, end = offset + match.start(), offset + match.end()
            found += [Query(start, end, kind) for kind in questions(match)]
        self.begun = data[_begun(data) :]
        return found


def _candidates(data: bytes) -> Iterator[re.Match[bytes]]:
    if data.count(b"\x1b") > SPARSE:
        yield from QUERY.finditer(data)
        return
    # From one ESC to the next bytes.find is ten times as fast as the expression's own search.
    at = data.find(b"\x1b")
    while at >= 0:
        if match := QUERY.match(data, at):
            yield match
        at = data.find(b"\x1b", at + 1)


def _begun(data: bytes) -> int:
    """Where a query may have begun that has not ended."""
    last = data.rfind(b"\x1b")
    if last < 0:
        return len(data)
    if last == len(data) - 1:
        # It may end a string.
        before = data.rfind(b"\x1b", 0, last)
        return before if before >= 0 and BEGUN_STRING.match(data, before) else last
    return last if BEGUN.match(data, last) else len(data)
