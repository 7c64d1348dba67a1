"""Whether a server has accepted a connection, or leaves it in its queue.

connect(2) is done as soon as the server's queue has room. A server of one client at a time, as
QEMU's chardevs are, leaves the next one there until the first has gone: that one is connected,
hears nothing, and nobody reads what it writes.

Linux tells the two apart by sock_diag(7): the far end of a connection that nobody accepted is no
file of anybody's, so its inode is 0. That is so for unix sockets, and for TCP where both ends are
in this network namespace. It cannot be told for TCP to elsewhere, whose kernel acknowledges what
is sent whether or not anybody accepted, nor for vsock, nor where the kernel has no such answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Sequence

SOON = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064)
"""Seconds between the first looks: a server that has nobody else accepts within these."""

LOOK = 0.5
"""Seconds between the later looks; a guest that prints is noticed at once."""

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST = 1
HEADER = struct.Struct("=IHHII")
"""nlmsghdr of linux/netlink.h: length, type, flags, sequence, port."""

ANY = 0xFFFFFFFF
"""All states, and half of a cookie that is not compared (INET_DIAG_NOCOOKIE)."""

UNIX_REQUEST = struct.Struct("=BBHIIIII")
"""unix_diag_req of linux/unix_diag.h: family, protocol, -, states, inode, show, cookie."""

UDIAG_SHOW_PEER = 4
UNIX_DIAG_PEER = 2
UNIX_MESSAGE = HEADER.size + 16
"""Where the attributes begin, behind unix_diag_msg."""

ATTRIBUTE = struct.Struct("=HH")
INODE = struct.Struct("=I")

INET_REQUEST = struct.Struct("=BBBBI")
"""inet_diag_req_v2 of linux/inet_diag.h up to its socket: family, protocol, ext, -, states."""

INET_MESSAGE = struct.Struct("=xB66xI")
"""inet_diag_msg: its state, and its inode at the end."""

ESTABLISHED = 1


async def settled(sock: socket.socket, pauses: Sequence[float]) -> bool:
    """Whether the server has accepted `sock`, or it cannot be told; looks after each pause.

    Args:
        sock: a connected, non-blocking stream socket that nothing was written to and nobody reads.
        pauses: seconds; what is printed to `sock` ends one at once.

    Raises:
        OSError: the connection was reset in the queue.
    """
    for pause in pauses:
        if await _readable(sock, pause) or accepted(sock) is not False:
            # Who writes has accepted, and the end of one who has is no error.
            with contextlib.suppress(BlockingIOError):
                sock.recv(1, socket.MSG_PEEK)
            return True
    return False


def accepted(sock: socket.socket) -> bool | None:
    """Whether the server has accepted the connection `sock`, or has ended it; None if unknown."""
    try:
        if sock.family == socket.AF_UNIX:
            inode = _unix_peer(sock)
        elif sock.family in (socket.AF_INET, socket.AF_INET6):
            inode = _tcp_peer(sock)
        else:
            return None
    except (OSError, struct.error):
        return None
    return None if inode is None else inode != 0


def _unix_peer(sock: socket.socket) -> int | None:
    """The inode of the far end; None if there is no answer. Raises OSError, struct.error."""
    inode = os.fstat(sock.fileno()).st_ino
    reply = _ask(UNIX_REQUEST.pack(sock.family, 0, 0, ANY, inode, UDIAG_SHOW_PEER, ANY, ANY))
    at = UNIX_MESSAGE
    while at + ATTRIBUTE.size <= len(reply):
        length, kind = ATTRIBUTE.unpack_from(reply, at)
        if kind == UNIX_DIAG_PEER:
            return int(INODE.unpack_from(reply, at + ATTRIBUTE.size)[0])
        # Padded to 4 bytes.
        at += max(ATTRIBUTE.size, (length + 3) & ~3)
    return None


def _tcp_peer(sock: socket.socket) -> int | None:
    """The inode of the far end, if it is here; see `_unix_peer`."""
    far, near = sock.getpeername(), sock.getsockname()
    ports = struct.pack("!HH", far[1], near[1])
    addresses = b"".join(_packed(sock.family, end[0]) for end in (far, near))
    request = INET_REQUEST.pack(sock.family, socket.IPPROTO_TCP, 0, 0, ANY)
    reply = _ask(request + ports + addresses + struct.pack("=III", 0, ANY, ANY))
    state, inode = INET_MESSAGE.unpack_from(reply, HEADER.size)
    # Where the far end is elsewhere, the kernel may find a listener of the same port here.
    return int(inode) if state == ESTABLISHED else None


def _packed(family: int, host: str) -> bytes:
    return socket.inet_pton(family, host.partition("%")[0]).ljust(16, b"\0")


def _ask(request: bytes) -> bytes:
    """The kernel's reply to one request of sock_diag(7). Raises OSError, struct.error."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG) as netlink:
        length = HEADER.size + len(request)
        netlink.send(HEADER.pack(length, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0) + request)
        reply = netlink.recv(4096, socket.MSG_DONTWAIT)
    if HEADER.unpack_from(reply)[1] != SOCK_DIAG_BY_FAMILY:
        raise OSError("no such socket, or no such request")
    return reply


async def _readable(sock: socket.socket, seconds: float) -> bool:
    """Wait until something can be read from `sock`, its end or an error too; False if nothing."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sock, ready.set)
    try:
        async with asyncio.timeout(seconds):
            await ready.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(sock)
    return True
