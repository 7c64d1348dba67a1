"""Packed cells of libghostty-vt to runs.

`GHOSTTY_RENDER_STATE_ROW_DATA_CELLS_RAW` gives a row as an array of 64-bit cells. Their layout is
not part of the library's interface, so `muxcore.vt.ghostty` compares it with `ghostty_cell_get`
before it relies on it: content tag in bits 0-1, content in bits 2-25, style id in bits 26-41,
width in bits 42-43, whether it is a hyperlink in bit 45.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Protocol, TypeAlias

from muxcore.vt.engine import PLAIN, Run, Style, intern_style

TAG_GRAPHEME = 1
TAG_BG_PALETTE = 2
TAG_BG_RGB = 3
WIDE = 1
SPACER_TAIL = 2

_TAG = 0b11
_BACKGROUND_ONLY = 0b10
_CONTENT_SHIFT = 2
_CONTENT = 0xFFFFFF << _CONTENT_SHIFT
_STYLE_SHIFT = 26
_STYLE = 0xFFFF << _STYLE_SHIFT
_WIDTH_SHIFT = 42
_WIDTH = 0b11 << _WIDTH_SHIFT
_LINK_SHIFT = 45
_LINK = 1 << _LINK_SHIFT

_MAX_ROWS = 512
"""Rows that are known again: more than a screen, whose rows are a kilobyte or two each."""

_MAX_STRETCHES = 64
"""Changes of style in a row from which on it is hardly ever seen again."""

_NUL_TO_SPACE = {0: " "}

_new_run = tuple.__new__
"""Makes a `Run` of its fields in half the time, which a screen of many colours notices."""


_Look: TypeAlias = tuple[int, int, Style]
"""The bits of a style id, a column that has it, and what it means there."""


class CellSource(Protocol):
    """How a decoder asks for what a packed cell of its row does not hold."""

    def styles(self) -> dict[int, Style]:
        """Return the styles known by now, by the bits of their id; whoever asks adds to them."""

    def style(self, column: int) -> Style:
        """Return the style of the cell in that column."""

    def grapheme(self, column: int) -> str:
        """Return all code points of the cell in that column."""

    def link(self, column: int) -> str:
        """Return where the hyperlink of the cell in that column leads."""


def pack(tag: int, content: int, style_id: int, width: int, *, link: bool) -> int:
    """Return a cell in the layout `KnownRows` reads."""
    looks = style_id << _STYLE_SHIFT | width << _WIDTH_SHIFT | link << _LINK_SHIFT
    return tag | content << _CONTENT_SHIFT | looks


def unpack(cell: int) -> tuple[int, int, int, int, bool]:
    """Return a cell's tag, content, style id, width and whether it is a hyperlink."""
    return (
        cell & _TAG,
        (cell & _CONTENT) >> _CONTENT_SHIFT,
        (cell & _STYLE) >> _STYLE_SHIFT,
        (cell & _WIDTH) >> _WIDTH_SHIFT,
        bool(cell & _LINK),
    )


@lru_cache(maxsize=64)
def _repeat(mask: int, count: int) -> int:
    """Return `mask` in each of `count` neighbouring 64-bit fields of one integer."""
    return int.from_bytes(mask.to_bytes(8, "little") * count, "little")


class KnownRows:
    """Decodes rows, and knows those again that were decoded lately: most of a screen that scrolls.

    A style's id may come to mean another style, so a row is only known while all of its ids mean
    what they meant.
    """

    def __init__(self) -> None:
        self._rows: dict[bytes, tuple[tuple[Run, ...], list[_Look]]] = {}

    def decode(self, raw: bytes, source: CellSource) -> tuple[Run, ...]:
        """Return the runs of a row of packed cells."""
        known = self._rows.get(raw)
        if known is not None and _same_looks(known[1], source):
            return known[0]
        runs, looks = _decode_row(raw, source)
        if looks is not None:
            if len(self._rows) >= _MAX_ROWS:
                self._rows.clear()
            self._rows[raw] = runs, looks
        return runs


def _same_looks(looks: list[_Look], source: CellSource) -> bool:
    """Whether style ids mean to a row what they meant."""
    if not looks:
        return True
    styles = source.styles()
    for key, column, style in looks:
        now = styles.get(key)
        if now is None:
            now = styles[key] = source.style(column)
        if now is not style and now != style:
            return False
    return True


def _decode_row(raw: bytes, source: CellSource) -> tuple[tuple[Run, ...], list[_Look] | None]:
    """Return a row's runs, and its looks unless it is not to be known again.

    Whole-row operations on one big integer sort out the rows, nearly all, whose cells are one
    narrow code point each; Python then works per run instead of per cell.
    """
    count = len(raw) // 8
    row = int.from_bytes(raw, "little")
    if not row & _repeat(_TAG | _STYLE | _WIDTH | _LINK, count):
        return (Run(_plain_text(row, count), PLAIN, count),), []
    cells = memoryview(raw).cast("Q").tolist()
    if row & _repeat(TAG_GRAPHEME, count) or row & _repeat(_WIDTH | _LINK, count):
        return _decode_any(cells, source), None
    return _decode_narrow(
        cells, _plain_text(row & _repeat(_CONTENT | _STYLE, count), count), source
    )


