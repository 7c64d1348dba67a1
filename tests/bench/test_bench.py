"""Each measure runs for a moment and delivers every byte; what it takes is nobody's business here.

A lost or wrong byte raises in the measure itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench import fanout
from tests.bench.rig import Rig

if TYPE_CHECKING:
    from tests.peers.peer import Peer

pytestmark = [pytest.mark.needs("gcc"), pytest.mark.parametrize("system", fanout.SYSTEMS)]


@pytest.mark.parametrize("backends", [1, 4])
def test_throughput_delivers_every_byte_to_every_backend(system: type[Peer], backends: int) -> None:
    with Rig(system, backends) as rig:
        result = fanout.throughput(rig, 0.2)
    assert set(result) == {"mb_per_s", "cpu_s_per_gb", "harness_cpu"}


def test_keystroke_hears_every_echo_at_every_backend(system: type[Peer]) -> None:
    with Rig(system, 4) as rig:
        result = fanout.keystroke(rig, 50)
    assert set(result) == {"p50_us", "p99_us"}


def test_stuck_delivers_every_byte_to_those_who_read(system: type[Peer]) -> None:
    with Rig(system, 4, drop=True) as rig:
        result = fanout.stuck(rig, 0.2)
    assert set(result) == {"mb_per_s", "guest_held_ms", "silence_ms"}
