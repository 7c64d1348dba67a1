"""The same `-serial` URI in QEMU and in muxtui: the two ends of it meet."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from muxcore.console.hub import Console
from muxcore.daemon.origin import Origin
from muxcore.options.grammar import parse_chardev
from tests.guest.qemu import MACHINE, UBOOT_ROM
from tests.muxcore.daemons import SLOW
from tests.support import eventually, free_port

pytestmark = pytest.mark.guest


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("unix:{dir}/s,server=on,wait=on", "unix:{dir}/s"),
        ("unix:{dir}/s", "unix:{dir}/s,server=on,wait=on"),
        ("tcp::{tcp},server=on,wait=on", "tcp:127.0.0.1:{tcp}"),
        ("telnet:127.0.0.1:{tcp},server=on,wait=on", "telnet:127.0.0.1:{tcp}"),
        ("udp:127.0.0.1:{udp1}@127.0.0.1:{udp2}", "udp:127.0.0.1:{udp2}@127.0.0.1:{udp1}"),
        ("pipe:{dir}/p", "pipe:{dir}/p"),
    ],
)
async def test_a_guest_is_reached_by_qemus_own_uri(theirs: str, ours: str, tmp_path: Path) -> None:
    places = {
        "dir": str(tmp_path),
        "tcp": free_port(socket.SOCK_STREAM),
        "udp1": free_port(socket.SOCK_DGRAM),
        "udp2": free_port(socket.SOCK_DGRAM),
    }
    for name in ("p.in", "p.out"):
        os.mkfifo(tmp_path / name)
    spec = parse_chardev(ours.format(**places))
    console = Console("vm")
    guest = Origin().make(replace(spec, id="vm.guest"))
    serial = ("-m", "32", "-bios", UBOOT_ROM, "-serial", theirs.format(**places))
    waits_for_us = not ours.endswith("wait=on")
    if not waits_for_us:
        await console.start(guest, [])
    qemu = await asyncio.create_subprocess_exec("qemu-system-x86_64", *MACHINE, *serial)
    try:
        if waits_for_us:
            await console.start(guest, [])
        await eventually(lambda: b"=> " in console.history.read(0, 65536), SLOW, "U-Boot's prompt")
        type_at(console, b"echo seen $((6*7)) by $cpu\r")
        await eventually(lambda: b"seen" in tail(console), SLOW, "an answer")
    finally:
        await console.aclose()
        qemu.kill()
        await qemu.wait()


def type_at(console: Console, keys: bytes) -> None:
    stream = console.pump.stream
    assert stream is not None
    stream.write([keys])


def tail(console: Console) -> bytes:
    """What came after the echo of the command."""
    text = console.history.read(0, 65536)
    return text.partition(b"by $cpu")[2]
