"""obmc-console: no Debian package; built from its source, as the README says, it is on the PATH."""

from __future__ import annotations

import os
import socket
import subprocess

from tests import support
from tests.peers.peer import START_TIMEOUT, Peer


class Obmc(Peer):
    """A server of one terminal; its clients share an abstract unix socket.

    It ends where there is no D-Bus system bus and shows itself on it: it gets a bus of its own.
    """

    NAME = "obmc-console"
    PROGRAMS = ("obmc-console-server", "dbus-daemon")
    GUESTS = ("tty",)

    @classmethod
    def version(cls) -> str:
        """It names none."""
        return "built from source"

    def run(
        self, command: list[str], stdin: int = subprocess.DEVNULL, **env: str
    ) -> subprocess.Popen[bytes]:
        """Start it beside its bus."""
        bus = f"unix:path={self.directory}/bus"
        super().run(["dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={bus}"])
        support.connect_unix(str(self.directory / "bus"), START_TIMEOUT).close()
        address = {"DBUS_SYSTEM_BUS_ADDRESS": bus, "DBUS_STARTER_BUS_TYPE": "system"}
        return super().run(command, stdin, **address)

    def command(self) -> list[str]:
        """A server with its log, which cannot be switched off: a small one if nobody wants it."""
        self._id = f"muxtui{os.getpid()}"
        log, size = (self.log, "1000M") if self.log else (f"{self.directory}/log", "256k")
        config = self.directory / "obmc.conf"
        config.write_text(f"console-id = {self._id}\nlogfile = {log}\nlogsize = {size}\n")
        return ["obmc-console-server", "--config", str(config), self.guest_path]

    def dial(self, number: int, timeout: float = START_TIMEOUT) -> socket.socket:
        """Connect to the one address."""
        return support.connect_unix(f"\0obmc-console.{self._id}", timeout)
