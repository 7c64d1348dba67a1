from __future__ import annotations

import asyncio
import fcntl
import os
import shlex
import socket
import struct
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from muxcore.chardev.socket_client import SocketClient
from muxcore.chardev.socket_server import SocketServer
from muxcore.errors import BreakUnsupported
from muxcore.options.sets import SocketOptions
from tests import support
from tests.muxcore.chardev.owner import RecordingOwner, running
from tests.muxcore.consoles import Bench, bench
from tests.support import eventually

BEGUN = b"\xff\xfb\x01\xff\xfb\x03\xff\xfb\x00\xff\xfd\x00\xff\xfd\x1f"
BINARY = b"\xff\xfd\x00\xff\xfb\x00"
SIZE = b"\xff\xfa\x1f\x00\x64\x00\x28\xff\xf0"


def telnet_server(path: str = "") -> SocketServer:
    host, port = ("", "") if path else ("127.0.0.1", "0")
    return SocketServer(
        "tel",
        SocketOptions(path=path, host=host, port=port, server=True, wait=False, telnet=True),
    )


def call(server: SocketServer) -> socket.socket:
    host, _, port = server.address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=5)


async def test_a_client_is_open_at_once_and_is_told_the_options() -> None:
    server = telnet_server()
    async with running(server) as owner:
        assert server.filename == f"disconnected:telnet:{server.address},server=on"
        with call(server) as client:
            stream = await owner.stream()
            host, port = client.getsockname()
            assert server.filename == f"telnet:{server.address},server=on <-> {host}:{port}"
            support.expect(client, BEGUN)
            client.sendall(BINARY + b"ab\xff\xffc\r\0")
            await owner.has(b"ab\xffc\r\0")
            stream.write([b"out\xff\r"])
            support.expect(client, b"out\xff\xff\r")


async def test_a_break_and_a_window_size_of_a_client_reach_the_guest(tmp_path: Path) -> None:
    path = support.unix_path(tmp_path, "s")
    async with bench(telnet_server(path)) as made:
        with support.connect_unix(path) as client:
            client.sendall(BINARY + b"a\xff\xf3b" + SIZE)
            await eventually(lambda: made.guest.sent == b"ab")
            await eventually(lambda: made.guest.sizes[-1:] == [(40, 100)])
            assert made.guest.breaks == 1
            described = made.describe("tel")["peers"][0]
            assert (described["rows"], described["cols"]) == (40, 100)


async def test_a_client_that_may_not_type_sends_no_break_either(tmp_path: Path) -> None:
    path = support.unix_path(tmp_path, "s")
    server = telnet_server(path)
    server.readonly = True
    async with bench(server) as made:
        with support.connect_unix(path) as client:
            client.sendall(b"\xff\xf3" + SIZE + b"x")
            await eventually(lambda: made.console.peers and made.console.peers[0].refused == 1)
            assert (made.guest.breaks, made.guest.sizes) == (0, [])


async def test_an_endless_subnegotiation_is_the_end_of_its_client_alone(tmp_path: Path) -> None:
    path = support.unix_path(tmp_path, "s")
    async with bench(telnet_server(path)) as made:
        with support.connect_unix(path) as bad, support.connect_unix(path) as good:
            await eventually(lambda: len(made.console.peers) == 2)
            bad.sendall(b"\xff\xfa" + b"x" * 5000)
            await eventually(lambda: len(made.console.peers) == 1)
            good.sendall(b"hello")
            await eventually(lambda: made.guest.sent == b"hello")


# As a client, towards a guest.


