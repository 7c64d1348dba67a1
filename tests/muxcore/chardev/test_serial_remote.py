from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import serial
from serial.rfc2217 import PortManager

from muxcore.chardev import registry, serial_remote
from muxcore.chardev.heard import Item, LineValue
from muxcore.chardev.layers.comport import ComPortServer
from muxcore.chardev.layers.telnet import Telnet
from muxcore.chardev.serial_remote import RemoteSerial
from muxcore.errors import ChardevError, StreamError
from muxcore.options.sets import SerialOptions
from tests import support
from tests.muxcore.chardev.owner import running
from tests.muxcore.chardev.ports import line_speed
from tests.support import eventually

SER2NET = "/usr/sbin/ser2net"
"""Not everybody's PATH has it."""


class Server:
    """A server of RFC 2217 that has no port: it notes what it is asked and says yes."""

    def __init__(self) -> None:
        self.asked: list[LineValue] = []
        self.got = bytearray()
        self.answers: dict[Item, int | str] = {}
        self.silent: set[Item] = set()
        self.knows = True
        self.layer = Telnet(server=True)
        self.writer: asyncio.StreamWriter | None = None
        self.address = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.layer = Telnet(server=True, com_port=ComPortServer() if self.knows else None)
        self.layer.begin()
        while data := await reader.read(4096):
            self.got += self.layer.receive(data)
            for wish in self.layer.hear():
                if isinstance(wish, LineValue):
                    self.answer(wish)
            writer.write(self.layer.take())
        writer.close()

    def answer(self, wish: LineValue) -> None:
        self.asked.append(wish)
        if wish.item in self.silent:
            return
        if wish.item is Item.MODEM:
            self.say(LineValue(Item.MODEM, 0x90))
        else:
            self.say(LineValue(wish.item, self.answers.get(wish.item, wish.value)))

    def say(self, value: LineValue) -> None:
        assert self.writer is not None
        self.layer.tell(value)
        self.writer.write(self.layer.take())

    def send(self, data: bytes) -> None:
        assert self.writer is not None
        self.writer.write(data)

    def hang_up(self) -> None:
        assert self.writer is not None
        self.writer.close()

    def settings(self) -> dict[Item, int | str | None]:
        return {wish.item: wish.value for wish in self.asked}


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    async with listening:
        host, port = listening.sockets[0].getsockname()
        made.address = f"{host}:{port}"
        yield made
        if made.writer is not None:
            made.writer.close()
            with contextlib.suppress(OSError):
                await made.writer.wait_closed()


def remote(address: str, **options: int | str) -> RemoteSerial:
    made = registry.make(
        "com",
        SerialOptions(path=f"rfc2217://{address}", **options),  # type: ignore[arg-type]
    )
    assert isinstance(made, RemoteSerial)
    return made


async def test_the_line_is_set_before_the_port_is_open(server: Server) -> None:
    chardev = remote(server.address, speed=65280, parity="even", stop=2, flow="rtscts")
    async with running(chardev) as owner:
        await owner.stream()
        assert server.settings() == {
            Item.MODEM: None,
            Item.SPEED: 65280,
            Item.BITS: 8,
            Item.PARITY: "even",
            Item.STOP: 2,
            Item.FLOW: "rtscts",
        }
        assert (chardev.type, chardev.filename) == ("serial", "serial")
        assert chardev.address == f"rfc2217://{server.address}"
        assert not chardev.can_resize
        every = bytes(range(256))
        owner.live[0].write([every])
        await eventually(lambda: server.got == every)
        server.send(every.replace(b"\xff", b"\xff\xff"))
        await owner.has(every)


async def test_a_server_without_the_option_is_one_line(server: Server) -> None:
    server.knows = False
    chardev = remote(server.address, reconnect_ms=0)
    async with running(chardev):
        assert (chardev.state, chardev.reason) == (
            "failed",
            "the far end does not speak RFC 2217",
        )


async def test_a_port_that_cannot_be_so_is_one_line(server: Server) -> None:
    server.answers[Item.SPEED] = 9600
    chardev = remote(server.address, reconnect_ms=0)
    async with running(chardev):
        assert chardev.state == "failed"
        assert chardev.reason == "speed 115200 was asked for and the port has 9600"


