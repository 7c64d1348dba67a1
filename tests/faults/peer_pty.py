"""T15: a client's pty that nobody has opened yet."""

from __future__ import annotations

import contextlib
import os
import termios
import tty
from typing import TYPE_CHECKING

from tests import support
from tests.faults.peer_scene import Scene, directory
from tests.peers.own import Muxtui
from tests.peers.qemu import Qemu
from tests.peers.socat import SocatTee

if TYPE_CHECKING:
    from tests.peers.peer import Peer

RATE = 100e3
SIZE = 1 << 18
"""More than a pty and a pipe before it hold."""

SECONDS = 10.0


class MuxtuiPty(Muxtui):
    """Its second client is a pty, whose opener is shown what the history has."""

    def backend(self, number: int) -> str:
        """A socket, then a pty."""
        if number == 0:
            return super().backend(number)
        return f"pty,id=b{number},path={self.path(number)},replay=1M"


class QemuPty(Qemu):
    """Its second member is a pty."""

    FRONTEND = "hvc0"

    def member(self, number: int) -> str:
        """A socket, then a pty."""
        if number == 0:
            return super().member(number)
        return f"pty,id=b{number},path={self.path(number)}"


class SocatPty(SocatTee):
    """Its second reader is a pty."""

    def reader(self, number: int) -> str:
        """A socket, then a pty."""
        if number == 0:
            return super().reader(number)
        return f"PTY,link={self.path(number)},rawer"


def bare_pty(kind: type[Peer]) -> str:
    """Print 256 KiB while nobody has the pty open, then open it."""
    with directory() as path, kind(path, 2) as peer:
        scene = Scene(peer)
        scene.meet(1)
        scene.greet(scene.clients)
        (client,) = scene.clients
        scene.play(SECONDS, RATE, until=SIZE)
        other = "" if client.got == SIZE else f"; meanwhile the other gets {client.got} of {SIZE} B"
        fd = os.open(peer.path(1), os.O_RDWR | os.O_NOCTTY)
        try:
            # Not the default, which would throw away what is there.
            tty.setraw(fd, termios.TCSANOW)
            got = b""
            with contextlib.suppress(TimeoutError):
                while True:
                    got += support.read_some(fd, 1.0)
        finally:
            os.close(fd)
    kept = len(got[got.rfind(b"!") + 1 :])
    return f"{kept} of {SIZE} B are there when it is opened{other}"