@asynccontextmanager
async def guest_behind_telnet() -> AsyncIterator[tuple[SocketClient, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        port = str(listener.getsockname()[1])
        chardev = SocketClient("g", SocketOptions(host="127.0.0.1", port=port, telnet=True))
        chardev.resize(40, 100)
        async with running(chardev) as owner:
            with listener.accept()[0] as far:
                await owner.stream()
                far.settimeout(5)
                yield chardev, far


async def test_a_guest_behind_telnet_has_a_break_and_a_window_size() -> None:
    async with guest_behind_telnet() as (chardev, far):
        assert chardev.can_break
        assert chardev.can_resize
        assert chardev.filename.startswith("telnet:127.0.0.1:")
        far.sendall(b"\xff\xfd\x1f")
        await asyncio.to_thread(support.expect, far, b"\xff\xfb\x1f" + SIZE)
        chardev.send_break()
        support.expect(far, b"\xff\xf3")
        chardev.resize(24, 80)
        support.expect(far, b"\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0")


def test_a_guest_behind_a_bare_socket_has_neither() -> None:
    chardev = SocketClient("g", SocketOptions(path="/x"))
    assert not chardev.can_break
    assert not chardev.can_resize
    with pytest.raises(BreakUnsupported):
        chardev.send_break()


async def test_two_of_ours_talk_telnet_to_each_other(tmp_path: Path) -> None:
    path = support.unix_path(tmp_path, "s")
    data = bytes(range(256)) * 64 + b"\r\n\r\0\r"
    server = telnet_server(path)
    client = SocketClient("c", SocketOptions(path=path, telnet=True))
    async with running(server) as printed, running(client) as typed:
        await eventually(lambda: printed.live and typed.live)
        printed.live[0].write([b"go"])
        await typed.has(b"go")
        typed.live[0].write([b"go"])
        await printed.has(b"go")
        printed.live[0].write([data])
        typed.live[0].write([data])
        await typed.has(b"go" + data)
        await printed.has(b"go" + data)


# Debian's telnet.


@asynccontextmanager
async def telnet_program(server: SocketServer, rows: int, cols: int) -> AsyncIterator[int]:
    """The command that is shown, on a terminal of a size; yields the terminal's master."""
    master, slave = os.openpty()
    set_size(master, rows, cols)
    program = await asyncio.create_subprocess_exec(
        *shlex.split(server.connect_command or ""),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    try:
        yield master
    finally:
        if program.returncode is None:
            program.kill()
        await program.wait()
        os.close(master)


def set_size(fd: int, rows: int, cols: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("4H", rows, cols, 0, 0))


async def shows(master: int, text: bytes) -> None:
    await asyncio.to_thread(support.read_until, master, text)


@asynccontextmanager
async def telnet_on_console() -> AsyncIterator[tuple[Bench, int]]:
    server = telnet_server()
    async with bench(server) as made, telnet_program(server, 30, 90) as master:
        await shows(master, b"Escape character is")
        await eventually(lambda: made.guest.sizes[-1:] == [(30, 90)], what="the first size")
        yield made, master


@pytest.mark.needs("telnet")
async def test_t12_debians_telnet_types_and_sees_every_byte() -> None:
    async with telnet_on_console() as (made, master):
        os.write(master, b"ls\r\x03\x7f\xff")
        await eventually(lambda: made.guest.sent == b"ls\r\x03\x7f\xff")
        await made.print(b"a\xffb\r\nc\rd\x1b[1m")
        await shows(master, b"a\xffb\r\nc\rd\x1b[1m")


@pytest.mark.needs("telnet")
async def test_what_is_typed_at_debians_telnet_is_echoed_by_the_guest_alone() -> None:
    async with telnet_on_console() as (made, master):
        os.write(master, b"secret")
        await eventually(lambda: made.guest.sent == b"secret")
        support.assert_silent(master)


@pytest.mark.needs("telnet")
async def test_debians_telnet_sends_a_break() -> None:
    async with telnet_on_console() as (made, master):
        os.write(master, b"\x1d")
        await shows(master, b"telnet> ")
        os.write(master, b"send brk\r")
        await eventually(lambda: made.guest.breaks == 1)
        os.write(master, b"x")
        await eventually(lambda: made.guest.sent == b"x")


@pytest.mark.needs("telnet")
async def test_debians_telnet_tells_when_its_terminal_is_resized() -> None:
    async with telnet_on_console() as (made, master):
        set_size(master, 50, 255)
        await eventually(lambda: made.guest.sizes[-1] == (50, 255))


@pytest.mark.needs("telnet")
async def test_debians_telnet_ends_when_the_console_does() -> None:
    server = telnet_server()
    async with running(server) as owner, telnet_program(server, 24, 80) as master:
        await owner.stream()
        await ended(server, owner)
        await shows(master, b"Connection closed by foreign host")


async def ended(server: SocketServer, owner: RecordingOwner) -> None:
    server.drop_stream(owner.live[0], None)
