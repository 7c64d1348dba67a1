from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from muxcore.chardev import base, socket_client, sockets
from muxcore.chardev.socket_client import SocketClient
from muxcore.options.sets import SocketOptions
from tests import support
from tests.muxcore.chardev.owner import running
from tests.support import eventually


@pytest.fixture
def path(tmp_path: Path) -> str:
    return support.unix_path(tmp_path, "s")


def unix(path: str, reconnect_ms: int | None = None) -> SocketClient:
    return SocketClient("guest", SocketOptions(path=path, reconnect_ms=reconnect_ms))


@pytest.fixture
def unix_server(path: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        server.settimeout(5)
        yield server


@pytest.fixture
def tcp_server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        yield server


def tcp(port: int, reconnect_ms: int | None = None) -> SocketClient:
    options = SocketOptions(host="127.0.0.1", port=str(port), reconnect_ms=reconnect_ms)
    return SocketClient("guest", options)


async def test_bytes_go_both_ways(path: str, unix_server: socket.socket) -> None:
    client = unix(path)
    async with running(client) as owner:
        far_end, _ = unix_server.accept()
        with far_end:
            await eventually(lambda: client.state == "open")
            assert client.filename == f"unix:{path}"
            far_end.sendall(b"login: ")
            await owner.has(b"login: ")
            owner.live[0].write([b"root"])
            support.expect(far_end, b"root")


async def test_a_missing_socket_is_told_in_qemus_words_and_awaited(path: str) -> None:
    client = unix(path)
    async with running(client) as owner:
        assert client.state == "retrying"
        assert client.reason == f"Failed to connect to '{path}': No such file or directory"
        assert client.retry_at is not None
        assert client.filename == f"disconnected:unix:{path}"
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen()
            server.settimeout(5)
            await eventually(lambda: client.state != "retrying")
            with server.accept()[0]:
                await owner.stream()


async def test_a_lost_connection_is_made_again(path: str, unix_server: socket.socket) -> None:
    client = unix(path, reconnect_ms=1)
    async with running(client) as owner:
        for count in (1, 2):
            unix_server.accept()[0].close()
            await eventually(lambda count=count: len(owner.ended) == count)  # type: ignore[misc]
        assert ("retrying", "the far end closed the connection") in owner.changes


async def test_a_fixed_delay_is_kept(path: str) -> None:
    client = unix(path, reconnect_ms=5000)
    async with running(client):
        assert client.retry_at is not None
        assert client._retry is not None
        assert client.retry_at - client.since == pytest.approx(5.0, abs=0.5)


async def test_no_delay_is_no_second_attempt(path: str, unix_server: socket.socket) -> None:
    client = unix(path, reconnect_ms=0)
    async with running(client):
        unix_server.accept()[0].close()
        await eventually(lambda: client.state == "closed")
        assert client.retry_at is None
        unix_server.close()
        await client.open()
        assert (client.state, client.retry_at) == ("failed", None)


async def test_a_full_backlog_is_tried_again(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as first:
        server.bind(path)
        server.listen(0)
        first.connect(path)
        client = unix(path)
        async with running(client) as owner:
            assert client.state == "retrying"
            assert client.reason == (
                f"Failed to connect to '{path}': Resource temporarily unavailable "
                "(all the room for clients that wait there is taken)"
            )
            server.settimeout(5)
            server.accept()[0].close()
            await eventually(lambda: client.state == "waiting")
            with server.accept()[0]:
                await owner.stream()


async def test_a_server_that_accepts_and_hangs_up_is_called_less_and_less(
    path: str, unix_server: socket.socket
) -> None:
    client = unix(path)
    async with running(client):
        for _ in range(2):
            unix_server.accept()[0].close()
            await eventually(lambda: client.state == "retrying")
            await eventually(lambda: client.state == "waiting")
        assert client._backoff._limit >= 0.8


async def test_tcp_shows_both_ends(tcp_server: socket.socket) -> None:
    port = tcp_server.getsockname()[1]
    client = tcp(port)
    async with running(client) as owner:
        far_end, (host, far_port) = tcp_server.accept()
        with far_end:
            await owner.stream()
            assert client.filename == f"tcp:{host}:{far_port} <-> 127.0.0.1:{port}"
            assert client.address == f"127.0.0.1:{port}"
            with socket.socket(fileno=os.dup(owner.live[0].fd)) as sock:
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            far_end.sendall(b"x")
            await owner.has(b"x")


async def test_a_refused_tcp_connection_names_the_address(tcp_server: socket.socket) -> None:
    port = tcp_server.getsockname()[1]
    tcp_server.close()
    client = tcp(port)
    async with running(client):
        assert client.reason == f"Failed to connect to '127.0.0.1:{port}': Connection refused"
        assert client.filename == f"disconnected:tcp:127.0.0.1:{port}"


async def test_a_silent_host_does_not_hold_up_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "START_WAIT", 0.01)
    with socket.socket() as server, socket.socket() as first:
        # A full TCP backlog swallows the handshake, as a firewall does.
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        first.connect(server.getsockname())
        client = tcp(server.getsockname()[1])
        async with running(client):
            assert client.state == "connecting"
        assert client.state == "closed"


async def test_a_silent_host_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_client, "CONNECT_TIMEOUT", 0.02)
    with socket.socket() as server, socket.socket() as first:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        first.connect(server.getsockname())
        client = tcp(server.getsockname()[1])
        async with running(client):
            assert client.state == "retrying"
            assert "Connection timed out" in (client.reason or "")


async def test_names_are_looked_up_and_every_address_is_tried(
    tcp_server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = tcp_server.getsockname()[1]

    def look_up(host: str, port: str, type: int) -> list[tuple[object, ...]]:
        good = (socket.AF_INET, type, 6, "", ("127.0.0.1", int(port)))
        bad = (socket.AF_INET, type, 6, "", ("127.0.0.1", 1))
        return [bad, bad, good]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    client = SocketClient("guest", SocketOptions(host="board.lab", port=str(port)))
    async with running(client) as owner:
        with tcp_server.accept()[0]:
            await owner.stream()


def test_ipv6_hosts_are_shown_in_brackets() -> None:
    options = SocketOptions(host="::1", port="4000", server=True)
    assert sockets.qemu_address(options, sockets.target(options)) == "tcp:[::1]:4000,server=on"
