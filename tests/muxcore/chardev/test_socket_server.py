from __future__ import annotations

import asyncio
import errno
import getpass
import os
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from muxcore.chardev import socket_server
from muxcore.chardev.socket_server import SocketServer
from muxcore.options.sets import SocketOptions
from tests import support
from tests.muxcore.chardev.owner import RecordingOwner, running
from tests.support import eventually


@pytest.fixture
def path(tmp_path: Path) -> str:
    return support.unix_path(tmp_path, "s")


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    """Closed at the end of the test."""
    made: list[socket.socket] = []
    yield made
    for sock in made:
        sock.close()


def unix(path: str, *, wait: bool | None = None) -> SocketServer:
    return SocketServer("sock0", SocketOptions(path=path, server=True, wait=wait))


def tcp(host: str = "", port: str = "0", *, nodelay: bool = False) -> SocketServer:
    return SocketServer("sock0", SocketOptions(host=host, port=port, server=True, nodelay=nodelay))


def call(server: SocketServer) -> socket.socket:
    host, _, port = server.address.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=5)


def exists(path: str) -> bool:
    return os.path.lexists(path)


def write(path: str, data: bytes) -> None:
    Path(path).write_bytes(data)


def read(path: str) -> bytes:
    return Path(path).read_bytes()


def left_by_a_killed_daemon(path: str) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(path)
    dead.listen()
    dead.close()


# Unix sockets.


async def test_bytes_go_both_ways(path: str, sockets: list[socket.socket]) -> None:
    async with running(unix(path)) as owner:
        sockets.append(client := support.connect_unix(path))
        stream = await owner.stream()
        client.sendall(b"typed")
        await owner.has(b"typed")
        assert stream.write([b"out", b"put"]) == 6
        support.expect(client, b"output")


async def test_the_socket_is_for_its_owner_only(path: str) -> None:
    async with running(unix(path)):
        assert os.stat(path).st_mode & 0o777 == 0o600


async def test_any_number_of_clients_is_served(path: str, sockets: list[socket.socket]) -> None:
    server = unix(path)
    async with running(server) as owner:
        sockets += [support.connect_unix(path) for _ in range(40)]
        await eventually(lambda: len(owner.live) == 40)
        assert (server.state, len(server.streams)) == ("open", 40)


async def test_the_state_follows_the_clients(path: str) -> None:
    server = unix(path)
    async with running(server) as owner:
        assert (server.state, server.filename) == ("waiting", f"disconnected:unix:{path},server=on")
        with support.connect_unix(path), support.connect_unix(path):
            await eventually(lambda: len(owner.live) == 2)
            assert (server.state, server.filename) == ("open", f"unix:{path},server=on")
        await eventually(lambda: not owner.live)
        assert owner.states == ["connecting", "waiting", "open", "waiting"]


async def test_a_client_is_known_by_its_program_process_and_user(path: str) -> None:
    async with running(unix(path)) as owner:
        with support.connect_unix(path):
            who = (await owner.stream()).who
    assert (who.pid, who.user) == (os.getpid(), getpass.getuser())
    assert f"[{os.getpid()}]" in who.label


async def test_a_client_that_only_stopped_writing_still_reads(path: str) -> None:
    async with running(unix(path)) as owner:
        with support.connect_unix(path) as client:
            stream = await owner.stream()
            assert not stream.ended()
            client.shutdown(socket.SHUT_WR)
            support.assert_silent(client, 0.01)
            assert not stream.ended()
            stream.write([b"still here"])
            support.expect(client, b"still here")
        assert stream.ended()


@pytest.mark.parametrize(("wait", "ready"), [(None, False), (True, False), (False, True)])
async def test_wait_is_satisfied_by_the_first_client(path: str, wait: bool, ready: bool) -> None:
    server = unix(path, wait=wait)
    async with running(server) as owner:
        assert server.ready is ready
        with support.connect_unix(path):
            await owner.stream()
            assert server.ready
        await eventually(lambda: not owner.live)
        assert server.ready


async def test_closing_removes_the_socket(path: str) -> None:
    async with running(unix(path)):
        pass
    assert not exists(path)


async def test_closing_leaves_a_socket_that_somebody_else_made_meanwhile(
    path: str, sockets: list[socket.socket]
) -> None:
    async with running(unix(path)):
        os.unlink(path)
        sockets.append(other := socket.socket(socket.AF_UNIX))
        other.bind(path)
    assert exists(path)


async def test_a_socket_that_a_killed_daemon_left_is_replaced(path: str) -> None:
    left_by_a_killed_daemon(path)
    async with running(unix(path)) as owner:
        with support.connect_unix(path):
            await owner.stream()
    assert os.listdir(os.path.dirname(path)) == []


