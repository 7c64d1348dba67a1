from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from muxcore.chardev.backoff import LONGEST, SHORTEST, Backoff


def test_the_delay_doubles_up_to_the_longest() -> None:
    backoff = Backoff(draw=lambda: 1.0, clock=lambda: 0.0)
    delays = [backoff.next() for _ in range(10)]
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_every_delay_lies_between_the_shortest_and_the_longest(draws: list[float]) -> None:
    drawn = iter(draws)
    backoff = Backoff(draw=lambda: next(drawn), clock=lambda: 0.0)
    for _ in draws:
        delay = backoff.next()
        assert delay is not None
        assert SHORTEST <= delay <= LONGEST


def test_a_fixed_delay_stays_as_it_is() -> None:
    backoff = Backoff(1500)
    assert [backoff.next(), backoff.next()] == [1.5, 1.5]


def test_a_fixed_delay_of_zero_is_no_further_attempt() -> None:
    assert Backoff(0).next() is None


def failed_and_then_open_for(seconds: float) -> Backoff:
    """After five failures, and a connection that lasted so long."""
    times = iter([10.0, 10.0 + seconds])
    backoff = Backoff(draw=lambda: 0.0, clock=lambda: next(times))
    for _ in range(5):
        backoff.next()
    backoff.opened()
    return backoff


def test_a_connection_that_lasted_makes_up_for_the_failures_before_it() -> None:
    assert failed_and_then_open_for(1.0).next() == SHORTEST


def test_a_connection_that_was_lost_at_once_is_one_more_failure() -> None:
    assert failed_and_then_open_for(0.9).next() == SHORTEST * 2**5
