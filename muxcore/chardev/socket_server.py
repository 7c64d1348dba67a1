"""A socket that listens (chardev/char-socket.c), for any number of clients."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import select
import shlex
import socket
import ssl

from muxcore.chardev import sockets
from muxcore.chardev.admission import Admission
from muxcore.chardev.backoff import Backoff
from muxcore.chardev.base import State, Stream, Unowned
from muxcore.chardev.layers.base import Layer
from muxcore.chardev.layers.handshakes import Handshakes
from muxcore.chardev.layers.stream import LayeredStream
from muxcore.chardev.layers.tls import Tls
from muxcore.chardev.socket_chardev import SocketChardev
from muxcore.chardev.socket_listen import inode, listen
from muxcore.chardev.stale import unlink_if
from muxcore.errors import MuxError, OpenError, StreamError, describe_os_error
from muxcore.options.sets import SocketOptions
from muxcore.tls.objects import Objects

ACCEPTS_A_TURN = 16
"""Clients accepted before everybody else on the loop gets a turn."""

SHORTAGE_PAUSE = 1.0
"""Seconds without accepting after the machine ran out of descriptors or memory, accept(2)."""

SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

ITS_OWN = {
    errno.EAGAIN,
    errno.ECONNABORTED,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.ENONET,
    errno.ENOPROTOOPT,
    errno.EOPNOTSUPP,
    errno.EPERM,
    errno.EPROTO,
}
"""What befell the new connection alone, or that there is none, accept(2)."""

SOCAT = "socat -,raw,echo=0,escape=0x1d"


class SocketServer(SocketChardev):
    """A listening unix or TCP socket; as a guest it has one client at a time."""

    def __init__(self, id: str, options: SocketOptions, objects: Objects | None = None) -> None:
        super().__init__(id, options, objects)
        self._context: ssl.SSLContext | None = None
        self._backoff = Backoff()
        self._listeners: list[socket.socket] = []
        self._inode: tuple[int, int] | None = None
        self._paused: asyncio.TimerHandle | None = None
        self._had_client = False
        self._admission = Admission(self, self._objects, options.tls_authz)
        self._handshakes = Handshakes(self, self._admit, self._admission.prepare)

    @property
    def address(self) -> str:
        """The path, or `host:port` as bound."""
        if not self._listeners or self._listeners[0].family == socket.AF_UNIX:
            return sockets.target(self.options)
        return sockets.host_port(self._listeners[0].getsockname())

    @property
    def connect_command(self) -> str | None:
        """Connects the terminal with socat, or telnet; ctrl+] leaves either."""
        if self.options.websocket or self.options.tls_creds:
            return None
        if self.options.path:
            return f"{SOCAT} {shlex.quote(self._socat_address())}"
        if self.options.fd or self.options.cid:
            return None
        host, _, port = self.address.rpartition(":")
        # What listens everywhere is reached here.
        host = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "": "127.0.0.1"}.get(host, host)
        if self.options.telnet:
            return f"telnet {shlex.quote(host.strip('[]'))} {port}"
        return f"{SOCAT} {shlex.quote(f'TCP:{host}:{port}')}"

    def _socat_address(self) -> str:
        """socat's address of this unix socket; it says `tight` in words of its own."""
        options = self.options
        if not options.abstract:
            return f"UNIX-CONNECT:{sockets.socat_path(os.path.abspath(options.path))}"
        tight = "" if options.tight else ",unix-tightsocklen=0"
        return f"ABSTRACT-CONNECT:{sockets.socat_path(options.path)}{tight}"

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
            self._context = await sockets.tls_context(self.options, self._objects)
            self._listeners = await listen(self.options)
            self._note_inode()
        except OpenError as error:
            # A descriptor that will not do now never will.
            delay = None if self.options.fd else self._backoff.next()
            self.set_state(State.FAILED, str(error), retry_in=delay)
            return
        self._backoff.opened()
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

    def _note_inode(self) -> None:
        """Learn which file is ours. Raises OpenError; nothing listens then."""
        path = self.options.path
        try:
            if path and not self.options.abstract:
                self._inode = inode(path)
        except OSError as error:
            self.close()
            raise OpenError(
                f"Failed to bind socket to {path}: {describe_os_error(error)}"
            ) from error

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
            except OSError as error:
                if error.errno not in ITS_OWN:
                    self._pause_accepting(error)
                return
            self._welcome(client)
            if not self._listeners:
                return

    def _welcome(self, client: socket.socket) -> None:
        if not sockets.may_connect(client, self.options):
            who = sockets.who_is(client)
            client.close()
            reason = StreamError(f"user {who.user} may not use this abstract socket")
            self.owner.stream_failed(self, who, reason)
            return
        sockets.prepare(client, self.options, guest=self.is_guest)
        stream = sockets.make_stream(client, self.options, self._tls())
        if isinstance(stream, LayeredStream):
            self._handshakes.begin(stream)
        else:
            self._admit(stream)

    def _tls(self) -> list[Layer]:
        if self._context is None:
            return []
        return [Tls(self._context, server=True, admit=self._admission.check)]

    def _admit(self, stream: Stream) -> None:
        if self.is_guest and self.streams:
            name = self.console.encode(errors="replace")
            with contextlib.suppress(OSError):
                stream.write([b"muxtui: %s already has a guest connected\r\n" % name])
            stream.close()
            return
        self._had_client = True
        self.reap()
        self.add_stream(stream)

    def reap(self) -> None:
        """End the clients that left while no console looks after them: each is a descriptor."""
        if isinstance(self.owner, Unowned):
            for stream in list(self.streams):
                if _left(stream):
                    self.lost(stream, None)

    def _pause_accepting(self, error: OSError) -> None:
        """Out of descriptors: the listener stays readable, so do not watch it for a while."""
        self._unwatch()
        if error.errno not in SHORTAGES:
            self.close()
            self.set_state(
                State.FAILED,
                f"cannot accept: {describe_os_error(error)}",
                retry_in=self._backoff.next(),
            )
            return
        self._paused = asyncio.get_running_loop().call_later(SHORTAGE_PAUSE, self._accept_again)
        self.set_state(self.state, f"cannot accept: {describe_os_error(error)}")

    def _accept_again(self) -> None:
        self._paused = None
        self.set_state(self.state)
        self._watch()


def _left(stream: Stream) -> bool:
    """Whether a client left; one that only ended its writing side may still read."""
    poll = select.poll()
    poll.register(stream.fd, select.POLLRDHUP)
    ready = poll.poll(0)
    return bool(ready) and stream.ended()
