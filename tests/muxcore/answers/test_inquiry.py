"""Queries are found where they are, however the output was split into reads."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from muxcore.answers.inquiry import MOST, SPARSE, Inquiry, Query
from muxcore.answers.queries import LONGEST, Kind
from muxcore.ring import History
from tests.muxcore.answers.test_queries import ASKED

PIECES = [
    *(query for query, _, _, _ in ASKED),
    *(answer for _, answer, _, _ in ASKED),
    *(b"\x1b", b"\x1b[", b"\x1b]", b"\x1bP", b"\\", b"\x07", b"\x18", b"\x1a", b"6n", b"text\r\n"),
    *(b"\x1b[31m", b"\x1b[1;1H", b"\x1b]0;title\x07", b"\xc3\x9b6n", b"?", b";", b"\x1b]4;1"),
]


def found(pieces: list[bytes]) -> list[Query]:
    """What is found when each piece is one read."""
    history, inquiry = History(), Inquiry()
    queries = []
    for piece in pieces:
        begin = history.end
        history.append(piece, 0.0)
        queries += inquiry.look(history, begin, history.end)
    return queries


def cut(data: bytes, at: list[int]) -> list[bytes]:
    """`data` in pieces that end at each of `at`."""
    ends = sorted({min(end, len(data)) for end in at} | {0, len(data)})
    return [data[begin:end] for begin, end in pairwise(ends)]


@given(st.lists(st.sampled_from(PIECES), max_size=20), st.lists(st.integers(0, 400)))
def test_any_split_finds_the_same(pieces: list[bytes], at: list[int]) -> None:
    output = b"".join(pieces)
    assert found(cut(output, at)) == found([output])
    assert found([output[at : at + 1] for at in range(len(output))]) == found([output])


@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=20))
def test_few_escapes_are_looked_at_as_many_are(pieces: list[bytes]) -> None:
    output = b"".join(pieces)
    many = b"\x1b[m" * (SPARSE + 1)
    shift = len(many)
    shifted = [Query(q.start + shift, q.end + shift, q.kind) for q in found([output])]
    assert found([many + output]) == shifted


@given(st.lists(st.binary(max_size=300) | st.sampled_from(PIECES)))
def test_hostile_output_is_kept_only_within_bounds(pieces: list[bytes]) -> None:
    history, inquiry = History(), Inquiry()
    for piece in [*pieces, b"\x1b]10;" + b"?" * 1000, *[b"?" * 1000] * 10]:
        begin = history.end
        history.append(piece, 0.0)
        inquiry.look(history, begin, history.end)
        assert len(inquiry.begun) <= LONGEST + 64


def test_a_query_is_told_by_its_offsets() -> None:
    assert found([b"ab\x1b[", b"6", b"ncd"]) == [Query(2, 6, Kind("cpr"))]


def test_a_string_may_be_split_within_its_end() -> None:
    assert found([b"\x1b]10;?\x1b", b"\\"]) == [Query(0, 8, Kind("osc10"))]
    assert found([b"\x1b]10;?\x1b", b"[6n"]) == [Query(6, 10, Kind("cpr"))]


def test_only_so_many_are_looked_at_in_one_piece() -> None:
    assert len(found([b"\x1b[6n" * (MOST + 100)])) == MOST


def test_it_looks_only_up_to_the_end_it_is_told() -> None:
    history, inquiry = History(), Inquiry()
    history.append(b"\x1b[6n\x1b[5n", 0.0)
    assert [query.kind.family for query in inquiry.look(history, 0, 4)] == ["cpr"]
    assert [query.kind.family for query in inquiry.look(history, 4, 8)] == ["status"]


def test_output_without_an_escape_is_not_copied() -> None:
    history, inquiry = History(), Inquiry()
    history.append(b"x" * 100_000, 0.0)
    history.read = None  # type: ignore[method-assign, assignment]
    assert inquiry.look(history, 0, history.end) == []


def test_what_was_broken_off_is_not_completed() -> None:
    history, inquiry = History(), Inquiry()
    history.append(b"\x1b[", 0.0)
    inquiry.look(history, 0, 2)
    inquiry.break_off()
    history.append(b"6n", 0.0)
    assert inquiry.look(history, 2, 4) == []
