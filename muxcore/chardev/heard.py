"""What a far end says, or is told, beside the bytes: by telnet, in frames, on a real line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Break:
    """A break condition."""


@dataclass(frozen=True)
class WindowSize:
    """The size of a view in character cells; neither side is 0."""

    rows: int
    cols: int


Heard = Break | WindowSize
