"""The recorded sessions: `streams/*.raw`, looked at in the middle and at their end."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.fidelity.tmux import Piece

DIRECTORY = Path(__file__).parent / "streams"

LOOKS = 4
"""Screens of a session that are compared: after each quarter of it."""

_ROWS, _COLS = 24, 80
_SIZES = {"ovmf-shell-setup": (31, 100)}


@cache
def streams() -> dict[str, Piece]:
    """Return a session's beginnings by its name and their share of it, as `host-vim 2/4`."""
    found: dict[str, Piece] = {}
    for path in sorted(DIRECTORY.glob("*.raw")):
        data = path.read_bytes()
        size = _SIZES.get(path.stem, (_ROWS, _COLS))
        for look in range(1, LOOKS + 1):
            end = _between_sequences(data, len(data) * look // LOOKS)
            found[f"{path.stem} {look}/{LOOKS}"] = Piece(data[:end], *size)
    return found


def _between_sequences(data: bytes, at: int) -> int:
    """Return the next place where a line or a sequence begins, or the end."""
    ends = [data.find(stop, at) for stop in (b"\n", b"\r", b"\x1b[")]
    return min((end for end in ends if end >= 0), default=len(data)) if at < len(data) else at
