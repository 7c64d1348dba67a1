"""tio with `--socket`: the program a user runs in a terminal lends it to others."""

from __future__ import annotations

import shlex
import socket
import subprocess
from typing import ClassVar

from tests import support
from tests.peers.peer import START_TIMEOUT, Line, Peer


class Tio(Peer):
    """tio on the guest's terminal. Its own user, who needs a terminal, sees and types nothing."""

    NAME = "tio"
    PROGRAMS = ("tio",)
    GUESTS = ("tty",)
    VERSION = "tio --version | sed 's/tio //'"
    TCP: ClassVar[bool] = False
    """Whether its clients come over TCP."""

    def command(self) -> list[str]:
        """The terminal, the socket and the log."""
        self._port = support.free_port()
        where = f"inet:{self._port}" if self.TCP else f"unix:{self.path(0)}"
        log = [] if self.log is None else ["--log", "--log-file", self.log]
        command = ["tio", "--socket", where, *log, self.guest_path]
        return ["sh", "-c", f"exec {shlex.join(command)} >/dev/null"]

    def run(
        self, command: list[str], stdin: int = subprocess.DEVNULL, **env: str
    ) -> subprocess.Popen[bytes]:
        """Start it with a terminal to type at: without one it ends at once."""
        user = Line()
        self._stack.callback(user.close)
        return super().run(command, user.slave, **env)

    def dial(self, number: int, timeout: float = START_TIMEOUT) -> socket.socket:
        """Connect to the one address."""
        if self.TCP:
            return support.connect_tcp(self._port, timeout)
        return support.connect_unix(self.path(0), timeout)
