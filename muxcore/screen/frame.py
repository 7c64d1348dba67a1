"""What a screen tells its viewer after it obeyed some output."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from muxcore.vt.engine import Cursor, Modes

if TYPE_CHECKING:
    from muxcore.vt.engine import Run
    from muxcore.vt.requests import Request

Row: TypeAlias = "tuple[Run, ...]"

Place: TypeAlias = tuple[int, int]
"""A line and a column."""


@dataclass(slots=True)
class Progress:
    """What came of the output obeyed since the last time it was asked."""

    replies: bytes = b""
    """What the terminal answers to live output."""
    requests: tuple[Request, ...] = ()
    """What the guest asks of the desktop."""
    fed: int = 0
    """The history offset obeyed up to."""
    skipped: int = 0
    """Bytes of this stream that were left out."""
    doubtful: bool = False
    """Whether the screen may be wrong since bytes were left out."""
    modes: Modes = field(default_factory=Modes)
    """Those in force; what the next key sends depends on them, frame or no frame."""


@dataclass(slots=True)
class Frame:
    """The picture: what of the screen changed since the last frame, and all else as it is.

    Lines have absolute numbers, valid as long as `epoch` is the same: the screen is the lines
    from `end_line` - `rows` on, the engine keeps those from `first_line` on, and from
    `oldest_line` on there are some from the history.
    """

    rows: int
    cols: int
    changed: dict[int, Row] = field(default_factory=dict)
    """Rows of the screen by their place in it."""
    cursor: Cursor = field(default_factory=Cursor)
    title: str = ""
    bell_count: int = 0
    first_line: int = 0
    end_line: int = 0
    oldest_line: int = 0
    epoch: int = 0
    moved: tuple[int, tuple[Place | None, ...]] = (0, ())
    """An epoch, and where places in it that were to be followed are in this one. See
    `Screen.resize`."""
