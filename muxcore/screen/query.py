"""What is looked for in the lines of a screen, and what was found. `search` does the finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Case = Literal["smart", "on", "off"]
"""Whether case counts; `smart`: only when the pattern has a capital letter."""

MAX_PATTERN = 500
"""Characters of a pattern."""


@dataclass(frozen=True)
class Query:
    """What is looked for.

    Without `regex`, `pattern` stands for itself.
    """

    pattern: str
    regex: bool = True
    case: Case = "smart"


class Match(NamedTuple):
    """One match: from column `start` of `line` up to column `stop` of `stop_line`, exclusive.

    The two lines differ only where a wrapped line matched across its wrap.
    """

    line: int
    start: int
    stop_line: int
    stop: int


@dataclass(frozen=True)
class Found:
    """The matches from the top down.

    `truncated`: there may be more above the first. `error`: one line that says why, or why the
    pattern is none.
    """

    matches: Sequence[Match] = ()
    truncated: bool = False
    error: str = ""
