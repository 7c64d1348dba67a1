from __future__ import annotations

import contextlib
import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from muxcore.chardev import socket_client
from muxcore.chardev.socket_client import SocketClient
from muxcore.chardev.socket_server import SocketServer
from muxcore.options.sets import SocketOptions
from tests import support
from tests.muxcore.chardev.owner import running
from tests.muxcore.daemons import ROOT
from tests.support import eventually


async def test_two_ends_of_an_abstract_name_meet() -> None:
    options = SocketOptions(path=f"muxtui two {os.getpid()}", abstract=True, server=True)
    far = SocketOptions(path=options.path, abstract=True)
    server, client = SocketServer("s", options), SocketClient("c", far)
    async with running(server) as near, running(client) as typed:
        (await typed.stream()).write([b"hello"])
        await near.has(b"hello")
    assert not os.path.lexists(options.path)


async def test_a_name_that_is_not_tight_is_another_one() -> None:
    path = f"muxtui loose {os.getpid()}"
    server = SocketServer("s", SocketOptions(path=path, abstract=True, tight=False, server=True))
    async with running(server) as near:
        async with running(SocketClient("c", SocketOptions(path=path, abstract=True))) as client:
            assert client.changes[-1][0] == "retrying"
        loose = SocketClient("c", SocketOptions(path=path, abstract=True, tight=False))
        async with running(loose) as client:
            await client.stream()
            await near.stream()


