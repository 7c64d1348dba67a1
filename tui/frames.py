"""The last frame of a guest's screen, as the view draws it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from muxcore.screen.codec import PackedRow, Plain, Unpacker
from muxcore.screen.frame import Frame, Row
from muxcore.vt.engine import PLAIN, Line, Run


@dataclass
class FrameChange:
    """What is other than it was."""

    rows: set[int] = field(default_factory=set)
    """Rows of the screen, all of them after a resize."""
    cursor: bool = False
    """The cursor's place or look."""
    size: bool = False
    """Rows and columns."""
    numbers: bool = False
    """The first, the last or the oldest line's number, or the epoch."""
    lines: bool = False
    """Lines that were not at hand when they were asked for have come."""

    def add(self, other: FrameChange) -> None:
        """Take over what another one says."""
        self.rows |= other.rows
        self.cursor |= other.cursor
        self.size |= other.size
        self.numbers |= other.numbers
        self.lines |= other.lines


class Mirror:
    """A screen's last frame; its rows are unpacked when they are wanted."""

    def __init__(self, rows: int, cols: int) -> None:
        self.frame = Frame(rows, cols, end_line=rows)
        self._blank()
        self.restart()

    def restart(self) -> None:
        """Expect the frames of another screen; the last picture stays until they come."""
        for y in range(self.frame.rows):
            self.row(y)
        self._unpacker = Unpacker()

    def _blank(self) -> None:
        frame = self.frame
        self._packed: list[PackedRow | None] = [None] * frame.rows
        blank = (Run(" " * frame.cols, PLAIN, frame.cols),)
        self._rows: list[Row] = [blank] * frame.rows

    def row(self, y: int) -> Row:
        """Row `y` of the screen."""
        packed = self._packed[y]
        if packed is not None:
            self._rows[y] = self._unpacker.row(packed)
            self._packed[y] = None
        return self._rows[y]

    def lines(self, plain: Plain) -> list[Line]:
        """Unpack lines that were asked for."""
        return self._unpacker.lines(plain)

    def take(self, plain: Plain) -> FrameChange:
        """Take over a frame; what it changed."""
        old = self.frame
        self.frame, changed = self._unpacker.frame(plain)
        size = (old.rows, old.cols) != (self.frame.rows, self.frame.cols)
        if size:
            self._blank()
            changed = {y: row for y, row in changed.items() if y < self.frame.rows}
        for y, row in changed.items():
            self._packed[y] = row
        return FrameChange(
            rows=set(range(self.frame.rows)) if size else set(changed),
            cursor=old.cursor != self.frame.cursor,
            size=size,
            numbers=_numbers(old) != _numbers(self.frame),
        )


def _numbers(frame: Frame) -> tuple[int, int, int, int]:
    return frame.first_line, frame.end_line, frame.oldest_line, frame.epoch
