"""What the command line tells a reader beside its data."""

from __future__ import annotations

import sys

from muxcore.errors import printable


def complain(text: str) -> None:
    """Say what is wrong on standard error; a guest's bytes in it are escaped."""
    for line in text.splitlines() or [""]:
        print(f"muxtui: {printable(line)}", file=sys.stderr)


def engine_words() -> str:
    """The terminal engine of this machine, or why there is none."""
    from muxcore.vt.choice import engine_name
    from muxcore.vt.engine import EngineError

    try:
        return engine_name()
    except EngineError as error:
        return printable(f"missing: {error}")
