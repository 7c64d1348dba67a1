"""Each measure runs for a moment; what it takes is nobody's business here."""

from __future__ import annotations

import pytest

from tests.bench import fanout, pressure, scale
from tests.bench.rig import Rig
from tests.peers.peer import Peer

pytestmark = pytest.mark.needs("gcc")


@pytest.mark.parametrize("system", fanout.SYSTEMS)
def test_small_writes_reach_every_backend(system: type[Peer]) -> None:
    with Rig(system, 2) as rig:
        assert set(pressure.small(rig, 0.1)) == {"writes_per_s", "cpu_s_per_gb"}


@pytest.mark.parametrize("system", fanout.SYSTEMS)
def test_keys_are_echoed_in_a_flood(system: type[Peer]) -> None:
    with Rig(system, 2) as rig:
        assert set(pressure.flood(rig, 10)) == {"p50_us", "p99_us"}


@pytest.mark.parametrize("system", [pressure.CTwice, pressure.MuxtuiTwice])
def test_keys_are_echoed_beside_another_consoles_flood(system: type[Peer]) -> None:
    with Rig(system, 2) as rig:
        assert set(fanout.keystroke(rig, 10)) == {"p50_us", "p99_us"}


def test_a_farm_of_consoles_says_what_it_costs() -> None:
    assert [what for what, _ in scale.peers(20)] == [
        "CPU of a client that comes",
        "CPU of a client that goes",
        "memory with 20 clients",
    ]
    with scale.Farm(3) as farm:
        assert len(farm.guests) == len(farm.clients) == 3
