"""The limit of open files: raised for the daemon, not for the programs it starts."""

from __future__ import annotations

import contextlib
import resource


def raise_open_files() -> int:
    """Raise the soft limit of open files to the hard one; returns what it was (getrlimit(2))."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some systems report a hard limit that they do not grant.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return soft
