"""What showing a guest costs: frames, CPU and bytes, beside tmux showing the same guest.

    python -m tests.bench.view [--seconds S] [--repeat N] [--only KIND,...]

run from the checkout; needs tmux and vim. The terminal is a pty of the bench, 200x50: frames are
bursts of output there, and bytes are what came there, which is what an ssh link would have to
carry. Five ways to show the same guest, at the same size, on it, in turn:

    muxtui             muxtui's app with its daemon, as a user runs it, the guest a `process` guest,
                       on a terminal that has left and right margins (DECLRMM), as xterm has
    muxtui-no-margins  the same on one that has none: what stands beside a scroll is written again
    muxtui-in-tmux     the same in a tmux, which has none for what runs in it
    tmux               tmux with the guest alone: it may scroll the whole terminal
    tmux-beside        tmux with the guest beside another pane, which is the picture muxtui gives

An echo is the same with margins and without.

Prints a line of JSON per run and, at the end, tables in Markdown: medians of the runs. CPU is that
of muxtui's app and, apart, of its engine's process; of tmux its server, which parses and draws.
Frames and waits are the machine's too: on a busy one only CPU and bytes mean something. An echo is
lost where the view skips output, as it does in a flood it cannot follow.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.compare import Result, add_repeat, make_parser
from tests.bench.terminal import ROWS
from tests.bench.view_guest import ECHOES, KINDS
from tests.bench.view_rig import SystemName, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SYSTEMS: tuple[SystemName, ...] = (
    *("muxtui", "muxtui-no-margins", "muxtui-in-tmux", "tmux", "tmux-beside"),
)
ECHOING: tuple[SystemName, ...] = ("muxtui", "muxtui-in-tmux", "tmux")
WARM = 0.5
"""Seconds of frames before the measured ones."""

KEY_PAUSE = 0.05
"""Seconds between two keys at least, so that each has frames of its own."""

KEY_LOST = 2.0
"""Seconds after which a key's echo is given up."""


def guest_size() -> str:
    """The size that muxtui's view gives a guest on this terminal."""
    with Terminal("muxtui", "still", "80x24") as terminal:
        terminal.start_guest()
        size = terminal.console()["size"]
    return f"{size['cols']}x{size['rows']}"


def shown(system: SystemName, kind: str, size: str, seconds: float) -> Result:
    """Let the guest play, and count what comes to the terminal."""
    with Terminal(system, kind, size) as terminal:
        terminal.start_guest()
        terminal.watch(WARM)
        before = terminal.received()
        window = terminal.watch(seconds)
        passed = terminal.received() - before
        frames = max(1, window.frames)
        result = {
            "fps": window.frames / window.seconds,
            "bytes_per_frame": window.written / frames,
            "kb_per_s": window.written / window.seconds / 1e3,
            "guest_mb_per_s": passed / window.seconds / 1e6,
        }
        for role, used in window.cpu.items():
            result[f"{role}_ms_per_frame"] = used * 1e3 / frames
        return result


def echoed(system: SystemName, kind: str, size: str, keys: int) -> Result:
    """Type `keys` keys, each when the echo of the one before has been painted."""
    with Terminal(system, kind, size) as terminal:
        terminal.start_guest()
        terminal.settle(WARM)
        quiet = terminal.watch(1.0)
        waits, lost = [], 0
        before = terminal.cpu()
        typing = 0.0
        for number in range(keys):
            glyph = ECHOES[number % len(ECHOES)].encode()
            terminal.press(b"k")
            wait = terminal.wait_for(glyph, KEY_LOST)
            lost += wait is None
            waits.append(KEY_LOST if wait is None else wait)
            terminal.settle(KEY_PAUSE)
            typing += waits[-1] + KEY_PAUSE
        cuts = statistics.quantiles(waits, n=100, method="inclusive")
        result = {"p50_ms": cuts[49] * 1e3, "p99_ms": cuts[98] * 1e3, "lost": float(lost)}
        for role, used in terminal.cpu().items():
            idle = quiet.cpu[role] / quiet.seconds * typing
            result[f"{role}_ms_per_key"] = max(0.0, used - before[role] - idle) * 1e3 / keys
        return result


