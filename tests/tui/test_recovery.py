"""What is done when an engine ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from muxcore.screen.items import Attached, Gap, Output
from tui.recovery import FALLBACK, MAX_ENDS, PIECE, WINDOW, Recovery


def attached(offset: int = 0, end: int = 1 << 40, console: str = "vm1") -> Attached:
    return Attached(console, "vm1.attach0", offset, end)


def began(console: str = "vm1") -> Recovery:
    recovery = Recovery()
    recovery.attached(attached(console=console))
    return recovery


def feed(recovery: Recovery, data: bytes, killer: bytes, now: float = 0.0) -> bytes | None:
    """What an engine obeys of `data` that ends at `killer`; None when it ended."""
    obeyed = b""
    items = list(recovery.cut(Output(0, data)))
    while items:
        together = [items.pop(0)]
        while items and not (recovery.careful(together[0]) or recovery.careful(items[0])):
            together.append(items.pop(0))
        for item in together:
            recovery.sent(item)
        obeyed += b"".join(item.data for item in together if isinstance(item, Output))
        if killer in obeyed:
            recovery.ended("it crashed", now)
            return None
        recovery.obeyed(recovery._sent)
    return obeyed


@given(st.integers(0, 30_000), st.integers(0, 30_000))
def test_the_piece_that_ends_engines_is_left_out_after_it_ended_two(
    before: int, after: int
) -> None:
    data = b"a" * before + b"!" + b"b" * after
    recovery = began()
    assert feed(recovery, data, b"!") is None
    assert recovery.left_out == []
    recovery.attached(attached())
    assert feed(recovery, data, b"!") is None
    recovery.attached(attached())
    obeyed = feed(recovery, data, b"!")
    ((start, stop),) = recovery.left_out
    assert stop - start <= PIECE
    assert start <= before < stop
    assert obeyed == data[:start] + data[stop:]
    assert recovery.trouble == (
        f"terminal engine restarted: it crashed; bytes {start}..{stop} left out"
    )


@given(
    st.binary(min_size=1, max_size=200),
    st.integers(0, 50),
    st.lists(st.tuples(st.integers(0, 250), st.integers(1, 40)), max_size=5),
    st.tuples(st.integers(0, 250), st.integers(0, 100)),
)
def test_output_is_cut_without_loss(
    data: bytes, offset: int, out: list[tuple[int, int]], suspect: tuple[int, int]
) -> None:
    recovery = began()
    recovery.left_out = sorted((start, start + size) for start, size in out)
    recovery._suspect = (suspect[0], sum(suspect))
    at = offset
    for item in recovery.cut(Output(offset, data)):
        if isinstance(item, Gap):
            assert item.start == at
            assert all(
                any(start <= byte < stop for start, stop in recovery.left_out)
                for byte in range(item.start, item.end)
            )
            at = item.end
        else:
            assert item.offset == at
            assert item.data == data[at - offset : at - offset + len(item.data)]
            careful = {suspect[0] <= byte < sum(suspect) for byte in range(at, at + len(item.data))}
            assert careful == {recovery.careful(item)}
            at += len(item.data)
    assert at == offset + len(data)


def test_output_that_nothing_is_known_of_is_not_copied() -> None:
    output = Output(7, b"x" * 100_000)
    assert list(began().cut(output)) == [output]


def test_an_engine_that_ends_without_output_leaves_nothing_out() -> None:
    recovery = began()
    for now in range(3):
        recovery.ended("it was ended by SIGKILL", now)
        recovery.attached(attached())
    assert feed(recovery, b"abc", b"!") == b"abc"
    assert recovery.trouble == "terminal engine restarted: it was ended by SIGKILL"


def test_engines_that_keep_ending_are_replaced_and_at_last_given_up() -> None:
    recovery = began()
    for now in range(MAX_ENDS):
        recovery.ended("it crashed", now)
        assert recovery.engine == ""
    recovery.ended("it crashed", MAX_ENDS)
    assert (recovery.engine, recovery.given_up) == (FALLBACK, False)
    assert recovery.trouble == "terminal engine restarted as bittty: it crashed"
    for now in range(MAX_ENDS):
        recovery.ended("it hung", now)
    assert recovery.given_up
    assert recovery.trouble == "terminal engine given up: it hung"
    recovery.retry()
    assert (recovery.engine, recovery.given_up) == ("", False)


def test_an_engine_that_ends_now_and_then_is_started_again_for_ever() -> None:
    recovery = began()
    for count in range(3 * MAX_ENDS):
        recovery.ended("it crashed", count * WINDOW / MAX_ENDS)
    assert recovery.engine == ""


def test_trouble_is_forgotten_when_the_user_begins_a_new_stream() -> None:
    recovery = began()
    recovery.ended("it crashed", 0.0)
    recovery.attached(attached())
    assert recovery.trouble
    recovery.attached(attached())
    assert recovery.trouble == ""


def test_what_is_known_of_one_console_or_history_is_not_held_against_another() -> None:
    for other in (attached(console="vm2"), attached(end=10)):
        recovery = began()
        for _ in range(2):
            feed(recovery, b"a" * 50 + b"!", b"!")
            recovery.attached(attached())
        assert recovery.left_out == [(0, 51)]
        recovery.attached(other)
        assert recovery.left_out == []
