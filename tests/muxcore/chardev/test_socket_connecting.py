"""Clients that are only connecting: bounded in time, bytes and number, and not there yet."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from muxcore import events
from muxcore.chardev import admission
from muxcore.chardev.layers import handshakes
from muxcore.chardev.layers import stream as stream_module
from muxcore.chardev.socket_client import SocketClient
from muxcore.chardev.socket_server import SocketServer
from muxcore.options.objects import AuthzListFileOptions, ObjectSpec, TlsX509Options
from muxcore.options.sets import SocketOptions
from muxcore.tls.objects import Objects
from tests import support
from tests.certificates import make_certificates
from tests.muxcore.chardev.owner import running
from tests.muxcore.consoles import Bench, bench
from tests.support import eventually

pytestmark = pytest.mark.needs("openssl")

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
HELLO = b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03"
"""The beginning of a long TLS ClientHello."""

CROWD = 1000

each_protocol = pytest.mark.parametrize(
    ("protocol", "begun"), [("tls", HELLO), ("websocket", UPGRADE)], ids=["tls", "websocket"]
)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls") / "pki")


@pytest.fixture
def objects(pki: Path) -> Objects:
    made = Objects()
    made.add(ObjectSpec("near", TlsX509Options(dir=str(pki), endpoint="server")))
    made.add(ObjectSpec("far", TlsX509Options(dir=str(pki))))
    return made


def make_server(objects: Objects, protocol: str, **more: str) -> SocketServer:
    options = SocketOptions(
        host="127.0.0.1",
        port="0",
        server=True,
        websocket=protocol == "websocket",
        tls_creds="near" if protocol == "tls" else "",
        **more,  # type: ignore[arg-type]
    )
    return SocketServer("s", options, objects)


def call(server: SocketServer) -> socket.socket:
    host, _, port = server.address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=20)


@contextlib.asynccontextmanager
async def dripping(sock: socket.socket, data: bytes) -> AsyncIterator[None]:
    """Send `data` a byte at a time, and some of it again and again, until nobody takes it."""
    sock.setblocking(False)

    async def drip() -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            for at in range(1 << 30):
                await loop.sock_sendall(sock, data[at : at + 1] or b"x")
                await asyncio.sleep(0.005)

    task = asyncio.create_task(drip())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@each_protocol
async def test_a_client_that_drips_has_so_much_time_and_no_more(
    objects: Objects, protocol: str, begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "HANDSHAKE_TIME", 0.2)
    server = make_server(objects, protocol)
    async with running(server) as owner:
        with call(server) as client:
            async with dripping(client, begun):
                await eventually(lambda: owner.failed, 20)
        assert owner.failed == ["no handshake within 0.2 s"]
        assert (server.state, server.ready, owner.opened) == ("waiting", False, [])
        assert len(server._handshakes) == 0


async def test_a_server_that_drips_has_so_much_time_and_no_more(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "HANDSHAKE_TIME", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        options = SocketOptions(host="127.0.0.1", port=port, tls_creds="far", reconnect_ms=0)
        client = SocketClient("c", options, objects)
        starting = asyncio.create_task(_failed(client))
        far, _ = await asyncio.to_thread(listener.accept)
        with far:
            async with dripping(far, HELLO[:3] + b"\x3f\xff\x02"):
                assert await starting == "no handshake within 0.2 s"


async def _failed(client: SocketClient) -> str:
    async with running(client):
        await eventually(lambda: client.state == "failed", 20)
        return str(client.reason)


@each_protocol
async def test_a_handshake_without_an_end_is_given_up(
    objects: Objects, protocol: str, begun: bytes
) -> None:
    server = make_server(objects, protocol)
    endless = begun + b"x: y\r\n" * 40_000
    async with running(server) as owner:
        with call(server) as client:
            client.setblocking(False)
            with contextlib.suppress(OSError):
                await asyncio.get_running_loop().sock_sendall(client, endless)
            await eventually(lambda: owner.failed, 20)
        assert owner.opened == []
        assert len(server._handshakes) == 0


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4096:
        pytest.skip("no more than a few descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@each_protocol
async def test_a_thousand_half_open_clients_are_nobody_and_leave_room(
    objects: Objects, protocol: str, begun: bytes, many_files: None
) -> None:
    server = make_server(objects, protocol)
    async with bench(server) as made:
        with contextlib.ExitStack() as held:
            await asyncio.to_thread(crowd, held, server, begun)
            await eventually(lambda: refused(made) == CROWD - handshakes.MOST, 20)
            assert len(server._handshakes) == handshakes.MOST
            # They are no peers, and no client that a server with wait=on has waited for.
            assert not made.console.peers
            assert made.describe("s")["peers"] == []
            assert (server.state, server.ready) == ("waiting", False)
            # The sockets of this test, and those that are connecting.
            assert len(support.open_fds()) < CROWD + handshakes.MOST + 100
            async with a_good_one(objects, server, protocol):
                await eventually(lambda: len(made.console.peers) == 1, 20)


def crowd(held: contextlib.ExitStack, server: SocketServer, begun: bytes) -> None:
    for _ in range(CROWD):
        held.enter_context(call(server)).sendall(begun)
        assert len(server._handshakes) <= handshakes.MOST


def refused(made: Bench) -> int:
    """How many clients it was told of, one by one or in sum."""
    told = [event.reason for event in made.heard.of(events.StreamProblem)]
    sums = [
        int(text.split()[0]) for text in told if text.endswith("more clients failed to connect")
    ]
    return len(told) - len(sums) + sum(sums)


@contextlib.asynccontextmanager
async def a_good_one(objects: Objects, server: SocketServer, protocol: str) -> AsyncIterator[None]:
    port = server.address.rpartition(":")[2]
    if protocol == "websocket":
        async with connect(f"ws://127.0.0.1:{port}/"):
            yield
        return
    options = SocketOptions(host="127.0.0.1", port=port, tls_creds="far", reconnect_ms=0)
    async with running(SocketClient("c", options, objects)):
        yield


async def test_what_fails_all_the_time_is_told_in_sum(objects: Objects) -> None:
    server = make_server(objects, "tls")
    async with running(server) as owner:
        for _ in range(50):
            call(server).close()
        await eventually(lambda: "40 more clients failed to connect" in owner.failed, 20)
        assert len(owner.failed) == handshakes.TOLD + 1
        # And one by one again.
        call(server).close()
        await eventually(lambda: len(owner.failed) == handshakes.TOLD + 2, 20)
        assert owner.failed[-1] == "the far end left during the handshake"


# Rules in a file.


async def test_a_file_of_rules_that_changed_is_obeyed_by_the_next_client(
    objects: Objects, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text('{"policy": "allow"}')
    objects.add(ObjectSpec("list", AuthzListFileOptions(filename=str(rules))))
    server = make_server(objects, "tls", tls_authz="list")
    async with running(server) as near:
        port = server.address.rpartition(":")[2]
        options = SocketOptions(host="127.0.0.1", port=port, tls_creds="far", reconnect_ms=0)
        async with running(SocketClient("c", options, objects)):
            await eventually(lambda: near.live, 20)
        rules.write_text('{"policy": "deny", "rules": []}')
        async with running(SocketClient("c", options, objects)):
            await eventually(lambda: near.failed, 20)
    name = r"C=GB,O=Example\, Ltd,CN=client"
    assert near.failed == [f"TLS x509 authz check for {name} is denied"]
    assert len(near.opened) == 1


class Stuck:
    """A call that does not return until it may."""

    def __init__(self) -> None:
        self.count = 0
        self.release = threading.Event()

    def __call__(self, path: str) -> tuple[int, ...]:
        self.count += 1
        assert self.release.wait(60)
        return ()


async def test_rules_on_a_dead_disk_hold_up_nobody_else_and_one_thread(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "LOOK_TIME", 0.2)
    rules = tmp_path / "rules.json"
    rules.write_text('{"policy": "allow"}')
    objects.add(ObjectSpec("list", AuthzListFileOptions(filename=str(rules))))
    looks = Stuck()
    monkeypatch.setattr("muxcore.tls.authz._stamp", looks)
    server = make_server(objects, "tls", tls_authz="list")
    async with running(server) as near:
        with call(server), call(server):
            await eventually(lambda: len(near.failed) == 2, 20)
        assert near.failed == ["the rules of 'list' could not be read within 0.2 s"] * 2
        assert looks.count == 1
        looks.release.set()
