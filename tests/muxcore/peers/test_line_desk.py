from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import serial as pyserial

from muxcore import events
from muxcore.chardev.heard import Item
from muxcore.chardev.serial import SerialChardev
from muxcore.chardev.socket_server import SocketServer
from muxcore.console.hub import Console
from muxcore.errors import StreamError
from muxcore.options.sets import SocketOptions
from muxcore.peers import line_desk
from tests import support
from tests.muxcore.chardev.ports import Board, board, line_speed, port
from tests.muxcore.consoles import Recorder, bench
from tests.support import eventually

__all__ = ["board"]

IAC, SB, SE, WILL = b"\xff", b"\xfa", b"\xf0", b"\xfb"
HELLO = IAC + WILL + b"\x2c"
READY = b"\x6b\xb0"
"""A modem that is there."""


def said(payload: bytes) -> bytes:
    return IAC + SB + b"\x2c" + payload + IAC + SE


@dataclass
class Made:
    """A console with a serial guest behind a server of RFC 2217."""

    console: Console
    guest: SerialChardev
    server: SocketServer
    heard: Recorder

    async def client(self) -> socket.socket:
        """A client that both sides know to speak it."""
        client = support.connect_unix(self.server.address)
        client.sendall(HELLO)
        await asyncio.to_thread(support.read_until, client, said(READY))
        return client

    async def ask(self, client: socket.socket, payload: bytes, answer: bytes) -> None:
        """Send a wish, and wait for what it is answered with."""
        client.sendall(said(payload))
        await asyncio.to_thread(support.read_until, client, said(answer))

    def changes(self) -> list[tuple[str, int | str, str]]:
        """What was changed, to what, and by whom."""
        return [(e.item, e.value, e.by) for e in self.heard.of(events.LineChanged)]


def make_server(path: str = "") -> SocketServer:
    host, tcp = ("", "") if path else ("127.0.0.1", "0")
    options = SocketOptions(
        path=path, host=host, port=tcp, server=True, wait=False, telnet=True, rfc2217=True
    )
    return SocketServer("com", options)


@asynccontextmanager
async def serial_console(board: Board, path: str = "") -> AsyncIterator[Made]:
    heard = Recorder()
    made = Made(Console("vm", notify=heard), port(board), make_server(path), heard)
    await made.console.start(made.guest, [made.server])
    try:
        yield made
    finally:
        await made.console.aclose()


@pytest.fixture
async def made(board: Board, tmp_path: Path) -> AsyncIterator[Made]:
    async with serial_console(board, support.unix_path(tmp_path, "s")) as made:
        yield made


async def test_a_client_sets_the_guests_line_and_an_event_says_who(
    made: Made, board: Board
) -> None:
    with await made.client() as client:
        await made.ask(client, b"\x01\x00\x00\x30\x39", b"\x65\x00\x00\x30\x39")
        assert line_speed(board.line) == 12345
        await made.ask(client, b"\x04\x02", b"\x68\x02")
        # Asked again, or merely asked, nothing changes.
        await made.ask(client, b"\x04\x02", b"\x68\x02")
        await made.ask(client, b"\x01\x00\x00\x00\x00", b"\x65\x00\x00\x30\x39")
        assert made.changes() == [("speed", 12345, "com/1"), ("stop", 2, "com/1")]


async def test_the_last_one_wins(made: Made, board: Board) -> None:
    with await made.client() as one, await made.client() as two:
        await made.ask(one, b"\x01\x00\x00\x25\x80", b"\x65\x00\x00\x25\x80")
        await made.ask(two, b"\x01\x00\x00\x4b\x00", b"\x65\x00\x00\x4b\x00")
        assert line_speed(board.line) == 19200
        assert [by for _, _, by in made.changes()] == ["com/1", "com/2"]