def run(system: SystemName, kind: str, size: str, options: argparse.Namespace) -> Result:
    """One run of one kind."""
    if kind.startswith("echo"):
        return echoed(system, kind, size, options.keys)
    return shown(system, kind, size, options.seconds)


Medians = dict[str, dict[SystemName, Result]]
"""By kind and system."""


def screens_table(medians: Medians) -> Iterator[str]:
    """Everything but the echoes, as Markdown."""
    yield (
        "| guest | frames/s | in tmux | tmux | CPU ms/frame: app | engine | tmux "
        "| bytes/frame | no margins | in tmux | tmux | tmux beside "
        "| bytes/tmux | no margins | in tmux | guest MB/s |"
    )
    yield "|---" * 16 + "|"
    for kind, by_system in medians.items():
        if kind.startswith("echo"):
            continue
        all_of_them = [by_system[system] for system in SYSTEMS]
        ours, bare, inside, theirs, _ = all_of_them
        sizes = [each["bytes_per_frame"] for each in all_of_them]
        least = max(1e-9, theirs["kb_per_s"])
        ratios = [each["kb_per_s"] / least for each in (ours, bare, inside)]
        cells = [
            kind,
            *(f"{each['fps']:.0f}" for each in (ours, inside, theirs)),
            *(f"{ours[f'{role}_ms_per_frame']:.1f}" for role in ("ui", "worker")),
            f"{theirs['tmux_ms_per_frame']:.1f}",
            *(f"{size:.0f}" for size in sizes),
            *(f"{ratio:.2f}" for ratio in ratios),
            f"{ours['guest_mb_per_s']:.2f}",
        ]
        yield f"| {' | '.join(cells)} |"


def echoes_table(medians: Medians) -> Iterator[str]:
    """The echoes, as Markdown."""
    yield (
        "| key to echo | p50 ms | in tmux | tmux | p99 ms | in tmux | tmux "
        "| CPU ms/key: app | engine | tmux | lost |"
    )
    yield "|---" * 11 + "|"
    for kind, by_system in medians.items():
        if not kind.startswith("echo"):
            continue
        ours, inside, theirs = (by_system[system] for system in ECHOING)
        cells = [
            kind,
            *(f"{each['p50_ms']:.1f}" for each in (ours, inside, theirs)),
            *(f"{each['p99_ms']:.1f}" for each in (ours, inside, theirs)),
            *(f"{ours[f'{role}_ms_per_key']:.1f}" for role in ("ui", "worker")),
            f"{theirs['tmux_ms_per_key']:.1f}",
            f"{ours['lost']:.0f}",
        ]
        yield f"| {' | '.join(cells)} |"


def median(results: Sequence[Result]) -> Result:
    """The median of each figure."""
    return {name: statistics.median(each[name] for each in results) for name in results[0]}


def machine() -> str:
    """This machine, in words."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the bench; see the module."""
    parser = make_parser(__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one run")
    parser.add_argument("--keys", type=int, default=100, help="keystrokes of one run")
    add_repeat(parser)
    parser.add_argument("--only", metavar="KIND,...", help=", ".join(k for k in KINDS))
    options = parser.parse_args(argv)
    kinds = options.only.split(",") if options.only else [k for k in KINDS if k != "still"]
    size = guest_size()
    results: dict[str, dict[SystemName, list[Result]]] = {}
    for _ in range(options.repeat):
        for kind in kinds:
            for system in ECHOING if kind.startswith("echo") else SYSTEMS:
                result = run(system, kind, size, options)
                line = {"kind": kind, "system": system, **result}
                print(json.dumps(line), file=sys.stderr, flush=True)
                results.setdefault(kind, {}).setdefault(system, []).append(result)
    medians: Medians = {
        kind: {system: median(runs) for system, runs in by_system.items()}
        for kind, by_system in results.items()
    }
    today = datetime.datetime.now(tz=datetime.UTC).date()
    print(f"{today}, {machine()}; guest {size} on a terminal of {ROWS} rows\n")
    print(*screens_table(medians), "", *echoes_table(medians), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
