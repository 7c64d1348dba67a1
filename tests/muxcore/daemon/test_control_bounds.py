"""What a bad client can do to the control socket: nothing to anybody else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import socket
from collections.abc import Iterator

import pytest

from muxcore.daemon.daemon import Daemon
from tests.muxcore.daemons import SLOW, Raw
from tests.support import eventually

MIB = 1 << 20


@pytest.mark.parametrize(
    ("nonsense", "error"),
    [
        (b"[", "JSON nesting depth limit exceeded"),
        (b'{"a":', "JSON nesting depth limit exceeded"),
        (b"[1,[", "JSON nesting depth limit exceeded"),
        (b"1,", "JSON token count limit exceeded"),
        (b"x", "JSON token size limit exceeded"),
    ],
)
async def test_64_mib_of_nonsense_are_answered_once_and_not_read(
    daemon: Daemon, client: Raw, nonsense: bytes, error: str
) -> None:
    loop = asyncio.get_running_loop()
    block = nonsense * (MIB // len(nonsense))
    with socket.socket(socket.AF_UNIX) as bad:
        bad.setblocking(False)
        bad.connect(daemon.path)
        await loop.sock_sendall(bad, {b"1,": b"[", b"x": b'"'}.get(nonsense, b" "))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(64):
                await loop.sock_sendall(bad, block)
                assert await client.execute("query-version")
            raise AssertionError("all of it was read")
        got = bytearray()
        with contextlib.suppress(ConnectionResetError):
            while data := await loop.sock_recv(bad, 65536):
                got += data
    greeting, *replies = map(json.loads, got.splitlines())
    assert "QMP" in greeting
    assert replies == [{"error": {"class": "GenericError", "desc": error}}]
    assert daemon._server is not None
    await eventually(lambda: daemon._server and len(daemon._server._connections) == 1)
    assert await client.execute("query-version")


async def test_smaller_mistakes_end_no_connection(client: Raw) -> None:
    client.send(b'} {"a": nonsense} \x00 [[[')
    for _ in range(3):
        assert "JSON parse error" in (await client.reply())["error"]["desc"]
    client.send(b"]]]")
    assert (await client.reply())["error"]["desc"] == "QMP input must be a JSON object"
    assert await client.execute("query-version")


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Room for both ends of a thousand connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
async def test_a_thousand_clients_are_served_and_forgotten(daemon: Daemon, client: Raw) -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 2100:
        pytest.skip("this machine does not allow 2100 descriptors")
    assert daemon._server is not None
    connections = daemon._server._connections
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(1000)]
        for sock in crowd:
            sock.setblocking(False)
            while True:
                try:
                    sock.connect(daemon.path)
                    break
                except BlockingIOError:
                    # The listener's queue is full: let the daemon have its turn.
                    await asyncio.sleep(0)
            sock.send(b'{"execute":"qmp_capabilities"}')
        await eventually(lambda: sum(c.negotiated for c in connections) == 1001, SLOW)
        await client.execute("mux-add-console", console="vm1")
        assert await client.event("MUX_CONSOLE_ADDED") == {"console": "vm1"}
        for sock in (crowd[0], crowd[-1]):
            assert b"MUX_CONSOLE_ADDED" in sock.recv(65536)
    await eventually(lambda: len(connections) == 1, SLOW)
    assert await client.execute("query-version")
