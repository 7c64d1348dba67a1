"""The mux beside QEMU's own: what both say to the same keys, byte for byte."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.guest.sharing import WAIT
from tests.muxcore.daemons import raw_client, running
from tests.support import assert_silent, connect_unix, read_until, unix_path

pytestmark = pytest.mark.guest

ESCAPES = [0x01, 0x14, 0x19, 0x1A, 0x1D, 0x41]


@contextmanager
def qemu(path: str, *arguments: str) -> Iterator[None]:
    """A QEMU without a machine whose monitor is on a mux on a socket at `path`."""
    mux = f"socket,id=m,path={path},server=on,wait=off,mux=on"
    command = ["qemu-system-x86_64", "-machine", "none", "-nodefaults", "-display", "none"]
    process = subprocess.Popen([*command, "-chardev", mux, "-mon", "chardev=m", *arguments])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("escape", ESCAPES)
async def test_the_help_is_that_of_qemu(tmp_path: Path, escape: int) -> None:
    key = bytes([escape])
    last = f"sends C-{chr(escape + 96)}\n\r" if escape < 26 else "sends Escape-Char\n\r"
    with qemu(unix_path(tmp_path, "qemu"), "-echr", str(escape)):
        theirs = connect_unix(tmp_path / "qemu")
        with theirs:
            read_until(theirs, b"(qemu) ", WAIT)
            # A key that means nothing, the other name of help, help in pieces.
            theirs.send(key + b"z" + key + b"?")
            expected = read_until(theirs, last.encode())
            theirs.send(key)
            theirs.send(b"h")
            expected += read_until(theirs, last.encode())
            assert_silent(theirs)
    async with running(tmp_path) as daemon, raw_client(daemon.path) as client:
        await client.execute("qmp_capabilities")
        base = {"addr": {"type": "unix", "data": {"path": str(tmp_path / "ours")}}}
        await client.execute("chardev-add", id="b", backend={"type": "socket", "data": base})
        mux = {"type": "mux", "data": {"chardev": "b", "escape": escape}}
        await client.execute("chardev-add", id="m", backend=mux)
        await client.execute("mux-add-console", console="vm", guest="null", backends=["chardev:m"])
        ours = connect_unix(tmp_path / "ours")
        with ours:
            ours.send(key + b"z" + key + b"?" + key + b"h")
            console = daemon.consoles["m"]
            assert console.own_mux is not None
            got = b""
            while len(got) < len(expected):
                # The daemon is on this very loop.
                await client.execute("query-version")
                ours.setblocking(False)
                try:
                    got += ours.recv(1 << 16)
                except BlockingIOError:
                    continue
    assert got == expected


def test_qemu_stamps_lines_from_the_first_after_the_toggle(tmp_path: Path) -> None:
    # What `Stamps` does, for this is nowhere written down.
    with (
        qemu(unix_path(tmp_path, "qemu"), "-echr", "1"),
        connect_unix(tmp_path / "qemu") as client,
    ):
        read_until(client, b"(qemu) ", WAIT)
        client.send(b"\x01t")
        client.send(b"\r")
        assert read_until(client, b"(qemu) ").endswith(b"\r\n[00:00:00.000] (qemu) ")
        client.send(b"\x01t\r")
        assert read_until(client, b"(qemu) ").endswith(b"\r\n(qemu) ")
