"""Recorded sessions shown by each engine and by tmux: the screens are the same."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from muxcore.vt.engine import make_engine
from tests.support import eventually_sync

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAMS = Path(__file__).parent / "streams"
NAMES = sorted(path.stem for path in STREAMS.glob("*.raw"))
EXCEPTIONS = {
    "emoji ": "tmux 3.3 cuts a family of four at 21 bytes; libghostty-vt drops VS16 after a digit",
    "zero ": "tmux gives zero-width characters to another neighbour and keeps bidirectional marks",
}
"""Beginnings of lines on which the terminals differ, and why."""


class Stream(NamedTuple):
    """A recorded session and the size of its terminal."""

    data: bytes
    rows: int
    cols: int


def load(name: str) -> Stream:
    facts = json.loads((STREAMS / f"{name}.json").read_text())
    return Stream((STREAMS / f"{name}.raw").read_bytes(), facts["rows"], facts["cols"])


class Tmux:
    """A private tmux server with one window."""

    def __init__(self, directory: Path) -> None:
        self._environment = {
            **{key: value for key, value in os.environ.items() if key != "TMUX"},
            "LC_ALL": "C.UTF-8",
            "HOME": str(directory),
            "SHELL": "/bin/sh",
        }
        self._socket = str(directory / "tmux")
        self._ends = (f"end-of-stream-{number}" for number in count())
        self("new-session", "-d", "-s", "t", "cat")
        self("set-option", "-g", "status", "off")
        self("set-option", "-g", "remain-on-exit", "on")

    def __call__(self, *arguments: str) -> str:
        command = ["tmux", "-u", "-S", self._socket, "-f", "/dev/null", *arguments]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=True, timeout=20
        )
        return done.stdout

    def show(self, stream: Path, rows: int, cols: int) -> str:
        """Return the screen after `stream`, trailing blanks stripped."""
        self("resize-window", "-t", "t", "-x", str(cols), "-y", str(rows))
        end = next(self._ends)
        script = f"stty raw -echo; cat {shlex.quote(str(stream))}; printf '\\030\\033]2;{end}\\007'"
        self("respawn-window", "-k", "-t", "t", f"{script}; exec cat >/dev/null")
        eventually_sync(lambda: self("display-message", "-p", "-t", "t", "#T").strip() == end)
        return stripped(self("capture-pane", "-p", "-t", "t"), rows)


def stripped(screen: str, rows: int) -> str:
    lines = [line.rstrip() for line in screen.split("\n")]
    return "\n".join((lines + [""] * rows)[:rows])


def comparable(screen: str) -> list[str]:
    return [line for line in screen.split("\n") if not line.startswith(tuple(EXCEPTIONS))]


@pytest.fixture(scope="module")
def tmux(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    server = Tmux(tmp_path_factory.mktemp("tmux"))
    yield server
    server("kill-server")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("engine_name", ["ghostty", "bittty"])
def test_a_recorded_session_looks_as_in_tmux(
    engine_name: str, name: str, tmux: Tmux, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUXTUI_ENGINE", engine_name)
    stream = load(name)
    engine = make_engine(stream.rows, stream.cols)
    engine.feed(stream.data)
    shown = stripped(engine.text(), stream.rows)
    engine.close()
    assert engine.faults == 0
    expected = tmux.show(STREAMS / f"{name}.raw", stream.rows, stream.cols)
    assert comparable(shown) == comparable(expected)


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


@pytest.mark.parametrize("engine_name", ["ghostty", "bittty"])
def test_the_stream_that_crashes_libghostty_passes_the_guard_harmlessly(engine_name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRASH],
        input=(STREAMS / "engine-crash.bin").read_bytes(),
        env={**os.environ, "MUXTUI_ENGINE": engine_name},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == b"alive\n", done.stderr.decode()[-2000:]
