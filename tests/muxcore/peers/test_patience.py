"""The budget of waiting: never more than 50 ms in any second, unless a peer's user asked for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.peers.patience import BUDGET, WINDOW, Patience

STEPS = st.lists(
    st.tuples(
        st.floats(0, 1.5),  # seconds in which nothing is waited for
        st.floats(0, 1),  # share of what is granted that is spent
        st.floats(0, BUDGET),  # patience of the peer that asks
    ),
    max_size=60,
)


def waited_between(waits: list[tuple[float, float]], start: float, end: float) -> float:
    """Seconds of `waits` within the window."""
    return sum(max(0.0, min(end, stop) - max(start, begin)) for begin, stop in waits)


def test_a_fresh_console_grants_a_peer_its_patience() -> None:
    assert Patience().left(100.0, 0.05) == 0.05
    assert Patience().left(100.0, 0.01) == 0.01


def test_no_patience_is_no_waiting() -> None:
    assert Patience().left(0.0, 0.0) == 0.0


def test_what_is_spent_is_missing_for_every_peer() -> None:
    patience = Patience()
    patience.spend(10.0, 10.03)
    assert patience.left(10.03, 0.05) == pytest.approx(0.02)
    patience.spend(10.03, 10.05)
    assert patience.left(10.05, 0.05) == pytest.approx(0.0)
    assert patience.left(10.9, 0.01) == pytest.approx(0.0)


def test_what_is_spent_comes_back_when_it_is_a_second_old() -> None:
    patience = Patience()
    patience.spend(10.0, 10.05)
    assert patience.left(11.02, 0.05) == pytest.approx(0.02)
    assert patience.left(11.051, 0.05) == pytest.approx(0.05)


def test_a_peer_with_more_patience_raises_the_budget_for_itself_alone() -> None:
    patience = Patience()
    patience.spend(10.0, 10.3)
    assert patience.left(10.3, 1.0) == pytest.approx(0.7)
    assert patience.left(10.3, 0.05) == 0.0


def test_waiting_for_no_time_costs_nothing() -> None:
    patience = Patience()
    for _ in range(1000):
        patience.spend(5.0, 5.0)
    assert patience.left(5.0, 0.05) == 0.05


@given(STEPS)
def test_no_second_holds_more_waiting_than_the_budget(
    steps: list[tuple[float, float, float]],
) -> None:
    patience = Patience()
    now = 0.0
    waits: list[tuple[float, float]] = []
    for idle, share, own in steps:
        now += idle
        granted = patience.left(now, own)
        assert 0.0 <= granted <= own
        wait = granted * share
        patience.spend(now, now + wait)
        if wait:
            waits.append((now, now + wait))
        now += wait
    for _, end in waits:
        assert waited_between(waits, end - WINDOW, end) <= BUDGET + 1e-9


@given(STEPS)
def test_the_budget_is_not_lost_either(steps: list[tuple[float, float, float]]) -> None:
    patience = Patience()
    now = 0.0
    waits: list[tuple[float, float]] = []
    for idle, share, own in steps:
        now += idle
        granted = patience.left(now, own)
        unspent = BUDGET - waited_between(waits, now - WINDOW, now)
        assert granted == pytest.approx(max(0.0, min(own, unspent)), abs=1e-9)
        patience.spend(now, now + granted * share)
        waits.append((now, now + granted * share))
        now += granted * share


def test_rounding_does_not_pile_up_over_many_short_waits() -> None:
    patience = Patience()
    for index in range(200_000):
        now = 1e6 + index * 1e-4
        patience.left(now, BUDGET)
        patience.spend(now, now + 1e-6)
    assert patience.left(1e6 + 20.0, BUDGET) == pytest.approx(BUDGET - 0.01, abs=1e-6)
