"""ser2net: Debian's package of that name, set for throughput as its manual page allows."""

from __future__ import annotations

import socket
from typing import ClassVar

from tests import support
from tests.peers.peer import START_TIMEOUT, Peer


class Ser2net(Peer):
    """One connection whose clients share a unix socket, or a TCP port if `TELNET` or `TCP`.

    Without the wait after each character and with 64 KiB buffers, which are its best.
    """

    NAME = "ser2net"
    PROGRAMS = ("ser2net",)
    VERSION = "ser2net -v | sed 's/.*version //'"
    OPTIONS: ClassVar[tuple[str, ...]] = ()
    """More lines for the options of the connection."""
    ACCEPTER: ClassVar[str] = ""
    """Another accepter, with {port} for a free port; the unix socket if empty."""

    def command(self) -> list[str]:
        """A connection for all clients."""
        self._port = support.free_port()
        accepter = self.ACCEPTER.format(port=self._port) or f"unix,{self.path(0)}"
        device = f"serialdev,{self.guest_path},115200n81,local"
        lines = [
            "%YAML 1.1",
            "---",
            "connection: &c0",
            f"  accepter: {accepter}",
            f"  connector: {device if self.kind == 'tty' else f'unix,{self.guest_path}'}",
            "  options:",
            f"    max-connections: {self.clients}",
            "    chardelay: false",
            "    dev-to-net-bufsize: 65536",
            "    net-to-dev-bufsize: 65536",
            *([f"    trace-read: {self.log}"] if self.log is not None else []),
            *(f"    {option}" for option in self.OPTIONS),
        ]
        config = self.directory / "ser2net.yaml"
        config.write_text("\n".join(lines) + "\n")
        return ["ser2net", "-n", "-u", "-c", str(config), "-P", str(self.directory / "pid")]

    def start(self) -> None:
        """Run it; it opens the guest when the first client comes, so that one comes now."""
        self._first: socket.socket | None = None
        if self.kind == "tty":
            super().start()
            return
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(self.guest_path)
            server.listen()
            self.process = self.run(self.command())
            self._first = self._dial(START_TIMEOUT)
            self.guest = self._accept(server)

    def dial(self, number: int, timeout: float = START_TIMEOUT) -> socket.socket:
        """Connect to the one address."""
        first, self._first = self._first, None
        return first or self._dial(timeout)

    def _dial(self, timeout: float) -> socket.socket:
        if self.ACCEPTER:
            return support.connect_tcp(self._port, timeout)
        return support.connect_unix(self.path(0), timeout)
