"""Search 10,000 lines of a kernel's log: `python -m tests.bench.search`.

Prints a line a pattern: milliseconds (the median of 20 searches), matches.
"""

from __future__ import annotations

import statistics
import time

from muxcore.screen.query import Query
from muxcore.screen.search import search

LINES = 10_000
RUNS = 20
PATTERNS = (
    Query("nothing like this"),
    Query("session 99"),
    Query("Session 99"),
    Query(r"session \d+9 of"),
    Query(r"\d+\.\d+\]"),
    Query("e", regex=False),
    Query(r"(?<=uid )\d+"),
    Query("(a|a)*$"),
)


def log(lines: int = LINES) -> list[tuple[str, bool]]:
    """A log of that many lines; each tenth is wrapped, each fiftieth not ASCII."""
    texts: list[tuple[str, bool]] = []
    for number in range(lines):
        place = "/home/müller/中文" if number % 50 == 0 else "/var/log/messages"
        text = f"[{number * 0.013:12.6f}] systemd[1]: Started Session {number} of uid 0 in {place}"
        texts.append((text, number % 10 == 0))
    return texts


def measure(query: Query, texts: list[tuple[str, bool]], runs: int = RUNS) -> tuple[float, int]:
    """The median in milliseconds, and the matches."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        found = search(texts, 0, query, cols=80)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times), len(found.matches)


def main() -> None:
    """Measure and print."""
    texts = log()
    for query in PATTERNS:
        milliseconds, count = measure(query, texts)
        print(f"{query.pattern:<20} {milliseconds:8.1f} ms {count:6} matches")


if __name__ == "__main__":
    main()
