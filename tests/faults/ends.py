"""The far end of a backend of every kind: what it reads, as plain bytes, is held to the flood."""

from __future__ import annotations

import base64
import contextlib
import functools
import os
import select
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from muxcore.chardev.layers.telnet import Telnet
from muxcore.wire import frames
from tests import support
from tests.control import Control
from tests.numbered import FramedStream, RawStream

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.place import Place

READ = 256 * 1024
WAIT = 30.0
"""Seconds for what takes a moment on a machine that is busy."""

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER that makes close(2) reset a TCP connection, socket(7)."""


class End:
    """One far end over the descriptor `fd`.

    Attributes:
        check: what it read, compared.
    """

    def __init__(self, fd: int, check: RawStream | FramedStream) -> None:
        self.fd = fd
        self.check = check
        self._limit = READ

    def read(self) -> bytes:
        """What comes next, as plain bytes; b"" at the end of the stream."""
        while data := self._receive():
            if plain := self._decode(data):
                return plain
        return b""

    def read_to(self, offset: int) -> None:
        """Read, and check, up to the flood's `offset`."""
        while self.check.at != offset:
            data = self.read()
            assert data, f"{self.check.name} ended at {self.check.at} of {offset}"
            self.check.feed(data)

    def read_at_most(self, count: int) -> int | None:
        """Read and check about `count` bytes if they are there; None at the end of the stream."""
        self._limit = count
        try:
            if not self._ready():
                return 0
            data = self._decode(wire := self._receive())
        except TimeoutError:
            return 0
        finally:
            self._limit = READ
        self.check.feed(data)
        return len(wire) or None

    def expect(self, expected: bytes) -> None:
        """Assert that exactly `expected` comes next."""
        got = b""
        while len(got) < len(expected):
            got += self.read()
            assert expected.startswith(got), f"{got!r} where {expected!r} was due"

    def expect_output(self, expected: bytes) -> None:
        """Assert that exactly `expected` is printed next."""
        self.expect(expected)

    def type(self, data: bytes) -> None:
        """Type `data`."""
        os.write(self.fd, data)

    def close(self) -> None:
        """Leave."""
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            os.close(fd)

    def reset(self) -> None:
        """Leave as a process does that is killed with output unread."""
        self.close()

    def _ready(self) -> bool:
        poller = select.poll()
        poller.register(self.fd, select.POLLIN)
        return bool(poller.poll(0))

    def _receive(self) -> bytes:
        return support.read_some(self.fd, WAIT, self._limit)

    def _decode(self, data: bytes) -> bytes:
        return data


class SocketEnd(End):
    """A client over a connected socket."""

    def __init__(self, sock: socket.socket, check: RawStream | FramedStream) -> None:
        super().__init__(sock.fileno(), check)
        self.sock = sock

    def type(self, data: bytes) -> None:
        """See `End.type`."""
        self.sock.sendall(self._encode(data))

    def close(self) -> None:
        """See `End.close`."""
        self.sock.close()

    def reset(self) -> None:
        """See `End.reset`; over TCP with a RST."""
        if self.sock.family != socket.AF_UNIX:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.sock.close()

    def _encode(self, data: bytes) -> bytes:
        return data


class TelnetEnd(SocketEnd):
    """A telnet client."""

    def __init__(self, sock: socket.socket, check: RawStream | FramedStream) -> None:
        super().__init__(sock, check)
        self._layer = Telnet(server=False)
        self._layer.begin()
        sock.sendall(self._layer.take())

    def _decode(self, data: bytes) -> bytes:
        plain = self._layer.receive(data)
        if answer := self._layer.take():
            self.sock.sendall(answer)
        return plain

    def _encode(self, data: bytes) -> bytes:
        return data.replace(b"\xff", b"\xff\xff")


class WebsocketEnd(SocketEnd):
    """A websocket client (RFC 6455), after its opening handshake."""

    def __init__(self, sock: socket.socket, check: RawStream | FramedStream) -> None:
        super().__init__(sock, check)
        key = base64.b64encode(os.urandom(16))
        sock.sendall(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: binary\r\n"
            b"Sec-WebSocket-Key: " + key + b"\r\n\r\n"
        )
        head, _, self._wire = support.read_until(sock, b"\r\n\r\n", WAIT).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head

    def _receive(self) -> bytes:
        # What came behind the handshake's end is looked at before anything else is waited for.
        wire, self._wire = self._wire, b""
        return wire if self._frame_end(wire) else wire + super()._receive()

    def _decode(self, data: bytes) -> bytes:
        plain = b""
        while end := self._frame_end(data):
            start, opcode = end[0], data[0] & 15
            payload = data[start : end[1]]
            if opcode == 8:
                # The close frame's code is no output, its reason is for people.
                plain += payload[2:]
            elif opcode in (0, 1, 2):
                plain += payload
            data = data[end[1] :]
        self._wire = data
        return plain

    @staticmethod
    def _frame_end(data: bytes) -> tuple[int, int] | None:
        """Where the payload of the frame at the front begins and ends, if it is whole."""
        if len(data) < 2:
            return None
        start, length = 2, data[1] & 127
        if length > 125:
            start += 2 if length == 126 else 8
            if len(data) < start:
                return None
            length = int.from_bytes(data[2:start])
        return (start, start + length) if len(data) >= start + length else None

    def _encode(self, data: bytes) -> bytes:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        if len(data) < 126:
            head = bytes((0x82, 0x80 | len(data)))
        else:
            head = bytes((0x82, 0x80 | 126)) + len(data).to_bytes(2)
        return head + mask + masked