async def test_a_living_socket_is_left_alone_and_never_called(
    path: str, sockets: list[socket.socket]
) -> None:
    sockets.append(other := socket.socket(socket.AF_UNIX))
    other.bind(path)
    other.listen()
    other.setblocking(False)
    server = unix(path)
    async with running(server):
        assert server.state == "failed"
        assert server.reason == f"Failed to bind socket to {path}: Address already in use"
        with pytest.raises(BlockingIOError):
            other.accept()
    assert exists(path)


async def test_a_socket_that_does_not_listen_yet_is_alive(
    path: str, sockets: list[socket.socket]
) -> None:
    sockets.append(other := socket.socket(socket.AF_UNIX))
    other.bind(path)
    server = unix(path)
    async with running(server):
        assert server.state == "failed"


async def test_a_file_that_is_no_socket_is_never_replaced(path: str) -> None:
    write(path, b"mine")
    server = unix(path)
    async with running(server):
        assert server.reason == f"Failed to bind socket to {path}: it exists and is not a socket"
    assert read(path) == b"mine"


async def test_a_failed_bind_is_tried_again(path: str, sockets: list[socket.socket]) -> None:
    sockets.append(other := socket.socket(socket.AF_UNIX))
    other.bind(path)
    server = unix(path)
    async with running(server):
        assert server.retry_at is not None
        other.close()
        await eventually(lambda: server.state == "waiting")


async def test_a_path_that_is_too_long_is_qemus_error(tmp_path: Path) -> None:
    server = unix(str(tmp_path / ("x" * 120)))
    async with running(server):
        assert "too long, path must be less than 108 bytes" in (server.reason or "")


# As a guest.


async def test_a_guest_has_one_client_and_the_second_is_told(path: str) -> None:
    server = unix(path)
    server.is_guest, server.console = True, "vm1"
    async with running(server) as owner:
        with support.connect_unix(path):
            await owner.stream()
            with support.connect_unix(path) as second:
                told = await asyncio.to_thread(support.read_to_end, second)
            assert told == b"muxtui: vm1 already has a guest connected\r\n"
            assert len(owner.live) == 1
        await eventually(lambda: not owner.live)
        with support.connect_unix(path):
            await owner.stream()


async def test_a_guest_whose_path_was_removed_has_one_connection_only(path: str) -> None:
    server = unix(path)
    server.is_guest = True
    async with running(server) as owner:
        with support.connect_unix(path):
            await owner.stream()
            os.unlink(path)
        await eventually(lambda: not owner.live)
        assert (server.state, server.reason) == ("closed", "the far end closed the connection")


# Out of descriptors.


async def test_running_out_of_descriptors_is_shown_and_passes(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_server, "SHORTAGE_PAUSE", 0.05)
    calls = []

    def accept(self: socket.socket) -> tuple[socket.socket, str]:
        calls.append(self)
        raise OSError(errno.EMFILE, "Too many open files")

    server = unix(path)
    async with running(server) as owner:
        with monkeypatch.context() as patch:
            patch.setattr(socket.socket, "accept", accept)
            with support.connect_unix(path):
                await eventually(lambda: server.reason == "cannot accept: Too many open files")
                assert server.state == "waiting"
                assert len(calls) == 1
                await eventually(lambda: len(calls) == 2)
                patch.undo()
                await owner.stream()
        assert server.reason is None


