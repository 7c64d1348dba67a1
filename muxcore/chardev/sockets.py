"""What socket servers and clients have in common (chardev/char-socket.c): addresses, streams."""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import socket
import struct
from typing import Any

from muxcore.chardev.base import Stream, Who, hung_up
from muxcore.chardev.layers.base import Layer, Stack
from muxcore.chardev.layers.stream import LayeredStream
from muxcore.chardev.thread import in_thread
from muxcore.errors import OpenError, printable
from muxcore.options.sets import SocketOptions

SUN_PATH_SIZE = 108
"""Bytes of a unix socket's path with its NUL, unix(7)."""

PEERCRED = struct.Struct("3i")

Address = tuple[socket.AddressFamily, str | tuple[Any, ...]]
"""An address family and an address as Python's socket calls take it."""


class SocketStream(Stream):
    """A stream over a connected socket."""

    def __init__(self, sock: socket.socket, who: Who) -> None:
        self._unix = sock.family == socket.AF_UNIX
        super().__init__(sock.detach(), who)

    def ended(self) -> bool:
        """False for a unix client that only shut down its writing side: it still reads.

        A TCP client that does so cannot be told from one that left.
        """
        return not self._unix or hung_up(self.fd)


def make_stream(sock: socket.socket, options: SocketOptions) -> SocketStream | LayeredStream:
    """The stream over a connected socket, with the protocols that are asked for."""
    who = who_is(sock)
    layers = make_layers(options)
    return LayeredStream(sock, who, Stack(layers)) if layers else SocketStream(sock, who)


def make_layers(options: SocketOptions) -> list[Layer]:
    """The protocols between the socket and the bytes, the one at the wire first."""
    # Each is imported where it is used: most daemons use none.
    layers: list[Layer] = []
    if options.telnet:
        from muxcore.chardev.layers.telnet import Telnet

        layers.append(Telnet(server=options.server))
    return layers


def target(options: SocketOptions) -> str:
    """The path, or `host:port`, as it was given."""
    return options.path or f"{bracketed(options.host)}:{options.port}"


def qemu_address(options: SocketOptions, address: str) -> str:
    """The address as query-chardev shows it, e.g. `unix:/p,server=on` (SocketAddress_to_str)."""
    kind = "unix" if options.path else protocol(options)
    return f"{kind}:{address}{',server=on' if options.server else ''}"


def qemu_connected(options: SocketOptions, stream: Stream) -> str:
    """What query-chardev shows while connected (qemu_chr_compute_filename)."""
    if options.path:
        return qemu_address(options, options.path)
    with socket.socket(fileno=os.dup(stream.fd)) as sock:
        local = host_port(sock.getsockname())
        try:
            remote = host_port(sock.getpeername())
        except OSError:
            remote = "?"
    return f"{qemu_address(options, local)} <-> {remote}"


def protocol(options: SocketOptions) -> str:
    """What stands before a TCP address there (qemu_chr_socket_protocol)."""
    return "telnet" if options.telnet else "tcp"


def bracketed(host: str) -> str:
    """`host`, in brackets if it is a numeric IPv6 address."""
    return f"[{host}]" if ":" in host else host


def host_port(address: Any) -> str:  # noqa: ANN401 - what getsockname returns is untyped
    """`host:port` of an IPv4 or IPv6 address."""
    host, port = address[:2]
    return f"{bracketed(host)}:{port}"


async def resolve(host: str | None, port: str) -> list[Address]:
    """The TCP addresses of `host` (None: this machine, loopback), IPv4 before IPv6.

    Raises:
        OpenError: the name is not known.
    """
    look_up = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        found = await in_thread(look_up, f"resolve {host}")
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        text = f"address resolution failed for {bracketed(host or '')}:{port}: {reason}"
        raise OpenError(text) from error
    # A hosts file may give the same address twice.
    addresses = dict.fromkeys((family, address) for family, _, _, _, address in found)
    return sorted(addresses, key=lambda item: item[0] != socket.AF_INET)


def check_path(path: str) -> None:
    """Refuse a path that no unix socket can have.

    Raises:
        OpenError: it is too long, with QEMU's words.
    """
    if len(os.fsencode(path)) >= SUN_PATH_SIZE:
        raise OpenError(
            f"UNIX socket path '{path}' is too long, path must be less than {SUN_PATH_SIZE} bytes"
        )


def prepare(sock: socket.socket, options: SocketOptions) -> None:
    """Make a connected socket ready to be a stream: non-blocking, and found dead when it is."""
    sock.setblocking(False)
    if sock.family != socket.AF_UNIX:
        # It may be reset already; then the first read says so.
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if options.nodelay:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def who_is(sock: socket.socket) -> Who:
    """Who is at the other end of a connected socket, as far as the kernel tells."""
    if sock.family != socket.AF_UNIX:
        try:
            address = host_port(sock.getpeername())
        except OSError:
            address = "a client that left"
        return Who(address, address=address)
    size = PEERCRED.size
    pid, uid, _ = PEERCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    # A pid of 0 is a process in a pid namespace that is not below ours.
    program = program_name(pid) if pid else None
    label = f"{program}[{pid}]" if program else f"pid {pid}" if pid else "a process"
    return Who(label, pid=pid or None, user=user_name(uid))


def program_name(pid: int) -> str | None:
    """The name of the program that process `pid` runs, harmless to show; None if it is gone."""
    try:
        with open(f"/proc/{pid}/comm", "rb") as comm:
            return printable(comm.read().rstrip(b"\n"))
    except OSError:
        return None


@functools.lru_cache(maxsize=256)
def user_name(uid: int) -> str:
    """The name of user `uid`, or the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def socat_path(path: str) -> str:
    """`path` as socat reads it in an address: what has a meaning there is escaped, socat(1)."""
    return "".join(f"\\{c}" if c in "\\,:!\"'()[]{} " else c for c in path)
