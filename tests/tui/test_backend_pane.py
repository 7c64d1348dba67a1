"""What a backend's pane says, in the room it has."""

from __future__ import annotations

import pytest

from tests.tui.fakes import NOW
from tui.state import BackendRate, BackendState
from tui.widgets.backend_pane import pane_lines


def pane(width: int, **more: object) -> list[str]:
    told = {"id": "sock0", "type": "socket", "state": "open", "last-activity": NOW - 40, **more}
    backend = BackendState.from_json(told)
    return [line.plain for line in pane_lines(backend, BackendRate(), NOW, width, own=False)]


def test_surplus_answers_that_were_removed_cost_no_row() -> None:
    without, told = pane(42), pane(42, surplus=3)
    assert without[-1] == "no lag · drop                     40 s ago"
    assert told == [*without[:-1], "no lag · drop · 3 surplus         40 s ago"]


@pytest.mark.parametrize(
    ("width", "facts"),
    [
        (51, "no lag · drop · 3 surplus answers removed"),
        (50, "no lag · drop · 3 surplus answers"),
        (35, "no lag · drop · 3 surplus"),
    ],
)
def test_the_words_for_surplus_answers_fit_beside_the_rest(width: int, facts: str) -> None:
    line = pane(width, surplus=3)[-1]
    assert (len(line), line.partition("40 s ago")[0].rstrip()) == (width, facts)