def _plain_text(row: int, count: int) -> str:
    """Return the code points of a row of narrow cells, blanks as spaces."""
    points = (row >> _CONTENT_SHIFT) & _repeat(_CONTENT >> _CONTENT_SHIFT, count)
    text = points.to_bytes(8 * count, "little").decode("utf-32-le", "replace")
    return text[::2].translate(_NUL_TO_SPACE)


def _decode_narrow(
    cells: list[int], text: str, source: CellSource
) -> tuple[tuple[Run, ...], list[_Look] | None]:
    """Decode cells of one code point and one column each, coloured blanks included."""
    mask = _TAG | _STYLE
    keys = [cell if cell & _BACKGROUND_ONLY else cell & mask for cell in cells]
    starts = [0, *(at for at, (one, next_) in enumerate(pairwise(keys), 1) if one != next_)]
    styles = source.styles()
    runs: list[Run] = []
    last: Style | None = None
    for start, stop in pairwise([*starts, len(keys)]):
        key = keys[start]
        style = styles.get(key)
        if style is None:
            style = styles[key] = _style(key, start, source)
        part = " " * (stop - start) if key & _BACKGROUND_ONLY else text[start:stop]
        if style == last:
            append_run(runs, part, style, stop - start)
        else:
            runs.append(_new_run(Run, (part, style, stop - start)))
            last = style
    if len(starts) > _MAX_STRETCHES:
        return tuple(runs), None
    firsts = {keys[start]: start for start in starts}
    asked = ((key, at) for key, at in firsts.items() if key & _STYLE and not key & _BACKGROUND_ONLY)
    return tuple(runs), [(key, at, styles[key]) for key, at in asked]


def _decode_any(cells: list[int], source: CellSource) -> tuple[Run, ...]:
    """Decode cells of any kind: wide ones, clusters of several code points, hyperlinks."""
    runs: list[Run] = []
    parts: list[str] = []
    start, key, link = 0, -1, ""
    for at, cell in enumerate(cells):
        if (cell & _WIDTH) >> _WIDTH_SHIFT == SPACER_TAIL:
            continue
        cell_key = cell if cell & _BACKGROUND_ONLY else cell & _STYLE
        cell_link = source.link(at) if cell & _LINK else ""
        if (cell_key != key or cell_link != link) and parts:
            append_run(runs, "".join(parts), _linked(key, start, source, link), at - start)
            parts, start = [], at
        key, link = cell_key, cell_link
        parts.append(_cell_text(cell, at, source))
    append_run(runs, "".join(parts), _linked(key, start, source, link), len(cells) - start)
    return tuple(runs)


def append_run(runs: list[Run], text: str, style: Style, width: int) -> None:
    """Append cells to `runs`, to the last one where it has the same style."""
    if runs and runs[-1].style == style:
        last = runs.pop()
        text, width = last.text + text, last.width + width
    runs.append(Run(text, style, width))


def _cell_text(cell: int, at: int, source: CellSource) -> str:
    """Return what one cell shows, a space where it is blank."""
    point = (cell & _CONTENT) >> _CONTENT_SHIFT
    if cell & _BACKGROUND_ONLY or not point:
        return " "
    if cell & _TAG == TAG_GRAPHEME:
        return source.grapheme(at)
    return chr(point)


def _linked(cell: int, at: int, source: CellSource, link: str) -> Style:
    """Return the style of the packed cell in column `at`, which may be a hyperlink."""
    style = _style(cell, at, source)
    return style._replace(link=link) if link else style


def _style(cell: int, at: int, source: CellSource) -> Style:
    """Return the style of the packed cell in column `at`."""
    content = (cell & _CONTENT) >> _CONTENT_SHIFT
    if cell & _TAG == TAG_BG_PALETTE:
        return intern_style(Style(bg=content & 0xFF))
    if cell & _TAG == TAG_BG_RGB:
        return intern_style(Style(bg=(content & 0xFF, content >> 8 & 0xFF, content >> 16)))
    return source.style(at) if cell & _STYLE else PLAIN


_INVISIBLE = dict.fromkeys(
    [
        *range(0x20),
        *range(0x7F, 0xA0),
        0x200E,
        0x200F,
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    ]
)


def clean_cluster(text: str) -> str:
    """Return a cell's code points without control characters and bidirectional overrides.

    Written to the operator's terminal those would act beyond their cell.
    """
    return text if text.isprintable() else text.translate(_INVISIBLE) or " "
