"""Copy mode: a cursor of the user's own over the lines, moved with vi's keys.

What keys mean stands in one table. A motion reads what lines it needs (`Rows`); nothing here
draws or copies.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tui.rows import Place, Rows
from tui.selection import Selection
from tui.vi_words import Walk, word_back, word_end, word_forward

MAX_COUNT = 100_000
"""Largest count before a key."""

Kind = Literal["", "cells", "lines", "block"]

Outcome = Literal["", "copy", "copy line", "leave", "search", "search back", "next", "previous"]
"""What is to be done beside moving: `copy` ends the mode, and so does `leave`."""

Motion: TypeAlias = Callable[["CopyMode", Rows, int], Awaitable[None]]


@dataclass
class CopyMode:
    """The state of the mode, from the place where it begins.

    Args:
        place: where the cursor is.
        top: the first line in the view.
        height: lines in the view.
        epoch: what line numbers are of.
    """

    place: Place
    top: int
    height: int
    epoch: int
    kind: Kind = ""
    """What is being selected, from `begun` to the cursor."""
    begun: Place | None = None
    wanted: int = 0
    """The column to return to on lines that are long enough."""
    count: str = ""
    """The digits typed so far."""

    def __post_init__(self) -> None:
        self.wanted = self.place.col

    async def press(self, key: str, rows: Rows) -> Outcome:
        """Obey a key by its name; keys that mean nothing are passed over."""
        if key.isdigit() and len(key) == 1 and (key != "0" or self.count):
            self.count = (self.count + key)[:6]
            return ""
        count = min(int(self.count), MAX_COUNT) if self.count else 0
        self.count = ""
        if motion := _MOTIONS.get(key):
            await motion(self, rows, count)
            self._keep_in_view(rows)
            return ""
        if kind := _KINDS.get(key):
            self._select(kind)
            return ""
        if key == "escape" and self.kind:
            self.kind, self.begun = "", None
            return ""
        outcome = _OUTCOMES.get(key, "")
        return "leave" if outcome == "copy" and not self.kind else outcome

    async def selection(self, rows: Rows) -> Selection | None:
        """What is selected now."""
        if self.begun is None:
            return None
        if self.kind == "lines":
            ends = await rows.line(self.begun), await rows.line(self.place)
        else:
            ends = await rows.cell(self.begun), await rows.cell(self.place)
        return Selection(*ends, self.epoch, self.kind == "block")

    async def line(self, rows: Rows) -> Selection:
        """The line the cursor is on."""
        line = await rows.line(self.place)
        return Selection(line, line, self.epoch)

    def follow(self, place: Place, begun: Place | None, epoch: int) -> None:
        """Lines have other numbers: the cursor is there now, and so is what was begun."""
        self.place, self.begun, self.epoch = place, begun, epoch
        self.wanted = place.col

    def go(self, place: Place, rows: Rows) -> None:
        """Put the cursor on a place: a click, a match."""
        line = min(max(place.line, rows.first), rows.end - 1)
        self.place = Place(line, min(max(0, place.col), rows.cols - 1))
        self.wanted = self.place.col
        self._keep_in_view(rows)

    def scroll(self, lines: int, rows: Rows) -> None:
        """Scroll the view, and take the cursor along where it would leave it."""
        lowest = max(rows.first, rows.end - self.height)
        self.top = min(max(self.top + lines, rows.first), lowest)
        line = min(max(self.place.line, self.top), self.top + self.height - 1)
        self.place = Place(min(line, rows.end - 1), self.place.col)

    def _select(self, kind: Kind) -> None:
        if self.kind == kind:
            self.kind, self.begun = "", None
            return
        self.kind = kind
        self.begun = self.begun or self.place

    def _keep_in_view(self, rows: Rows) -> None:
        line = self.place.line
        self.top = max(min(self.top, line), line - self.height + 1, rows.first)

    # What motions are made of.

    async def to_line(self, line: int, rows: Rows) -> None:
        """Move to a line, in the wanted column where it has one."""
        line = min(max(line, rows.first), rows.end - 1)
        (_, col), _ = await rows.cell(Place(line, min(self.wanted, rows.cols - 1)))
        self.place = Place(line, col)

    async def to(self, place: Place, rows: Rows) -> None:
        """Move to a place, which the next lines are to keep the column of."""
        self.place, _ = await rows.cell(place)
        self.wanted = self.place.col


def _down(sign: int, share: float = 0) -> Motion:
    """Lines down, or `share` of the view, which then scrolls as far."""

    async def move(mode: CopyMode, rows: Rows, count: int) -> None:
        step = max(1, int(mode.height * share) - (share == 1)) if share else 1
        lines = sign * step * (count or 1)
        line = mode.place.line + lines
        if share:
            mode.scroll(lines, rows)
        await mode.to_line(line, rows)

    return move


async def _left(mode: CopyMode, rows: Rows, count: int) -> None:
    place = mode.place
    for _ in range(min(count or 1, rows.cols)):
        if place.col:
            place = (await rows.cell(Place(place.line, place.col - 1))).start
    await mode.to(place, rows)


async def _right(mode: CopyMode, rows: Rows, count: int) -> None:
    place = mode.place
    for _ in range(min(count or 1, rows.cols)):
        after = (await rows.cell(place)).stop
        if after.col < rows.cols:
            place = after
    await mode.to(place, rows)


async def _line_start(mode: CopyMode, rows: Rows, _: int) -> None:
    first, _ = await rows.whole(mode.place.line)
    await mode.to(Place(first, 0), rows)


async def _first_character(mode: CopyMode, rows: Rows, _: int) -> None:
    first, _ = await rows.whole(mode.place.line)
    cells = (await rows.row(first)).cells
    col = next((index for index, cell in enumerate(cells) if cell != " "), 0)
    await mode.to(Place(first, col), rows)


async def _line_end(mode: CopyMode, rows: Rows, _: int) -> None:
    _, last = await rows.whole(mode.place.line)
    used = (await rows.row(last)).used
    await mode.to(Place(last, max(0, used - 1)), rows)
    mode.wanted = rows.cols


async def _top(mode: CopyMode, rows: Rows, _: int) -> None:
    await mode.to_line(rows.first, rows)


async def _bottom(mode: CopyMode, rows: Rows, _: int) -> None:
    await mode.to_line(rows.end - 1, rows)


def _in_view(share: float, sign: int = 1) -> Motion:
    """To the top, the middle or the bottom line of the view, or `count` lines off it."""

    async def move(mode: CopyMode, rows: Rows, count: int) -> None:
        line = mode.top + int((mode.height - 1) * share) + sign * max(0, count - 1)
        await mode.to_line(min(max(line, mode.top), mode.top + mode.height - 1), rows)

    return move


def _paragraph(sign: int) -> Motion:
    """To the next blank line that follows a line of text."""

    async def move(mode: CopyMode, rows: Rows, count: int) -> None:
        line = mode.place.line
        for _ in range(count or 1):
            while rows.first <= line < rows.end and not (await rows.row(line)).used:
                line += sign
            while rows.first <= line < rows.end and (await rows.row(line)).used:
                line += sign
            if not rows.first <= line < rows.end:
                break
        mode.wanted = 0
        await mode.to_line(line, rows)

    return move


async def _other_end(mode: CopyMode, rows: Rows, _: int) -> None:
    if mode.begun is not None:
        place, mode.begun = mode.begun, mode.place
        await mode.to(place, rows)


def _words(step: Callable[[Walk], Awaitable[None]], *, big: bool = False) -> Motion:
    async def move(mode: CopyMode, rows: Rows, count: int) -> None:
        walk = Walk(rows, mode.place, big)
        for _ in range(count or 1):
            before = walk.place
            await step(walk)
            if walk.place == before:
                break
        await mode.to(walk.place, rows)

    return move


_MOTIONS: dict[str, Motion] = {
    **dict.fromkeys(("h", "left", "backspace"), _left),
    **dict.fromkeys(("l", "right", "space"), _right),
    **dict.fromkeys(("j", "down", "ctrl+n"), _down(1)),
    **dict.fromkeys(("k", "up", "ctrl+p"), _down(-1)),
    **dict.fromkeys(("ctrl+f", "pagedown", "shift+pagedown"), _down(1, 1)),
    **dict.fromkeys(("ctrl+b", "pageup", "shift+pageup"), _down(-1, 1)),
    "ctrl+d": _down(1, 0.5),
    "ctrl+u": _down(-1, 0.5),
    **dict.fromkeys(("0", "home"), _line_start),
    "^": _first_character,
    **dict.fromkeys(("$", "end"), _line_end),
    **dict.fromkeys(("g", "ctrl+home"), _top),
    **dict.fromkeys(("G", "ctrl+end"), _bottom),
    "H": _in_view(0),
    "M": _in_view(0.5),
    "L": _in_view(1, -1),
    "{": _paragraph(-1),
    "}": _paragraph(1),
    "w": _words(word_forward),
    "W": _words(word_forward, big=True),
    "e": _words(word_end),
    "E": _words(word_end, big=True),
    "b": _words(word_back),
    "B": _words(word_back, big=True),
    "o": _other_end,
}

_KINDS: dict[str, Kind] = {"v": "cells", "V": "lines", "ctrl+v": "block"}

_OUTCOMES: dict[str, Outcome] = {
    **dict.fromkeys(("y", "enter", "kp_enter"), "copy"),
    "Y": "copy line",
    **dict.fromkeys(("q", "escape", "ctrl+c"), "leave"),
    "/": "search",
    "?": "search back",
    "n": "next",
    "N": "previous",
}
