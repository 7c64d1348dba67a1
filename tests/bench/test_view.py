"""The view bench still runs; what it finds is nobody's business here."""

from __future__ import annotations

import pytest

from tests.bench import view
from tests.bench.view_rig import SystemName

pytestmark = [pytest.mark.needs("tmux"), pytest.mark.parametrize("system", view.SYSTEMS)]


def test_a_scrolling_log_is_counted(system: SystemName) -> None:
    result = view.shown(system, "scroll", "80x24", 0.2)
    assert result["bytes_per_frame"] > 0


def test_an_echo_is_found(system: SystemName) -> None:
    assert view.echoed(system, "echo", "80x24", 2)["lost"] == 0
