"""Where a socket server listens: unix, TCP, vsock, or a descriptor that was passed."""

from __future__ import annotations

import errno
import os
import socket
import stat

from muxcore.chardev import sockets
from muxcore.chardev.stale import is_stale_socket, remove_stale
from muxcore.errors import OpenError, describe_os_error
from muxcore.options.sets import SocketOptions


async def listen(options: SocketOptions) -> list[socket.socket]:
    """Listen where `options` say; the listeners do not block.

    Raises:
        OpenError: it does not work, with QEMU's words where there are any.
    """
    if options.fd:
        return [sockets.passed(options.fd, listening=True)]
    if options.path:
        return [listen_unix(options)]
    if options.cid:
        return [_listen_vsock(options)]
    return await _listen_tcp(options)


def listen_unix(options: SocketOptions) -> socket.socket:
    """Listen on a unix socket. Raises OpenError."""
    address = sockets.unix_address(options)
    try:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # bind(2) gives the file the socket's own mode: nobody else can
            # connect, not even in the moment before a chmod.
            os.fchmod(listener.fileno(), 0o600)
            if options.abstract:
                listener.bind(address)
            else:
                bind_unix(listener, options.path)
            _begin(listener)
        except BaseException:
            listener.close()
            raise
    except OSError as error:
        text = f"Failed to bind socket to {options.path}: {describe_os_error(error)}"
        raise OpenError(text) from error
    return listener


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


def _listen_vsock(options: SocketOptions) -> socket.socket:
    try:
        listener = sockets.vsock()
    except OSError as error:
        text = f"Failed to create socket: {describe_os_error(error)}"
        raise OpenError(text) from error
    try:
        listener.bind(sockets.vsock_address(options))
        _begin(listener)
    except OSError as error:
        listener.close()
        text = f"Failed to bind socket: {describe_os_error(error)}"
        raise OpenError(text) from error
    return listener


async def _listen_tcp(options: SocketOptions) -> list[socket.socket]:
    """Listen on every address of the host; on the first that is free where the port is 0.

    With `to` it is the first port up to that one which all of them have free.
    """
    addresses = await sockets.resolve(
        options.host or None, options.port, sockets.address_family(options)
    )
    if options.port == "0":
        addresses = addresses[:1]
    taken: OSError | None = None
    first = addresses[0][1][1] if addresses else 0
    for port in range(first, max(options.to or 0, first) + 1):
        at_port = [(family, (address[0], port, *address[2:])) for family, address in addresses]
        listeners, taken = _listen_on_all(at_port)
        if listeners:
            return listeners
        if taken is None or taken.errno != errno.EADDRINUSE:
            break
    reason = describe_os_error(taken) if taken else "no address"
    if options.to is not None:
        raise OpenError(f"Failed to find an available port: {reason}") from taken
    where = sockets.target(options)
    raise OpenError(f"Failed to bind socket to {where}: {reason}") from taken


def _listen_on_all(
    addresses: list[sockets.Address],
) -> tuple[list[socket.socket], OSError | None]:
    """Listeners on all `addresses` that this machine can have; none, and why, if one is taken."""
    listeners: list[socket.socket] = []
    unusable: OSError | None = None
    for family, address in addresses:
        try:
            listeners.append(listen_tcp(family, address))
        except OSError as error:
            unusable = error
            # A machine without IPv6 still serves IPv4; a port that is taken is an error.
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                break
    else:
        return listeners, unusable
    for listener in listeners:
        listener.close()
    return [], unusable


def listen_tcp(family: socket.AddressFamily, address: object) -> socket.socket:
    """Listen on one address. Raises OSError."""
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # IPv4 has a listener of its own.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)  # type: ignore[arg-type]
        _begin(listener)
    except BaseException:
        listener.close()
        raise
    return listener


def _begin(listener: socket.socket) -> None:
    listener.setblocking(False)
    listener.listen(socket.SOMAXCONN)


def inode(path: str) -> tuple[int, int]:
    """What tells one file from another of the same name. Raises OSError."""
    status = os.lstat(path)
    return status.st_dev, status.st_ino
