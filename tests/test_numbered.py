"""The check that the end-to-end tests stand on sees what it is there to see."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.wire import frames
from tests.numbered import FIRST, RECORD, WINDOW, FramedStream, RawStream, numbered


def _marker(count: int) -> bytes:
    return b"\r\n[muxtui: %d bytes skipped]\r\n" % count


def test_the_flood_is_numbered_lines_across_windows() -> None:
    text = numbered(WINDOW - 2 * RECORD, WINDOW + RECORD)
    first = FIRST + WINDOW // RECORD - 2
    assert text == b"".join(b"%d\n" % number for number in range(first, first + 3))


@given(
    st.integers(0, 10 * WINDOW),
    st.lists(st.tuples(st.integers(0, 200), st.integers(1, 10**7)), max_size=4),
    st.integers(0, 200),
    st.integers(1, 40),
)
def test_a_stream_that_declares_its_gaps_passes_however_it_is_cut(
    start: int, gaps: list[tuple[int, int]], tail: int, size: int
) -> None:
    at, stream, told = start, b"", []
    for kept, missing in gaps:
        stream += numbered(at, at + kept) + _marker(missing)
        told.append((at + kept, at + kept + missing))
        at += kept + missing
    end = at + tail + 2 * RECORD
    stream += numbered(at, end)
    check = RawStream("stream")
    for begin in range(0, len(stream), size):
        check.feed(stream[begin : begin + size])
    assert (check.start, check.at, check.gaps) == (start, end, told)


@pytest.mark.parametrize(
    "stream",
    [
        numbered(0, 100) + numbered(101, 200),
        numbered(0, 100) + numbered(99, 200),
        numbered(0, 100) + _marker(5) + numbered(106, 200),
        numbered(0, 100) + b"\r\n[muxtui: many bytes skipped]\r\n" + numbered(100, 200),
        numbered(0, 100) + b"\0" + numbered(101, 200),
    ],
)
def test_a_byte_too_few_too_many_or_changed_is_seen(stream: bytes) -> None:
    with pytest.raises(AssertionError, match="stream"):
        RawStream("stream", 0).feed(stream)


def _output(start: int, end: int) -> bytes:
    return frames.output_header(start, end - start) + numbered(start, end)


def test_frames_must_join() -> None:
    check = FramedStream("stream", 5)
    check.feed(_output(5, 50) + frames.gap(50, 60) + frames.encode(b"S", b"{}") + _output(60, 61))
    assert (check.at, check.gaps, check.skipped) == (61, [(50, 60)], 10)
    for wrong in (_output(62, 63), frames.gap(60, 70), frames.gap(61, 61)):
        check = FramedStream("stream", 61)
        with pytest.raises(AssertionError, match="stream"):
            check.feed(wrong)
