"""Scenarios of input: half-typed escapes, answers to a query, 0xFF, a paste beside Ctrl-C."""

from __future__ import annotations

import contextlib
import select
import subprocess
import time
from typing import TYPE_CHECKING

from tests.faults.peer_scene import READ, Scene, directory

if TYPE_CHECKING:
    import socket

    from tests.peers.peer import GuestEnd, Peer

SOON = 1.0
"""Seconds within which what is typed must be where it belongs."""

BAUD = 11520
"""Bytes a second that a guest at 115200 baud reads."""

PASTE = 1_000_000
PASTE_SECONDS = 20.0
QUERY, ANSWER = b"\x1b[6n", b"\x1b[24;1R"
CTRL_C = b"\x03"


def heard(end: GuestEnd | socket.socket, seconds: float = SOON) -> bytes | None:
    """What comes in a while; None if that is the end of the stream."""
    got, until = b"", time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if not select.select([end], [], [], left)[0]:
            break
        try:
            chunk = end.recv(READ)
        except ConnectionError:
            return None
        if not chunk:
            return None
        got += chunk
    return got


def half_escapes(kind: type[Peer], first: bytes, second: bytes) -> str:
    """T10: one user types the beginning of an escape, another one what would complete it."""
    with directory() as path, kind(path, 2) as peer:
        scene = Scene(peer).join(2)
        one, other = scene.clients
        one.sock.send(first)
        time.sleep(0.2)
        with contextlib.suppress(ConnectionError):
            other.sock.send(second)
        got = heard(peer.guest)
        with contextlib.suppress(subprocess.TimeoutExpired):
            peer.process.wait(SOON)
        keys = f"{first!r} of one and {second!r} of another"
        if peer.process.poll() is not None:
            return f"{keys} end the program (status {peer.process.returncode})"
        if heard(one.sock, 0.2) is None or heard(other.sock, 0.2) is None:
            return f"{keys} end a client's connection"
    if got == first + second:
        return "no escapes: both go to the guest as they are"
    return f"kept apart: the guest gets {got!r}"


def answers(kind: type[Peer]) -> str:
    """T11: two terminals answer one query."""
    with directory() as path, kind(path, 2, drop=True) as peer:
        scene = Scene(peer).join(2)
        scene.offer(QUERY)
        for client in scene.clients:
            heard(client.sock, SOON / 2)
        for client in scene.clients:
            client.sock.send(ANSWER)
        got = heard(peer.guest) or b""
    return f"the guest gets {got.count(ANSWER)} answers to one query from two terminals"


def byte_ff(kind: type[Peer]) -> str:
    """T12: 0xFF, which the client's protocol doubles, out and in."""
    with directory() as path, kind(path, 1) as peer:
        scene = Scene(peer).join(1)
        (client,) = scene.clients
        heard(client.sock, SOON / 2)
        scene.offer(b"a\xffb")
        out = heard(client.sock) or b""
        client.sock.send(b"c\xff\xffd")
        came = heard(peer.guest) or b""
    result = "out doubled" if b"a\xff\xffb" in out else f"out not doubled: {out!r}"
    typed = "undone" if came.endswith(b"c\xffd") else f"wrong: {came!r}"
    return f"{result}; in {typed}"


def paste(kind: type[Peer], *, take_over: bytes = b"", filters: bool = False) -> str:
    """T16: Ctrl-C of one while another pastes 1 MB, at a guest of 115200 baud.

    Args:
        kind: the peer.
        take_over: what the second user types first, to be allowed to type.
        filters: the guest itself reads at that rate, and passes on nothing but Ctrl-C.
    """
    with directory() as path, kind(path, 2) as peer:
        scene = Scene(peer).join(2)
        one, other = scene.clients
        left = memoryview(b"x" * PASTE)
        start = time.monotonic()
        taken, pressed, found = 0, 0.0, False
        while not found and (now := time.monotonic()) < start + 1 + PASTE_SECONDS:
            with contextlib.suppress(BlockingIOError):
                left = left[one.sock.send(left[:READ]) :] if left else left
            for client in scene.clients:
                with contextlib.suppress(BlockingIOError):
                    client.sock.recv(READ)
            if not pressed and now > start + 1:
                pressed = now
                other.sock.send(take_over)
                other.sock.send(CTRL_C)
            if filters or taken < BAUD * (now - start):
                with contextlib.suppress(BlockingIOError):
                    data = peer.guest.recv(READ if filters else BAUD // 10)
                    taken += len(data)
                    found = CTRL_C in data
            time.sleep(0.005)
    if not found:
        return f"not within {PASTE_SECONDS:.0f} s"
    return f"after {time.monotonic() - pressed:.1f} s"
