"""Finding text in the lines of a screen. Pure.

Patterns are those of the `regex` module, a superset of Python's `re`: it takes a time-out, and a
pattern that backtracks for ever (`(a|a)*$`) must not hold up the screen it is searched on. RE2
needs none, but has neither backreferences nor lookarounds and no wheel for musl.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import regex

from muxcore.screen.query import MAX_PATTERN, Found, Match, Query
from muxcore.screen.wraps import padded
from muxcore.vt.columns import columns

if TYPE_CHECKING:
    Pattern = regex.Pattern[str]

MAX_MATCHES = 5_000
"""Matches that are returned."""

MAX_SECONDS = 0.25
"""Seconds of one search."""

BLOCK = 1000
"""Lines searched at once: the newest block comes first."""

TOO_SLOW = "the search takes too long"

_ESCAPED = regex.compile(r"\\(?:[pP]\{[^}]*\}|N\{[^}]*\}|.)", regex.DOTALL)
_LOOKS_AROUND = regex.compile(r"\(\?|\\[AZzGK]")
"""Patterns that could tell whether a line is searched alone or among others."""


def search(
    texts: Sequence[tuple[str, bool]],
    first: int,
    query: Query,
    *,
    cols: int = 0,
    limit: int = MAX_MATCHES,
    seconds: float = MAX_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Found:
    """Find a pattern, newest lines first, until `limit` matches were found or `seconds` are over.

    Args:
        texts: of each line its text, and whether it goes on in the next one.
        first: the number of the first of them.
        query: what to find. Empty matches are none.
        cols: the width of the screen, which tells blanks at a wrap from nothing at all.
        limit: matches returned at most.
        seconds: time taken at most, about.
        clock: tells the time in seconds.
    """
    if not query.pattern:
        return Found()
    pattern = _compile(query)
    if isinstance(pattern, str):
        return Found(error=pattern)
    alone = query.regex and _LOOKS_AROUND.search(query.pattern) is not None
    deadline = clock() + seconds
    parts: list[list[Match]] = []
    room = limit
    for start, stop in _blocks(texts):
        block = _Block(texts[start:stop], first + start, cols)
        try:
            found = block.search(pattern, alone, lambda: _left(deadline, clock))
        except (TimeoutError, MemoryError):
            return Found(_joined(parts), truncated=True, error=TOO_SLOW)
        parts.append(found[-room:])
        room -= len(found)
        if room < 0 or (room == 0 and start > 0):
            return Found(_joined(parts), truncated=True)
    return Found(_joined(parts))


def _left(deadline: float, clock: Callable[[], float]) -> float:
    """The seconds left; a time-out of 0 would be none."""
    left = deadline - clock()
    if left <= 0:
        raise TimeoutError
    return left


def _joined(parts: list[list[Match]]) -> list[Match]:
    return [match for part in reversed(parts) for match in part]


def _compile(query: Query) -> Pattern | str:
    """The pattern, or in one line what is wrong with it."""
    if len(query.pattern) > MAX_PATTERN:
        return f"a pattern has at most {MAX_PATTERN} characters"
    text = query.pattern if query.regex else regex.escape(query.pattern)
    flags = regex.MULTILINE | (0 if _case_counts(query) else regex.IGNORECASE)
    try:
        return regex.compile(text, flags)
    except regex.error as error:
        return " ".join(str(error).split())
    except (RecursionError, OverflowError, ValueError, KeyError, MemoryError):
        return "the pattern is too complex"


def _case_counts(query: Query) -> bool:
    if query.case != "smart":
        return query.case == "on"
    letters = _ESCAPED.sub("", query.pattern) if query.regex else query.pattern
    return letters != letters.lower()


def _blocks(texts: Sequence[tuple[str, bool]]) -> Iterator[tuple[int, int]]:
    """Ranges of about `BLOCK` lines from the last to the first; none begins within a line."""
    stop = len(texts)
    while stop:
        start = max(0, stop - BLOCK)
        while start and texts[start - 1][1]:
            start -= 1
        yield start, stop
        stop = start


class _Block:
    """Some lines as one text: a newline after each but those that go on in the next."""

    def __init__(self, texts: Sequence[tuple[str, bool]], first: int, cols: int) -> None:
        self._first = first
        self._pieces = [text if wrapped else text + "\n" for text, wrapped in texts]
        if cols:
            for index, (text, wrapped) in enumerate(texts[:-1]):
                if wrapped:
                    self._pieces[index] = padded(text, texts[index + 1][0], cols)
        self._starts = list(accumulate(map(len, self._pieces), initial=0))
        self._text = "".join(self._pieces)
        self._narrow = self._text.isascii()

    def search(self, pattern: Pattern, alone: bool, left: Callable[[], float]) -> list[Match]:
        """All matches in order, none across the end of a line.

        All lines are searched as one text, which is ten times as fast, unless `alone`. That finds
        the same, unless a match goes beyond its line: then they are searched one by one.
        """
        found: list[Match] = []
        if not alone:
            for match in pattern.finditer(self._text, timeout=left()):
                start, stop = match.span()
                if self._text.find("\n", start, stop) >= 0:
                    found.clear()
                    break
                if start < stop:
                    found.append(self._match(start, stop))
            else:
                return found
        at = 0
        for line in self._text.split("\n"):
            found += (
                self._match(at + match.start(), at + match.end())
                for match in pattern.finditer(line, timeout=left())
                if match.end() > match.start()
            )
            at += len(line) + 1
        return found

    def _match(self, start: int, stop: int) -> Match:
        starts = self._starts
        line = bisect_right(starts, start) - 1
        last = line if stop <= starts[line + 1] else bisect_right(starts, stop - 1, line) - 1
        if self._narrow:
            left, right = start - starts[line], stop - starts[last]
        else:
            left, right = self._cell(line, start)[0], self._cell(last, stop - 1)[1]
        return Match(self._first + line, left, self._first + last, right)

    def _cell(self, line: int, at: int) -> tuple[int, int]:
        """The columns from and up to which the cell with the character `at` of the text goes."""
        text, index = self._pieces[line], at - self._starts[line]
        if text.isascii():
            return index, index + 1
        starts = columns(text)
        while index and starts[index] == starts[index + 1]:
            index -= 1
        # A combining character without a base has no cell, but a match is to be seen.
        return starts[index], max(starts[index + 1], starts[index] + 1)
