"""The clients of a storm: each reads as it likes, and what it reads is checked at once."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import socket
import struct
import subprocess

from tests import support
from tests.control import Control
from tests.numbered import FramedStream, RawStream

READ = 64 * 1024
NO_LINGER = struct.pack("ii", 1, 0)
"""SO_LINGER that makes close(2) reset a TCP connection, socket(7)."""


class Client:
    """One client over the descriptor `fd`, which it owns.

    Attributes:
        check: what it read, compared.
        stalled: it reads nothing now.
        slow: it reads little at a time.
        ended: the daemon ended its stream.
    """

    half_closes = False
    """It goes on reading after it has said that it types no more."""
    framed = False

    def __init__(self, fd: int, check: RawStream | FramedStream) -> None:
        self.fd = fd
        self.check = check
        self.stalled = False
        self.slow = False
        self.ended = False
        self.typed = True
        os.set_blocking(fd, False)

    def read(self, draw: random.Random) -> int:
        """Read once and check; returns the number of bytes."""
        try:
            data = os.read(self.fd, draw.randint(1, 2048) if self.slow else READ)
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno != errno.ECONNRESET:
                raise
            data = b""
        self.ended = not data
        self.check.feed(data)
        return len(data)

    def type(self, data: bytes) -> None:
        """Type what is taken of `data` now."""
        if self.typed:
            with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                os.write(self.fd, data)

    def half_close(self) -> None:
        """Say that no more is typed."""

    def close(self) -> None:
        """Leave."""
        os.close(self.fd)

    def kill(self) -> None:
        """Leave as a killed process does, with whatever was not read."""
        self.close()


class SocketClient(Client):
    """A client over a connected socket."""

    def __init__(self, sock: socket.socket, check: RawStream | FramedStream) -> None:
        self._sock = sock
        self.half_closes = sock.family == socket.AF_UNIX
        super().__init__(sock.fileno(), check)

    def half_close(self) -> None:
        """See `Client.half_close`."""
        if self.half_closes and self.typed:
            self.typed = False
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """See `Client.close`."""
        self._sock.close()

    def kill(self) -> None:
        """See `Client.kill`."""
        if self._sock.family != socket.AF_UNIX:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self.close()


class FramesClient(SocketClient):
    """A stream of frames."""

    framed = True

    def type(self, data: bytes) -> None:
        """Nothing: half a frame would be the end of it."""


class SocatClient(Client):
    """A socat process between the daemon and a pipe."""

    def __init__(self, path: str, check: RawStream) -> None:
        reader, writer = os.pipe()
        command = ["socat", "-u", f"UNIX-CONNECT:{path}", "STDOUT"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.DEVNULL
        )
        os.close(writer)
        super().__init__(reader, check)
        self.typed = False

    def close(self) -> None:
        """See `Client.close`."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()
        super().close()

    def kill(self) -> None:
        """Kill it, and check what it had written."""
        self._process.kill()
        self._process.wait()
        while not self.ended:
            self.read(random.Random(0))
        super().close()


def unix(path: str) -> Client:
    """A client of the unix socket at `path`."""
    return SocketClient(support.connect_unix(path), RawStream(path))


def tcp(address: str) -> Client:
    """A client of the TCP socket at `address`, `host:port`."""
    host, _, port = address.rpartition(":")
    return SocketClient(socket.create_connection((host, int(port))), RawStream(address))


def attached(path: str, framing: str, replay: int) -> Client:
    """An attach stream of the console `vm1`."""
    stream = Control(path).attach("vm1", framing=framing, replay=replay)
    made: Client
    if framing == "frames":
        made = FramesClient(stream.sock, FramedStream(stream.id, stream.offset))
    else:
        made = SocketClient(stream.sock, RawStream(stream.id, stream.offset))
    made.check.feed(stream.first)
    return made


def pty(path: str, check: RawStream) -> Client:
    """The slave at `path`, opened; `check` goes on where the last one who had it open left."""
    return Client(os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK), check)