class TlsEnd(SocketEnd):
    """A client within TLS."""

    sock: ssl.SSLSocket

    def _receive(self) -> bytes:
        self.sock.settimeout(WAIT)
        try:
            return self.sock.recv(self._limit)
        except (ssl.SSLEOFError, ConnectionResetError):
            return b""


class FramesEnd(SocketEnd):
    """An attach stream in frames."""

    def expect_output(self, expected: bytes) -> None:
        """See `End.expect_output`."""
        decoder, got = frames.FrameDecoder(frames.TO_CLIENT), b""
        while len(got) < len(expected):
            for kind, payload in decoder.feed(self.read()):
                got += payload[frames.OFFSET.size :] if kind == b"D" else b""
            assert expected.startswith(got), f"{got!r} where {expected!r} was due"

    def _encode(self, data: bytes) -> bytes:
        return frames.encode(b"I", data)


class PipeEnd(End):
    """A reader of PATH.out, who types to PATH.in."""

    def __init__(self, path: str, check: RawStream) -> None:
        super().__init__(os.open(f"{path}.out", os.O_RDONLY | os.O_NONBLOCK), check)
        self._input = os.open(f"{path}.in", os.O_WRONLY | os.O_NONBLOCK)

    def type(self, data: bytes) -> None:
        """See `End.type`."""
        os.write(self._input, data)

    def close(self) -> None:
        """See `End.close`."""
        if self.fd >= 0:
            os.close(self._input)
        super().close()


def open_tcp(place: Place, id: str) -> socket.socket:
    host, _, port = place.address(id).rpartition(":")
    sock = socket.socket()
    # Else the kernel would hold megabytes for a client that never reads.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(WAIT)
    sock.connect((host, int(port)))
    return sock


@functools.lru_cache
def _tls_context(pki: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(pki / "ca-cert.pem"))
    context.load_cert_chain(pki / "client-cert.pem", pki / "client-key.pem")
    return context


def _open_tls(place: Place, id: str) -> End:
    sock = _tls_context(place.pki).wrap_socket(open_tcp(place, id), server_hostname="localhost")
    return TlsEnd(sock, RawStream(id))


def _open_pty(place: Place, id: str) -> End:
    flags = os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK
    return End(os.open(place.address(id), flags), RawStream(id))


def _attach(place: Place, framing: str) -> End:
    stream = Control(place.path).attach("vm1", framing=framing)
    made: End
    if framing == "frames":
        made = FramesEnd(stream.sock, FramedStream(stream.id, stream.offset))
    else:
        made = SocketEnd(stream.sock, RawStream(stream.id, stream.offset))
    made.check.feed(stream.first)
    return made


@dataclass(frozen=True)
class Kind:
    """A kind of far end.

    Attributes:
        options: the backend it is at, without its id; "" for a stream of the control socket's.
        open: makes one, at the backend that is named.
        noticed: whether the daemon can know that somebody came or left.
    """

    options: str
    open: Callable[[Place, str], End]
    noticed: bool = True

    def chardev(self, place: Place, id: str, more: str = "") -> str:
        """The backend as it is written."""
        return self.options.format(
            id=id, directory=place.directory, more=f",{more}" if more else ""
        )


_TCP = "socket,id={id},host=127.0.0.1,port=0,server=on,wait=off{more}"

KINDS = {
    "unix": Kind(
        "socket,id={id},path={directory}/{id},server=on,wait=off{more}",
        lambda place, id: SocketEnd(support.connect_unix(place.directory / id), RawStream(id)),
    ),
    "tcp": Kind(_TCP, lambda place, id: SocketEnd(open_tcp(place, id), RawStream(id))),
    "telnet": Kind(
        _TCP + ",telnet=on",
        lambda place, id: TelnetEnd(open_tcp(place, id), RawStream(id)),
    ),
    "websocket": Kind(
        _TCP + ",websocket=on",
        lambda place, id: WebsocketEnd(open_tcp(place, id), RawStream(id)),
    ),
    "tls": Kind(_TCP + ",tls-creds=tls0", _open_tls),
    "pty": Kind("pty,id={id},path={directory}/{id}{more}", _open_pty),
    "raw": Kind("", lambda place, id: _attach(place, "raw")),
    "frames": Kind("", lambda place, id: _attach(place, "frames")),
    "pipe": Kind(
        "pipe,id={id},path={directory}/{id}{more}",
        lambda place, id: PipeEnd(str(place.directory / id), RawStream(id)),
        noticed=False,
    ),
}


def make_fifos(directory: os.PathLike[str], id: str) -> None:
    """The two FIFOs of a `pipe`, unless they are there."""
    for end in ("in", "out"):
        with contextlib.suppress(FileExistsError):
            os.mkfifo(os.path.join(directory, f"{id}.{end}"))
