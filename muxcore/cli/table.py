"""What `muxtui ls` prints: consoles as a table, whatever their guests call themselves."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from muxcore.errors import printable

WIDEST = 60
"""Characters shown of where a guest is."""

_HEADER = ("CONSOLE", "GUEST", "STATE", "BACKENDS")


def table(consoles: Sequence[dict[str, Any]]) -> str:
    """The consoles (as mux-query-consoles tells) in aligned columns, one line each."""
    rows = [_HEADER, *(_row(console) for console in consoles)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(_HEADER) - 1)]
    lines = (
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def guest_state(guest: dict[str, Any] | None) -> str:
    """How a guest is, why, and since when (local time)."""
    if guest is None:
        return "no guest"
    if guest["waiting-for"]:
        return printable(f"waits for a client of {guest['waiting-for']}")
    return _state(guest)


def _row(console: dict[str, Any]) -> tuple[str, ...]:
    guest = console["guest"]
    where = f"{guest['type']} {guest['address']}".strip() if guest else "-"
    backends = ", ".join(_backend(backend) for backend in console["backends"])
    return (
        printable(console["name"]),
        _clipped(printable(where)),
        guest_state(guest),
        backends or "-",
    )


def _clipped(text: str) -> str:
    """A command line may be any length, and every row is as wide as the widest."""
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 3]}..."


def _backend(backend: dict[str, Any]) -> str:
    notes = []
    peers = len(backend["peers"])
    if backend["state"] in ("failed", "retrying", "connecting") or backend["reason"]:
        notes.append(_state(backend))
    elif peers > 1:
        notes.append(f"{peers} clients")
    elif not peers:
        notes.append(backend["state"])
    if backend["paused"]:
        notes.append("paused")
    if backend["lag"]:
        notes.append(f"lag {_size(backend['lag'])}")
    if backend["gaps"]:
        gaps = "gap" if backend["gaps"] == 1 else "gaps"
        notes.append(f"{backend['gaps']} {gaps}, {_size(backend['skipped'])}")
    return printable(backend["id"]) + (f" ({'; '.join(notes)})" if notes else "")


def _state(chardev: dict[str, Any]) -> str:
    since = time.localtime(chardev["since"])
    today = since[:3] == time.localtime()[:3]
    when = time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S", since)
    reason = f" ({printable(chardev['reason'])})" if chardev["reason"] else ""
    if chardev["state"] in ("closed", "connecting", "retrying"):
        again = "" if chardev["state"] == "closed" else ", retrying"
        return f"closed {when}{again}{reason}"
    return f"{chardev['state']} since {when}{reason}"


def _size(count: int) -> str:
    """Binary, as the app and the options have it."""
    value = float(count)
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GB"
