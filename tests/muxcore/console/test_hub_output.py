"""Output: every peer gets the guest's bytes, all of them, in order, whatever the others do."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import tty
from collections.abc import Sequence

import pytest

from muxcore import events
from muxcore.chardev.base import State, Stream, Who
from muxcore.chardev.memory import MemoryChardev
from muxcore.console.hub import Console
from tests.muxcore.consoles import (
    RING,
    PairChardev,
    PairStream,
    Scripted,
    ScriptedChardev,
    bench,
    in_virtual_time,
    pattern,
    turns,
)
from tests.support import eventually, raw_pty, read_exactly, read_until

MIB = 1 << 20


async def test_output_reaches_every_peer_exactly() -> None:
    first, second = MemoryChardev("a"), ScriptedChardev("b")
    async with bench(first, second) as made:
        clients = [second.connect() for _ in range(3)]
        await made.print(b"\x00one\r\n")
        await made.print(b"\xfftwo")
        assert bytes(first.sent) == b"\x00one\r\n\xfftwo"
        assert [bytes(client.got) for client in clients] == [b"\x00one\r\n\xfftwo"] * 3


async def test_a_peer_that_opens_later_begins_at_the_present() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        await made.print(b"before")
        client = backend.connect()
        await made.print(b"after")
        assert client.got == b"after"


@pytest.mark.parametrize(("replay", "expected"), [(3, b"ore"), (6, b"before"), (99, b"before")])
async def test_a_peer_is_replayed_what_was_asked_for_and_retained(
    replay: int, expected: bytes
) -> None:
    backend = ScriptedChardev("b", replay=replay)
    async with bench(backend) as made:
        await made.print(b"before")
        client = backend.connect()
        await made.print(b"|after")
        assert client.got == expected + b"|after"


async def test_a_replay_larger_than_the_history_is_the_history_without_a_gap() -> None:
    backend = ScriptedChardev("b", replay=1 << 30)
    async with bench(backend) as made:
        source = pattern(3 * RING)
        await made.print(source)
        client = backend.connect()
        await turns()
        assert client.got == source[-RING:]
        assert not made.heard.of(events.Gap)


async def test_a_console_without_peers_keeps_its_history() -> None:
    async with bench() as made:
        source = pattern(RING + 777)
        await made.print(source)
        assert made.console.history.read(777, RING) == source[777:]
        assert made.console.describe()["guest"]["received"] == RING + 777


async def test_twenty_megabytes_reach_peers_that_keep_up_byte_by_byte() -> None:
    backend = ScriptedChardev("b")
    memory = MemoryChardev("m")
    async with bench(backend, memory) as made:
        client = backend.connect()
        source = pattern(20 * MIB)
        await made.print(source)
        assert client.got == source
        assert memory.sent == source
        assert not made.heard.of(events.Gap)
        assert made.console.describe()["guest"]["received"] == len(source)


async def test_a_stream_through_real_sockets_is_exact_for_every_reader() -> None:
    backend = PairChardev("b", policy="block", block_timeout=0)
    async with bench(backend) as made:
        loop = asyncio.get_running_loop()
        source = pattern(4 * MIB)
        clients = [backend.connect_socket(buffer=size) for size in (4096, 65536, 1 << 20)]
        made.guest.feed(source)

        async def read(client: socket.socket) -> bytes:
            got = bytearray()
            while len(got) < len(source):
                got += await loop.sock_recv(client, 50_000)
            client.close()
            return bytes(got)

        async with asyncio.timeout(60):
            for got in await asyncio.gather(*map(read, clients)):
                assert got == source


async def test_output_of_a_real_pty_guest_is_read_to_its_last_byte() -> None:
    backend = MemoryChardev("b")
    console = Console("vm", history=RING)
    await console.start(None, [backend])
    with raw_pty() as (master, slave):
        os.set_blocking(master, False)
        guest = _FdChardev("g", Stream(os.dup(master), Who("pty")))
        await console.set_guest(guest)
        source = pattern(200_000)
        sent = 0
        os.set_blocking(slave, False)
        while sent < len(source):
            try:
                sent += os.write(slave, source[sent : sent + 4000])
            except BlockingIOError:
                await asyncio.sleep(0)
        await eventually(lambda: len(backend.sent) >= len(source))
        assert backend.sent == source
        await console.aclose()


async def test_a_guest_that_ends_leaves_no_printed_byte_behind() -> None:
    near, far = socket.socketpair()
    near.setblocking(False)
    backend = MemoryChardev("b")
    console = Console("vm", history=RING)
    await console.start(_FdChardev("g", PairStream(near)), [backend])
    source = pattern(150_000)
    far.setblocking(False)
    sent = 0
    while sent < len(source):
        try:
            sent += far.send(source[sent:])
        except BlockingIOError:
            await asyncio.sleep(0)
    far.close()
    await eventually(lambda: console.describe()["guest"]["state"] == "closed")
    assert backend.sent == source
    await console.aclose()


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ECONNRESET, errno.EIO, errno.ENOSPC])
async def test_a_write_error_within_the_fan_out_hurts_nobody_else(number: int) -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        clients = [backend.connect(half_closes=index == 1) for index in range(3)]
        clients[1].end_input()
        await made.print(b"one")
        clients[1].break_writing(OSError(number, os.strerror(number)))
        await made.print(b"two")
        await made.print(b"three")
        for index in (0, 2):
            assert clients[index].got == b"onetwothree"
        # It was half closed: with its output gone nothing is left of it.
        assert clients[1].closed
        closed = made.heard.of(events.PeerClosed)
        assert [(event.peer, event.reason) for event in closed] == [("b/2", os.strerror(number))]


async def test_a_peer_whose_output_broke_is_read_to_its_end() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        client = backend.connect()
        client.break_writing(BrokenPipeError())
        await made.print(b"lost")
        client.feed(b"last words")
        client.end_input()
        await eventually(lambda: client.closed)
        assert made.guest.sent == b"last words"


@pytest.mark.parametrize("number", [errno.ECONNRESET, errno.EIO, errno.ENOTCONN])
async def test_a_read_error_ends_that_peer_alone(number: int) -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        bad, good = backend.connect(), backend.connect()
        bad.feed(b"typed")
        bad.break_reading(OSError(number, os.strerror(number)))
        await turns()
        await made.print(b"output")
        assert bad.closed
        assert made.guest.sent == b"typed"
        assert good.got == b"output"
        assert [str(end) for end in backend.ends] == [os.strerror(number)]


async def test_all_peers_may_fail_in_one_fan_out() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        clients = [backend.connect(half_closes=True) for _ in range(20)]
        for client in clients:
            client.end_input()
        await turns()
        for client in clients:
            client.break_writing(BrokenPipeError())
        await made.print(b"x")
        assert all(client.closed for client in clients)
        assert made.console.peers == ()
        survivor = backend.connect()
        await made.print(b"y")
        assert survivor.got == b"y"


async def test_a_half_closed_client_still_gets_output() -> None:
    backend = PairChardev("b")
    async with bench(backend) as made:
        client = backend.connect_socket()
        client.send(b"who\n")
        client.shutdown(socket.SHUT_WR)
        await eventually(lambda: bytes(made.guest.sent) == b"who\n")
        await turns()
        await made.print(b"me")
        assert read_exactly(client, 2) == b"me"
        client.close()
        await eventually(lambda: not made.console.peers)


async def test_a_half_closed_client_that_leaves_is_noticed_without_output() -> None:
    backend = PairChardev("b")
    async with bench(backend) as made:
        client = backend.connect_socket()
        client.shutdown(socket.SHUT_WR)
        await turns()
        assert len(made.console.peers) == 1
        client.close()
        await eventually(lambda: not made.console.peers)
        assert [event.reason for event in made.heard.of(events.PeerClosed)] == [None]


async def test_a_client_that_refuses_output_may_still_type() -> None:
    backend = PairChardev("b")
    async with bench(backend) as made:
        client = backend.connect_socket()
        client.shutdown(socket.SHUT_RD)
        await made.print(b"nobody reads this")
        client.send(b"typed")
        await eventually(lambda: bytes(made.guest.sent) == b"typed")
        client.close()
        await eventually(lambda: not made.console.peers)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.ECONNRESET])
async def test_a_client_that_output_cannot_reach_any_more_is_not_left_waiting(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = PairChardev("b")
    async with bench(backend) as made:
        client, other = backend.connect_socket(), backend.connect_socket()

        def broken(buffers: object) -> int:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(made.peer("b/1").stream, "write", broken)
        await made.print(b"hello")
        await eventually(lambda: len(made.console.peers) == 1)
        assert client.recv(10) == b""
        assert other.recv(10) == b"hello"
        closed = made.heard.of(events.PeerClosed)
        assert [(event.peer, event.reason) for event in closed] == [("b/1", os.strerror(number))]
        client.close()
        other.close()


@pytest.mark.parametrize("number", [errno.ENOBUFS, errno.ENOMEM])
async def test_a_kernel_short_of_memory_costs_a_client_nothing(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = 5
    real = os.write
    backend = PairChardev("b")
    async with bench(backend) as made:
        with backend.connect_socket() as client:
            theirs = made.peer("b/1").stream.fd

            def short(fd: int, data: bytes) -> int:
                nonlocal refusals
                if refusals and fd == theirs:
                    refusals -= 1
                    raise OSError(number, os.strerror(number))
                return real(fd, data)

            monkeypatch.setattr(os, "write", short)
            await made.print(b"hello ")
            await made.print(b"world")
            await eventually(lambda: not refusals and made.peer("b/1").ready)
            assert client.recv(20) == b"hello world"


async def test_a_pty_backend_shows_output_and_takes_input() -> None:
    backend = PairChardev("b")
    async with bench(backend) as made:
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        backend.add_stream(Stream(master, Who("pty")))
        await made.print(b"shown")
        assert read_until(slave, b"shown") == b"shown"
        os.write(slave, b"typed")
        await eventually(lambda: bytes(made.guest.sent) == b"typed")
        os.close(slave)
        # The master reads EIO once its last slave is closed.
        await eventually(lambda: not made.console.peers)


async def test_a_paused_backend_gets_nothing_and_then_everything() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        client = backend.connect()
        made.console.set_backend("b", paused=True)
        late = backend.connect()
        await made.print(b"kept")
        assert not client.got
        assert not late.got
        assert [peer["state"] for peer in made.describe("b")["peers"]] == ["paused", "paused"]
        made.console.set_backend("b", paused=False)
        await turns()
        assert client.got == late.got == b"kept"
        assert [peer["state"] for peer in made.describe("b")["peers"]] == ["live", "live"]


async def test_a_stream_that_asks_for_a_delay_gets_its_output_after_it() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        client = backend.connect(delay=0.01)
        await made.print(b"early")
        assert client.got == b""
        await eventually(lambda: bytes(client.got) == b"early")
        await made.print(b" late")
        assert client.got == b"early late"


async def test_a_stream_that_is_held_gets_nothing_until_the_time_is_over() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        client = backend.connect()
        made.console.stream_held(backend, client, 0.01)
        await made.print(b"held")
        assert client.got == b""
        await eventually(lambda: bytes(client.got) == b"held")


async def test_a_disconnected_peer_is_closed_and_its_input_kept() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        client, other = backend.connect(), backend.connect()
        made.guest.stall()
        client.feed(b"x" * 3000)
        await turns()
        made.console.disconnect_peer("b/1")
        assert client.closed
        made.guest.resume()
        await turns()
        await made.print(b"on")
        assert made.guest.sent == b"x" * 3000
        assert other.got == b"on"


class _FdChardev(ScriptedChardev):
    """A guest over one stream that is there from the beginning."""

    def __init__(self, id: str, stream: Stream) -> None:
        super().__init__(id)
        self._fd_stream = stream

    async def open(self) -> None:
        self.add_stream(self._fd_stream)

    def after_lost(self, stream: Stream, reason: object) -> None:
        self.set_state(State.CLOSED)


def counted(stream: Scripted) -> list[int]:
    """The lengths of the writes to `stream` from now on that it took something of."""
    write, lengths = stream.write, list[int]()

    def count(buffers: Sequence[memoryview | bytes]) -> int:
        lengths.append(write(buffers))
        return lengths[-1]

    stream.write = count  # type: ignore[method-assign]
    return lengths


@in_virtual_time
async def test_t13_output_byte_by_byte_is_sent_at_once_to_a_peer_that_keeps_up() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        client = backend.connect()
        writes = counted(client)
        start = asyncio.get_running_loop().time()
        for number in range(1, 101):
            await made.print(b"x")
            assert len(client.got) == number
        # The clock goes on only when everybody waits for it.
        assert asyncio.get_running_loop().time() == start
        assert writes == [1] * 100


async def test_t13_output_byte_by_byte_is_sent_together_to_a_peer_that_lagged() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        client = backend.connect()
        writes = counted(client)
        client.credit = 0
        for _ in range(1000):
            await made.print(b"x")
        assert not client.got
        client.credit = None
        client.output_watch.poke()
        await turns()
        assert client.got == b"x" * 1000
        assert writes == [1000]


async def test_what_a_client_did_not_read_is_part_of_its_lag() -> None:
    backend = PairChardev("b")
    async with bench(backend) as made:
        with backend.connect_socket() as client:
            await made.print(bytes(10_000))
            assert made.describe("b")["lag"] == 10_000
            read_exactly(client, 10_000)
            assert made.describe("b")["lag"] == 0
