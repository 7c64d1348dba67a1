"""The small cases: `cases/*.txt`, a name and some output a line, as printf(1) would write it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from tests.fidelity.tmux import Piece

ROWS, COLS = 8, 20

_DIRECTORY = Path(__file__).parent / "cases"
_ESCAPE = re.compile(rb"\\(x[0-9a-f]{2}|.)", re.DOTALL)
_CONTROLS = {b"a": 7, b"b": 8, b"t": 9, b"n": 10, b"v": 11, b"f": 12, b"r": 13, b"e": 27, b"0": 0}
_WORDS = {
    b"{fill}": b"".join(
        b"\x1b[%d;1H" % row + bytes((0x40 + row,)) * COLS for row in range(1, ROWS + 1)
    )
    + b"\x1b[H",
    b"{ruler}": b"0123456789abcdefghij",
    b"{long}": b"1;" * 5000,
}
"""All rows full of a letter each; a line's worth of characters; more than any limit."""


@cache
def cases() -> dict[str, Piece]:
    """Return every case by its name, as `wrap/pending`."""
    found: dict[str, Piece] = {}
    for path in sorted(_DIRECTORY.glob("*.txt")):
        for line in path.read_bytes().splitlines():
            if line and not line.startswith(b"# "):
                name, _, output = line.partition(b" ")
                full = f"{path.stem}/{name.decode()}"
                assert full not in found, f"two cases are named {full}"
                found[full] = Piece(_unescaped(output.lstrip()), ROWS, COLS)
    return found


def _unescaped(output: bytes) -> bytes:
    for word, meaning in _WORDS.items():
        output = output.replace(word, meaning)
    return _ESCAPE.sub(_meaning, output)


def _meaning(match: re.Match[bytes]) -> bytes:
    escape = match[1]
    if len(escape) == 3:
        return bytes.fromhex(escape[1:].decode())
    return bytes((_CONTROLS[escape],)) if escape in _CONTROLS else escape
