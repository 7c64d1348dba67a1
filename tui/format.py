"""Numbers and times as people read them. Pure."""

from __future__ import annotations

import time
from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"


def byte_count(count: float) -> str:
    """Bytes with a binary prefix, at most seven characters: `0 B`, `999 B`, `1.5 KB`, `12 MB`."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.1f} {unit}" if unit != "B" and count < 10 else f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.0f} TB"


def rate(per_second: float) -> str:
    """Bytes a second."""
    return f"{byte_count(per_second)}/s"


def clock(epoch: float) -> str:
    """Local wall-clock time, `HH:MM:SS`."""
    return time.strftime("%H:%M:%S", time.localtime(epoch))


def until(epoch: float, now: float) -> str:
    """The time left, in whole seconds: `in 4 s`, `now`."""
    left = epoch - now
    return f"in {left + 0.5:.0f} s" if left >= 0.5 else "now"


def ago(epoch: float, now: float) -> str:
    """The time gone by, coarser the longer: `now`, `12 s ago`, `3 min ago`, `2 d ago`."""
    gone = max(0.0, now - epoch)
    if gone < 2:
        return "now"
    for limit, seconds, unit in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h")):
        if gone < limit:
            return f"{gone // seconds:.0f} {unit} ago"
    return f"{gone // 86_400:.0f} d ago"


def sparkline(values: Sequence[float], width: int) -> str:
    """The last `width` values as bars scaled to their largest; a zero is the lowest bar."""
    recent = list(values)[-width:]
    top = max(recent, default=0.0)
    bars = [
        BARS[min(len(BARS) - 1, round(value / top * (len(BARS) - 1)))] if top else BARS[0]
        for value in recent
    ]
    return "".join(bars).rjust(width, BARS[0])


def plural(count: int, noun: str) -> str:
    """`1 peer`, `2 peers`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def shorten(text: str, width: int) -> str:
    """`text` cut in the middle to `width` characters, so both its ends can be read."""
    if len(text) <= width:
        return text
    if width < 3:
        return text[:width]
    head = (width - 1) // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"
