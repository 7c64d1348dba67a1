"""What benches of muxtui beside the C loop share: how a run is made, its figures, their table."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from typing import TYPE_CHECKING, NamedTuple

from tests.peers.own import C, Muxtui

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.peers.peer import Peer

Result = dict[str, float]
"""Figures of one run by name, the unit in the name."""

SYSTEMS: tuple[type[Peer], ...] = (C, Muxtui)
SILENCE = 10.0
"""Seconds without a byte after which a run has failed."""

KEY_PAUSE = 200e-6
"""Seconds between two keys: long enough for the system to come to rest."""


class Run(NamedTuple):
    """One run of one system."""

    measure: str
    backends: int
    system: str
    result: Result


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """The command line of a bench, described by its module's docstring as it stands."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def add_repeat(parser: argparse.ArgumentParser, repeat: int = 3) -> None:
    """The option that most of them have."""
    parser.add_argument(
        "--repeat", type=int, default=repeat, help="runs of which the median is taken"
    )


def cpu_apart() -> int:
    """Move this process to one CPU, and return another one for the system measured."""
    allowed = sorted(os.sched_getaffinity(0))
    mine, its = allowed[0], allowed[-1]
    if mine == its:
        print("only one CPU: the harness takes from the system measured", file=sys.stderr)
    os.sched_setaffinity(0, {mine})
    return its


def quantiles(samples: list[float]) -> Result:
    """The median and the 99th percentile of seconds, in microseconds."""
    cuts = statistics.quantiles(samples, n=100, method="inclusive")
    return {"p50_us": cuts[49] * 1e6, "p99_us": cuts[98] * 1e6}


def report(runs: Iterable[Run]) -> None:
    """Print a line of JSON per run and, at the end, the table of medians."""
    results: dict[tuple[str, int, str], dict[str, list[float]]] = {}
    for run in runs:
        line = {"measure": run.measure, "backends": run.backends, "system": run.system}
        print(json.dumps({**line, **run.result}), flush=True)
        for figure, value in run.result.items():
            by_system = results.setdefault((run.measure, run.backends, figure), {})
            by_system.setdefault(run.system, []).append(value)
    print(*table(results), sep="\n")


def table(results: dict[tuple[str, int, str], dict[str, list[float]]]) -> Iterator[str]:
    """Render medians by (measure, backends, figure), with the ratio of muxtui to C."""
    yield f"{'measure':12}{'backends':>8}  {'figure':16}{'C':>12}{'muxtui':>12}{'ratio':>8}"
    for (measure, backends, figure), by_system in results.items():
        c, ours = (statistics.median(by_system[system.NAME]) for system in SYSTEMS)
        ratio = f"{ours / c:8.2f}" if c else f"{'-':>8}"
        yield f"{measure:12}{backends:8}  {figure:16}{c:12.2f}{ours:12.2f}{ratio}"
