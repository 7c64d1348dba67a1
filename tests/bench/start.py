r"""How long muxtui takes to start, beside tmux and an empty Python, run in turn.

    python -m tests.bench.start [--repeat N]

run from the checkout; needs tmux. Three times, all from exec(2):

    help     to the end of `muxtui --help`; beside it Python that runs nothing
    attach   to the first frame that shows the guest, on a terminal of 200x50, while a daemon runs
             that has the guest; beside it `tmux attach`
    new      the same while nothing runs: a daemon is started, and the guest; beside it
             `tmux new-session`

Prints a line of JSON per run and a table of medians.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests import support
from tests.bench.compare import add_repeat, make_parser
from tests.bench.terminal import Pty, environment
from tests.control import Control
from tests.peers import processes
from tests.peers.peer import ROOT, START_TIMEOUT

CONSOLE = "bench"
SHOWN = "\N{CYRILLIC SMALL LETTER YA}".encode()
GUEST = r"printf '\321\217'; exec cat"
"""Prints SHOWN, which no command line has in it, and stays."""

MUXTUI = [sys.executable, "-m", "tui"]
TMUX = ["tmux", "-f", "/dev/null"]


def help_of_muxtui(home: Path) -> float:
    """Seconds that `muxtui --help` takes."""
    return _run([*MUXTUI, "--help"], home)


def empty_python(home: Path) -> float:
    """Seconds that Python takes for nothing."""
    return _run([sys.executable, "-c", "pass"], home)


def muxtui_attaches(home: Path) -> float:
    """Seconds to the guest's first frame in muxtui, whose daemon has it."""
    env = environment(home)
    with contextlib.ExitStack() as stack:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "muxcore", "serve"],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        stack.callback(processes.stop, daemon)
        with Control(env["MUXTUI_SOCKET"]) as control:
            added = control.execute("mux-add-console", console=CONSOLE, guest=_chardev())
            assert added == {"console": CONSOLE}, added
            support.eventually_sync(
                lambda: control.console(CONSOLE)["history"]["end"] == len(SHOWN), START_TIMEOUT
            )
        return _first_frame([*MUXTUI, CONSOLE], env)


def muxtui_is_new(home: Path) -> float:
    """Seconds to the guest's first frame in muxtui, which starts everything."""
    config = home / ".config" / "muxtui" / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f"[console.{CONSOLE}]\nguest = {json.dumps(_chardev())}\n")
    try:
        return _first_frame([*MUXTUI, CONSOLE], environment(home))
    finally:
        config.unlink()
        _run([*MUXTUI, "stop"], home)


def tmux_attaches(home: Path) -> float:
    """Seconds to the guest's first frame in a tmux whose server has it."""
    try:
        _run([*TMUX, "new-session", "-d", GUEST], home)
        return _first_frame([*TMUX, "attach"], environment(home))
    finally:
        _run([*TMUX, "kill-server"], home)


def tmux_is_new(home: Path) -> float:
    """Seconds to the guest's first frame in a tmux that starts everything."""
    try:
        return _first_frame([*TMUX, "new-session", GUEST], environment(home))
    finally:
        _run([*TMUX, "kill-server"], home)


def _chardev() -> str:
    return "process,command=" + GUEST.replace(",", ",,")


def _run(command: Sequence[str], home: Path) -> float:
    start = time.perf_counter()
    subprocess.run(
        command,
        cwd=ROOT,
        env=environment(home),
        check=True,
        stdin=subprocess.DEVNULL,
        # Its output is read: to wait for the end alone, with a timeout, looks for it now and then.
        stdout=subprocess.PIPE,
        timeout=START_TIMEOUT,
    )
    return time.perf_counter() - start


def _first_frame(command: list[str], env: dict[str, str]) -> float:
    with Pty() as terminal:
        terminal.spawn(command, env)
        if terminal.wait_for(SHOWN, START_TIMEOUT) is None:
            raise TimeoutError(f"{command} does not show the guest but {terminal.tail!r}")
        return time.perf_counter() - terminal.started


class Measure(NamedTuple):
    """What is measured, and what stands beside it."""

    name: str
    ours: Callable[[Path], float]
    beside: str
    theirs: Callable[[Path], float]


MEASURES = (
    Measure("help", help_of_muxtui, "python -c pass", empty_python),
    Measure("attach", muxtui_attaches, "tmux attach", tmux_attaches),
    Measure("new", muxtui_is_new, "tmux new-session", tmux_is_new),
)


def timed(measure: Measure) -> tuple[float, float]:
    """Milliseconds that muxtui takes, and what is beside it."""
    with tempfile.TemporaryDirectory(prefix="mux-start-", ignore_cleanup_errors=True) as home:
        ours, theirs = measure.ours(Path(home)), measure.theirs(Path(home))
    return ours * 1e3, theirs * 1e3


def table(results: dict[str, list[tuple[float, float]]]) -> Iterator[str]:
    """Medians by measure, and the ratio."""
    spread = f"{'least':>8}{'most':>8}"
    yield f"{'measure':10}{'muxtui ms':>10}{spread}  {'beside':18}{'ms':>8}{'ratio':>8}"
    for measure in (each for each in MEASURES if each.name in results):
        ours, theirs = zip(*results[measure.name], strict=True)
        mine, other = statistics.median(ours), statistics.median(theirs)
        spread = f"{min(ours):8.0f}{max(ours):8.0f}"
        beside = f"{measure.beside:18}{other:8.0f}{mine / other:8.1f}"
        yield f"{measure.name:10}{mine:10.0f}{spread}  {beside}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the bench; see the module."""
    parser = make_parser(__doc__)
    add_repeat(parser, 5)
    options = parser.parse_args(argv)
    results: dict[str, list[tuple[float, float]]] = {}
    for _ in range(options.repeat):
        for measure in MEASURES:
            ours, theirs = timed(measure)
            line = {"measure": measure.name, "muxtui_ms": ours, "beside_ms": theirs}
            print(json.dumps(line), flush=True)
            results.setdefault(measure.name, []).append((ours, theirs))
    print(*table(results), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