async def test_a_server_that_does_not_answer_is_not_awaited_for_ever(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.silent.add(Item.BITS)
    monkeypatch.setattr("muxcore.chardev.layers.stream.HANDSHAKE_TIME", 0.1)
    chardev = remote(server.address, reconnect_ms=0)
    async with running(chardev):
        assert chardev.reason == "no handshake within 0.1 s"


async def test_the_line_is_set_again_as_it_was_last(server: Server) -> None:
    chardev = remote(server.address, reconnect_ms=10)
    async with running(chardev) as owner:
        await owner.stream()
        assert chardev.line is not None
        await chardev.line.change(Item.SPEED, 9600)
        await chardev.line.change(Item.DTR, 0)
        server.asked.clear()
        server.hang_up()
        await eventually(lambda: len(owner.opened) == 2)
        assert server.settings()[Item.SPEED] == 9600
        # A port that is opened raises it.
        assert Item.DTR not in server.settings()


async def test_a_line_that_is_away_is_set_when_it_is_there(server: Server) -> None:
    chardev = remote(server.address)
    await chardev.line.change(Item.SPEED, 300)
    async with running(chardev) as owner:
        await owner.stream()
        assert server.settings()[Item.SPEED] == 300


async def test_a_break_is_begun_and_ended(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_remote, "BREAK_SECONDS", 0.02)
    chardev = remote(server.address)
    with pytest.raises(ChardevError, match="'com' is closed"):
        chardev.send_break()
    async with running(chardev) as owner:
        await owner.stream()
        assert chardev.can_break
        chardev.send_break()
        chardev.send_break()
        await eventually(lambda: LineValue(Item.BREAK, 0) in server.asked)
        breaks = [wish.value for wish in server.asked if wish.item is Item.BREAK]
        assert breaks == [1, 0]


async def test_the_modems_lines_and_errors_are_those_the_server_told(server: Server) -> None:
    chardev = remote(server.address)
    async with running(chardev) as owner:
        await owner.stream()
        await eventually(lambda: chardev._line._modem is not None)
        assert await chardev.line.modem() == 0x90
        server.say(LineValue(Item.MODEM, 0x30))
        await eventually(lambda: chardev._line._modem == 0x30)
        # RFC 2217's notice of a break; it is told once.
        server.send(b"\xff\xfa\x2c\x6a\x10\xff\xf0")
        await eventually(lambda: chardev._line._errors)
        assert [await chardev.line.errors(), await chardev.line.errors()] == [16, 0]


async def test_a_server_that_ignores_a_change_is_an_error_in_time(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial_remote, "ANSWER_TIME", 0.05)
    server.silent.add(Item.DTR)
    chardev = remote(server.address)
    async with running(chardev) as owner:
        await owner.stream()
        with pytest.raises(StreamError, match="does not answer about its dtr"):
            await chardev.line.change(Item.DTR, 0)
        assert chardev.line.value(Item.DTR) == 1


async def test_a_server_may_suspend_what_is_typed(server: Server) -> None:
    chardev = remote(server.address)
    async with running(chardev) as owner:
        stream = await owner.stream()
        server.send(b"\xff\xfa\x2c\x6c\xff\xf0now")
        await owner.has(b"now")
        with pytest.raises(BlockingIOError):
            stream.write([b"typed"])
        server.send(b"\xff\xfa\x2c\x6d\xff\xf0on")
        await owner.has(b"on")
        assert stream.write([b"typed"]) == 5


# pyserial's PortManager.


class PortManagerServer:
    """pyserial's own example of a server, with a port whose output is its input."""

    def __init__(self) -> None:
        self.port: Any = serial.serial_for_url("loop://", timeout=0)
        self.sock = socket.socket()

    def write(self, data: bytes) -> None:
        """What the PortManager has to say."""
        self.sock.sendall(data)

    def serve(self, listener: socket.socket) -> None:
        """Serve one client until it leaves."""
        self.sock.close()
        self.sock, _ = listener.accept()
        # Its stubs have one kind of port and of connection.
        manager = PortManager(self.port, cast("Any", self))
        with self.sock:
            while data := self.sock.recv(4096):
                self.port.write(b"".join(manager.filter(data)))
                self.write(b"".join(manager.escape(self.port.read(4096))))
        self.port.close()


async def test_pyserials_port_manager_is_a_port_like_any_other() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = PortManagerServer()
        serving = asyncio.create_task(asyncio.to_thread(server.serve, listener))
        host, port = listener.getsockname()
        chardev = remote(f"{host}:{port}", speed=57600, bits=7, parity="even", stop=2)
        async with running(chardev) as owner:
            stream = await owner.stream()
            line = server.port
            settings = [line.baudrate, line.bytesize, line.parity, line.stopbits]
            assert settings == [57600, 7, "E", 2]
            stream.write([bytes(range(256))])
            await owner.has(bytes(range(256)))
        await serving


# Debian's ser2net.


@asynccontextmanager
async def ser2net(directory: Path, near: int) -> AsyncIterator[str]:
    """A server in front of the port; yields its address."""
    address = f"127.0.0.1:{support.free_port()}"
    config = directory / "ser2net.yaml"
    accepter = f"telnet(rfc2217),tcp,{address.replace(':', ',')}"
    config.write_text(
        "%YAML 1.1\n---\nconnection: &port\n"
        f"  accepter: {accepter}\n  enable: on\n"
        f"  connector: serialdev,{os.ttyname(near)},9600n81,local\n"
    )
    program = await asyncio.create_subprocess_exec(
        SER2NET, "-n", "-d", "-u", "-c", str(config), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield address
    finally:
        program.terminate()
        await program.wait()


@pytest.mark.needs(SER2NET)
async def test_a_port_behind_ser2net_is_like_one_here(tmp_path: Path) -> None:
    with support.raw_pty() as (far, near):
        await talk_through_ser2net(tmp_path, far, near)


async def talk_through_ser2net(directory: Path, far: int, near: int) -> None:
    async with ser2net(directory, near) as address:
        chardev = remote(address, speed=57600, reconnect_ms=50)
        async with running(chardev) as owner:
            await eventually(lambda: owner.live, what=f"a port: {chardev.reason}")
            assert line_speed(near) == 57600
            every = bytes(range(256))
            os.write(far, every)
            await owner.has(every)
            owner.live[0].write([every])
            await asyncio.to_thread(support.expect, far, every)
            chardev.send_break()
            await chardev.line.change(Item.SPEED, 12345)
            assert line_speed(near) == 12345
    assert chardev.state == "closed"
