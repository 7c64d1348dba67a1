"""The Nth system call fails, for every N: nobody lacks a byte that was not declared missing.

The scenario is played once without a fault, which counts the calls; then again for each call and
each error that it may meet. Every time, every stream is the source minus its declared gaps, at most
one party (a client, a file, the guest, a control client) is hurt, the guest goes on, everything
comes back that can, and nothing is left behind: no descriptor, task, thread or file, and no
exception that somebody should have handled. A seed of `MUXTUI_INJECT_SEED` draws other calls.
"""

from __future__ import annotations

import logging
import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.inject.guests import GUESTS, visit
from tests.inject.scenario import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.inject.faults import Fault, Injector


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Keep no log of thousands of faults."""
    caplog.set_level(logging.CRITICAL)


def counted(directory: Path) -> Injector:
    """The calls of a run without a fault."""
    (directory / "sound").mkdir()
    injector, scenario = run(directory / "sound")
    assert not scenario.hurt
    assert scenario.ends["pipe"].check.gaps, "the scenario is to have a gap"
    return injector


@pytest.mark.parametrize("kind", GUESTS)
def test_any_call_of_a_guest_may_fail(tmp_path: Path, kind: str) -> None:
    faults = _of_guest(tmp_path, kind)
    draw = random.Random(int(os.environ.get("MUXTUI_INJECT_SEED", "1")))
    _play(tmp_path, draw.sample(faults, 12), lambda stage, fault: visit(stage, kind, fault))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", GUESTS)
def test_every_call_of_a_guest_may_fail(tmp_path: Path, kind: str) -> None:
    faults = _of_guest(tmp_path, kind)
    _play(tmp_path, faults, lambda stage, fault: visit(stage, kind, fault))


def _of_guest(directory: Path, kind: str) -> list[Fault]:
    (directory / "sound").mkdir()
    return list(visit(directory / "sound", kind).faults())


def test_any_call_may_fail(tmp_path: Path) -> None:
    seed = int(os.environ.get("MUXTUI_INJECT_SEED", "1"))
    draw = random.Random(seed)
    faults = list(counted(tmp_path).faults())
    places = sorted({fault.place for fault in faults})
    drawn = [draw.choice([fault for fault in faults if fault.place == place]) for place in places]
    print(f"seed {seed}: {len(places)} places, {len(faults)} faults")
    _play(tmp_path, drawn, run)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_every_call_may_fail(tmp_path: Path) -> None:
    faults = list(counted(tmp_path).faults())
    print(f"{len(faults)} faults")
    _play(tmp_path, faults, run)


def _play(directory: Path, faults: list[Fault], play: Callable[[Path, Fault], object]) -> None:
    """Play with each of the faults, and tell of all that did what none may do."""
    wrong = []
    for index, fault in enumerate(faults):
        stage = directory / str(index)
        stage.mkdir()
        try:
            play(stage, fault)
        except Exception as error:  # noqa: BLE001 - of all that a fault may bring up
            wrong.append(f"{fault}: {error!r}")
    assert not wrong, "\n".join(wrong)
