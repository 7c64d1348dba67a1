"""The benches of the view still run; what they find is nobody's business here."""

from __future__ import annotations

import pytest

from tests.bench import start, view
from tests.bench.view_rig import SystemName

pytestmark = pytest.mark.needs("tmux")

SIZE = "80x24"


@pytest.mark.parametrize("system", view.SYSTEMS[2:])
def test_a_scrolling_log_is_counted(system: SystemName) -> None:
    result = view.shown(system, "scroll", SIZE, 0.2)
    assert result["bytes_per_frame"] > 0


def test_an_echo_is_found() -> None:
    assert view.echoed("muxtui", "echo", SIZE, 2)["lost"] == 0


@pytest.mark.parametrize("measure", start.MEASURES, ids=lambda measure: measure.name)
def test_every_start_comes_to_an_end(measure: start.Measure) -> None:
    ours, theirs = start.timed(measure)
    (row,) = list(start.table({measure.name: [(ours, theirs)]}))[1:]
    assert row.startswith(measure.name)
