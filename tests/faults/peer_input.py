"""Scenarios of input: half-typed escapes, answers to a query, 0xFF, a paste beside Ctrl-C."""

from __future__ import annotations

import contextlib
import select
import subprocess
import time
from typing import TYPE_CHECKING

from tests import support
from tests.faults.peer_break import machine
from tests.faults.peer_scene import PATIENCE, READ, Scene, directory
from tests.guest.qemu import UBOOT_ROM
from tests.peers.qemu import hub

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
UBOOT_PROMPT = b"=> "


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
    count = got.count(ANSWER)
    many = f"{count} answer{'' if count == 1 else 's'}"
    return f"the guest gets {many} to one query from two terminals"


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


def paste(kind: type[Peer], take_over: bytes = b"") -> str:
    """T16: Ctrl-C of one while another pastes 1 MB, at a guest of 115200 baud.

    A second is what the pty that plays the guest's line holds by itself. `take_over` is what the
    second user types first, to be allowed to type.
    """
    # A tty, since a socket alone would hold what takes such a guest many seconds.
    with directory() as path, kind(path, 2, guest="tty") as peer:
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
            if taken < BAUD * (now - start):
                with contextlib.suppress(BlockingIOError):
                    data = peer.guest.recv(BAUD // 10)
                    taken += len(data)
                    found = CTRL_C in data
            time.sleep(0.005)
    if not found:
        return f"not within {PASTE_SECONDS:.0f} s"
    return f"after {time.monotonic() - pressed:.1f} s"


def paste_to_uboot() -> str:
    """T16 for a hub: U-Boot's `sleep` takes a byte of a 16550 every 100 us, and ends at Ctrl-C."""
    with directory() as path:
        members = ["one", "other"]
        chardevs = [f"socket,id={name},path={path}/{name},server=on,wait=off" for name in members]
        arguments = [word for each in (*chardevs, hub(members)) for word in ("-chardev", each)]
        uboot = ["-m", "32", "-bios", UBOOT_ROM, "-serial", "chardev:hub"]
        with (
            machine(path, [*arguments, *uboot], runs=True),
            support.connect_unix(path / "one") as one,
            support.connect_unix(path / "other") as other,
        ):
            _read_until((one, other), UBOOT_PROMPT)
            one.send(b"sleep 600\r")
            _read_until((one, other), b"sleep 600")
            one.setblocking(False)
            left = memoryview(b"x" * PASTE)
            start, pressed, got = time.monotonic(), 0.0, b""
            while UBOOT_PROMPT not in got:
                now = time.monotonic()
                if pressed and now > pressed + PASTE_SECONDS:
                    return f"not within {PASTE_SECONDS:.0f} s"
                with contextlib.suppress(BlockingIOError):
                    left = left[one.send(left[:READ]) :] if left else left
                with contextlib.suppress(BlockingIOError):
                    one.recv(READ)
                if not pressed and now > start + 1:
                    pressed = now
                    other.send(CTRL_C)
                got += heard(other, 0.02) or b""
            return f"after {time.monotonic() - pressed:.1f} s"


def _read_until(socks: tuple[socket.socket, ...], needle: bytes) -> None:
    """Read from all until it has come to all: a hub waits for each of its members."""
    texts = dict.fromkeys(socks, b"")
    end = time.monotonic() + PATIENCE
    while not all(needle in text for text in texts.values()):
        assert time.monotonic() < end, f"no {needle!r} in {texts}"
        for sock in select.select(socks, [], [], 0.1)[0]:
            texts[sock] += sock.recv(READ)
