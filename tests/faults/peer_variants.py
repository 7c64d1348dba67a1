"""The peers with another configuration, for the scenarios that need one."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, ClassVar

from tests import support
from tests.peers.peer import START_TIMEOUT
from tests.peers.qemu import Qemu
from tests.peers.ser2net import Ser2net
from tests.peers.socat import SocatTee
from tests.peers.tio import Tio

if TYPE_CHECKING:
    from tests.peers.qemu import Frontend


class QemuConsole(Qemu):
    """A hub on a virtconsole."""

    FRONTEND = "hvc0"


class QemuLogFirst(QemuConsole):
    """Its log is the first member."""

    LOG_FIRST = True


class QemuLogfile(Qemu):
    """No hub: a 16550 on one socket that keeps a log with `logfile=`."""

    FRONTEND = "ttyS0"

    def chardevs(self) -> tuple[list[str], str]:
        """The socket."""
        return [f"{self.member(0)},logfile={self.log}"], "b0"


class QemuTcp(Qemu):
    """A 16550 on a hub of TCP sockets."""

    FRONTEND: ClassVar[Frontend] = "ttyS0"
    OPTION: ClassVar[str] = ""

    def start(self) -> None:
        """Choose ports, and boot it."""
        self._ports = [support.free_port() for _ in range(self.clients)]
        super().start()

    def member(self, number: int) -> str:
        """A TCP socket."""
        address = f"host=127.0.0.1,port={self._ports[number]}"
        return f"socket,id=b{number},{address},server=on,wait=off,nodelay=on{self.OPTION}"

    def dial(self, number: int, timeout: float = START_TIMEOUT) -> socket.socket:
        """Connect to it."""
        return support.connect_tcp(self._ports[number], timeout)


class QemuTelnet(QemuTcp):
    """A virtconsole on a hub of telnet sockets."""

    FRONTEND = "hvc0"
    OPTION = ",telnet=on"


class QemuMux(QemuConsole):
    """A mux, with its escapes, over the hub."""

    def chardevs(self) -> tuple[list[str], str]:
        """The hub, with a mux."""
        chardevs, shared = super().chardevs()
        return [*chardevs[:-1], f"{chardevs[-1]},mux=on"], shared


class Ser2netTcp(Ser2net):
    """Over TCP."""

    ACCEPTER = "tcp,127.0.0.1,{port}"


class Ser2netTelnet(Ser2net):
    """Over telnet."""

    ACCEPTER = "telnet,tcp,127.0.0.1,{port}"


class TioTcp(Tio):
    """Over TCP."""

    TCP = True


class SocatTcp(SocatTee):
    """Its readers come over TCP."""

    def reader(self, number: int) -> str:
        """A port, where the path's number is."""
        self._ports = [*getattr(self, "_ports", ()), support.free_port()]
        return f"TCP-LISTEN:{self._ports[number]},bind=127.0.0.1,nodelay"

    def dial(self, number: int, timeout: float = START_TIMEOUT) -> socket.socket:
        """Connect to it."""
        return support.connect_tcp(self._ports[number], timeout)
