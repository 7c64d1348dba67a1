"""Packed rows that are known again."""

from __future__ import annotations

import struct

from muxcore.vt import cells
from muxcore.vt.cells import KnownRows, pack
from muxcore.vt.engine import PLAIN, Run, Style

RED, BLUE = Style(fg=1), Style(fg=4)


class Source:
    """Says what style ids mean, and counts the questions."""

    def __init__(self, *styles: Style) -> None:
        self.means = dict(enumerate(styles, 1))
        self.known: dict[int, Style] = {}
        self.row: list[int] = []
        self.asked = 0

    def styles(self) -> dict[int, Style]:
        return self.known

    def style(self, column: int) -> Style:
        self.asked += 1
        return self.means[self.row[column]]

    def grapheme(self, column: int) -> str:
        return f"e{self.asked}"

    def link(self, column: int) -> str:
        return ""


def packed(text: str, *ids: int, tag: int = 0) -> bytes:
    pairs = zip(text, ids, strict=True)
    row = [pack(tag, ord(glyph), number, 0, link=False) for glyph, number in pairs]
    return struct.pack(f"={len(row)}Q", *row)


def decode(rows: KnownRows, source: Source, text: str, *ids: int) -> tuple[Run, ...]:
    source.row = list(ids)
    return rows.decode(packed(text, *ids), source)


def test_a_row_that_comes_again_is_the_same_object() -> None:
    rows, source = KnownRows(), Source(RED)
    first = decode(rows, source, "abc", 0, 1, 1)
    assert first == (Run("a", PLAIN, 1), Run("bc", RED, 2))
    assert decode(rows, source, "abc", 0, 1, 1) is first
    assert decode(rows, source, "abc", 0, 0, 0) == (Run("abc", PLAIN, 3),)


def test_a_row_is_not_known_when_one_of_its_ids_means_another_style() -> None:
    rows, source = KnownRows(), Source(RED, RED)
    assert decode(rows, source, "ab", 1, 2) == (Run("ab", RED, 2),)
    source.known.clear()
    source.means[2] = BLUE
    assert decode(rows, source, "ab", 1, 2) == (Run("a", RED, 1), Run("b", BLUE, 1))


def test_each_style_is_asked_for_once_while_it_is_known() -> None:
    rows, source = KnownRows(), Source(RED)
    for _ in range(3):
        decode(rows, source, "ab", 1, 1)
    assert source.asked == 1
    source.known.clear()
    decode(rows, source, "ab", 1, 1)
    decode(rows, source, "ab", 1, 1)
    assert source.asked == 2


def test_a_row_with_clusters_is_decoded_each_time() -> None:
    rows, source = KnownRows(), Source()
    row = packed("e", 0, tag=cells.TAG_GRAPHEME)
    assert rows.decode(row, source) == (Run("e0", PLAIN, 1),)
    source.asked = 1
    assert rows.decode(row, source) == (Run("e1", PLAIN, 1),)


def test_a_bounded_number_of_rows_is_known() -> None:
    rows, source = KnownRows(), Source()
    for number in range(2000):
        decode(rows, source, f"{number:4}", 0, 0, 0, 0)
    assert len(rows._rows) <= cells._MAX_ROWS
