"""The recorded sessions: `streams/*.raw`, looked at in the middle and at their end.

Those of vttest 2.7 were recorded with every menu's item chosen by a script, its queries answered.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from tests.fidelity.tmux import Piece

DIRECTORY = Path(__file__).parent / "streams"

_QUARTERS = 4
_PROMPT = b"Push <RETURN>"
"""What vttest writes at the end of a screen."""

_ROWS, _COLS = 24, 80
_SIZES = {"ovmf-shell-setup": (31, 100)}


@cache
def streams() -> dict[str, Piece]:
    """Return a session's beginnings by its name and their number, as `host-vim 2/4`."""
    found: dict[str, Piece] = {}
    for path in sorted(DIRECTORY.glob("*.raw")):
        data = path.read_bytes()
        size = _SIZES.get(path.stem, (_ROWS, _COLS))
        ends = _ends(data)
        for number, end in enumerate(ends, 1):
            found[f"{path.stem} {number}/{len(ends)}"] = Piece(data[:end], *size)
    return found


def _ends(data: bytes) -> list[int]:
    """Return where a session is looked at: vttest's at each prompt, others after each quarter."""
    if _PROMPT in data:
        return [match.end() for match in re.finditer(re.escape(_PROMPT), data)]
    quarters = (len(data) * part // _QUARTERS for part in range(1, _QUARTERS + 1))
    return [_between_sequences(data, end) for end in quarters]


def _between_sequences(data: bytes, at: int) -> int:
    """Return the next place where a line or a sequence begins, or the end."""
    ends = [data.find(stop, at) for stop in (b"\n", b"\r", b"\x1b[")]
    return min((end for end in ends if end >= 0), default=len(data)) if at < len(data) else at
