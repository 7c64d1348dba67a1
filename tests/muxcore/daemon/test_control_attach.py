"""mux-attach: a connection that becomes a stream."""

import contextlib
import json
import socket
import struct

import pytest

from muxcore.config import ConsoleConfig
from muxcore.daemon.daemon import Daemon
from muxcore.daemon.origin import Origin
from muxcore.wire.frames import HEADER, encode
from tests.muxcore.daemons import Raw, print_from, raw_client
from tests.support import eventually

pytestmark = pytest.mark.usefixtures("task_factory")


# Attach.


async def test_a_raw_attach_is_the_consoles_bytes_behind_the_reply(
    daemon: Daemon, client: Raw
) -> None:
    await client.execute("mux-add-console", console="vm1", guest="process,command=cat")
    print_from(daemon, "vm1", b"before")
    async with raw_client(daemon.path) as stream:
        reply = await stream.execute("mux-attach", console="vm1", replay=3)
        assert reply == {"id": "vm1.attach0", "offset": 3, "end": 6}
        assert await stream.reader.readexactly(3) == b"ore"
        stream.send(b"hello\n")
        assert await stream.reader.readuntil(b"hello\r\nhello\r\n")
    removed = await client.event("MUX_BACKEND_REMOVED")
    assert removed == {"console": "vm1", "id": "vm1.attach0"}
    assert await client.execute("mux-query-consoles")


async def test_a_framed_attach_begins_with_the_state(daemon: Daemon, client: Raw) -> None:
    await client.execute("mux-add-console", console="vm1")
    async with raw_client(daemon.path) as stream:
        await stream.execute(
            "mux-attach", console="vm1", framing="frames", rows=10, cols=20, label="a \x1b label"
        )
        kind, length = HEADER.unpack(await stream.reader.readexactly(HEADER.size))
        assert kind == b"S"
        assert json.loads(await stream.reader.readexactly(length))["guest"] is None
        (console,) = await client.execute("mux-query-consoles")
        (peer,) = console["backends"][0]["peers"]
        assert peer["label"] == "a \\x1b label"
        assert (peer["rows"], peer["cols"]) == (10, 20)
        assert await client.execute("mux-detach-backend", id="vm1.attach0") == (
            "'vm1.attach0' is somebody's stream: it can be removed, not detached"
        )
        assert await client.execute("mux-disconnect-peer", peer="vm1.attach0/1") == {}
        await stream.reader.read()


async def test_a_bad_frame_ends_that_stream_alone(daemon: Daemon, client: Raw) -> None:
    await client.execute("mux-add-console", console="vm1")
    async with raw_client(daemon.path) as stream, raw_client(daemon.path) as other:
        await stream.execute("mux-attach", console="vm1", framing="frames")
        await other.execute("mux-attach", console="vm1", framing="frames", id="mine")
        stream.send(b"?????")
        await stream.reader.read()
        other.send(encode(b"W", struct.pack(">HH", 5, 6)))

        def seen() -> list[tuple[str, int | None]]:
            console = daemon.consoles["vm1"].describe()
            return [(item["id"], item["peers"][0]["rows"]) for item in console["backends"]]

        await eventually(lambda: seen() == [("mine", 5)])


@pytest.mark.parametrize("early", [b"x", b'{"execute":"query-version"}', b'{"'])
async def test_input_before_the_reply_to_attach_is_an_error(
    daemon: Daemon, client: Raw, early: bytes
) -> None:
    await client.execute("mux-add-console", console="vm1")
    async with raw_client(daemon.path) as stream:
        stream.send(b'{"execute":"mux-attach","arguments":{"console":"vm1"}}' + early)
        reply = await stream.reply()
        assert reply["error"]["desc"] == "input came before the reply to mux-attach"
    assert not daemon.consoles["vm1"].backends


async def test_an_attach_that_is_refused_leaves_the_connection_as_it_was(
    daemon: Daemon, client: Raw
) -> None:
    assert await client.execute("mux-attach", console="nope") == "Console 'nope' not found"
    await client.execute("mux-add-console", console="vm1", backends=["null,id=b0"])
    assert await client.execute("mux-attach", console="vm1", id="b0") == (
        "Chardev with id 'b0' already exists"
    )
    assert await client.execute("mux-attach", console="vm1", rows=5) == (
        "'rows' and 'cols' go together"
    )
    assert await client.execute("mux-attach", console="vm1", mode="x") == (
        "Parameter 'mode' does not accept value 'x'"
    )
    assert await client.execute("query-version")


async def test_an_attach_waits_until_what_came_before_it_is_read(daemon: Daemon) -> None:
    await daemon.add_console(ConsoleConfig("vm1"), Origin())
    with socket.socket(socket.AF_UNIX) as slow:
        slow.connect(daemon.path)
        slow.setblocking(False)
        slow.send(b'{"execute":"qmp_capabilities"}')
        assert daemon._server is not None
        connections = daemon._server._connections
        await eventually(lambda: any(c.negotiated for c in connections))
        (connection,) = connections
        while not connection._waiting:
            connection.send(b" " * 65536 + b"\r\n")
        slow.send(b'{"execute":"mux-attach","arguments":{"console":"vm1"}}')
        await eventually(lambda: connection._task is not None)
        assert not daemon.consoles["vm1"].backends
        got = bytearray()

        def attached() -> bool:
            with contextlib.suppress(BlockingIOError):
                got.extend(slow.recv(1 << 20))
            return got.endswith(b"}\r\n") and bool(daemon.consoles["vm1"].backends)

        await eventually(attached)
        assert b'"id": "vm1.attach0"' in got
