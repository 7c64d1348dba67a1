"""Datagrams to one address, and from it (chardev/char-udp.c)."""

from __future__ import annotations

import errno
import shlex
import socket
from collections.abc import Callable, Sequence

from muxcore.chardev import sockets
from muxcore.chardev.backoff import Backoff
from muxcore.chardev.base import Chardev, State, Stream, Who
from muxcore.chardev.sockets import Address
from muxcore.chardev.soft import LevelWatch
from muxcore.chardev.thread import in_thread
from muxcore.errors import MuxError, OpenError, describe_os_error
from muxcore.options.sets import UdpOptions

DATAGRAM = 1400
"""Bytes of output in a datagram at most: what any usual link carries in one piece."""

LARGEST = 65_535
"""Bytes that a datagram can bring, RFC 768."""

LOST = {errno.ECONNREFUSED, errno.ENOBUFS, errno.ENOMEM}
"""What befalls a datagram as it does on the way: nobody is there (yet), or a queue is full."""


class UdpChardev(Chardev):
    """A connected UDP socket: open from its creation, whether or not anybody listens."""

    options: UdpOptions

    def __init__(self, id: str, options: UdpOptions) -> None:
        super().__init__(id, options)
        self._backoff = Backoff()
        self._local = ""

    @property
    def address(self) -> str:
        """Where datagrams go."""
        return f"{sockets.bracketed(self.options.host or 'localhost')}:{self.options.port}"

    @property
    def connect_command(self) -> str | None:
        """What is run where datagrams go; nothing can be sent from there before it is open."""
        if not self._local:
            return None
        far = f"UDP:{self._local},bind={self.address}"
        return f"socat -,raw,echo=0,escape=0x1d {shlex.quote(far)}"

    async def open(self) -> None:
        """Bind and connect; a failure is tried again."""
        if self.streams:
            return
        self.set_state(State.CONNECTING)
        try:
            sock = await self._connect()
        except OpenError as error:
            self._try_later(str(error))
            return
        self._backoff.opened()
        self._local = sockets.host_port(sock.getsockname())
        self.add_stream(UdpStream(sock, Who(self.address, address=self.address)))

    def after_lost(self, stream: Stream, reason: MuxError | None) -> None:
        """The network is gone: try again."""
        self._local = ""
        self._try_later(str(reason) if reason else "closed")

    def _try_later(self, reason: str) -> None:
        self.set_state(State.FAILED, reason, retry_in=self._backoff.next())

    async def _connect(self) -> socket.socket:
        options = self.options
        family = _family(options)
        far = await _resolve(options.host or "localhost", options.port, family)
        near = None
        if options.localaddr or options.localport:
            # None is every address of this machine, getaddrinfo(3).
            near = await _resolve(options.localaddr or None, options.localport or "0", far[0])
        try:
            return _socket(far, near)
        except OSError as error:
            what = f"Failed to connect to '{self.address}'"
            raise OpenError(f"{what}: {describe_os_error(error)}") from error


def _socket(far: Address, near: Address | None) -> socket.socket:
    """A socket that is bound to `near` and connected to `far`. Raises OSError."""
    sock = socket.socket(far[0], socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if near is not None:
            sock.bind(near[1])
        sock.connect(far[1])
    except OSError:
        sock.close()
        raise
    return sock


def _family(options: UdpOptions) -> socket.AddressFamily:
    """The family that is asked for (util/qemu-sockets.c, inet_ai_family_from_address)."""
    if options.ipv6 and not options.ipv4:
        return socket.AF_INET6
    if options.ipv4 and not options.ipv6:
        return socket.AF_INET
    if options.ipv6 is False:
        return socket.AF_INET
    if options.ipv4 is False:
        return socket.AF_INET6
    return socket.AF_UNSPEC


async def _resolve(host: str | None, port: str, family: socket.AddressFamily) -> Address:
    """The first address, IPv4 before IPv6; `host` None is every address of this machine."""

    def look_up() -> list[Address]:
        found = socket.getaddrinfo(
            host, port, family, socket.SOCK_DGRAM, flags=0 if host else socket.AI_PASSIVE
        )
        return [(entry[0], entry[4]) for entry in found]

    try:
        addresses = await in_thread(look_up, f"resolve {host}")
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        where = f"{sockets.bracketed(host or '')}:{port}"
        raise OpenError(f"address resolution failed for {where}: {reason}") from error
    return min(addresses, key=lambda item: item[0] != socket.AF_INET)


class UdpStream(Stream):
    """A stream over a connected UDP socket: it has no end, and an empty datagram is none."""

    full_read = LARGEST

    def __init__(self, sock: socket.socket, who: Who) -> None:
        super().__init__(-1, who)
        self._sock = sock
        self.fd = sock.fileno()
        self._rest = b""
        # The kernel drops what does not fit of a datagram: it is taken whole, and the rest kept.
        self._rest_watch = LevelWatch(lambda: bool(self._rest))

    def read(self, limit: int) -> bytes:
        """See `Stream.read`."""
        if not self._rest:
            self._rest = self._receive()
        data, self._rest = self._rest[:limit], self._rest[limit:]
        self._rest_watch.poke()
        return data

    def read_into(self, buffers: Sequence[memoryview]) -> int:
        """See `Stream.read_into`."""
        count = 0
        for buffer in buffers:
            if count and not self._rest:
                break
            data = self.read(len(buffer))
            buffer[: len(data)] = data
            count += len(data)
        return count

    def write(self, buffers: Sequence[memoryview | bytes]) -> int:
        """Send datagrams of at most `DATAGRAM` bytes; one that nobody takes is lost."""
        sent = 0
        data = memoryview(b"".join(buffers))
        while sent < len(data):
            part = data[sent : sent + DATAGRAM]
            try:
                self._send(part)
            except BlockingIOError:
                if not sent:
                    raise
                break
            sent += len(part)
        return sent

    def watch_input(self, callback: Callable[[], None] | None) -> None:
        """See `Stream.watch_input`."""
        super().watch_input(callback)
        self._rest_watch.set(callback)

    def close(self) -> None:
        """See `Stream.close`."""
        self.fd = -1
        self._sock.close()

    def _receive(self) -> bytes:
        try:
            data = self._sock.recv(LARGEST)
        except OSError as error:
            if error.errno in LOST:
                raise BlockingIOError from None
            raise
        if not data:
            raise BlockingIOError
        return data

    def _send(self, data: memoryview) -> None:
        for last in (False, True):
            try:
                self._sock.send(data)
            except OSError as error:
                if error.errno not in LOST:
                    raise
                # An error that an earlier datagram met is told here, and this one is not sent.
                if last:
                    return
            else:
                return
