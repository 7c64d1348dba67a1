"""What socket servers and clients have in common (chardev/char-socket.c): addresses, streams."""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import socket
import ssl
import stat
import struct
from collections.abc import Sequence
from typing import Any

from muxcore.chardev.base import Stream, Who, hung_up
from muxcore.chardev.layers.base import Layer, Stack
from muxcore.chardev.layers.stream import LayeredStream
from muxcore.chardev.thread import in_thread
from muxcore.errors import OpenError, describe_os_error, printable
from muxcore.options.objects import Endpoint
from muxcore.options.sets import SocketOptions
from muxcore.tls.objects import Objects

SUN_PATH_SIZE = 108
"""Bytes of a unix socket's path with its NUL, unix(7)."""

PEERCRED = struct.Struct("3i")

KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))
"""A silent TCP far end is asked after 60 s, four times at most: gone in two minutes, tcp(7).

Not TCP_USER_TIMEOUT: it also ends a client that is only stopped, whose kernel still answers
(tcp_probe_timer). While output is under way a dead machine is found by tcp_retries2, in about a
quarter of an hour.
"""

GUEST_SEND_BUFFER = 1
"""What SO_SNDBUF of a unix guest is set to, of which the kernel makes its least: 2 KiB of input
wait in it, not 90, so that a paste does not hold up the next user's Ctrl-C."""

Address = tuple[socket.AddressFamily, tuple[Any, ...]]
"""An address family and an address as Python's socket calls take it."""


class SocketStream(Stream):
    """A stream over a connected socket."""

    splices = True

    def __init__(self, sock: socket.socket, who: Who) -> None:
        self._unix = sock.family == socket.AF_UNIX
        super().__init__(sock.detach(), who)

    def ended(self) -> bool:
        """False for a unix client that only shut down its writing side: it still reads.

        A TCP client that does so cannot be told from one that left.
        """
        return not self._unix or hung_up(self.fd)


def make_stream(
    sock: socket.socket, options: SocketOptions, below: Sequence[Layer] = ()
) -> SocketStream | LayeredStream:
    """The stream over a connected socket, with the protocols that are asked for above `below`."""
    who = who_is(sock)
    layers = [*below, *make_layers(options)]
    return LayeredStream(sock, who, Stack(layers)) if layers else SocketStream(sock, who)


def make_layers(options: SocketOptions) -> list[Layer]:
    """The protocols between TLS, if it is used, and the bytes, the one at the wire first."""
    # Each is imported where it is used: most daemons use none.
    layers: list[Layer] = []
    if options.websocket:
        from muxcore.chardev.layers.websocket import WebsocketServer

        layers.append(WebsocketServer())
    if options.telnet:
        from muxcore.chardev.layers.comport import ComPortServer
        from muxcore.chardev.layers.telnet import Telnet

        layers.append(
            Telnet(server=options.server, com_port=ComPortServer() if options.rfc2217 else None)
        )
    if options.echr is not None:
        from muxcore.chardev.layers.escape import Escape

        layers.append(Escape(options.echr))
    return layers


async def tls_context(options: SocketOptions, objects: Objects) -> ssl.SSLContext | None:
    """The credentials that `tls-creds` names, if it does. Raises OpenError."""
    if not options.tls_creds:
        return None
    side: Endpoint = "server" if options.server else "client"
    load = functools.partial(objects.tls, options.tls_creds, side)
    return await in_thread(load, f"load {options.tls_creds}")


def target(options: SocketOptions) -> str:
    """The path, `host:port`, `cid:port` or the descriptor, as it was given."""
    return options.path or options.fd or f"{bracketed(options.cid or options.host)}:{options.port}"


def qemu_address(options: SocketOptions, address: str) -> str:
    """The address as query-chardev shows it, e.g. `unix:/p,server=on` (SocketAddress_to_str)."""
    kind = protocol(options)
    if options.path:
        kind = "unix"
        if options.abstract:
            address += ",abstract=on,tight=on" if options.tight else ",abstract=on"
    elif options.fd or options.cid:
        kind = "fd" if options.fd else "vsock"
    return f"{kind}:{address}{',server=on' if options.server else ''}"


def qemu_connected(options: SocketOptions, stream: Stream) -> str:
    """What query-chardev shows while connected (qemu_chr_compute_filename)."""
    if options.path or options.fd:
        return qemu_address(options, target(options))
    # Not a descriptor of its own: who looks may do so because there are none left.
    sock = socket.socket(fileno=stream.fd)
    local, remote = target(options), "?"
    try:
        local = host_port(sock.getsockname())
        remote = host_port(sock.getpeername())
    except OSError:
        pass
    finally:
        sock.detach()
    return f"{qemu_address(options, local)} <-> {remote}"


def protocol(options: SocketOptions) -> str:
    """What stands before a TCP address there (qemu_chr_socket_protocol)."""
    return "telnet" if options.telnet else "websocket" if options.websocket else "tcp"


def bracketed(host: str) -> str:
    """`host`, in brackets if it is a numeric IPv6 address."""
    return f"[{host}]" if ":" in host else host


def host_port(address: Any) -> str:  # noqa: ANN401 - what getsockname returns is untyped
    """`host:port` of an IPv4 or IPv6 address, `cid:port` of a vsock one."""
    host, port = address[:2]
    return f"{bracketed(str(host))}:{port}"


