"""How a screen's answers travel between two processes of one program, as `marshal` has it.

`marshal` takes plain tuples only, and styles repeat in every run: each is sent once and called by
a number afterwards. Both sides must see every message, in order. Pure.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Any, TypeAlias

from muxcore.screen.frame import Frame, Progress, Row
from muxcore.vt.engine import (
    Cursor,
    CursorShape,
    Line,
    Modes,
    MouseFormat,
    MouseTracking,
    Run,
    Style,
    Underline,
    intern_style,
)
from muxcore.vt.requests import Clipboard, Notification

MAX_STYLES = 1 << 15
"""Styles that have numbers; with more, numbering starts over at the next frame."""

MAX_ROWS = 1024
"""Rows that are known again when they come again, as all of a screen do that scrolls."""

PackedRow: TypeAlias = "tuple[str | int, ...]"
"""Text, style number and width of each run in turn."""

Plain: TypeAlias = Any
"""What `marshal` takes: None, numbers, strings, bytes, and tuples and lists of such."""

FED = 2
"""Where in a packed progress its `fed` is."""

_REQUESTS = {"clipboard": Clipboard, "notification": Notification}
_REQUEST_NAMES = {kind: name for name, kind in _REQUESTS.items()}
_UNDERLINE = Style._fields.index("underline")
_MODES = [field.name for field in fields(Modes)]
_MODE_KINDS: dict[str, type[enum.Enum]] = {"mouse": MouseTracking, "mouse_format": MouseFormat}
_SCREEN = (
    "rows",
    "cols",
    "title",
    "bell_count",
    "first_line",
    "end_line",
    "oldest_line",
    "epoch",
    "moved",
)


class Packer:
    """The side of the screen."""

    def __init__(self) -> None:
        self._numbers: dict[Style, int] = {}
        self._new: list[Plain] = []

    @property
    def full(self) -> bool:
        """Whether numbering is to start over, with `renew`, and every row to be sent again."""
        return len(self._numbers) > MAX_STYLES

    def renew(self) -> None:
        """Forget all styles."""
        self._numbers.clear()
        self._new = [None]

    def row(self, runs: Iterable[Run]) -> PackedRow:
        """Pack a row."""
        packed: list[str | int] = []
        numbers = self._numbers
        for text, style, width in runs:
            number = numbers.get(style)
            if number is None:
                number = self._number(style)
            packed += (text, number, width)
        return tuple(packed)

    def _number(self, style: Style) -> int:
        number = self._numbers[style] = len(self._numbers)
        plain = list(style)
        plain[_UNDERLINE] = int(style.underline)
        self._new.append(tuple(plain))
        return number

    def styles(self) -> list[Plain]:
        """The styles numbered since the last call; to be sent with, and read before, the rows."""
        new, self._new = self._new, []
        return new

    def frame(self, frame: Frame) -> Plain:
        """Pack a frame."""
        rows = tuple((y, self.row(runs)) for y, runs in frame.changed.items())
        plain = tuple(getattr(frame, name) for name in _SCREEN)
        return self.styles(), rows, _pack_cursor(frame.cursor), plain

    def lines(self, lines: Iterable[Line]) -> Plain:
        """Pack lines."""
        packed = [(self.row(line.runs), line.wrapped) for line in lines]
        return self.styles(), packed


class Unpacker:
    """The side of the viewer."""

    def __init__(self) -> None:
        self._styles: list[Style] = []
        self._rows: dict[PackedRow, Row] = {}

    def _learn(self, styles: Sequence[Plain]) -> None:
        for plain in styles:
            if plain is None:
                self._styles.clear()
                self._rows.clear()
                continue
            style = Style(*plain)
            style = style._replace(underline=Underline(style.underline))
            self._styles.append(intern_style(style))

    def row(self, packed: PackedRow) -> Row:
        """Unpack a row of the last frame; the same object for one that came lately."""
        row = self._rows.get(packed)
        if row is None:
            if len(self._rows) >= MAX_ROWS:
                self._rows.clear()
            styles, parts = self._styles, iter(packed)
            row = self._rows[packed] = tuple(
                Run(text, styles[number], width)  # type: ignore[arg-type,index]
                for text, number, width in zip(parts, parts, parts, strict=True)
            )
        return row

    def frame(self, plain: Plain) -> tuple[Frame, dict[int, PackedRow]]:
        """Unpack a frame; its rows stay packed until they are wanted, by `row`."""
        styles, rows, cursor, rest = plain
        self._learn(styles)
        named = dict(zip(_SCREEN, rest, strict=True))
        return Frame(cursor=_unpack_cursor(cursor), **named), dict(rows)

    def lines(self, plain: Plain) -> list[Line]:
        """Unpack lines."""
        styles, packed = plain
        self._learn(styles)
        return [Line(self.row(row), wrapped) for row, wrapped in packed]


def pack_progress(progress: Progress) -> Plain:
    """Pack a screen's progress."""
    requests = tuple((_REQUEST_NAMES[type(item)], *item) for item in progress.requests)
    return (
        *(progress.replies, requests, progress.fed, progress.skipped, progress.doubtful),
        _pack_modes(progress.modes),
    )


def unpack_progress(plain: Plain) -> Progress:
    """The inverse of `pack_progress`."""
    replies, requests, fed, skipped, doubtful, modes = plain
    found = tuple(_REQUESTS[name](*rest) for name, *rest in requests)
    return Progress(replies, found, fed, skipped, doubtful, _unpack_modes(modes))


def _pack_cursor(cursor: Cursor) -> Plain:
    return (
        *(cursor.row, cursor.col, cursor.visible, cursor.shape.value, cursor.blinking),
        cursor.pending_wrap,
    )


def _unpack_cursor(plain: Plain) -> Cursor:
    row, col, visible, shape, blinking, pending_wrap = plain
    return Cursor(row, col, visible, CursorShape(shape), blinking, pending_wrap)


@lru_cache(maxsize=32)
def _pack_modes(modes: Modes) -> Plain:
    values = (getattr(modes, name) for name in _MODES)
    return tuple(value.value if isinstance(value, enum.Enum) else value for value in values)


@lru_cache(maxsize=32)
def _unpack_modes(plain: Plain) -> Modes:
    named = dict(zip(_MODES, plain, strict=True))
    for name, kind in _MODE_KINDS.items():
        named[name] = kind(named[name])
    return Modes(**named)