async def test_a_client_that_left_before_it_was_accepted_is_no_error(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = socket.socket.accept, []

    def accept(self: socket.socket) -> tuple[socket.socket, str]:
        calls.append(self)
        if len(calls) == 1:
            raise ConnectionAbortedError(errno.ECONNABORTED, "Software caused connection abort")
        return real(self)

    async with running(unix(path)) as owner:
        monkeypatch.setattr(socket.socket, "accept", accept)
        with support.connect_unix(path):
            await owner.stream()


async def test_a_crowd_of_clients_is_let_in_a_few_at_a_time(
    path: str, sockets: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_server, "ACCEPTS_A_TURN", 3)
    server = unix(path)
    async with running(server) as owner:
        sockets += [support.connect_unix(path) for _ in range(7)]
        server._accept(server._listeners[0])
        assert len(owner.live) == 3
        await eventually(lambda: len(owner.live) == 7)


# TCP.


async def test_tcp_listens_on_loopback_unless_told_otherwise() -> None:
    server = tcp()
    async with running(server) as owner:
        assert server.address.startswith("127.0.0.1:")
        assert server.filename == f"disconnected:tcp:{server.address},server=on"
        with call(server) as client:
            stream = await owner.stream()
            host, port = client.getsockname()
            assert server.filename == f"tcp:{server.address},server=on <-> {host}:{port}"
            assert (stream.who.label, stream.who.address) == (f"{host}:{port}",) * 2
            client.sendall(b"hi")
            await owner.has(b"hi")
            client.shutdown(socket.SHUT_WR)
            await eventually(lambda: not owner.live)


async def test_a_tcp_client_is_kept_alive_and_undelayed_if_wanted() -> None:
    for nodelay in (True, False):
        server = tcp(nodelay=nodelay)
        async with running(server) as owner:
            with call(server):
                stream = await owner.stream()
                with socket.socket(fileno=os.dup(stream.fd)) as sock:
                    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                    delay_off = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                    assert bool(delay_off) is nodelay
                    assert not os.get_blocking(stream.fd)
                    assert not os.get_inheritable(stream.fd)


async def test_a_port_in_use_is_named() -> None:
    first = tcp()
    async with running(first):
        second = tcp("127.0.0.1", first.address.rpartition(":")[2])
        async with running(second):
            assert second.state == "failed"
            expected = f"Failed to bind socket to {first.address}: Address already in use"
            assert second.reason == expected


async def test_every_address_of_a_host_is_listened_on() -> None:
    if not socket.has_ipv6 or not _has_ipv6_loopback():
        pytest.skip("no IPv6")
    probe = tcp()
    async with running(probe):
        port = probe.address.rpartition(":")[2]
    server = tcp("", port)
    async with running(server) as owner:
        for host in ("127.0.0.1", "::1"):
            with socket.create_connection((host, int(port)), timeout=5):
                await owner.stream()
            await eventually(lambda: not owner.live)


def _has_ipv6_loopback() -> bool:
    with socket.socket(socket.AF_INET6) as sock:
        try:
            sock.bind(("::1", 0))
        except OSError:
            return False
    return True


async def test_an_unknown_host_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(host: str, port: str, type: int) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    server = tcp("board.lab", "4000")
    async with running(server):
        assert (server.state, server.reason) == (
            "failed",
            "address resolution failed for board.lab:4000: Name or service not known",
        )


# How to connect.


@pytest.mark.needs("socat")
@pytest.mark.parametrize("name", ["plain", "a,b:c d", "it's (one) [x] {y}", 'back\\slash"!!'])
async def test_the_command_shown_connects(tmp_path: Path, name: str) -> None:
    server = unix(support.unix_path(tmp_path, name))
    async with running(server) as owner:
        await converse(server, owner)


@pytest.mark.needs("socat")
@pytest.mark.parametrize("tight", [True, False])
async def test_the_command_shown_connects_to_an_abstract_socket(tight: bool) -> None:
    name = f"muxtui test {os.getpid()}"
    server = SocketServer(
        "s", SocketOptions(path=name, abstract=True, tight=tight, server=True, wait=False)
    )
    async with running(server) as owner:
        shown = f"disconnected:unix:{name},abstract=on{',tight=on' if tight else ''},server=on"
        assert server.filename == shown
        await converse(server, owner)


@pytest.mark.needs("socat")
@pytest.mark.parametrize("host", ["", "0.0.0.0", "::1"])
async def test_the_command_shown_connects_over_tcp(host: str) -> None:
    if host == "::1" and not _has_ipv6_loopback():
        pytest.skip("no IPv6")
    server = tcp(host)
    async with running(server) as owner:
        await converse(server, owner)


async def converse(server: SocketServer, owner: RecordingOwner) -> None:
    """Run the command in a shell on a terminal, talk both ways, leave by ctrl+]."""
    with support.raw_pty() as (master, slave):
        program = await asyncio.create_subprocess_shell(
            server.connect_command or "", stdin=slave, stdout=slave, stderr=slave
        )
        try:
            stream = await owner.stream()
            os.write(master, b"ls\r\x03")
            await owner.has(b"ls\r\x03")
            stream.write([b"a\r\nb"])
            assert await asyncio.to_thread(support.read_until, master, b"a\r\nb")
            os.write(master, b"\x1d")
            async with asyncio.timeout(5):
                assert await program.wait() == 0
        finally:
            if program.returncode is None:
                program.kill()
                await program.wait()


def test_the_command_is_one_word_for_a_shell_after_socats_options() -> None:
    command = unix("/run/my vm/s").connect_command or ""
    assert shlex.split(command)[-1] == "UNIX-CONNECT:/run/my\\ vm/s"
