"""Every small case and every recorded session shown by each engine, tmux and xterm.js."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fidelity.cases import cases
from tests.fidelity.compare import compared, measured
from tests.fidelity.differences import listed
from tests.fidelity.engines import ENGINES
from tests.fidelity.references import pieces, recorded, references
from tests.fidelity.screen import State
from tests.fidelity.streams import DIRECTORY
from tests.fidelity.tmux import Tmux

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    server = Tmux(tmp_path)
    yield server
    server.close()


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_shows_what_tmux_or_xterm_js_shows_but_for_what_is_listed(engine: str) -> None:
    found = {name: item.facts for name, item in measured(engine).items() if not item.equal}
    known = listed(engine)
    assert {name: facts for name, facts in found.items() if name not in known} == {}
    assert {name: reason for name, reason in known.items() if name not in found} == {}


def test_tmux_shows_what_was_recorded_of_it(tmux: Tmux) -> None:
    if tmux.version != recorded()["versions"]["tmux"]:
        pytest.skip(f"tmux {tmux.version} is not the recorded one")
    shown = pieces()
    for name, state in zip(shown, tmux.states(list(shown.values())), strict=True):
        assert state == references(name)[0], name


def test_everything_that_is_compared_was_recorded() -> None:
    assert recorded()["states"].keys() == pieces().keys()
    assert len(cases()) >= 150


def test_a_difference_in_one_fact_is_found() -> None:
    state: State = dict(references("motion/cup-default")[0])
    assert compared(state, "motion/cup-default").equal
    assert compared({**state, "cursor": [7, 7]}, "motion/cup-default").facts == ("cursor",)


CRASH = """
import sys
from muxcore.vt.engine import make_engine
engine = make_engine(40, 120)
for piece in sys.stdin.buffer.read().split(b"\\x1b[?1049"):
    engine.feed(b"\\x1b[?1049" + piece)
    for rows, cols in ((40, 120), (10, 30), (41, 121), (24, 80), (40, 120)):
        engine.resize(rows, cols)
        engine.text()
engine.close()
print("alive")
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_the_stream_that_crashes_libghostty_passes_the_guard_harmlessly(engine: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRASH],
        input=(DIRECTORY / "engine-crash.bin").read_bytes(),
        env={**os.environ, "MUXTUI_ENGINE": engine},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == b"alive\n", done.stderr.decode()[-2000:]
