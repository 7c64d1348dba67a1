"""Which terminal engine this machine has: libghostty-vt where it works, bittty elsewhere."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING

from muxcore.vt.engine import DEFAULT_SCROLLBACK, DEFAULT_SCROLLBACK_BYTES, EngineError

if TYPE_CHECKING:
    from muxcore.vt.engine import Engine, EngineMaker


def make_engine(
    rows: int,
    cols: int,
    scrollback_lines: int = DEFAULT_SCROLLBACK,
    scrollback_bytes: int = DEFAULT_SCROLLBACK_BYTES,
) -> Engine:
    """Make a terminal with the best engine of this machine.

    libghostty-vt where it loads and passes its self-test, bittty elsewhere; the environment
    variable `MUXTUI_ENGINE` (`ghostty` or `bittty`) forces one.

    Raises:
        EngineError: The engine that was asked for is unknown or does not work here.
    """
    return _chosen(os.environ.get("MUXTUI_ENGINE", ""))[1](
        rows, cols, scrollback_lines, scrollback_bytes
    )


def engine_name() -> str:
    """Return the name and version of the engine `make_engine` uses, as `libghostty-vt 1.2.0`.

    Raises:
        EngineError: See `make_engine`.
    """
    return _chosen(os.environ.get("MUXTUI_ENGINE", ""))[0]


@lru_cache(maxsize=4)
def _chosen(wanted: str) -> tuple[str, EngineMaker]:
    """Return the name and the maker of the engine called `wanted`, or of the best one."""
    # Imported here because each costs what the other's user need not pay.
    if wanted not in {"", "ghostty", "bittty"}:
        raise EngineError(f"MUXTUI_ENGINE is {wanted!r}, not 'ghostty' or 'bittty'")
    if wanted != "bittty":
        from muxcore.vt import ghostty

        try:
            return ghostty.choose()
        except EngineError:
            if wanted:
                raise
    from muxcore.vt import bittty

    return bittty.choose()
