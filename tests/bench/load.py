"""Small records from the guest, and readers that compare every byte, played by load.c.

Python writes no 100,000 of them a second.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, NamedTuple

from tests.bench.rig import PATTERN, PERIOD, MismatchError
from tests.peers.own import compiled

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Delivered(NamedTuple):
    """What the guest printed and every reader has read."""

    size: int
    """Bytes."""
    seconds: float
    """From the first byte printed to the last one read."""


def load(
    directory: Path, guest: int, readers: Sequence[int], *, rate: float, size: int, seconds: float
) -> Delivered:
    """Print `size` bytes a write, `rate` writes a second (0: as fast as they are taken).

    Args:
        directory: for the program.
        guest: the guest's end, a non-blocking descriptor at the start of the pattern.
        readers: the readers' ends, likewise.
        rate: writes a second.
        size: bytes of a write.
        seconds: how long the guest prints.

    Raises:
        MismatchError: a byte was wrong or did not come; it says which.
    """
    words = [compiled("load", directory), rate, size, seconds, guest, *readers]
    done = subprocess.run(
        [str(word) for word in words],
        input=PATTERN[:PERIOD],
        capture_output=True,
        pass_fds=(guest, *readers),
    )
    if done.returncode:
        raise MismatchError(done.stderr.decode())
    count, elapsed = done.stdout.split()
    return Delivered(int(count), float(elapsed))
