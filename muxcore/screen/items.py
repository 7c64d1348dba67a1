"""What a screen is made from: the items of a console's stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Attached:
    """A new stream begins: what was shown before is void.

    `offset` is where it starts in the console's history; what lies below `end`
    was printed before the attach and must not be answered.
    """

    console: str
    id: str
    offset: int
    end: int


@dataclass(frozen=True, slots=True)
class Output:
    """The console's bytes from `offset` on."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes `start` up to `end` never reach this view."""

    start: int
    end: int


Item: TypeAlias = Attached | Output | Gap
