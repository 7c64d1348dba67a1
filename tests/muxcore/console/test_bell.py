"""The bell: a BEL rings, the end of a title does not, and no guest makes the search expensive."""

from __future__ import annotations

import pytest

from muxcore.console.bell import LOOK_AT, LOOK_BACK, Bell
from muxcore.ring import History


class CountingHistory(History):
    """Counts the bytes that were copied out of it."""

    copied = 0

    def read(self, offset: int, limit: int) -> bytes:
        self.copied += limit
        return super().read(offset, limit)


def rung(*chunks: bytes) -> int:
    """How many of the chunks rang."""
    history, bell = History(1 << 16), Bell()
    for chunk in chunks:
        begin = history.end
        history.append(chunk, 0.0)
        bell.scan(history, begin)
    return bell.count


@pytest.mark.parametrize(
    ("chunks", "count"),
    [
        ([b"no bell"], 0),
        ([b"\x07"], 1),
        ([b"a\x07b\x07c"], 1),
        ([b"\x07", b"quiet", b"\x07"], 2),
        ([b"\x1b]0;title\x07$ "], 0),
        ([b"\x1b]0;title\x07$ \x07"], 1),
        ([b"\x1b]0;ti", b"tle\x07$ "], 0),
        ([b"\x1b]0;title\x1b\\ \x07"], 1),
        ([b"\x1b]0;a\x07\x1b]0;b\x07"], 0),
        ([b"\x07\x1b]0;title\x07"], 1),
        ([b""], 0),
    ],
)
def test_a_chunk_rings_once_if_a_bel_of_it_ends_no_string(chunks: list[bytes], count: int) -> None:
    assert rung(*chunks) == count


def test_a_string_that_began_too_long_ago_does_not_silence_the_bell() -> None:
    assert rung(b"\x1b]" + b"x" * (2 * LOOK_BACK) + b"\x07") == 1


def test_a_bell_is_found_across_the_end_of_the_ring() -> None:
    assert rung(b"x" * 65_000, b"y" * 2_000 + b"\x07") == 1


def test_a_guest_cannot_make_the_search_read_more_than_it_printed() -> None:
    history, bell = CountingHistory(1 << 16), Bell()
    history.append(b"\x1b]\x07" * 20_000, 0.0)
    bell.scan(history, 0)
    assert history.copied <= 60_000


def test_only_the_end_of_a_flood_is_looked_at() -> None:
    history, bell = History(), Bell()
    history.append(b"\x07" + b"x" * LOOK_AT, 0.0)
    bell.scan(history, 0)
    assert bell.count == 0
    history.append(b"\x07" + b"x" * (LOOK_AT - 1), 0.0)
    bell.scan(history, LOOK_AT + 1)
    assert bell.count == 1
