"""Giving memory back that is not used any more."""

from __future__ import annotations

import ctypes
import gc


def trim() -> None:
    """Return freed memory to the system, malloc_trim(3); where there is none, nothing happens.

    The C library keeps what many consoles' start took and no longer needs, as
    much as they need to live.
    """
    gc.collect()
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is not None:
        give_back(0)
