"""What the daemon's counters say when they are watched over time: rates and unseen output. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from itertools import pairwise

from tui.state import BackendRate, ConsoleMark, ConsoleState

WINDOW = 20
"""Seconds, one bar each, that a rate's history covers."""


class RateMeter:
    """The rate of one counter that is looked at now and then."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def sample(self, now: float, total: int) -> None:
        """Note the counter's value. A counter that went back began anew."""
        if self._samples and total < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((now, total))
        while len(self._samples) > 2 and self._samples[1][0] <= now - WINDOW:
            self._samples.popleft()

    def rate(self) -> BackendRate:
        """The rate over the last second or so, and over each second of the window."""
        if len(self._samples) < 2:
            return BackendRate()
        now, total = self._samples[-1]
        before, less = self._samples[0]
        for time, value in self._samples:
            if time <= now - 1:
                before, less = time, value
        return BackendRate((total - less) / max(now - before, 1.0), tuple(self._bars(now)))

    def _bars(self, now: float) -> Iterable[float]:
        """Bytes in each second of the window, evenly spread between two samples."""
        samples = list(self._samples)
        edges = [_at(samples, now - WINDOW + index) for index in range(WINDOW + 1)]
        return (after - before for before, after in pairwise(edges))


def _at(samples: list[tuple[float, int]], time: float) -> float:
    """The counter at a time, by linear interpolation."""
    index = bisect_left(samples, (time, 0))
    if index == len(samples):
        return samples[-1][1]
    earlier, later = samples[max(0, index - 1)], samples[index]
    span = later[0] - earlier[0]
    share = max(0.0, (time - earlier[0]) / span) if span > 0 else 1.0
    return earlier[1] + (later[1] - earlier[1]) * share


class Activity:
    """Rates of all backends, marks of all consoles."""

    def __init__(self) -> None:
        self._meters: dict[str, RateMeter] = {}
        self._seen: dict[str, tuple[int, int]] = {}
        self._marks: dict[str, ConsoleMark] = {}

    def update(self, now: float, consoles: Iterable[ConsoleState], on_view: str | None) -> None:
        """Take in an answer of the daemon; whatever it no longer names is forgotten."""
        consoles = tuple(consoles)
        backends = {backend.id: backend for console in consoles for backend in console.backends}
        self._meters = {id: self._meters.get(id) or RateMeter() for id in backends}
        for id, backend in backends.items():
            self._meters[id].sample(now, backend.sent + backend.received)
        self._seen = {
            console.name: self._seen.get(console.name, (console.end, console.bells))
            for console in consoles
        }
        for console in consoles:
            if console.name == on_view:
                self._seen[console.name] = (console.end, console.bells)
        self._marks = {
            console.name: ConsoleMark(
                console.end > self._seen[console.name][0],
                max(0, console.bells - self._seen[console.name][1]),
            )
            for console in consoles
        }

    def rate(self, backend: str) -> BackendRate:
        """A backend's rate; zero for one that is not known."""
        meter = self._meters.get(backend)
        return meter.rate() if meter else BackendRate()

    def mark(self, console: str) -> ConsoleMark:
        """A console's marks; none for one that is not known."""
        return self._marks.get(console, ConsoleMark())
