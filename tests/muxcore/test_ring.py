"""The history against a plain bytes model, and each of its boundaries by name."""

from __future__ import annotations

from bisect import bisect_right

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muxcore.ring import MAX_BURST, MAX_CAPACITY, MIN_CAPACITY, SEGMENT, History, TimeIndex

CAPACITIES = [
    MIN_CAPACITY,
    MIN_CAPACITY + 1,
    SEGMENT - 1,
    SEGMENT,
    SEGMENT + 1,
    2 * SEGMENT - 1,
    2 * SEGMENT,
    2 * SEGMENT + 1,
]


def pattern(offset: int, length: int) -> bytes:
    """Bytes that tell their own offset: no two offsets less than 2^24 apart look alike."""
    first = offset // 4
    words = range(first, first + length // 4 + 2)
    raw = b"".join((number * 2654435761 % (1 << 32)).to_bytes(4, "big") for number in words)
    return raw[offset % 4 :][:length]


def filled(capacity: int, length: int) -> History:
    """A history that got the first `length` bytes of the pattern."""
    history = History(capacity)
    history.append(pattern(0, length), 0.0)
    return history


def joined(views: list[memoryview]) -> bytes:
    return b"".join(views)


# The model.

operations = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 3 * SEGMENT)),
        st.tuples(st.just("append"), st.sampled_from([1, MAX_BURST, SEGMENT - 1, SEGMENT])),
        st.tuples(st.just("room"), st.integers(0, MAX_BURST + 1)),
        st.tuples(st.just("partial"), st.integers(1, MAX_BURST)),
    ),
    max_size=12,
)


@settings(max_examples=60)
@given(st.sampled_from(CAPACITIES), operations, st.data())
def test_history_is_the_retained_end_of_a_bytes_log(
    capacity: int, ops: list[tuple[str, int]], data: st.DataObject
) -> None:
    history = History(capacity)
    log = bytearray()
    for number, (op, size) in enumerate(ops):
        if op == "append":
            chunk = pattern(len(log), size)
            history.append(chunk, float(number))
        else:
            chunk = fill_room(history, len(log), size, partial=op == "partial")
            history.commit(len(chunk), float(number))
        log += chunk
        assert history.end == len(log)
        assert history.start == max(0, len(log) - capacity)
        offset = data.draw(st.integers(history.start, history.end), "offset")
        limit = data.draw(st.integers(0, capacity), "limit")
        assert history.read(offset, limit) == log[offset : offset + limit]
        views = history.views(offset, limit)
        assert len(views) <= 2
        assert joined(views) == log[offset : offset + min(limit, SEGMENT, capacity)]
    assert history.read(history.start, capacity) == log[history.start :]


