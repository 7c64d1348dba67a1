"""Every small case and every recorded session shown by each engine, tmux and xterm.js."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fidelity.cases import cases
from tests.fidelity.compare import compared, measured
from tests.fidelity.differences import listed
from tests.fidelity.engines import ENGINES
from tests.fidelity.esctest import COVERED, LEFT_OUT
from tests.fidelity.references import pieces, recorded, references, xterm_reference
from tests.fidelity.screen import State
from tests.fidelity.streams import DIRECTORY
from tests.fidelity.tmux import Tmux
from tests.fidelity.vttest import choices, session
from tests.fidelity.xterm import UNSTEADY, Xterm

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
    assert {name: item.reason for name, item in known.items() if name not in found} == {}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_difference_says_whether_xterm_shows_what_the_engine_shows(engine: str) -> None:
    found = measured(engine)
    assert {name: item.reason for name, item in listed(engine).items()
            if name not in UNSTEADY and item.xterm != found[name].xterm} == {}  # fmt: skip


@pytest.mark.parametrize(
    "share", [pytest.param(16, id="sample"), pytest.param(1, id="all", marks=pytest.mark.soak)]
)
def test_tmux_shows_what_was_recorded_of_it(tmux: Tmux, share: int) -> None:
    if tmux.version != recorded()["versions"]["tmux"]:
        pytest.skip(f"tmux {tmux.version} is not the recorded one")
    all_of_them = pieces() if share == 1 else cases()
    shown = {name: piece for name, piece in all_of_them.items()
             if not zlib.crc32(name.encode()) % share}  # fmt: skip
    for name, state in zip(shown, tmux.states(list(shown.values())), strict=True):
        assert state == references(name)[0], name


@pytest.mark.soak
def test_xterm_shows_what_was_recorded_of_it() -> None:
    try:
        xterm = Xterm()
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    try:
        if xterm.version != recorded()["versions"]["xterm"]:
            pytest.skip(f"xterm {xterm.version} is not the recorded one")
        for name, piece in cases().items():
            told = xterm_reference(name)
            shown = told if name in UNSTEADY else xterm.state(piece)
            assert {**told, **shown} == told, name
    finally:
        xterm.close()


def test_vttest_prints_what_was_recorded_of_it() -> None:
    if shutil.which("vttest") is None:
        pytest.skip("vttest is not installed")
    path = DIRECTORY / "vttest-11-7-2-rep.raw"
    known = re.search(rb"version \S+ \(\d+\)", path.read_bytes())
    told = session(choices(path.stem))
    if known and known[0] not in told:
        pytest.skip("vttest is not the recorded one")
    assert told == path.read_bytes()


def test_every_file_of_esctest_has_cases_or_a_reason_to_be_left_out() -> None:
    for name, patterns in COVERED.items():
        for pattern in patterns.split():
            assert fnmatch.filter(cases(), pattern), f"{name}: {pattern} is no case"
    assert not COVERED.keys() & LEFT_OUT.keys()


def test_everything_that_is_compared_was_recorded() -> None:
    assert recorded()["states"].keys() == pieces().keys()
    assert len(cases()) >= 150


def test_a_difference_in_one_fact_is_found() -> None:
    state: State = dict(references("motion/cup-default")[0])
    assert compared(state, "motion/cup-default").equal
    assert compared({**state, "cursor": [7, 7]}, "motion/cup-default").facts == ("cursor",)


CRASH = """
import sys
from muxcore.vt.choice import make_engine
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
