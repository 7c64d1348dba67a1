"""Each measure runs for a moment and delivers every byte; what it takes is nobody's business here.

A lost or wrong byte raises in the measure itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench import fanout, isolation
from tests.bench.compare import SYSTEMS
from tests.bench.rig import Rig
from tests.peers.own import Muxtui

if TYPE_CHECKING:
    from tests.peers.peer import Peer

pytestmark = [pytest.mark.needs("gcc"), pytest.mark.parametrize("system", SYSTEMS)]


@pytest.mark.parametrize("backends", [1, 4])
def test_throughput_delivers_every_byte_to_every_backend(system: type[Peer], backends: int) -> None:
    with Rig(system, backends) as rig:
        result = fanout.throughput(rig, 0.2)
    assert set(result) == {"mb_per_s", "cpu_s_per_gb", "harness_cpu"}


def test_keystroke_hears_every_echo_at_every_backend(system: type[Peer]) -> None:
    with Rig(system, 4) as rig:
        result = fanout.keystroke(rig, 50)
    assert set(result) == {"p50_us", "p99_us"}


def test_the_others_hear_everything_beside_one_that_is_stuck_and_is_told_what_it_lacks(
    system: type[Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "CALM", 0.2)
    with Rig(system, 4, drop=True) as rig:
        result = isolation.isolation(rig, 0.5, 20e6)
    told = result["lacks_mb"] if system is Muxtui else 0
    assert result["lacks_mb"] > 0
    assert result["told_mb"] == told