async def test_an_abstract_name_is_for_its_owner_only(monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"muxtui mine {os.getpid()}"
    server = SocketServer("s", SocketOptions(path=path, abstract=True, server=True))
    monkeypatch.setattr("muxcore.chardev.sockets.PEERCRED", _Stranger())
    async with running(server) as owner:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(b"\0" + path.encode())
            await eventually(lambda: owner.failed)
            assert support.read_to_end(client) == b""
    assert owner.failed == ["user 4242 may not use this abstract socket"]
    assert owner.opened == []


class _Stranger:
    size = 12

    def unpack(self, data: bytes) -> tuple[int, int, int]:
        return os.getpid(), 4242, 4242


# Ports.


def tcp_server(**options: object) -> SocketServer:
    return SocketServer("s", SocketOptions(host="127.0.0.1", server=True, **options))  # type: ignore[arg-type]


async def test_the_first_free_port_of_a_range_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        if port > 65000:
            pytest.skip("no room above the port")
        server = tcp_server(port=str(port), to=port + 500)
        async with running(server):
            got = int(server.address.rpartition(":")[2])
            assert port < got <= port + 500


async def test_a_range_without_a_free_port_is_qemus_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = tcp_server(port=str(port), to=port)
        async with running(server):
            assert server.reason == "Failed to find an available port: Address already in use"


@pytest.mark.parametrize(
    ("ipv4", "ipv6", "family"),
    [
        (None, None, None),
        (True, True, None),
        (True, None, socket.AF_INET),
        (None, False, socket.AF_INET),
        (None, True, socket.AF_INET6),
        (False, None, socket.AF_INET6),
    ],
)
async def test_ipv4_and_ipv6_choose_the_family(
    ipv4: bool | None, ipv6: bool | None, family: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def look_up(host: str, port: str, **kinds: int) -> None:
        asked.append(kinds.get("family"))
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    async with running(tcp_server(port="0", ipv4=ipv4, ipv6=ipv6)):
        pass
    client = SocketOptions(host="h", port="1", ipv4=ipv4, ipv6=ipv6, reconnect_ms=0)
    async with running(SocketClient("c", client)):
        pass
    assert asked == [family, family]


# Descriptors.


async def test_a_passed_listener_is_listened_on() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    host, port = listener.getsockname()
    listener.set_inheritable(True)
    fd = str(listener.detach())
    server = SocketServer("s", SocketOptions(fd=fd, server=True))
    async with running(server) as owner:
        assert server.address == f"{host}:{port}"
        assert server.filename == f"disconnected:fd:{host}:{port},server=on"
        assert server.connect_command is None
        with socket.create_connection((host, port)) as client:
            client.sendall(b"hi")
            await owner.has(b"hi")
            assert not os.get_inheritable(int(fd))


async def test_a_passed_connection_is_used_once() -> None:
    near, far = socket.socketpair()
    near.set_inheritable(True)
    client = SocketClient("c", SocketOptions(fd=str(near.detach())))
    with far:
        async with running(client) as owner:
            (await owner.stream()).write([b"hello"])
            support.expect(far, b"hello")
            assert client.filename == f"fd:{client.options.fd}"
            far.close()
            await eventually(lambda: client.state == "closed")
            assert client.retry_at is None


async def refusal(fd: str, *, server: bool) -> str:
    kind = SocketServer if server else SocketClient
    chardev = kind("s", SocketOptions(fd=fd, server=server))
    async with running(chardev):
        assert (chardev.state, chardev.retry_at) == ("failed", None)
        return str(chardev.reason)


async def test_a_descriptor_that_will_not_do_is_refused_in_one_line(tmp_path: Path) -> None:
    assert "Bad file descriptor" in await refusal("999", server=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fd = str(listener.fileno())
        assert await refusal(fd, server=True) == f"File descriptor '{fd}' was not passed to muxtui"
        listener.set_inheritable(True)
        expected = f"File descriptor '{fd}' is not a connected stream socket"
        assert await refusal(fd, server=False) == expected
        assert listener.getsockname()
    file = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(file, True)
    assert await refusal(str(file), server=True) == f"File descriptor '{file}' is not a socket"
    os.close(file)


CONFIG = """
[console.vm]
backends = ["socket,id=s,fd={fd},server=on,wait=off"]
"""


def test_a_daemon_serves_on_a_listener_that_it_was_started_with(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config.write_text(CONFIG.format(fd=listener.fileno()))
        control = support.unix_path(tmp_path, "c")
        command = [sys.executable, "-m", "muxcore", "-s", control, "serve", "-c", str(config)]
        daemon = subprocess.Popen(
            command, cwd=ROOT, pass_fds=[listener.fileno()], stderr=subprocess.PIPE
        )
        try:
            support.eventually_sync(lambda: os.path.exists(control), 20)
            with socket.create_connection(listener.getsockname(), timeout=20) as client:
                client.sendall(b"x")
                ls = [sys.executable, "-m", "muxcore", "-s", control, "ls", "--json"]
                support.eventually_sync(
                    lambda: b'"peers": [\n' in subprocess.check_output(ls, cwd=ROOT), 20
                )
        finally:
            daemon.kill()
            daemon.communicate()


# vsock.

VMADDR_CID_LOCAL = 1
"""This machine itself, vsock(7)."""


async def test_vsock_is_listened_on_where_the_kernel_has_it() -> None:
    server = SocketServer("s", SocketOptions(cid="4294967295", port="51234", server=True))
    async with running(server):
        if server.state == "failed":
            assert (server.reason or "").startswith(("Failed to create", "Failed to bind"))
        else:
            assert server.filename == "disconnected:vsock:4294967295:51234,server=on"


@pytest.fixture
def loopback_port() -> str:
    """A port of this machine's vsock, where the kernel leads from it to itself."""
    # Nothing less tells: the driver may be built in, and a virtual machine's own leads elsewhere.
    with contextlib.ExitStack() as stack:
        try:
            listener = stack.enter_context(socket.socket(socket.AF_VSOCK))
            listener.bind((socket.VMADDR_CID_ANY, socket.VMADDR_PORT_ANY))
            listener.listen()
            port = listener.getsockname()[1]
            client = stack.enter_context(socket.socket(socket.AF_VSOCK))
            client.settimeout(0.5)
            client.connect((VMADDR_CID_LOCAL, port))
        except OSError as error:
            pytest.skip(f"no vsock to this machine itself (modprobe vsock_loopback): {error}")
    return str(port)


async def test_two_ends_of_a_vsock_meet(loopback_port: str) -> None:
    server = SocketServer("s", SocketOptions(cid="4294967295", port=loopback_port, server=True))
    client = SocketClient("c", SocketOptions(cid="1", port=loopback_port))
    async with running(server) as near, running(client) as far:
        (await near.stream()).write([b"out\xff"])
        await far.has(b"out\xff")
        far.live[0].write([b"in\xff"])
        await near.has(b"in\xff")
        assert client.filename.startswith("vsock:1:")
        assert far.live[0].who.address == f"1:{loopback_port}"


async def test_a_vsock_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_client, "CONNECT_TIMEOUT", 0.05)
    client = SocketClient("c", SocketOptions(cid="77", port="51234", reconnect_ms=0))
    async with running(client):
        await eventually(lambda: client.state == "failed")
        assert (client.reason or "").startswith("Failed to connect to '77:51234': ")


async def test_a_kernel_without_vsock_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> socket.socket:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr("muxcore.chardev.sockets.vsock", none)
    text = "Failed to create socket: Address family not supported by protocol"
    server = SocketServer("s", SocketOptions(cid="2", port="1", server=True))
    async with running(server):
        assert server.reason == text
