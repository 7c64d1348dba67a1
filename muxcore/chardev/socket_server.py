"""A socket that listens (chardev/char-socket.c), for any number of clients."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shlex
import socket
import stat

from muxcore.chardev import sockets
from muxcore.chardev.backoff import Backoff
from muxcore.chardev.base import Chardev, State, Stream
from muxcore.chardev.layers.handshakes import Handshakes
from muxcore.chardev.layers.stream import LayeredStream
from muxcore.chardev.stale import is_stale_socket, remove_stale, unlink_if
from muxcore.errors import MuxError, OpenError, describe_os_error
from muxcore.options.sets import SocketOptions

ACCEPTS_A_TURN = 16
"""Clients accepted before everybody else on the loop gets a turn."""

SHORTAGE_PAUSE = 1.0
"""Seconds without accepting after the machine ran out of descriptors or memory, accept(2)."""

SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
SOCAT = "socat -,raw,echo=0,escape=0x1d"


class SocketServer(Chardev):
    """A listening unix or TCP socket; as a guest it has one client at a time."""

    options: SocketOptions

    def __init__(self, id: str, options: SocketOptions) -> None:
        super().__init__(id, options)
        self._backoff = Backoff()
        self._listeners: list[socket.socket] = []
        self._inode: tuple[int, int] | None = None
        self._paused: asyncio.TimerHandle | None = None
        self._had_client = False
        self._handshakes = Handshakes(self, self._admit)

    @property
    def filename(self) -> str:
        """See `Chardev.filename`; with several clients, the first."""
        if self.streams:
            return sockets.qemu_connected(self.options, self.streams[0])
        return f"disconnected:{sockets.qemu_address(self.options, self.address)}"

    @property
    def address(self) -> str:
        """The path, or `host:port` as bound."""
        if self.options.path or not self._listeners:
            return sockets.target(self.options)
        return sockets.host_port(self._listeners[0].getsockname())

    @property
    def connect_command(self) -> str:
        """Connects the terminal with socat, or telnet; ctrl+] leaves either."""
        if self.options.path:
            path = sockets.socat_path(os.path.abspath(self.options.path))
            return f"{SOCAT} {shlex.quote(f'UNIX-CONNECT:{path}')}"
        host, _, port = self.address.rpartition(":")
        # What listens everywhere is reached here.
        host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "": "127.0.0.1"}.get(host, host)
        if self.options.telnet:
            return f"telnet {shlex.quote(host.strip('[]'))} {port}"
        return f"{SOCAT} {shlex.quote(f'TCP:{host}:{port}')}"

    @property
    def ready(self) -> bool:
        """False until the first client came, unless `wait=off`."""
        return self._had_client or self.options.wait is False

    async def open(self) -> None:
        """Bind and listen; a failure is tried again."""
        if self._listeners:
            return
        self.set_state(State.CONNECTING)
        try:
            if self.options.path:
                self._listeners = [self._listen_unix(self.options.path)]
            else:
                self._listeners = await self._listen_tcp()
        except OpenError as error:
            delay = self._backoff.next(asyncio.get_running_loop().time())
            self.set_state(State.FAILED, str(error), retry_in=delay)
            return
        self._backoff.opened(asyncio.get_running_loop().time())
        self._watch()
        self.set_state(State.WAITING)

    def close(self) -> None:
        """Stop listening, and remove the socket file if it is still this one."""
        if self._paused is not None:
            self._paused.cancel()
            self._paused = None
        self._unwatch()
        self._handshakes.close()
        for listener in self._listeners:
            listener.close()
        self._listeners = []
        if self._inode is not None:
            unlink_if(self.options.path, lambda path: inode(path) == self._inode)
            self._inode = None

    def after_lost(self, stream: Stream, reason: MuxError | None) -> None:
        """Wait for the next client when this was the last, and there can be another."""
        if self.streams:
            return
        if self.is_guest and self._path_is_gone():
            self.close()
            self.set_state(State.CLOSED, "the far end closed the connection")
        else:
            self.set_state(State.WAITING, self.reason if self._paused else None)

    def _path_is_gone(self) -> bool:
        """Whether the socket file was removed: a guest of one connection, as `muxtui qemu` has."""
        try:
            return self._inode is not None and inode(self.options.path) != self._inode
        except OSError:
            return True

    # Listening.

    def _listen_unix(self, path: str) -> socket.socket:
        sockets.check_path(path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # bind(2) gives the file the socket's own mode: nobody else can
            # connect, not even in the moment before a chmod.
            os.fchmod(listener.fileno(), 0o600)
            bind_unix(listener, path)
            self._inode = inode(path)
            listener.setblocking(False)
            listener.listen(socket.SOMAXCONN)
        except OSError as error:
            listener.close()
            text = f"Failed to bind socket to {path}: {describe_os_error(error)}"
            raise OpenError(text) from error
        except OpenError:
            listener.close()
            raise
        return listener

    async def _listen_tcp(self) -> list[socket.socket]:
        """Listen on every address of the host; on the first that is free where the port is 0."""
        addresses = await sockets.resolve(self.options.host or None, self.options.port)
        listeners: list[socket.socket] = []
        unusable: OSError | None = None
        for family, address in addresses[:1] if self.options.port == "0" else addresses:
            try:
                listeners.append(listen_tcp(family, address))
            except OSError as error:
                unusable = error
                # A machine without IPv6 still serves IPv4; a port that is taken is an error.
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    break
        else:
            if listeners:
                return listeners
        for listener in listeners:
            listener.close()
        reason = describe_os_error(unusable) if unusable else "no address"
        raise OpenError(f"Failed to bind socket to {self.address}: {reason}") from unusable

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            loop.add_reader(listener.fileno(), self._accept, listener)

    def _unwatch(self) -> None:
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            loop.remove_reader(listener.fileno())

    # Clients.

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(ACCEPTS_A_TURN):
            try:
                client, _ = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause_accepting(error)
                return
            self._welcome(client)
            if not self._listeners:
                return

    def _welcome(self, client: socket.socket) -> None:
        sockets.prepare(client, self.options)
        stream = sockets.make_stream(client, self.options)
        if isinstance(stream, LayeredStream):
            self._handshakes.begin(stream)
        else:
            self._admit(stream)

    def _admit(self, stream: Stream) -> None:
        if self.is_guest and self.streams:
            name = self.console.encode(errors="replace")
            with contextlib.suppress(OSError):
                stream.write([b"muxtui: %s already has a guest connected\r\n" % name])
            stream.close()
            return
        self._had_client = True
        self.add_stream(stream)

    def _pause_accepting(self, error: OSError) -> None:
        """Out of descriptors: the listener stays readable, so do not watch it for a while."""
        self._unwatch()
        if error.errno not in SHORTAGES:
            self.close()
            self.set_state(
                State.FAILED,
                f"cannot accept: {describe_os_error(error)}",
                retry_in=self._backoff.next(asyncio.get_running_loop().time()),
            )
            return
        self._paused = asyncio.get_running_loop().call_later(SHORTAGE_PAUSE, self._accept_again)
        self.set_state(self.state, f"cannot accept: {describe_os_error(error)}")

    def _accept_again(self) -> None:
        self._paused = None
        self.set_state(self.state)
        self._watch()


def bind_unix(listener: socket.socket, path: str) -> None:
    """Bind to `path`, replacing a socket that nobody listens on any more.

    Raises:
        OpenError: something else, or somebody, is there.
        OSError: the path cannot be used.
    """
    try:
        listener.bind(path)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            text = f"Failed to bind socket to {path}: it exists and is not a socket"
            raise OpenError(text) from error
        if not remove_stale(path, is_stale_socket):
            raise
        listener.bind(path)


def listen_tcp(family: socket.AddressFamily, address: object) -> socket.socket:
    """Listen on one address. Raises OSError."""
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # IPv4 has a listener of its own.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)  # type: ignore[arg-type]
        listener.setblocking(False)
        listener.listen(socket.SOMAXCONN)
    except BaseException:
        listener.close()
        raise
    return listener


def inode(path: str) -> tuple[int, int]:
    """What tells one file from another of the same name. Raises OSError."""
    status = os.lstat(path)
    return status.st_dev, status.st_ino
