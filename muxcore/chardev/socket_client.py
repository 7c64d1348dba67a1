"""A socket that connects, and connects again (chardev/char-socket.c).

It is open once the server has accepted it, as far as that can be told: see `acceptance`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Sequence

from muxcore.chardev import acceptance, sockets
from muxcore.chardev.backoff import Backoff
from muxcore.chardev.base import State, Stream
from muxcore.chardev.heard import WindowSize
from muxcore.chardev.layers.base import Layer
from muxcore.chardev.layers.stream import LayeredStream
from muxcore.chardev.layers.tls import Tls
from muxcore.chardev.socket_chardev import SocketChardev
from muxcore.errors import MuxError, OpenError, StreamError, describe_os_error
from muxcore.options.sets import SocketOptions
from muxcore.tls.objects import Objects

CONNECT_TIMEOUT = 10.0
"""Seconds for one TCP address; the kernel itself would try for two minutes."""


class SocketClient(SocketChardev):
    """One connection to a unix or TCP server, made again when it is lost."""

    def __init__(self, id: str, options: SocketOptions, objects: Objects | None = None) -> None:
        super().__init__(id, options, objects)
        # A descriptor that was passed can be used once.
        self._backoff = Backoff(0 if options.fd else options.reconnect_ms)

    @property
    def address(self) -> str:
        """The path, or `host:port`."""
        return sockets.target(self.options)

    @property
    def can_resize(self) -> bool:
        """Telnet has a window size, for a server that asks for it (RFC 1073)."""
        return self.options.telnet

    def resize(self, rows: int, cols: int) -> None:
        """See `Chardev.resize`; a server that is not there yet is told when it is."""
        self.size = (rows, cols)
        for stream in self.streams:
            if isinstance(stream, LayeredStream):
                # One that takes nothing now is told the size with the next connection.
                with contextlib.suppress(StreamError):
                    stream.tell(WindowSize(rows, cols))

    async def open(self) -> None:
        """Make one attempt to connect."""
        if self.streams:
            return
        self.set_state(State.CONNECTING)
        try:
            below = await self._tls()
            sock, accepted = await self._connect()
        except (OpenError, StreamError) as error:
            self._try_later(str(error), State.FAILED)
            return
        sockets.prepare(sock, self.options, guest=self.is_guest)
        if accepted:
            await self._begin(sock, below)
            return
        who = sockets.who_is(sock).label
        self.set_state(State.WAITING, f"not accepted yet by {who}: another client?")
        queued = self.spawn(self._wait_in_queue(sock, below), "queued")
        # Also if it is cancelled before it began.
        queued.add_done_callback(lambda _: sock.close())

    async def _wait_in_queue(self, sock: socket.socket, below: list[Layer]) -> None:
        """Begin once the server has accepted; who is not accepted is read by nobody."""
        try:
            while not await self._accepted(sock, (acceptance.LOOK,)):
                pass
        except OpenError as error:
            self._try_later(str(error), State.FAILED)
        else:
            await self._begin(sock, below)

    async def _begin(self, sock: socket.socket, below: list[Layer]) -> None:
        """Make the accepted connection `sock` a stream, once its protocols are agreed on."""
        stream = self.make_stream(sock, below)
        if isinstance(stream, LayeredStream):
            try:
                await stream.shake_hands()
            except StreamError as error:
                stream.close()
                self._try_later(str(error), State.FAILED)
                return
            except asyncio.CancelledError:
                stream.close()
                raise
            if self.size is not None:
                stream.tell(WindowSize(*self.size))
        self._backoff.opened()
        self.add_stream(stream)

    def make_stream(self, sock: socket.socket, below: list[Layer]) -> Stream:
        """The stream over a connection, which it owns from now on, above the layers `below`."""
        return sockets.make_stream(sock, self.options, below)

    def after_lost(self, stream: Stream, reason: MuxError | None) -> None:
        """Connect again, unless `reconnect-ms=0`."""
        text = str(reason) if reason else "the far end closed the connection"
        self._try_later(text, State.CLOSED)

    def _try_later(self, reason: str, otherwise: State) -> None:
        delay = self._backoff.next()
        state = otherwise if delay is None else State.RETRYING
        self.set_state(state, reason, retry_in=delay)

    async def _tls(self) -> list[Layer]:
        context = await sockets.tls_context(self.options, self._objects)
        if context is None:
            return []
        hostname = None if self.options.fd else self.options.host or "localhost"
        return [Tls(context, server=False, hostname=hostname)]

    async def _connect(self) -> tuple[socket.socket, bool]:
        """A connection, and whether the server has accepted it. Raises OpenError."""
        try:
            sock = await self._call()
        except OSError as error:
            raise self._refused(error) from error
        try:
            return sock, await self._accepted(sock, acceptance.SOON)
        except BaseException:
            sock.close()
            raise

    async def _accepted(self, sock: socket.socket, pauses: Sequence[float]) -> bool:
        """See `acceptance.settled`. Raises OpenError."""
        try:
            return await acceptance.settled(sock, pauses)
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> OpenError:
        text = f"Failed to connect to '{self.address}': {describe_os_error(error)}"
        if self.options.path and error.errno == errno.EAGAIN:
            text += " (all the room for clients that wait there is taken)"
        return OpenError(text)

    async def _call(self) -> socket.socket:
        if self.options.fd:
            return sockets.passed(self.options.fd, listening=False)
        if self.options.path:
            return connect_unix(sockets.unix_address(self.options))
        if self.options.cid:
            return await connect(sockets.vsock(), sockets.vsock_address(self.options))
        return await self._connect_tcp()

    async def _connect_tcp(self) -> socket.socket:
        """A connection to the first address that answers; the last error if none does."""
        failure: OSError = OSError("no address")
        host, port = self.options.host or None, self.options.port
        wanted = sockets.address_family(self.options)
        for family, address in await sockets.resolve(host, port, wanted):
            try:
                return await connect(socket.socket(family, socket.SOCK_STREAM), address)
            except OSError as error:
                failure = error
        raise failure


def connect_unix(address: bytes | str) -> socket.socket:
    """Connect to a unix socket, which either works at once or not at all.

    Raises:
        OSError: it does not work; EAGAIN when the server's backlog is full.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Not loop.sock_connect: it takes EAGAIN for "in progress", and a unix
        # socket that is not connected then looks as if it were.
        sock.setblocking(False)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


async def connect(sock: socket.socket, address: object) -> socket.socket:
    """Connect to one numeric address; `sock` is closed if that fails.

    Raises:
        OSError: it does not work, or not within `CONNECT_TIMEOUT`.
    """
    try:
        sock.setblocking(False)
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await asyncio.get_running_loop().sock_connect(sock, address)  # type: ignore[arg-type]
        if sock.getsockname() == sock.getpeername():
            # Calling a free ephemeral port of this machine may reach the caller itself (RFC 9293,
            # simultaneous open).
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    except TimeoutError as error:
        sock.close()
        raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from error
    except BaseException:
        sock.close()
        raise
    return sock
