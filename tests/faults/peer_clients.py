"""Scenarios of clients: a second one, five hundred of them, and what one-byte prints cost one."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from typing import TYPE_CHECKING

from tests.faults.peer_scene import READ, Scene, directory

if TYPE_CHECKING:
    from tests.peers.peer import Peer

SECOND_SECONDS = 3.0
MANY = 500
MANY_SECONDS = 10.0
"""Seconds for all to hear the guest."""

BYTES = 5000
SEGMENTS_IN = 152
"""Offset of tcpi_data_segs_in in tcp_info of linux/tcp.h."""


def second_client(kind: type[Peer]) -> str:
    """T7: a client where one is already; served, or told why not, within a second?"""
    with directory() as path, kind(path, 1) as peer:
        scene = Scene(peer).join(1)
        start = time.monotonic()
        try:
            sock = peer.dial(0, 1.0)
        except OSError as error:
            return f"refused by the kernel: {error.strerror}"
        with sock:
            text = b""
            while time.monotonic() < start + SECOND_SECONDS and not text:
                scene.offer(b"?")
                if select.select([sock], [], [], 0.05)[0]:
                    text = sock.recv(READ)
                    break
            else:
                return f"connected, and hears nothing for {SECOND_SECONDS:.0f} s"
            waited = time.monotonic() - start
    if not text:
        return f"hung up on after {waited:.1f} s"
    if not text.strip(b"?!"):
        return f"served in {waited:.1f} s"
    return f"told {text.split(b'?')[0].decode(errors='replace').strip()!r} in {waited:.1f} s"


def many_clients(kind: type[Peer]) -> str:
    """T14: 500 clients, one after the other without a pause; how many hear the guest?"""
    places = min(MANY, kind.MOST)
    with directory() as path, kind(path, places) as peer, contextlib.ExitStack() as stack:
        # A connect waits for as long as the server's backlog is full.
        socket.setdefaulttimeout(1.0)
        stack.callback(socket.setdefaulttimeout, None)
        socks: list[socket.socket] = []
        start = time.monotonic()
        trouble = ""
        for number in range(MANY):
            try:
                socks.append(stack.enter_context(_dialled(peer, number % places)))
            except (OSError, AssertionError) as error:
                trouble = f"; then {error.strerror if isinstance(error, OSError) else error}"
                break
        connected = time.monotonic() - start
        deaf = list(socks)
        end = time.monotonic() + MANY_SECONDS
        while deaf and time.monotonic() < end:
            with contextlib.suppress(BlockingIOError):
                peer.guest.send(b"?")
            for sock in select.select(deaf, [], [], 0.05)[0]:
                deaf.remove(sock)
                with contextlib.suppress(ConnectionError):
                    if b"?" in sock.recv(READ):
                        continue
                trouble = trouble or "; the rest is hung up on"
                socks.remove(sock)
    served = len(socks) - len(deaf)
    return f"{served} of {MANY} served, connected in {connected:.1f} s{trouble}"


def _dialled(peer: Peer, number: int) -> socket.socket:
    """Connect, waiting a second for room in the server's backlog: unix(7) has EAGAIN for none."""
    end = time.monotonic() + 1.0
    while True:
        try:
            return peer.dial(number, 1.0)
        except BlockingIOError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def one_byte_prints(kind: type[Peer]) -> str:
    """T13: 5000 prints of one byte: packets to a TCP client, and how late a lone byte is."""
    with directory() as path, kind(path, 1) as peer:
        scene = Scene(peer).join(1)
        (client,) = scene.clients
        delays = []
        for _ in range(50):
            start = time.perf_counter()
            scene.offer(b"?")
            select.select([client.sock], [], [], 1.0)
            client.sock.recv(READ)
            delays.append(time.perf_counter() - start)
            time.sleep(0.01)
        before = _segments(client.sock)
        got, left, end = 0, BYTES, time.monotonic() + 10
        while got < BYTES and time.monotonic() < end:
            for _ in range(min(left, 100)):
                left -= scene.offer(b"?")
            if left == 0:
                select.select([client.sock], [], [], 1.0)
                with contextlib.suppress(BlockingIOError):
                    got += len(client.sock.recv(READ))
        packets = _segments(client.sock) - before
    delay = sorted(delays)[len(delays) // 2]
    lost = "" if got == BYTES else f" ({got} came)"
    return f"{packets} packets for {BYTES} bytes{lost}; a lone byte takes {delay * 1e3:.1f} ms"


def _segments(sock: socket.socket) -> int:
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    count: int = struct.unpack_from("I", info, SEGMENTS_IN)[0]
    return count