async def test_who_may_not_type_may_only_ask(
    made: Made, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.console.set_backend("com", readonly=True)
    breaks: list[str] = []
    monkeypatch.setattr(made.guest, "send_break", lambda: breaks.append("break"))
    with await made.client() as client:
        await made.ask(client, b"\x01\x00\x00\x25\x80", b"\x65\x00\x01\xc2\x00")
        await made.ask(client, b"\x05\x05", b"\x69\x06")
        assert line_speed(board.line) == 115200
        assert made.changes() == []
        assert breaks == []


async def test_what_cannot_be_is_answered_with_what_is(made: Made) -> None:
    with await made.client() as client:
        for payload, answer in (
            (b"\x01\xff\xff\xff\xff\xff\xff\xff\xff", b"\x65\x00\x01\xc2\x00"),
            (b"\x02\x63", b"\x66\x08"),
            (b"\x03\x09", b"\x67\x01"),
            (b"\x04\x03", b"\x68\x01"),
            (b"\x05\x0f", b"\x69\x0e"),
        ):
            await made.ask(client, payload, answer)
        assert made.changes() == []


async def test_what_the_port_refuses_is_an_event(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(item: Item, value: int | str) -> None:
        raise StreamError("the port cannot be set: Input/output error")

    monkeypatch.setattr(made.guest.line, "change", refuse)
    with await made.client() as client:
        await made.ask(client, b"\x04\x02", b"\x68\x01")
        problems = [(e.peer, e.reason) for e in made.heard.of(events.StreamProblem)]
        assert problems == [("com/1", "the port cannot be set: Input/output error")]


async def test_a_break_has_the_length_it_always_has(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks: list[str] = []
    monkeypatch.setattr(made.guest, "send_break", lambda: breaks.append("break"))
    with await made.client() as client:
        await made.ask(client, b"\x05\x05", b"\x69\x05")
        await made.ask(client, b"\x05\x06", b"\x69\x06")
        assert breaks == ["break"]


async def test_a_modem_that_changes_and_errors_are_told_without_asking(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_desk, "POLL", 0.005)
    lines, errors = [0xB0], [0]

    async def modem() -> int:
        return lines[0]

    async def count() -> int:
        found, errors[0] = errors[0], 0
        return found

    monkeypatch.setattr(made.guest.line, "modem", modem)
    monkeypatch.setattr(made.guest.line, "errors", count)
    with await made.client() as client:
        await made.ask(client, b"\x0a\x10", b"\x6e\x10")
        lines[0] = 0x30
        await asyncio.to_thread(support.read_until, client, said(b"\x6b\x38"))
        errors[0] = 16
        await asyncio.to_thread(support.read_until, client, said(b"\x6a\x10"))
    await eventually(lambda: not polls(made))


def line(made: Made) -> line_desk.LineDesk:
    assert made.console.desk.line is not None
    return made.console.desk.line


def polls(made: Made) -> bool:
    polling = line(made)._polling
    return polling is not None and not polling.done()


async def test_a_port_that_comes_back_is_looked_at_again(made: Made, board: Board) -> None:
    with await made.client():
        board.unplug()
        await eventually(lambda: made.guest.state == "retrying")
        board.plug()
        await eventually(lambda: made.guest.state == "open")
        assert polls(made)


async def test_a_purge_drops_what_the_client_typed_and_nothing_else(tmp_path: Path) -> None:
    path = support.unix_path(tmp_path, "s")
    async with bench(make_server(path)) as made:
        made.guest.stall()
        made.guest.feed(b"printed")
        with support.connect_unix(path) as client:
            client.sendall(HELLO + b"x" * 3000)
            await eventually(lambda: made.console.peers and made.console.peers[0].waiting)
            client.sendall(said(b"\x0c\x03"))
            await asyncio.to_thread(support.read_until, client, said(b"\x70\x03"))
            assert made.console.peers[0].waiting == 0
            assert bytes(made.console.history.views(0)[0]) == b"printed"


async def test_a_guest_without_a_line_is_as_it_was_asked_to_be(tmp_path: Path) -> None:
    path = support.unix_path(tmp_path, "s")
    async with bench(make_server(path)) as made:
        with support.connect_unix(path) as client:
            client.sendall(HELLO + said(b"\x03\x03") + said(b"\x05\x09") + said(b"\x05\x05"))
            wanted = [READY, b"\x67\x03", b"\x69\x09"]
            await asyncio.to_thread(read_all, client, [said(answer) for answer in wanted])
            await eventually(lambda: made.guest.breaks == 1)
            assert made.heard.of(events.LineChanged) == []


async def test_a_flood_of_wishes_is_bounded(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = asyncio.Event()

    async def slow(item: Item, value: int | str) -> None:
        await gate.wait()

    monkeypatch.setattr(made.guest.line, "change", slow)
    with await made.client() as client:
        await asyncio.to_thread(client.sendall, said(b"\x02\x07") * 5000)
        peer = made.console.peers[0]
        await eventually(lambda: len(line(made)._wishes[peer]) == line_desk.WAITING)
        client.sendall(b"typed")
        await eventually(lambda: peer.received >= 5)
        assert len(line(made)._wishes[peer]) == line_desk.WAITING
        gate.set()


def read_all(client: socket.socket, wanted: list[bytes]) -> None:
    """Read until all of `wanted` has come, in any order."""
    got = b""
    while not all(answer in got for answer in wanted):
        got += support.read_some(client)


# pyserial's own client.


@pytest.mark.filterwarnings("ignore:set(Daemon|Name)\\(\\) is deprecated:DeprecationWarning")
async def test_pyserial_uses_the_guest_as_a_port_of_its_own(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serial_console(board) as made:
        breaks: list[str] = []
        monkeypatch.setattr(made.guest, "send_break", lambda: breaks.append("break"))
        url = f"rfc2217://{made.server.address}"
        await asyncio.to_thread(use_with_pyserial, url, board)
        assert breaks == ["break"]
        assert ("speed", 57600, "com/1") in made.changes()
        assert made.guest.state == "open"


def use_with_pyserial(url: str, board: Board) -> None:
    client = pyserial.serial_for_url(url, 57600, timeout=5)
    try:
        assert line_speed(board.line) == 57600
        every = bytes(range(256))
        client.write(every)
        support.expect(board.line, every)
        os.write(board.line, every)
        assert client.read(256) == every
        client.baudrate = 9600
        assert line_speed(board.line) == 9600
        client.send_break(0.01)
        client.dtr = False
        client.rtscts = True
        assert (client.cd, client.dsr, client.cts, client.ri) == (True, True, True, False)
    finally:
        client.close()
