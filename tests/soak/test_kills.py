"""Whoever is killed with SIGKILL, what is left of the others is what was promised."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

import pytest

from tests.soak.kills import Kills

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs("socat", "qemu-system-x86_64")


def test_a_few_kills_cost_nobody_else_a_byte(tmp_path: Path) -> None:
    _kill(tmp_path, 12)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_thousand_kills_cost_nobody_else_a_byte(tmp_path: Path) -> None:
    _kill(tmp_path, 1000)


def _kill(directory: Path, kills: int) -> None:
    seed = int(os.environ.get("MUXTUI_KILL_SEED", "3"))
    started = time.monotonic()
    with contextlib.closing(Kills(directory, seed)) as made:
        made.run(kills)
        print(f"seed {seed}: {dict(made.did)} in {time.monotonic() - started:.0f} s")
        print(f"printed {made.printed}, compared {made.compared}")
        assert made.compared > made.printed
