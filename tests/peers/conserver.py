"""conserver: Debian's conserver-server. Its clients speak its own protocol over TCP."""

from __future__ import annotations

import socket
from pathlib import Path

from tests import support
from tests.peers.peer import START_TIMEOUT, Peer


class Conserver(Peer):
    """One console; the first client is attached, those after it are spies.

    The protocol is the one of conserver's file PROTOCOL and of its client console(1): `login`, then
    `call`, each answered by `ok`, then the sequence that joins the console.
    """

    NAME = "conserver"
    PROGRAMS = ("conserver",)
    VERSION = "conserver -V 2>&1 | sed -n 's/.*version //p'"

    def command(self) -> list[str]:
        """A server of the one console, without encryption and with access for all."""
        self._port, self._base = support.free_port(), support.free_port()
        if self.kind == "tty":
            guest = f"type device; device {self.guest_path}; baud 115200; parity none;"
        else:
            guest = f"type uds; uds {self.guest_path};"
        config = self._file(
            "conserver.cf",
            "config * { daemonmode no; defaultaccess allowed; sslrequired no; }\n"
            f'default * {{ master localhost; rw *; logfile "{self.log or ""}"; timestamp ""; }}\n'
            "access * { trusted 127.0.0.1; }\n"
            f"console c0 {{ {guest} }}\n",
        )
        ports = ["-p", str(self._port), "-b", str(self._base)]
        files = ["-C", config, "-P", self._file("passwd", "*any*:\n"), "-U", "/dev/null"]
        return ["conserver", *files, "-L", "/dev/null", *ports, "-M", "127.0.0.1", "-E"]

    def _file(self, name: str, text: str) -> str:
        path = Path(self.directory, name)
        path.write_text(text)
        return str(path)

    def dial(self, number: int, timeout: float = START_TIMEOUT) -> socket.socket:
        """Join the console."""
        sock = support.connect_tcp(self._base, timeout)
        try:
            support.expect(sock, b"ok\r\n", timeout)
            sock.sendall(b"login u%d\r\n" % number)
            support.expect(sock, b"ok\r\n", timeout)
            sock.sendall(b"call c0\r\n")
            until(sock, b"]\r\n", timeout)
            sock.sendall(b"\x05c;")
            until(sock, b"[connected]\r\n", timeout)
        except BaseException:
            sock.close()
            raise
        return sock


def until(sock: socket.socket, needle: bytes, timeout: float) -> bytes:
    """Read up to `needle` and nothing beyond it, which is the console's."""
    got = b""
    while not got.endswith(needle):
        byte = support.read_some(sock, timeout, 1)
        assert byte, f"conserver hung up after {got!r}"
        got += byte
    return got
