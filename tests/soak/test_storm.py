"""Whatever clients do, every stream is the flood minus what it declares, and nothing piles up."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.soak.rig import rig
from tests.soak.storm import Storm, backends
from tests.support import eventually_sync

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs("socat")

RATE = 8e6
"""Bytes a second that the guest prints: what one CPU can compare for a dozen clients."""

GROWTH = 4096
"""KiB that the daemon may have more at the end: pages that malloc did not give back."""


def test_a_short_storm_loses_nothing_undeclared(tmp_path: Path) -> None:
    _storm(tmp_path, 20, 4.0, 2.0)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("history", ["64K", "1M"])
def test_a_long_storm_loses_nothing_undeclared(tmp_path: Path, history: str) -> None:
    _storm(tmp_path, 21, 150.0, 20.0, history)


def _storm(
    directory: Path, seed: int, seconds: float, warm_up: float, history: str = "256K"
) -> None:
    print(f"seed {seed}, {seconds:g} s, history {history}")
    with (
        rig(directory, RATE, history, backends(directory)) as made,
        contextlib.closing(Storm(made, directory, seed)) as storm,
    ):
        storm.blow(warm_up)
        storm.leave()
        warm, before = made.resident(), made.descriptors()
        storm.blow(seconds)
        end = storm.settle()
        storm.leave()
        final = made.resident()
        print(f"{dict(storm.did)}")
        print(f"printed {end}, compared {storm.checked}, declared missing {storm.skipped}")
        print(f"RSS {warm} KiB warm, {final} KiB at the end; {len(before)} descriptors")
        assert storm.checked > end // 2
        # The console's watch for hang-ups is made when it is first needed, and stays.
        known = (before, sorted([*before, "anon_inode:[eventpoll]"]))
        eventually_sync(lambda: made.descriptors() in known, what="the descriptors of before")
        assert final < warm + GROWTH
