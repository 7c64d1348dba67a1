from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from qemu.qmp.message import Message

from muxcore import attach as attach_module
from muxcore import client as client_module
from muxcore.attach import AttachStream, attach
from muxcore.client import Client
from muxcore.config import console_config
from muxcore.daemon.daemon import Daemon
from muxcore.daemon.origin import Origin
from muxcore.errors import CommandError, DaemonError
from muxcore.wire.frames import OFFSET, Frame
from tests.muxcore.daemons import running
from tests.support import eventually, unix_path

pytestmark = pytest.mark.usefixtures("task_factory")


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    """A daemon with a console `vm1` whose guest echoes."""
    async with running(tmp_path) as daemon:
        await daemon.add_console(
            console_config("vm1", "process,command=stty -echo; echo ready; cat", [], {}), Origin()
        )
        history = daemon.consoles["vm1"].history
        await eventually(lambda: history.end)
        yield daemon


async def _output(stream: AttachStream, count: int) -> tuple[int, bytes]:
    """The offset and the next `count` bytes of output."""
    start, data = -1, b""
    async with asyncio.timeout(5):
        while len(data) < count:
            for frame in await stream.read():
                if frame.kind == b"D":
                    start = OFFSET.unpack_from(frame.payload)[0] if start < 0 else start
                    data += frame.payload[OFFSET.size :]
    return start, data


async def _note_events(client: Client, console: str, names: list[str]) -> None:
    """Add the names of a console's events to `names`, for ever."""
    async for event in client.events():
        if event["data"].get("console") == console:
            names.append(event["event"])  # noqa: PERF401 - what came before the end is wanted


# Commands and events.


async def test_nobody_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    path = unix_path(tmp_path, "s")
    words = f"no daemon answers on {path}: start one with 'muxtui serve'"
    with pytest.raises(DaemonError) as error:
        await Client.connect(path)
    assert str(error.value) == words
    with pytest.raises(DaemonError) as error:
        await attach(path, "vm1")
    assert str(error.value) == words


