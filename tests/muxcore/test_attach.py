"""Attach streams: framed or raw, a backend like any other, gone when its stream ends."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from muxcore import events
from muxcore.chardev.base import Who
from muxcore.chardev.memory import MemoryChardev
from muxcore.console.hub import Console
from muxcore.peers.peer import INBOX
from muxcore.wire import frames
from tests.muxcore.consoles import (
    RING,
    Bench,
    Recorder,
    ScriptedChardev,
    bench,
    check_framed,
    decode_frames,
    expected_raw,
    pattern,
    turns,
)
from tests.support import eventually

WHO = Who("test (pid 1, root)", 1, "root")


CLIENTS: list[socket.socket] = []


@pytest.fixture(autouse=True)
def _close_clients(no_fd_left: None) -> Iterator[None]:
    yield
    while CLIENTS:
        CLIENTS.pop().close()


def attach(
    console: Console,
    *,
    id: str = "vm.attach0",
    mode: Literal["rw", "ro"] = "rw",
    framing: Literal["raw", "frames"] = "frames",
    replay: int = 0,
    size: tuple[int, int] | None = None,
    buffer: int | None = None,
) -> socket.socket:
    """The client's end of a new attach stream, non-blocking."""
    near, far = socket.socketpair()
    if buffer:
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
    near.setblocking(False)
    far.setblocking(False)
    CLIENTS.append(far)
    console.attach(near.detach(), WHO, id=id, mode=mode, framing=framing, replay=replay, size=size)
    return far


class Viewer:
    """A client that keeps every frame it got."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.frames: list[frames.Frame] = []
        self._decoder = frames.FrameDecoder(frames.TO_CLIENT)

    def read(self) -> bool:
        """Take what is there; False when nothing was, or the stream ended."""
        try:
            data = self.sock.recv(1 << 16)
        except BlockingIOError:
            return False
        self.frames += self._decoder.feed(data)
        return bool(data)

    async def settle(self) -> None:
        """Read until nothing more comes."""
        while self.read() or self._decoder.pending:
            await turns(3)
        await turns()
        while self.read():
            await turns(3)

    @property
    def kinds(self) -> bytes:
        """The frames' types, in order."""
        return b"".join(frame.kind for frame in self.frames)

    @property
    def status(self) -> dict[str, Any]:
        """The newest `S`."""
        status: dict[str, Any] = json.loads(
            next(frame.payload for frame in reversed(self.frames) if frame.kind == b"S")
        )
        return status


async def leave(made: Bench, *socks: socket.socket) -> None:
    """Close the clients and wait until the console knows."""
    for sock in socks:
        sock.close()
    await eventually(lambda: not made.console.peers)


async def test_a_framed_client_is_told_the_status_before_anything_else() -> None:
    async with bench() as made:
        await made.print(b"before")
        viewer = Viewer(attach(made.console, replay=6))
        await viewer.settle()
        assert viewer.kinds[:1] == b"S"
        said = {"guest", "focus", "size", "peers", "readonly", "held", "discarded"}
        assert set(viewer.status) == said
        assert set(viewer.status["guest"]) == {
            "state",
            "reason",
            "since",
            "retry-at",
            "exit-status",
        }
        assert viewer.status["guest"]["state"] == "open"
        assert all(
            json.loads(frame.payload)["peers"] == 1 for frame in viewer.frames if frame.kind == b"S"
        )
        await leave(made, viewer.sock)


async def test_output_comes_in_frames_with_its_offsets() -> None:
    async with bench() as made:
        await made.print(b"before")
        viewer = Viewer(attach(made.console, replay=3))
        await made.print(b" one")
        await made.print(b" two")
        await viewer.settle()
        assert check_framed(viewer.frames, b"before one two", 3) == (14, [])
        await leave(made, viewer.sock)


async def test_a_raw_client_gets_bytes_and_nothing_else() -> None:
    async with bench() as made:
        sock = attach(made.console, framing="raw")
        await made.print(b"\x00raw\xff")
        assert sock.recv(100) == b"\x00raw\xff"
        sock.send(b"typed")
        await eventually(lambda: made.guest.sent == bytearray(b"typed"))
        await leave(made, sock)


async def test_a_framed_client_that_never_reads_knows_its_gap_to_the_byte() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        good = backend.connect()
        viewer = Viewer(attach(made.console, buffer=4096))
        source = pattern(20 * RING)
        made.guest.feed(source)
        await eventually(lambda: not made.guest.fed)
        assert good.got == source
        await viewer.settle()
        end, gaps = check_framed(viewer.frames, source, 0)
        assert end == len(source)
        assert gaps == made.heard.gaps("vm.attach0/1")
        assert gaps
        (peer,) = made.describe("vm.attach0")["peers"]
        assert peer["sent"] + peer["skipped"] == len(source)
        good.end_input()
        await leave(made, viewer.sock)


