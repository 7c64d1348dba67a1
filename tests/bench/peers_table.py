"""The README's tables of speed, from the figures that `python -m tests.bench.peers` has kept."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RESULTS = Path(__file__).with_name("peers.json")

NAMES = {
    "c": "C `epoll` loop",
    "muxtui": "**muxtui**",
    "asyncio": "asyncio streams",
    "socat+tee": "socat and tee",
    "qemu": "QEMU's hub",
}
"""How a system is called, if not by its name."""

GUESTS = {"unix": "a unix socket", "tty": "a tty"}
SPEED, COST, MEDIAN, TAIL = "mb_per_s", "cpu_s_per_gb", "p50_us", "p99_us"

Column = tuple[str, str, str]
"""Its title, the table of the figures, and the figure."""


def tables(results: dict[str, Any]) -> str:
    """Everything, in Markdown: a line about the run, then a table for each kind of guest."""
    parts = [_about(results)]
    for title, columns in _layout():
        lines = list(_table(results["tables"], title, columns))
        if len(lines) > 2:
            parts.append("\n".join(lines))
    return "\n\n".join(parts)


def speed_tables() -> str:
    """The tables of the figures that are kept."""
    return tables(json.loads(RESULTS.read_text()))


def _about(results: dict[str, Any]) -> str:
    versions = ", ".join(
        f"{NAMES.get(name, name).strip('*')} ({version})"
        for name, version in results["versions"].items()
        if name != "muxtui"
    )
    sweeps = max(
        len(figures) for systems in results["tables"].values() for figures in systems.values()
    )
    medians = "one sweep" if sweeps == 1 else f"medians of {sweeps} sweeps"
    return (
        f"{results['date']}, {results['machine']}; {medians}; in brackets how "
        f"many times better muxtui was in the same sweep. Beside muxtui: {versions}."
    )


def _layout() -> Iterator[tuple[str, list[Column]]]:
    for kind, counts in (("unix", (1, 4, 16, 64)), ("tty", (1, 4, 16))):
        for title, figure in (("MB/s to each of N readers", SPEED), ("CPU s/GB", COST)):
            columns = [(f"N = {count}", f"{kind} {count}", figure) for count in counts]
            yield f"{title}, guest on {GUESTS[kind]}", columns
    for guest, name in GUESTS.items():
        yield (
            f"key to echo, guest on {name}",
            [
                (f"{word}{', beside 10 MB/s' if way == 'beside' else ''}", f"keys {guest} {way}", f)
                for way in ("idle", "beside")
                for word, f in (("median µs", MEDIAN), ("99 % µs", TAIL))
            ],
        )
    yield (
        "a virtual machine's virtserialport",
        [
            ("MB/s to 1", "vm 1", SPEED),
            ("4", "vm 4", SPEED),
            ("key to echo, median µs", "vm idle", MEDIAN),
            ("beside 10 MB/s", "vm beside", MEDIAN),
        ],
    )


def _table(tables: dict[str, Any], title: str, columns: Sequence[Column]) -> Iterator[str]:
    head = [title, *(name for name, _, _ in columns)]
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join(['---'] * len(head))} |"
    found = dict.fromkeys(name for _, table, _ in columns for name in tables.get(table, {}))
    for system in found:
        cells = [_cell(tables.get(table, {}), system, figure) for _, table, figure in columns]
        yield f"| {' | '.join([NAMES.get(system, system), *cells])} |"


def _cell(by_system: dict[str, Any], system: str, figure: str) -> str:
    runs = by_system.get(system, [])
    if any("failed" in run for run in runs):
        return "fails"
    if not runs:
        return ""
    value = _rounded(statistics.median(run[figure] for run in runs))
    if system == "muxtui":
        return value
    # Pairs of one sweep: what swings is the machine.
    pairs = zip(by_system.get("muxtui", []), runs, strict=False)
    ratios = [
        ours[figure] / run[figure] if figure == SPEED else run[figure] / ours[figure]
        for ours, run in pairs
    ]
    return f"{value} ({_rounded(statistics.median(ratios))})" if ratios else value


def _rounded(value: float) -> str:
    """Two digits that count; more before the point are kept."""
    if value >= 10:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"