async def test_somebody_who_does_not_speak_qmp_is_told(tmp_path: Path) -> None:
    path = unix_path(tmp_path, "s")

    async def chatter(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        writer.close()

    async with await asyncio.start_unix_server(chatter, path):
        with pytest.raises(DaemonError, match="cannot talk to the daemon"):
            await Client.connect(path)
        with pytest.raises(DaemonError, match="does not speak QMP"):
            await attach(path, "vm1")


async def test_a_command_gives_its_result_or_the_daemons_words(daemon: Daemon) -> None:
    async with await Client.connect(daemon.path) as client:
        assert client.daemon_version.startswith("muxtui ")
        assert [item["name"] for item in await client.consoles()] == ["vm1"]
        assert (await client.console("vm1"))["guest"]["state"] == "open"
        part = await client.execute("mux-read-history", console="vm1", format="utf8")
        assert part["data"] == "ready\r\n"
        with pytest.raises(CommandError, match="Console 'x' not found") as error:
            await client.console("x")
        assert error.value.qmp_class == "DeviceNotFound"


async def test_no_message_is_written_out_for_a_log(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package makes an indented text of each message, whether or not anybody logs it."""
    written: list[Message] = []

    def write_out(message: Message) -> str:
        written.append(message)
        return ""

    monkeypatch.setattr(Message, "__str__", write_out)
    async with await Client.connect(daemon.path) as client:
        await client.consoles()
    assert not written


async def test_events_come_in_order_and_end_with_the_connection(daemon: Daemon) -> None:
    async with await Client.connect(daemon.path) as client:
        await client.execute("mux-add-console", console="vm2")
        await client.execute("mux-remove-console", console="vm2")
        await daemon.aclose()
        names: list[str] = []
        with pytest.raises(DaemonError):
            await _note_events(client, "vm2", names)
        assert names == ["MUX_CONSOLE_ADDED", "MUX_CONSOLE_REMOVED"]
        assert client.closed == "the daemon ended the connection"
        with pytest.raises(DaemonError):
            await client.consoles()


async def test_of_too_many_events_the_newest_are_kept(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_EVENTS", 3)
    async with await Client.connect(daemon.path) as client:
        for number in range(10):
            daemon._broadcast("TICK", {"number": number})
        await client.execute("query-version")
        got = []
        async for event in client.events():
            got.append(event["data"]["number"])
            if got[-1] == 9:
                break
        assert got == [7, 8, 9]
        assert not client._qmp.events.history


async def test_closing_twice_is_closing_once(daemon: Daemon) -> None:
    client = await Client.connect(daemon.path)
    await client.close()
    await client.close()


# The attach stream.


async def test_a_stream_begins_with_its_replay_and_goes_on(daemon: Daemon) -> None:
    with contextlib.closing(await attach(daemon.path, "vm1", replay=3)) as stream:
        assert (stream.id, stream.offset, stream.end) == ("vm1.attach0", 4, 7)
        assert await _output(stream, 3) == (4, b"y\r\n")
        assert stream.send(b"hello\n") == 6
        assert await _output(stream, 7) == (7, b"hello\r\n")


async def test_a_refused_attach_has_the_daemons_words(daemon: Daemon) -> None:
    with pytest.raises(CommandError) as error:
        await attach(daemon.path, "nope")
    assert error.value.qmp_class == "DeviceNotFound"


async def test_a_readonly_stream_types_nothing(daemon: Daemon) -> None:
    with contextlib.closing(await attach(daemon.path, "vm1", mode="ro")) as stream:
        stream.send(b"hello\n")
        peers = daemon.consoles["vm1"].peers
        await eventually(lambda: any(peer.refused == 6 for peer in peers))
        status = json.loads((await stream.read())[0].payload)
        assert status["readonly"] is True


async def test_the_size_of_the_view_reaches_the_guest(daemon: Daemon) -> None:
    console = daemon.consoles["vm1"]
    with contextlib.closing(await attach(daemon.path, "vm1", rows=10, cols=20)) as stream:
        await eventually(lambda: console.size == (10, 20))
        stream.resize(11, 21)
        await eventually(lambda: console.size == (11, 21))


async def test_a_break_is_asked_for(daemon: Daemon) -> None:
    with contextlib.closing(await attach(daemon.path, "vm1")) as stream:
        assert stream.send_break()
        stream.send(b"alive\n")
        assert (await _output(stream, 7))[1] == b"alive\r\n"


async def test_a_callback_is_called_for_what_came_with_the_reply_too(daemon: Daemon) -> None:
    with contextlib.closing(await attach(daemon.path, "vm1", replay=100)) as stream:
        got: list[Frame] = []
        stream.set_callback(lambda: got.extend(stream.receive()))
        await eventually(lambda: any(frame.kind == b"D" for frame in got))
        stream.set_callback(None)
        stream.send(b"quiet\n")
        history = daemon.consoles["vm1"].history
        await eventually(lambda: history.end == 14)
        assert b"quiet" not in b"".join(frame.payload for frame in got)


async def test_the_end_is_told_after_everything_before_it(daemon: Daemon) -> None:
    with contextlib.closing(await attach(daemon.path, "vm1", replay=100)) as stream:
        await daemon.remove_console("vm1")
        assert (await _output(stream, 7))[1] == b"ready\r\n"
        with pytest.raises(DaemonError, match="ended the stream"):
            await _output(stream, 1)


async def test_input_that_nobody_takes_is_bounded_and_the_last_size_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    stream = AttachStream(ours, {"id": "x", "offset": 0, "end": 0}, b"")
    with theirs, contextlib.closing(stream):
        taken = 0
        while count := stream.send(b"x" * 8192):
            taken += count
        assert stream.waiting <= attach_module.MAX_WAITING + 8192
        assert not stream.send_break()
        for rows in (1, 2, 3):
            stream.resize(rows, 80)
        theirs.setblocking(False)
        got = bytearray()

        def drained() -> bool:
            with contextlib.suppress(BlockingIOError):
                got.extend(theirs.recv(1 << 16))
            return not stream.waiting

        await eventually(drained)
        await stream.drain()
        with contextlib.suppress(BlockingIOError):
            while chunk := theirs.recv(1 << 16):
                got += chunk
        assert got.count(b"x") == taken
        assert got.count(b"W") == 1
        assert got.endswith(b"\0\x03\0\x50")


async def test_a_daemon_that_breaks_the_framing_is_told() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with (
        theirs,
        contextlib.closing(AttachStream(ours, {"id": "x", "offset": 0, "end": 0}, b"")) as stream,
    ):
        theirs.send(b"?????")
        with pytest.raises(DaemonError, match="unknown frame type"):
            await stream.read()


async def test_closing_leaves_no_descriptor(daemon: Daemon) -> None:
    stream = await attach(daemon.path, "vm1")
    stream.set_callback(lambda: None)
    fd = stream.fileno()
    stream.close()
    stream.close()
    assert stream.fileno() == -1
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
