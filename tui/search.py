"""A search as its user sees it: what was typed, what is found, which match is looked at. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from muxcore.screen.query import Case, Found, Match, Query
from tui.paint import Span
from tui.rows import Place

MAX_RECALLED = 50
"""Searches that can be recalled."""

_NEXT_CASE: dict[Case, Case] = {"smart": "on", "on": "off", "off": "smart"}
_CASES: dict[Case, str] = {"smart": "smart case", "on": "match case", "off": "any case"}


@dataclass
class Search:
    """One search.

    Args:
        origin: where it began: the nearest match from there on is looked at first.
        older: whether it goes towards older lines.
        query: what is looked for.
    """

    origin: Place
    older: bool
    query: Query = field(default_factory=lambda: Query(""))
    found: Found = field(default_factory=Found)
    current: int | None = None
    """Which match is looked at."""
    _spans: dict[int, list[tuple[int, int | None, int]]] = field(default_factory=dict)

    def take(self, found: Found) -> None:
        """Take a search's result; the match that was looked at still is, if it is still there."""
        looked_at = self.match
        self.found = found
        self.current = self._index_of(looked_at)
        spans = defaultdict(list)
        for index, match in enumerate(found.matches):
            for line in range(match.line, match.stop_line + 1):
                start = match.start if line == match.line else 0
                stop = match.stop if line == match.stop_line else None
                spans[line].append((start, stop, index))
        self._spans = dict(spans)

    @property
    def match(self) -> Match | None:
        """The match that is looked at."""
        return None if self.current is None else self.found.matches[self.current]

    def follow(self, origin: Place, match: Place | None) -> None:
        """Lines have other numbers: it began there, and a match there was looked at."""
        self.take(Found())
        if match is not None:
            # The nearest from there on, in the search's direction, is to be that one.
            origin = match if self.older else match._replace(col=match.col - 1)
        self.origin = origin

    def step(self, *, back: bool = False) -> None:
        """Look at the next match in the search's direction, or against it; after the last, the
        first."""
        count = len(self.found.matches)
        if self.current is None:
            self.current = self._nearest()
        elif count:
            self.current = (self.current + (-1 if self.older != back else 1)) % count

    def _index_of(self, match: Match | None) -> int | None:
        matches = self.found.matches
        if match is not None:
            index = bisect_right(matches, match) - 1
            if index >= 0 and matches[index] == match:
                return index
        return self._nearest()

    def _nearest(self) -> int | None:
        matches = self.found.matches
        if not matches:
            return None
        if self.older:
            return (bisect_right(matches, self.origin, key=_place) - 1) % len(matches)
        return bisect_right(matches, self.origin, key=_place) % len(matches)

    # How it is shown.

    def spans(self, line: int, cols: int) -> list[Span]:
        """What to mark in a line."""
        return [
            Span(
                start,
                cols if stop is None else stop,
                "current" if index == self.current else "match",
            )
            for start, stop, index in self._spans.get(line, ())
        ]

    @property
    def lines(self) -> Sequence[int]:
        """The lines with matches, in order."""
        return list(self._spans)

    @property
    def count(self) -> str:
        """Which match of how many: `3/17`, `none`; an error in place of nothing."""
        total = len(self.found.matches)
        if not total:
            return self.found.error or ("none" if self.query.pattern else "")
        at = "" if self.current is None else f"{self.current + 1}/"
        more = "+" if self.found.truncated else ""
        return f"{at}{total}{more}"

    @property
    def switches(self) -> tuple[str, str]:
        """How the pattern is understood: `regex` or `text`, and whether case counts."""
        return "regex" if self.query.regex else "text", _CASES[self.query.case]


def _place(match: Match) -> Place:
    return Place(match.line, match.start)


def toggled(query: Query, switch: str) -> Query:
    """The query with its switch `regex` or `case` turned to the next setting."""
    if switch == "regex":
        return replace(query, regex=not query.regex)
    return replace(query, case=_NEXT_CASE[query.case])


class Recall:
    """Earlier patterns, the newest first reached."""

    def __init__(self) -> None:
        self._patterns: list[str] = []
        self._at = 0
        self._typed = ""

    def add(self, pattern: str) -> None:
        """Keep a pattern that was searched for; one is kept once."""
        if pattern:
            self._patterns = [*(old for old in self._patterns if old != pattern), pattern]
            del self._patterns[:-MAX_RECALLED]
        self._at = 0

    def older(self, typed: str) -> str:
        """The pattern before the one that is shown; `typed` is what stands there now."""
        if self._at == 0:
            self._typed = typed
        self._at = min(self._at + 1, len(self._patterns))
        return self._patterns[-self._at] if self._at else typed

    def newer(self, typed: str) -> str:
        """The pattern after it; after the last one what was typed."""
        if self._at == 0:
            return typed
        self._at -= 1
        return self._patterns[-self._at] if self._at else self._typed
