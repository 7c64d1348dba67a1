"""A serial port behind a server of RFC 2217: ser2net, pyserial's, or muxtui's own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import fields

from muxcore.chardev import sockets
from muxcore.chardev.base import Stream
from muxcore.chardev.heard import Item, LineValue
from muxcore.chardev.layers.base import Layer, Stack
from muxcore.chardev.layers.comport import ComPortClient, agree
from muxcore.chardev.layers.stream import LayeredStream
from muxcore.chardev.layers.telnet import Telnet
from muxcore.chardev.line import Line
from muxcore.chardev.serial import BREAK_SECONDS
from muxcore.chardev.socket_client import SocketClient
from muxcore.errors import ChardevError, StreamError
from muxcore.options.sets import ChardevOptions, SerialOptions, SocketOptions

ANSWER_TIME = 3.0
"""Seconds that a server may take to change its line."""


class RemoteSerial(SocketClient):
    """One connection to the server, made again when it is lost; the line is set each time.

    Args:
        id: the chardev's id.
        options: the line's options.
        host: where the server is.
        port: its TCP port.
    """

    def __init__(self, id: str, options: SerialOptions, host: str, port: str) -> None:
        common = {item.name: getattr(options, item.name) for item in fields(ChardevOptions)}
        reconnect = options.reconnect_ms
        super().__init__(
            id, SocketOptions(**common, host=host, port=port, nodelay=True, reconnect_ms=reconnect)
        )
        self._path = options.path
        self._line = RemoteLine(self, options)
        self._break: asyncio.Task[None] | None = None

    @property
    def type(self) -> str:
        """See `Chardev.type`."""
        return SerialOptions.TYPE

    @property
    def filename(self) -> str:
        """See `Chardev.filename`."""
        return self.type

    @property
    def address(self) -> str:
        """The URL."""
        return self._path

    @property
    def can_break(self) -> bool:
        """A serial line always has a break condition."""
        return True

    @property
    def can_resize(self) -> bool:
        """A line knows no size."""
        return False

    @property
    def line(self) -> Line:
        """See `Chardev.line`."""
        return self._line

    def make_stream(self, sock: socket.socket, below: list[Layer]) -> Stream:
        """See `SocketClient.make_stream`; the line is set within its handshake."""
        self._line.opened()
        com_port = ComPortClient(self._line.settings, self._line.told)
        layers = [*below, Telnet(server=False, com_port=com_port)]
        return LayeredStream(sock, sockets.who_is(sock), Stack(layers))

    def send_break(self) -> None:
        """Hold the line in the break condition for `BREAK_SECONDS`; one at a time.

        Raises:
            ChardevError: the port is not open, or its server takes nothing.
        """
        if not self.streams:
            raise ChardevError(f"chardev '{self.id}' is {self.state}, it cannot send a break")
        if self._break is None or self._break.done():
            self.tell(LineValue(Item.BREAK, 1))
            self._break = self.spawn(self._end_break(), "break")

    def tell(self, wish: LineValue) -> None:
        """Ask the server for something. Raises StreamError."""
        for stream in self.streams:
            if isinstance(stream, LayeredStream) and stream.fd >= 0:
                stream.tell(wish)

    async def _end_break(self) -> None:
        try:
            await asyncio.sleep(BREAK_SECONDS)
        finally:
            # A server ends the break of a client that is gone.
            with contextlib.suppress(StreamError):
                self.tell(LineValue(Item.BREAK, 0))


class RemoteLine(Line):
    """The line of a port behind a server."""

    def __init__(self, chardev: RemoteSerial, options: SerialOptions) -> None:
        super().__init__(options)
        self._chardev = chardev
        self._modem: int | None = None
        self._errors = 0
        self._answers: dict[Item, asyncio.Future[None]] = {}

    def opened(self) -> None:
        """See `Line.opened`; called before the server is asked anything."""
        super().opened()
        self._modem = None
        self._errors = 0

    def told(self, value: LineValue) -> None:
        """What the server says of the line."""
        if value.item is Item.MODEM:
            self._modem = int(value.value or 0)
        elif value.item is Item.ERRORS:
            self._errors |= int(value.value or 0)
        elif (
            value.value is not None
            and self.can_be(value)
            and not agree(value.item, self.value(value.item), value.value)
        ):
            self.settings[value.item] = value.value
        answer = self._answers.get(value.item)
        if answer is not None and not answer.done():
            answer.set_result(None)

    async def change(self, item: Item, value: int | str) -> None:
        """See `Line.change`; a line that is away is set so when it is back."""
        if not self._chardev.streams:
            await super().change(item, value)
            return
        before = self.value(item)
        answer = self._answers[item] = asyncio.get_running_loop().create_future()
        # An answer that is as good as this leaves it so.
        self.settings[item] = value
        try:
            self._chardev.tell(LineValue(item, value))
            async with asyncio.timeout(ANSWER_TIME):
                await answer
        except (TimeoutError, StreamError) as error:
            self.settings[item] = before
            raise StreamError(f"the port's server does not answer about its {item}") from error
        finally:
            del self._answers[item]

    async def modem(self) -> int | None:
        """See `Line.modem`; as the server told last."""
        return self._modem

    async def errors(self) -> int:
        """See `Line.errors`; as the server told."""
        errors, self._errors = self._errors, 0
        return errors
