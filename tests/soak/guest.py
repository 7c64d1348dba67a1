"""A guest that prints the numbered flood at a rate, until it reads `!`: python guest.py BYTES_A_S.

Whatever else is typed to it is swallowed. After the `!` it says no more.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time

FIRST = 10**14
CHUNK = 16 * 1024
BEHIND = 0.1
"""Seconds that it makes up for after it was held; what is more is let go."""


def main(rate: float) -> None:
    """Print until told to stop, then wait for the end of input."""
    numbers = subprocess.Popen(["seq", str(FIRST), str(2 * FIRST)], stdout=subprocess.PIPE)
    assert numbers.stdout is not None
    due = time.monotonic()
    try:
        while True:
            wait = due - time.monotonic()
            if select.select([0], [], [], max(0.0, wait))[0]:
                typed = os.read(0, CHUNK)
                if not typed or b"!" in typed:
                    break
            elif wait <= 0:
                chunk = numbers.stdout.read(CHUNK)
                due = max(due + len(chunk) / rate, time.monotonic() - BEHIND)
                while chunk:
                    chunk = chunk[os.write(1, chunk) :]
    finally:
        numbers.kill()
        numbers.wait()
    while os.read(0, CHUNK):
        pass


if __name__ == "__main__":
    main(float(sys.argv[1]))
