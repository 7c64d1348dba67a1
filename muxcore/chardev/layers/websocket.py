"""The server's side of websocket (RFC 6455), by the `websockets` package without its I/O.

Its parser is bounded, fuzzed and kept; ours would be one more. QEMU has no
client's side either (io/channel-websock.c).

Binary and text messages are taken, in any pieces; what goes out is binary, one
message for a piece. Nothing is compressed: a few bytes that unfold to megabytes
would defeat every bound. Any path will do. Of the subprotocols a client names
`binary` is chosen, as noVNC and QEMU call bare bytes.

A browser sends what page asks (Origin): only a page of the same host may, or
any page that the operator visits could type into the console.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from websockets.datastructures import Headers
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from muxcore.chardev.layers.base import Layer
from muxcore.errors import StreamError, printable

MAX_FRAME = 256 * 1024
"""Bytes of one frame at most, which is kept until it is whole; a message may have any number."""

_BINARY = Subprotocol("binary")
_DATA = (Opcode.BINARY, Opcode.TEXT, Opcode.CONT)

# At its finer levels the package writes down what is said.
_SILENT = logging.getLogger("muxcore.websockets")
_SILENT.setLevel(logging.CRITICAL + 1)


class WebsocketServer(Layer):
    """One client's connection."""

    def __init__(self) -> None:
        super().__init__()
        self._protocol = ServerProtocol(
            select_subprotocol=_select, max_size=(None, MAX_FRAME), logger=_SILENT
        )

    def receive(self, data: bytes) -> bytes:
        """See `Layer.receive`."""
        plain = bytearray()
        at = 0
        while at < len(data):
            # A handshake is answered before what follows it is looked at: the package cannot answer
            # one whose far end it has given up.
            end = len(data) if self.ready else data.find(b"\n", at) + 1 or len(data)
            self._parse(data[at:end], plain)
            at = end
        return bytes(plain)

    def _parse(self, data: bytes, plain: bytearray) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._answer(event)
            elif isinstance(event, Frame):
                self._take(event, plain)
        self._collect()
        failure = self._protocol.handshake_exc or self._protocol.parser_exc
        if failure is not None:
            raise StreamError(f"websocket: {printable(str(failure))}")

    def send(self, data: bytes) -> None:
        """See `Layer.send`; nothing is sent behind a goodbye."""
        if data and self._protocol.state is State.OPEN:
            self._protocol.send_binary(data)
            self._collect()

    def end(self) -> None:
        """See `Layer.end`."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(CloseCode.GOING_AWAY)
            self._collect()

    def _answer(self, request: Request) -> None:
        if not same_host(request.headers):
            reason = "Its page is of another host.\n"
            self._protocol.send_response(self._protocol.reject(HTTPStatus.FORBIDDEN, reason))
            self._collect()
            raise StreamError("websocket: the page that asks is of another host")
        self._protocol.send_response(self._protocol.accept(request))
        self.ready = self._protocol.state is State.OPEN

    def _take(self, frame: Frame, plain: bytearray) -> None:
        if frame.opcode in _DATA:
            plain += frame.data
        elif frame.opcode is Opcode.CLOSE:
            self.closed = True

    def _collect(self) -> None:
        # An empty one asks for an end of the stream, which is the stream's own to make.
        self._outgoing += b"".join(self._protocol.data_to_send())


def same_host(headers: Headers) -> bool:
    """Whether no page asks, or one of the host that is asked (RFC 6454); ports may differ."""
    origins = headers.get_all("Origin")
    if not origins:
        return True
    hosts = headers.get_all("Host")
    if len(origins) != 1 or len(hosts) != 1:
        return False
    try:
        origin, host = urlsplit(origins[0]).hostname, urlsplit(f"//{hosts[0]}").hostname
    except ValueError:
        return False
    return origin is not None and origin == host


def _select(_: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return _BINARY if _BINARY in offered else None