async def test_a_raw_client_that_never_reads_is_shown_its_gap() -> None:
    async with bench() as made:
        sock = attach(made.console, framing="raw", buffer=4096)
        source = pattern(20 * RING)
        made.guest.feed(source)
        await eventually(lambda: not made.guest.fed)
        got = bytearray()
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(10):
            while not got.endswith(source[-8:]):
                got += await loop.sock_recv(sock, 1 << 16)
        assert got == expected_raw(source, made.heard.gaps("vm.attach0/1"))
        await leave(made, sock)


async def test_a_frame_is_never_cut_by_a_pause_a_status_or_a_gap() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        viewer = Viewer(attach(made.console, buffer=4096))
        source = b""
        for index in range(60):
            piece = pattern(RING)[: 1 + 977 * index]
            source += piece
            made.guest.feed(piece)
            made.console.set_backend("vm.attach0", paused=index % 3 == 1)
            made.console.resize(20 + index, 80)
            await turns(20)
            viewer.read()
        made.console.set_backend("vm.attach0", paused=False)
        await eventually(lambda: not made.guest.fed)
        await viewer.settle()
        assert check_framed(viewer.frames, source, 0)[0] == len(source)
        assert viewer.status["size"] == {"rows": 79, "cols": 80}
        await leave(made, viewer.sock)


async def test_input_size_and_break_arrive_however_they_are_cut() -> None:
    async with bench() as made:
        sock = attach(made.console)
        stream = (
            frames.encode(b"I", b"ls")
            + frames.resize(30, 100)
            + frames.encode(b"K")
            + frames.encode(b"I", b"\r")
        )
        for byte in stream:
            sock.send(bytes([byte]))
            await turns(2)
        assert made.guest.sent == b"ls\r"
        assert made.guest.sizes == [(30, 100)]
        assert made.guest.breaks == 1
        # What was typed counts, not the frames it came in.
        assert made.console.peers[0].received == 3
        await leave(made, sock)


async def test_the_last_size_wins_and_follows_who_types() -> None:
    async with bench() as made:
        first = attach(made.console, id="a0", size=(24, 80))
        second = attach(made.console, id="a1", size=(50, 132))
        assert made.guest.sizes == [(24, 80), (50, 132)]
        first.send(frames.encode(b"I", b"x"))
        await turns()
        assert made.guest.sizes[-1] == (24, 80)
        second.send(frames.resize(51, 133))
        await turns()
        assert made.guest.sizes[-1] == (51, 133)
        assert made.console.describe()["size"] == {"rows": 51, "cols": 133}
        await leave(made, first, second)


async def test_a_client_that_resizes_without_end_moves_the_guest_once_a_read() -> None:
    async with bench() as made:
        sock = attach(made.console)
        sock.send(b"".join(frames.resize(10 + index % 2, 80) for index in range(300)))
        await turns()
        assert made.guest.sizes == [(11, 80)]
        await leave(made, sock)


async def test_a_guest_that_cannot_be_resized_has_no_size() -> None:
    console = Console("vm")
    await console.start(MemoryChardev("g"), [])
    sock = attach(console, size=(24, 80))
    assert console.describe()["size"] is None
    sock.close()
    await eventually(lambda: not console.peers)
    await console.aclose()


async def test_a_readonly_client_sees_and_touches_nothing() -> None:
    async with bench() as made:
        viewer = Viewer(attach(made.console, mode="ro", size=(99, 99)))
        viewer.sock.send(frames.encode(b"I", b"no") + frames.resize(9, 9) + frames.encode(b"K"))
        await made.print(b"seen")
        await viewer.settle()
        assert not made.guest.sent
        assert made.guest.sizes == []
        assert made.guest.breaks == 0
        assert viewer.status["readonly"] is True
        assert check_framed(viewer.frames, b"seen", 0) == (4, [])
        await leave(made, viewer.sock)


async def test_a_client_made_readonly_is_told() -> None:
    async with bench() as made:
        viewer = Viewer(attach(made.console))
        await viewer.settle()
        assert not viewer.status["readonly"]
        made.console.set_backend("vm.attach0", readonly=True)
        await viewer.settle()
        assert viewer.status["readonly"]
        await leave(made, viewer.sock)


