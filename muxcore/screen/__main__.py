"""`python -m muxcore.screen`: answers requests about one screen on the socket that is its stdin."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import sys
from typing import NoReturn

from muxcore.screen.process import FAULT, HEADER, OUT_OF_MEMORY
from muxcore.screen.service import Service

MEMORY = 1 << 30
"""Bytes of address space; a guest that makes the engine want more ends it."""

_PR_SET_PDEATHSIG = 1


def main() -> NoReturn:
    """Answer until the other end is gone, then exit at once: status first, descriptors after.

    The other end sees the socket close and asks for the status then.
    """
    status = 0
    stream = socket.socket(fileno=sys.stdin.fileno())
    try:
        confine()
        serve(stream, Service())
    except (BrokenPipeError, ConnectionResetError):
        pass
    except MemoryError:
        status = OUT_OF_MEMORY
    except Exception:  # noqa: BLE001 - a fault in the screen ends it as a crash does
        status = FAULT
    os._exit(status)


def confine() -> None:
    """Bound memory, leave no core file, die with the parent, ignore what a terminal sends."""
    for bound, value in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(bound)
        if hard == resource.RLIM_INFINITY or hard > value:
            resource.setrlimit(bound, (value, value))
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    # An engine that hangs does not see its socket end. Linux: prctl(2).
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def serve(stream: socket.socket, service: Service) -> None:
    """Answer the requests on a stream until it ends."""
    reader = stream.makefile("rb", buffering=1 << 20)
    while len(header := reader.read(HEADER.size)) == HEADER.size:
        request = reader.read(HEADER.unpack(header)[0])
        answer = service.answer(request)
        stream.sendall(HEADER.pack(len(answer)) + answer)


if __name__ == "__main__":
    main()
