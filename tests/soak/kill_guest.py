"""A guest that listens and prints lines that never come twice: python kill_guest.py PATH FIRST.

FIRST is the number of its first line, of 15 digits. It serves one caller at a time, swallows what
is typed, and prints `RATE` bytes a second.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
import time

RATE = 1_000_000
PIECE = 64
"""Lines printed at a time."""


def main(path: str, number: int) -> None:
    """Serve one caller after the other, until killed."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        while True:
            caller, _ = listener.accept()
            with caller, contextlib.suppress(BrokenPipeError, ConnectionResetError):
                number = serve(caller, number)
            # What the last one did not get is printed to nobody.
            number += PIECE


def serve(caller: socket.socket, number: int) -> int:
    """Print until the caller leaves; the number of the line that would be next."""
    while True:
        if select.select([caller], [], [], 0)[0] and not caller.recv(65536):
            return number
        text = b"".join(b"%d\n" % line for line in range(number, number + PIECE))
        number += PIECE
        caller.sendall(text)
        time.sleep(len(text) / RATE)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
