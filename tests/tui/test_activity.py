"""Rates and marks out of counters looked at now and then."""

from __future__ import annotations

from tests.tui.fakes import backend, console
from tui.activity import WINDOW, Activity, RateMeter
from tui.state import ConsoleMark


def test_a_steady_flow_has_its_rate() -> None:
    meter = RateMeter()
    for quarter in range(40):
        meter.sample(quarter / 4, quarter * 25)
    rate = meter.rate()
    assert rate.per_second == 100
    assert [round(bar) for bar in rate.recent[-9:]] == [100] * 9


def test_a_rate_falls_to_nothing_when_nothing_comes() -> None:
    meter = RateMeter()
    meter.sample(0, 0)
    meter.sample(1, 1000)
    meter.sample(3, 1000)
    assert meter.rate().per_second == 0


def test_what_came_between_two_looks_is_spread_over_the_seconds_between() -> None:
    meter = RateMeter()
    meter.sample(0.0, 0)
    meter.sample(2.0, 100)
    meter.sample(4.5, 350)
    assert [round(bar) for bar in meter.rate().recent[-5:]] == [25, 50, 75, 100, 100]


def test_a_rate_of_one_look_is_none() -> None:
    meter = RateMeter()
    meter.sample(0, 500)
    assert meter.rate().per_second == 0


def test_a_counter_that_goes_back_began_anew() -> None:
    meter = RateMeter()
    meter.sample(0, 5000)
    meter.sample(1, 10)
    assert meter.rate().per_second == 0


def test_samples_older_than_the_window_are_forgotten() -> None:
    meter = RateMeter()
    for second in range(10 * WINDOW):
        meter.sample(second, second)
    assert len(meter._samples) <= WINDOW + 2


def test_only_consoles_not_on_view_are_marked() -> None:
    activity = Activity()
    activity.update(0, [console("a"), console("b")], "a")
    activity.update(1, [console("a", end=5, bells=1), console("b", end=5, bells=1)], "a")
    assert activity.mark("a") == ConsoleMark()
    assert activity.mark("b") == ConsoleMark(output=True, bells=1)
    activity.update(2, [console("a", end=5, bells=1), console("b", end=5, bells=1)], "b")
    assert activity.mark("b") == ConsoleMark()


def test_what_is_gone_is_forgotten() -> None:
    activity = Activity()
    activity.update(0, [console("a", backend("s", sent=0))], None)
    activity.update(1, [console("a", backend("s", sent=100))], None)
    assert activity.rate("s").per_second == 100
    activity.update(2, [], None)
    assert activity.rate("s").per_second == 0
    assert activity.mark("a") == ConsoleMark()