def fill_room(history: History, end: int, size: int, *, partial: bool) -> bytes:
    """Fill the room for `size` bytes; retain half of it when `partial`."""
    before = history.read(history.start, history.capacity)
    views = history.room(size)
    length = sum(map(len, views))
    assert length == min(size, history.burst)
    chunk = pattern(end, length)
    at = 0
    for view in views:
        view[:] = chunk[at : at + len(view)]
        at += len(view)
    assert history.read(history.start, history.capacity) == before
    return chunk[: length // 2] if partial else chunk


@settings(max_examples=40)
@given(st.sampled_from(CAPACITIES), st.integers(0, 4 * SEGMENT), st.data())
def test_find_is_the_find_of_the_retained_bytes(
    capacity: int, length: int, data: st.DataObject
) -> None:
    history = History(capacity)
    places = data.draw(st.sets(st.integers(0, max(0, length - 1)), max_size=4), "places")
    log = bytearray(length)
    for place in places & set(range(length)):
        log[place] = 7
    history.append(log, 0.0)
    offset = data.draw(st.integers(history.start, history.end), "offset")
    found = log.find(7, offset)
    assert history.find(7, offset) == (None if found < 0 else found)


near_a_boundary = st.builds(
    lambda size, off: max(0, size + off),
    st.sampled_from([0, MIN_CAPACITY, MAX_BURST, SEGMENT]),
    st.integers(-2, 2),
)


@settings(max_examples=60)
@given(st.sampled_from(CAPACITIES), st.lists(near_a_boundary, max_size=8))
def test_wherever_a_burst_ends_all_that_is_retained_is_read_and_found(
    capacity: int, sizes: list[int]
) -> None:
    """Most is asked for where the last burst is, which may lie across the end of a segment."""
    history = History(capacity)
    size = min(SEGMENT, capacity)
    log = bytearray()
    marks: list[int] = []
    for length in sizes:
        chunk = bytearray(length)
        if chunk:
            chunk[-1] = 7
        burst = min(length, history.burst)
        for part in (chunk[:-burst], chunk[-burst:]) if burst else ():
            history.append(part, 0.0)
        log += chunk
        if chunk:
            marks.append(len(log) - 1)
        newest = len(log) // size * size
        edges = {newest, newest - size, len(log), len(log) - burst, history.start, *marks}
        for offset in sorted({edge + off for edge in edges for off in (-1, 0, 1)}):
            if not history.start <= offset <= len(log):
                continue
            found = next((mark for mark in marks if mark >= offset), None)
            assert history.find(7, offset) == found
            for limit in (1, 2, burst, size):
                views = history.views(offset, limit)
                assert joined(views) == log[offset : offset + min(limit, size)]
                assert len(views) <= 2


# The boundaries.


def test_a_byte_behind_the_end_of_a_segment_that_a_burst_crossed_is_found() -> None:
    history = filled(2 * SEGMENT, SEGMENT - 10)
    history.append(bytes(15) + b"\7", 0.0)
    assert history.find(7, SEGMENT - 10) == SEGMENT + 5
    assert history.find(7, SEGMENT + 5) == SEGMENT + 5
    assert history.find(7, SEGMENT + 6) is None


def test_find_does_not_see_what_was_written_a_lap_ago() -> None:
    history = History(SEGMENT)
    history.append(b"\7" * (2 * SEGMENT - 10), 0.0)
    history.append(bytes(20), 0.0)
    assert history.find(7, 2 * SEGMENT - 10) is None


def test_an_empty_history_has_nothing_to_read() -> None:
    history = History()
    assert (history.start, history.end) == (0, 0)
    assert history.views(0) == []
    assert history.read(0, 10) == b""
    assert history.find(7, 0) is None


@pytest.mark.parametrize("capacity", CAPACITIES)
def test_an_exactly_full_history_still_holds_its_first_byte(capacity: int) -> None:
    history = filled(capacity, capacity)
    assert history.start == 0
    assert history.read(0, capacity) == pattern(0, capacity)


@pytest.mark.parametrize("capacity", CAPACITIES)
def test_one_byte_over_loses_exactly_the_first_byte(capacity: int) -> None:
    history = filled(capacity, capacity + 1)
    assert history.start == 1
    assert history.read(1, capacity) == pattern(1, capacity)
    with pytest.raises(ValueError, match="offset 0 is outside"):
        history.views(0)


@pytest.mark.parametrize("capacity", CAPACITIES)
def test_the_ring_wraps_where_a_segment_ends(capacity: int) -> None:
    size = min(SEGMENT, capacity)
    laps = 3 * (-(-capacity // size) + 1) * size
    for length in (laps - 1, laps, laps + 1):
        history = filled(capacity, length)
        assert history.read(history.start, capacity) == pattern(length - capacity, capacity)


def test_a_read_across_the_wrap_is_two_views_of_the_ring() -> None:
    capacity = SEGMENT
    history = filled(capacity, 2 * SEGMENT + 100)
    views = history.views(2 * SEGMENT - 50, 100)
    assert [len(view) for view in views] == [50, 50]
    assert joined(views) == pattern(2 * SEGMENT - 50, 100)


def test_a_read_that_ends_at_the_segment_is_one_view() -> None:
    history = filled(2 * SEGMENT, SEGMENT)
    assert [len(view) for view in history.views(SEGMENT - 10)] == [10]


def test_views_never_hold_more_than_a_segment_and_read_goes_on() -> None:
    history = filled(4 * SEGMENT, 3 * SEGMENT)
    assert sum(map(len, history.views(5, 3 * SEGMENT))) == SEGMENT
    assert history.read(5, 3 * SEGMENT) == pattern(5, 3 * SEGMENT - 5)


def test_room_lies_across_a_segment_end_and_across_the_wrap() -> None:
    for length in (SEGMENT - 10, 2 * SEGMENT - 10):
        history = filled(SEGMENT, length)
        assert [len(view) for view in history.room(30)] == [10, 20]


def test_room_is_never_more_than_one_read() -> None:
    assert sum(map(len, History().room(10 * MAX_BURST))) == MAX_BURST
    assert sum(map(len, History().room())) == MAX_BURST


@pytest.mark.parametrize("capacity", CAPACITIES)
def test_filling_the_whole_room_of_a_full_history_touches_no_retained_byte(capacity: int) -> None:
    history = filled(capacity, 5 * SEGMENT + 3)
    for view in history.room():
        view[:] = bytes(len(view))
    assert history.read(history.start, capacity) == pattern(history.start, capacity)


def test_committing_nothing_leaves_everything_as_it_was() -> None:
    history = History()
    history.room()
    history.commit(0, 1.0)
    assert history.end == 0
    assert len(history.times) == 0


def test_segments_are_allocated_only_when_the_log_reaches_them() -> None:
    history = History(64 * SEGMENT)
    history.append(bytes(SEGMENT), 0.0)
    assert len(history._segments) == 1
    history.append(b"x", 0.0)
    assert len(history._segments) == 2


def test_views_stay_valid_while_the_ring_grows() -> None:
    history = filled(4 * SEGMENT, 100)
    views = history.views(0)
    history.append(bytes(3 * SEGMENT), 0.0)
    assert joined(views) == pattern(0, 100)


def test_appending_nothing_and_any_bytes_like_object_is_fine() -> None:
    history = History()
    history.append(b"", 0.0)
    history.append(bytearray(b"ab"), 0.0)
    history.append(memoryview(b"cd"), 0.0)
    assert history.read(0, 10) == b"abcd"


@pytest.mark.parametrize("capacity", [MIN_CAPACITY, MAX_CAPACITY])
def test_the_smallest_and_the_largest_capacity_are_accepted(capacity: int) -> None:
    assert History(capacity).capacity == capacity


@pytest.mark.parametrize("capacity", [0, -1, MIN_CAPACITY - 1, MAX_CAPACITY + 1])
def test_a_capacity_out_of_range_is_refused(capacity: int) -> None:
    with pytest.raises(ValueError, match=f"{MIN_CAPACITY} to {MAX_CAPACITY}"):
        History(capacity)


@pytest.mark.parametrize("offset", [-1, 9, 8 + SEGMENT])
def test_an_offset_that_is_not_retained_is_refused_by_every_reader(offset: int) -> None:
    history = filled(MIN_CAPACITY, 8)
    for use in (history.views, lambda at: history.read(at, 1), lambda at: history.find(7, at)):
        with pytest.raises(ValueError, match=f"offset {offset} is outside 0..8"):
            use(offset)


def test_find_does_not_see_overwritten_bytes() -> None:
    history = History(MIN_CAPACITY)
    history.append(b"\7" + bytes(MIN_CAPACITY), 0.0)
    assert history.find(7, history.start) is None
    with pytest.raises(ValueError, match="outside"):
        history.find(7, 0)


# When bytes arrived.


def test_an_empty_time_index_knows_nothing() -> None:
    times = TimeIndex()
    assert times.when(0) is None
    assert times.marks(0, 10) == []


def test_a_byte_before_the_first_mark_has_no_time() -> None:
    times = TimeIndex()
    times.mark(10, 1.0)
    assert times.when(9) is None
    assert times.when(10) == 1.0
    assert times.when(10**9) == 1.0


def test_bytes_within_the_resolution_share_a_mark() -> None:
    times = TimeIndex()
    times.mark(0, 1.0)
    times.mark(5, 1.0 + TimeIndex.RESOLUTION * 0.9)
    times.mark(9, 1.0 + TimeIndex.RESOLUTION * 1.1)
    assert len(times) == 2
    assert times.when(8) == 1.0
    assert times.when(9) == 1.0 + TimeIndex.RESOLUTION * 1.1


def test_a_clock_that_is_set_back_is_kept_as_told() -> None:
    times = TimeIndex()
    times.mark(0, 100.0)
    times.mark(1, 50.0)
    assert times.marks(0, 2) == [(0, 100.0), (1, 50.0)]


def test_what_arrives_after_the_clock_was_set_back_has_its_own_time() -> None:
    history = History()
    history.append(b"x", 100.0)
    history.append(b"y", 50.0)
    assert history.times.marks(0, 2) == [(0, 100.0), (1, 50.0)]


def test_marks_are_those_that_speak_of_the_range() -> None:
    times = TimeIndex()
    for offset in (0, 10, 20, 30):
        times.mark(offset, float(offset))
    assert times.marks(10, 20) == [(10, 10.0)]
    assert times.marks(15, 21) == [(10, 10.0), (20, 20.0)]
    assert times.marks(15, 15) == []
    assert times.marks(35, 99) == [(30, 30.0)]


def test_thinning_bounds_the_marks_and_keeps_the_first_and_the_last() -> None:
    times = TimeIndex()
    count = 10 * TimeIndex.MAX_MARKS
    for number in range(count):
        times.mark(number, number * 0.02)
        assert len(times) <= TimeIndex.MAX_MARKS
    assert times.when(0) == 0.0
    assert times.resolution > TimeIndex.RESOLUTION
    last = times.when(count)
    assert last is not None
    assert count * 0.02 - last <= times.resolution + 0.02


def test_forgetting_keeps_the_mark_that_speaks_of_the_oldest_byte() -> None:
    times = TimeIndex()
    for number in range(200):
        times.mark(number * 10, float(number))
    times.forget_before(1005)
    assert times.when(1005) == 100.0
    assert times.when(999) is None
    assert len(times) == 100


def test_a_few_stale_marks_are_not_worth_forgetting() -> None:
    times = TimeIndex()
    for number in range(65):
        times.mark(number * 10, float(number))
    times.forget_before(639)
    assert len(times) == 65
    times.forget_before(640)
    assert len(times) == 1


def test_a_full_history_forgets_the_times_of_lost_bytes() -> None:
    history = History(MIN_CAPACITY)
    for number in range(1000):
        history.append(bytes(1024), float(number))
    assert len(history.times) <= MIN_CAPACITY // 1024 + 65
    assert history.times.when(history.start) == 1000.0 - MIN_CAPACITY // 1024


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 9), st.floats(0, 0.05)), max_size=400), st.data())
def test_a_time_is_never_late_and_early_by_less_than_the_resolution(
    steps: list[tuple[int, float]], data: st.DataObject
) -> None:
    times, now, end = TimeIndex(), 1000.0, 0
    arrivals: list[tuple[int, float]] = []
    for length, pause in steps:
        now += pause
        times.mark(end, now)
        arrivals.append((end, now))
        end += length
    if arrivals:
        offset = data.draw(st.integers(0, end - 1), "offset")
        true = arrivals[bisect_right(arrivals, (offset, float("inf"))) - 1][1]
        told = times.when(offset)
        assert told is not None
        assert 0 <= true - told < TimeIndex.RESOLUTION


def test_a_burst_never_exceeds_a_segment_nor_what_is_retained() -> None:
    assert History(SEGMENT).burst == MAX_BURST
    assert History(MIN_CAPACITY).burst == MIN_CAPACITY