def address_family(options: SocketOptions) -> socket.AddressFamily:
    """The family that `ipv4` and `ipv6` ask for (inet_ai_family_from_address)."""
    if options.ipv6 and options.ipv4:
        return socket.AF_UNSPEC
    if options.ipv6 or options.ipv4 is False:
        return socket.AF_INET6
    if options.ipv4 or options.ipv6 is False:
        return socket.AF_INET
    return socket.AF_UNSPEC


async def resolve(
    host: str | None, port: str, family: socket.AddressFamily = socket.AF_UNSPEC
) -> list[Address]:
    """The TCP addresses of `host` (None: this machine, loopback), IPv4 before IPv6.

    Raises:
        OpenError: the name is not known.
    """
    asked = {"family": family} if family else {}
    look_up = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM, **asked)
    try:
        found = await in_thread(look_up, f"resolve {host}")
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        text = f"address resolution failed for {bracketed(host or '')}:{port}: {reason}"
        raise OpenError(text) from error
    # A hosts file may give the same address twice.
    addresses = dict.fromkeys((family, address) for family, _, _, _, address in found)
    return sorted(addresses, key=lambda item: item[0] != socket.AF_INET)


def unix_address(options: SocketOptions) -> bytes | str:
    """The address of a unix socket as connect(2) takes it.

    An abstract one begins with a NUL; where it is not `tight`, NULs fill it up.

    Raises:
        OpenError: it is too long, with QEMU's words.
    """
    path = os.fsencode(options.path)
    if len(path) >= SUN_PATH_SIZE:
        raise OpenError(
            f"UNIX socket path '{options.path}' is too long, "
            f"path must be less than {SUN_PATH_SIZE} bytes"
        )
    if not options.abstract:
        return options.path
    name = b"\0" + path
    return name if options.tight else name.ljust(SUN_PATH_SIZE, b"\0")


def vsock() -> socket.socket:
    """A vsock socket. Raises OSError where the kernel has none."""
    return socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)


def vsock_address(options: SocketOptions) -> tuple[int, int]:
    """The context id and the port, vsock(7)."""
    return int(options.cid), int(options.port)


def passed(text: str, *, listening: bool) -> socket.socket:
    """The socket that whoever started this process passed as descriptor `text`.

    It is ours from then on. Only what can be inherited was passed: nothing that
    this process opened itself can be (PEP 446).

    Raises:
        OpenError: there is no such descriptor, or it is no socket of this kind.
    """
    fd = int(text)
    try:
        if not os.get_inheritable(fd):
            raise OpenError(f"File descriptor '{text}' was not passed to muxtui")
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            raise OpenError(f"File descriptor '{text}' is not a socket")
        sock = socket.socket(fileno=fd)
    except OSError as error:
        reason = describe_os_error(error)
        raise OpenError(f"File descriptor '{text}' cannot be used: {reason}") from error
    listens = bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    if listens is not listening or sock.type != socket.SOCK_STREAM:
        sock.detach()
        what = "a listening" if listening else "a connected"
        raise OpenError(f"File descriptor '{text}' is not {what} stream socket")
    sock.set_inheritable(False)
    sock.setblocking(False)
    return sock


def prepare(sock: socket.socket, options: SocketOptions, *, guest: bool) -> None:
    """Make a connected socket ready to be a stream: non-blocking, and found dead when it is."""
    sock.setblocking(False)
    # It may be reset already; then the first read says so. And it works without any of these.
    with contextlib.suppress(OSError):
        if sock.family != socket.AF_UNIX:
            _prepare_network(sock, options)
        elif guest:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, GUEST_SEND_BUFFER)


def _prepare_network(sock: socket.socket, options: SocketOptions) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if sock.family != socket.AF_VSOCK:
        for option, value in KEEPALIVE:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
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
    try:
        pid, uid, _ = _credentials(sock)
    except OSError:
        return Who("a process")
    # A pid of 0 is a process in a pid namespace that is not below ours.
    program = program_name(pid) if pid else None
    label = f"{program}[{pid}]" if program else f"pid {pid}" if pid else "a process"
    return Who(label, pid=pid or None, user=user_name(uid))


def may_connect(sock: socket.socket, options: SocketOptions) -> bool:
    """Whether a client may use a server's socket.

    An abstract name has no mode: here only its owner and root may use it, as a
    path of mode 0600 has it.
    """
    if not options.abstract:
        return True
    try:
        _, uid, _ = _credentials(sock)
    except OSError:
        return False
    return uid in (0, os.geteuid())


def _credentials(sock: socket.socket) -> tuple[int, int, int]:
    """Process, user and group at the other end of a unix socket (SO_PEERCRED). Raises OSError."""
    found = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEERCRED.size)
    pid, uid, gid = PEERCRED.unpack(found)
    return pid, uid, gid


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


_FOR_SOCAT = str.maketrans({char: f"\\{char}" for char in "\\,:!\"'()[]{} "})


def socat_path(path: str) -> str:
    """`path` as socat reads it in an address: what has a meaning there is escaped, socat(1)."""
    return path.translate(_FOR_SOCAT)
