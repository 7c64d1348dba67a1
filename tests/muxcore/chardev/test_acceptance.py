"""A connection is open once the server has accepted it, where Linux tells."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from muxcore.chardev import acceptance
from muxcore.chardev.acceptance import accepted, settled
from muxcore.chardev.socket_client import SocketClient
from muxcore.options.sets import SocketOptions
from tests import support
from tests.muxcore.chardev.owner import running
from tests.support import eventually

HERE = {
    "unix": socket.AF_UNIX,
    "127.0.0.1": socket.AF_INET,
    "::1": socket.AF_INET6,
    "::ffff:127.0.0.1": socket.AF_INET6,
}


@pytest.fixture(params=HERE)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(HERE[request.param]) as server:
        if request.param == "unix":
            server.bind(support.unix_path(tmp_path, "s"))
        else:
            server.bind((request.param, 0))
        server.listen()
        server.settimeout(5)
        yield server


def options(server: socket.socket) -> SocketOptions:
    address = server.getsockname()
    if isinstance(address, str):
        return SocketOptions(path=address)
    return SocketOptions(host=address[0], port=str(address[1]))


def call(server: socket.socket) -> socket.socket:
    sock = socket.socket(server.family)
    sock.connect(server.getsockname())
    sock.setblocking(False)
    return sock


def test_a_connection_in_the_queue_is_told_from_an_accepted_one(server: socket.socket) -> None:
    with call(server) as sock:
        assert accepted(sock) is False
        with server.accept()[0] as far_end:
            assert accepted(sock) is True
            far_end.setblocking(False)
            assert accepted(far_end) is True


def test_the_accepted_end_may_be_another_process_s(server: socket.socket) -> None:
    with call(server) as sock, server.accept()[0] as far_end:
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        assert accepted(sock) is True
        assert far_end.fileno() >= 0


def test_the_ends_of_a_pair_are_accepted() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert accepted(one) is True


def test_it_is_unknown_where_the_kernel_does_not_tell(
    server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(request: bytes) -> bytes:
        raise PermissionError

    with call(server) as sock:
        monkeypatch.setattr(acceptance, "_ask", refuse)
        assert accepted(sock) is None
        monkeypatch.setattr(acceptance, "_ask", lambda request: b"short")
        assert accepted(sock) is None


def test_a_protocol_that_the_kernel_knows_nothing_of_is_no_answer() -> None:
    with pytest.raises(OSError, match="no such"):
        acceptance._ask(b"\xff" * 60)


def test_a_far_end_elsewhere_is_not_taken_for_a_listener_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, call(listener) as sock:
        far: tuple[str, int] = sock.getpeername()

        class Elsewhere:
            """A connection from a port that nobody here has."""

            family = socket.AF_INET

            def getpeername(self) -> tuple[str, int]:
                return far

            def getsockname(self) -> tuple[str, int]:
                return ("127.0.0.1", 1)

        assert accepted(Elsewhere()) is None  # type: ignore[arg-type]


async def test_what_is_printed_ends_the_wait_at_once(server: socket.socket) -> None:
    with call(server) as sock:
        assert not await settled(sock, (0.001,))
        with server.accept()[0] as far_end:
            far_end.send(b"x")
            assert await settled(sock, (1000.0,))
            assert sock.recv(10) == b"x"


async def test_an_end_behind_the_last_word_is_no_reset(server: socket.socket) -> None:
    with call(server) as sock:
        with server.accept()[0] as far_end:
            far_end.send(b"Port already in use\r\n")
        assert await settled(sock, (1000.0,))
        assert sock.recv(100) == b"Port already in use\r\n"


async def test_a_server_that_ends_resets_its_queue(server: socket.socket) -> None:
    with call(server) as sock:
        server.close()
        with pytest.raises(ConnectionResetError):
            await settled(sock, (1000.0,))


async def test_a_client_in_the_queue_is_waiting_and_not_open(server: socket.socket) -> None:
    client = SocketClient("guest", options(server))
    async with running(client) as owner:
        assert client.state == "waiting"
        program = Path("/proc/self/comm").read_text().rstrip()
        unix = server.family == socket.AF_UNIX
        who = f"{program}[{os.getpid()}]" if unix else client.address
        assert client.reason == f"not accepted yet by {who}: another client?"
        assert not owner.opened
        with server.accept()[0] as far_end:
            await owner.stream()
            assert owner.changes[-1] == ("open", None)
            far_end.send(b"login: ")
            await owner.has(b"login: ")


async def test_a_client_whose_server_ends_calls_again(server: socket.socket) -> None:
    client = SocketClient("guest", options(server))
    async with running(client) as owner:
        assert client.state == "waiting"
        server.close()
        await eventually(lambda: client.state == "retrying")
        assert client.reason == f"Failed to connect to '{client.address}': Connection reset by peer"
        assert not owner.opened


async def test_a_client_that_is_closed_in_the_queue_leaves_it(server: socket.socket) -> None:
    fds = support.open_fds()
    async with running(SocketClient("guest", options(server))) as owner:
        assert not owner.opened
    assert support.open_fds() == fds


async def test_a_telnet_client_says_nothing_before_it_is_accepted(server: socket.socket) -> None:
    if server.family == socket.AF_UNIX:
        pytest.skip("no telnet over unix sockets")
    host, port = server.getsockname()[:2]
    client = SocketClient("guest", SocketOptions(host=host, port=str(port), telnet=True))
    async with running(client) as owner:
        assert client.state == "waiting"
        with server.accept()[0] as far_end:
            await owner.stream()
            far_end.send(b"hello")
            await owner.has(b"hello")
