"""What a terminal shows and believes, in one form for every terminal.

A `State` maps names of facts to JSON values. A terminal leaves out what it cannot be asked;
two states are compared on the facts the reference tells. The facts:

    text     lines of the screen, trailing blanks and empty last lines cut
    ends     {line: columns its text covers} where that is not its number of characters
    style    {line: "column+width sgr column+width sgr ..."} of all that is not plain
    cursor   [row, column], a pending wrap counted as the last column
    visible, shape, title, replies, and the modes by the names of `muxcore.vt.engine.Modes`

A blank cell takes on the style of the cell before it unless the two look different, so that
invisible differences (the bold of a space, an erased or a written blank) are none.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

State: TypeAlias = dict[str, Any]


class Cell(NamedTuple):
    """One cell: its code points, its columns and its attributes as SGR parameters."""

    text: str
    width: int
    look: tuple[str, ...]


BLANK = Cell(" ", 1, ())


def picture(rows: Iterable[Sequence[Cell]]) -> State:
    """Return `text`, `ends` and `style` of a screen given by its cells."""
    text: list[str] = []
    ends: State = {}
    style: State = {}
    for y, row in enumerate(rows):
        line = "".join(cell.text for cell in row).rstrip(" ")
        end = sum(cell.width for cell in row) - _blanks_at_end(row)
        text.append(line)
        if end != len(line):
            ends[str(y)] = end
        if spans := _spans(row):
            style[str(y)] = spans
    while text and not text[-1]:
        text.pop()
    return {"text": text, "ends": ends, "style": style}


def split(text: str) -> list[tuple[str, int]]:
    """Return the cells a text takes: code points and width, combining ones with their base."""
    cells: list[tuple[str, int]] = []
    for char in text:
        width = _width(char)
        if cells and (not width or cells[-1][0].endswith("\N{ZERO WIDTH JOINER}")):
            cells[-1] = cells[-1][0] + char, cells[-1][1]
        else:
            cells.append((char, width))
    return cells


def _width(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _blanks_at_end(row: Sequence[Cell]) -> int:
    count = 0
    for cell in reversed(row):
        if cell.text != " ":
            break
        count += 1
    return count


def _spans(row: Sequence[Cell]) -> str:
    """Return where the row is not plain."""
    spans: list[tuple[int, int, tuple[str, ...]]] = []
    at = 0
    for cell in row[: _last_visible(row) + 1]:
        look = cell.look if cell.text.strip(" ") else _visible(cell.look)
        if spans and _continues(spans[-1][2], look, cell.text):
            start, width, kept = spans.pop()
            spans.append((start, width + cell.width, kept))
        else:
            spans.append((at, cell.width, look))
        at += cell.width
    return " ".join(f"{start}+{width} {';'.join(look)}" for start, width, look in spans if look)


def _last_visible(row: Sequence[Cell]) -> int:
    """Return the number of the last cell that is not blank all over, -1 for none."""
    return max(
        (at for at, cell in enumerate(row) if cell.text.strip(" ") or _visible(cell.look)),
        default=-1,
    )


def _continues(before: tuple[str, ...], look: tuple[str, ...], text: str) -> bool:
    return before == look if text.strip(" ") else bool(before) and _visible(before) == look


def _visible(look: tuple[str, ...]) -> tuple[str, ...]:
    """Return the attributes that show on a blank."""
    lined = any(item.partition(":")[0] in {"4", "9", "53"} for item in look)
    shown = {"4", "7", "9", "48", "53"} | ({"58"} if lined else set())
    if lined or "7" in look:
        shown.add("38")
    return tuple(item for item in look if item.partition(":")[0] in shown)


ORDER = ("1", "2", "3", "4", "5", "7", "8", "9", "53", "38", "48", "58")
"""SGR attributes in the order of `Cell.look`."""


def ordered(look: Iterable[str]) -> tuple[str, ...]:
    """Return attributes, as `4:3` or `38:2:1:2:3`, in the order of `Cell.look`."""
    return tuple(sorted(look, key=lambda item: ORDER.index(item.partition(":")[0])))


_IDENTITIES = re.compile(r"\x1b\[[?>][0-9;]*c|\x1bP>\|[^\x1b]*\x1b\\\\")


def anonymous(replies: bytes) -> str:
    """Return a terminal's replies without the kind and version it says it is (DA, XTVERSION)."""
    return _IDENTITIES.sub("\x1b[c", replies.decode("latin-1"))


def differences(state: State, reference: State) -> list[str]:
    """Return the facts that `reference` tells otherwise than `state`."""
    return [name for name in reference if name in state and state[name] != reference[name]]
