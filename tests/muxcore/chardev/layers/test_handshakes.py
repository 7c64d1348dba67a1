from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from muxcore.chardev import sockets
from muxcore.chardev.layers import handshakes
from muxcore.chardev.layers import stream as stream_module
from muxcore.chardev.layers.base import Layer
from muxcore.chardev.socket_server import SocketServer
from muxcore.options.sets import SocketOptions
from tests import support
from tests.muxcore.chardev.layers.test_stream import Knock
from tests.muxcore.chardev.owner import RecordingOwner, running
from tests.support import eventually


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SocketServer:
    def knock(options: SocketOptions) -> list[Layer]:
        return [Knock()]

    monkeypatch.setattr(sockets, "make_layers", knock)
    path = support.unix_path(tmp_path, "s")
    return SocketServer("sock0", SocketOptions(path=path, server=True))


async def test_a_client_is_not_there_before_its_handshake_is_over(server: SocketServer) -> None:
    async with running(server) as owner:
        with support.connect_unix(server.options.path) as client:
            await asyncio.to_thread(support.expect, client, b"who")
            assert (server.state, server.ready, owner.opened) == ("waiting", False, [])
            client.sendall(b"khello")
            await owner.has(b"hello")
            assert (server.state, server.ready) == ("open", True)


async def test_a_failed_handshake_is_told_with_its_reason(
    server: SocketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "HANDSHAKE_TIME", 0.05)
    async with running(server) as owner:
        with support.connect_unix(server.options.path) as client:
            client.shutdown(socket.SHUT_WR)
            await eventually(lambda: owner.failed)
        with support.connect_unix(server.options.path) as client:
            await eventually(lambda: len(owner.failed) == 2)
            assert await asyncio.to_thread(support.read_to_end, client) == b"who"
    assert owner.failed == ["the far end left during the handshake", "no handshake within 0.05 s"]
    assert owner.opened == []


async def test_the_oldest_gives_way_when_too_many_are_connecting(
    server: SocketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshakes, "MOST", 3)
    clients: list[socket.socket] = []
    try:
        async with running(server) as owner:
            for count in range(1, 6):
                clients.append(support.connect_unix(server.options.path))
                await eventually(_arrived(server, owner, count))
            assert owner.failed == ["3 others are connecting"] * 2
            assert support.read_to_end(clients[0]) == b"who"
            clients[4].sendall(b"k")
            await owner.stream()
            assert len(server._handshakes) == 2
        for client in clients:
            await asyncio.to_thread(support.read_to_end, client)
    finally:
        for client in clients:
            client.close()


def _arrived(server: SocketServer, owner: RecordingOwner, count: int) -> Callable[[], bool]:
    return lambda: len(server._handshakes) + len(owner.failed) == count


async def test_a_second_guest_is_told_through_the_protocol(server: SocketServer) -> None:
    server.is_guest, server.console = True, "vm1"
    async with running(server) as owner:
        with support.connect_unix(server.options.path) as first:
            first.sendall(b"k")
            await owner.stream()
            with support.connect_unix(server.options.path) as second:
                second.sendall(b"k")
                told = await asyncio.to_thread(support.read_to_end, second)
            assert told == b"whomuxtui: vm1 already has a guest connected\r\n"
            assert len(owner.live) == 1
