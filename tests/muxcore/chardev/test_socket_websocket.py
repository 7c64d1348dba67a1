from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from muxcore.chardev.socket_server import SocketServer
from muxcore.options.sets import SocketOptions
from tests import support
from tests.muxcore.chardev.owner import running
from tests.muxcore.consoles import bench
from tests.support import eventually

NODE_CLIENT = Path(__file__).parents[2] / "clients" / "websocket.mjs"


def web_server(*, telnet: bool = False) -> SocketServer:
    options = SocketOptions(
        host="127.0.0.1", port="0", server=True, wait=False, websocket=True, telnet=telnet
    )
    return SocketServer("web", options)


def url(server: SocketServer) -> str:
    return f"ws://{server.address}/"


async def received(client: ClientConnection, count: int) -> bytes:
    got = bytearray()
    while len(got) < count:
        async with asyncio.timeout(5):
            message = await client.recv()
        assert isinstance(message, bytes)
        got += message
    return bytes(got)


async def test_a_websocket_in_python_is_a_peer_like_any_other() -> None:
    server = web_server()
    async with bench(server) as made:
        assert server.filename == f"disconnected:websocket:{server.address},server=on"
        async with connect(url(server), subprotocols=["binary"]) as client:  # type: ignore[list-item]
            assert client.subprotocol == "binary"
            await client.send("ls\r")
            await client.send(b"\xff\0")
            await eventually(lambda: made.guest.sent == b"ls\r\xff\0")
            await made.print(b"a\xff\r\n" * 50_000)
            assert await received(client, 200_000) == b"a\xff\r\n" * 50_000
        await eventually(lambda: not made.console.peers)
        assert server.state == "waiting"


async def test_a_console_that_ends_says_goodbye() -> None:
    server = web_server()
    async with running(server):
        client = await connect(url(server))
    with pytest.raises(ConnectionClosed) as caught:
        await received(client, 1)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1001
    await client.close()


async def test_a_websocket_on_a_unix_socket_ends_with_its_client(tmp_path: Path) -> None:
    path = support.unix_path(tmp_path, "s")
    server = SocketServer("web", SocketOptions(path=path, server=True, websocket=True))
    async with running(server) as owner:
        async with unix_connect(path) as client:
            await client.send("hello")
            await owner.has(b"hello")
        await eventually(lambda: not owner.live)


async def test_telnet_goes_within_websocket() -> None:
    server = web_server(telnet=True)
    async with running(server) as owner, connect(url(server)) as client:
        assert (await received(client, 15)).startswith(b"\xff\xfb\x01")
        await client.send(b"\xff\xfd\x00\xff\xfb\x00a\xff\xffb")
        await owner.has(b"a\xffb")


async def test_a_page_of_another_host_is_refused_and_told() -> None:
    server = web_server()
    async with running(server) as owner:
        with pytest.raises(InvalidStatus) as caught:
            await connect(url(server), origin="http://evil.example")  # type: ignore[arg-type]
        assert caught.value.response.status_code == 403
        await eventually(lambda: owner.failed)
        assert owner.failed == ["websocket: the page that asks is of another host"]
        assert owner.opened == []


async def test_a_slow_browser_lags_and_gets_everything() -> None:
    options = SocketOptions(
        host="127.0.0.1", port="0", server=True, wait=False, websocket=True, policy="block"
    )
    server = SocketServer("web", options)
    data = b"0123456789abcdef" * (1 << 16)
    async with (
        bench(server, history=1 << 18) as made,
        connect(f"ws://{server.address}/", max_queue=1, max_size=None) as client,
    ):
        await eventually(lambda: made.console.peers)
        made.guest.feed(data[: 1 << 19])
        assert await received(client, 1 << 19) == data[: 1 << 19]
        made.guest.feed(data[1 << 19 :])
        assert await received(client, 1 << 19) == data[1 << 19 :]


@pytest.mark.needs("node")
async def test_a_websocket_in_node_is_a_peer_like_any_other() -> None:
    server = web_server()
    async with bench(server) as made:
        node = await asyncio.create_subprocess_exec(
            "node",
            str(NODE_CLIENT),
            server.address.rpartition(":")[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert node.stdin is not None
        assert node.stdout is not None
        try:
            node.stdin.write(b"ls\r\xff\0" * 100)
            await eventually(lambda: made.guest.sent == b"ls\r\xff\0" * 100, 20)
            await made.print(b"out\xff" * 5000)
            async with asyncio.timeout(20):
                assert await node.stdout.readexactly(20_000) == b"out\xff" * 5000
                node.terminate()
                assert await node.wait() == 0
        finally:
            if node.returncode is None:
                node.kill()
                await node.wait()
            node._transport.close()  # type: ignore[attr-defined]


def test_a_daemon_without_a_websocket_does_not_load_the_package() -> None:
    code = "import sys, muxcore.daemon.daemon; print([m for m in sys.modules if 'websockets' in m])"
    got = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert got == "[]\n"