async def test_a_break_the_guest_does_not_have_is_an_event_and_ends_nothing() -> None:
    heard = Recorder()
    console = Console("vm", notify=heard)
    await console.start(MemoryChardev("g"), [])
    sock = attach(console)
    sock.send(frames.encode(b"K"))
    await turns()
    (problem,) = heard.of(events.StreamProblem)
    assert problem.peer == "vm.attach0/1"
    assert len(console.peers) == 1
    sock.close()
    await eventually(lambda: not console.peers)
    await console.aclose()


@pytest.mark.parametrize(
    "bad",
    [
        b"\x1b]0;x\x07",
        b"D\x00\x00\x00\x01x",
        b"I\xff\xff\xff\xff",
        b"W\x00\x00\x00\x03abc",
        frames.encode(b"W", b"\x00\x00\x00\x50"),
    ],
)
async def test_a_bad_frame_ends_that_stream_alone_with_an_event(bad: bytes) -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        good = backend.connect()
        viewer = Viewer(attach(made.console, id="bad"))
        other = Viewer(attach(made.console, id="good"))
        viewer.sock.send(frames.encode(b"I", b"typed"))
        await turns()
        viewer.sock.send(bad)
        await eventually(lambda: "bad" not in made.console.backends)
        assert made.guest.sent == b"typed"
        (problem,) = made.heard.of(events.StreamProblem)
        assert (problem.id, problem.peer) == ("bad", "bad/1")
        assert problem.reason.isprintable()
        (closed,) = made.heard.of(events.PeerClosed)
        assert closed.reason == problem.reason
        await made.print(b"on")
        await other.settle()
        assert good.got == b"on"
        assert check_framed(other.frames, b"on", 0) == (2, [])
        viewer.sock.close()
        other.sock.close()
        await eventually(lambda: len(made.console.peers) == 1)


async def test_input_in_frames_is_bounded_by_one_frame_more_than_the_inbox() -> None:
    async with bench() as made:
        sock = attach(made.console)
        made.guest.stall()
        stream = frames.encode(b"I", b"x" * 65_536) * 40
        sent = 0
        for _ in range(2000):
            try:
                sent += sock.send(stream[sent:])
            except BlockingIOError:
                await turns(2)
        assert sent < len(stream)
        assert made.console.peers[0].waiting <= INBOX + 65_536
        made.guest.resume()
        async with asyncio.timeout(20):
            await asyncio.get_running_loop().sock_sendall(sock, stream[sent:])
        await eventually(lambda: len(made.guest.sent) == 40 * 65_536)
        await leave(made, sock)


async def test_an_attach_stream_is_a_backend_while_it_lives() -> None:
    async with bench() as made:
        sock = attach(made.console)
        described = made.describe("vm.attach0")
        assert described["type"] == "attach"
        assert described["address"] == "test (pid 1, root)"
        assert [peer["id"] for peer in described["peers"]] == ["vm.attach0/1"]
        await leave(made, sock)
        assert made.console.describe()["backends"] == []
        assert [event.id for event in made.heard.of(events.BackendRemoved)] == ["vm.attach0"]


async def test_a_half_closed_attach_client_sees_output_until_it_leaves() -> None:
    async with bench() as made:
        viewer = Viewer(attach(made.console))
        viewer.sock.send(frames.encode(b"I", b"date\r"))
        viewer.sock.shutdown(socket.SHUT_WR)
        await eventually(lambda: made.guest.sent == bytearray(b"date\r"))
        await made.print(b"Thu")
        await viewer.settle()
        assert check_framed(viewer.frames, b"Thu", 0) == (3, [])
        await leave(made, viewer.sock)


async def test_every_change_of_the_guest_is_told() -> None:
    async with bench() as made:
        viewer = Viewer(attach(made.console))
        made.guest.hang_up()
        await viewer.settle()
        assert viewer.status["guest"]["state"] == "closed"
        viewer.sock.send(frames.encode(b"I", b"lost"))
        await turns()
        await viewer.settle()
        assert viewer.status["discarded"] == 4
        await made.console.set_guest(None)
        await viewer.settle()
        assert viewer.status["guest"] is None
        await leave(made, viewer.sock)


async def test_a_client_that_is_gone_already_is_a_backend_for_a_moment() -> None:
    async with bench() as made:
        near, far = socket.socketpair()
        far.close()
        near.setblocking(False)
        made.console.attach(
            near.detach(), WHO, id="gone", mode="rw", framing="frames", replay=0, size=None
        )
        await eventually(lambda: not made.console.peers)
        assert "gone" not in made.console.backends


def test_the_test_helper_refuses_a_stream_cut_within_a_frame() -> None:
    with pytest.raises(AssertionError):
        decode_frames(frames.encode(b"S", b"{}")[:-1])
