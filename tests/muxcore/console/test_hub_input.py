"""Input: every user's bytes in order, nobody's lost, nobody's paste in another's way."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from muxcore import events
from muxcore.chardev.base import Stream, Who
from muxcore.chardev.memory import MemoryChardev
from muxcore.console.hub import Console
from muxcore.console.peer_desk import LINGERING
from muxcore.flow.feed import REST
from muxcore.flow.input import QUEUE, TURN
from muxcore.peers.peer import INBOX
from tests.muxcore.consoles import (
    PairChardev,
    Scripted,
    ScriptedChardev,
    bench,
    in_virtual_time,
    pattern,
    turns,
    virtually,
)
from tests.support import eventually, raw_pty

MIB = 1 << 20


class ScriptedGuest(MemoryChardev):
    """A guest whose stream takes what the test allows."""

    def __init__(self) -> None:
        super().__init__("vm.guest")
        self.stream = Scripted()

    async def open(self) -> None:
        self.stream = Scripted()
        self.add_stream(self.stream)


async def test_what_anybody_types_reaches_the_guest() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        first, second = backend.connect(), backend.connect()
        first.feed(b"ls\r")
        await turns()
        second.feed(b"\x00\xff\x03")
        await turns()
        assert made.guest.sent == b"ls\r\x00\xff\x03"
        peers = made.describe("b")["peers"]
        assert [peer["received"] for peer in peers] == [3, 3]
        assert made.console.describe()["guest"]["sent"] == 6


async def test_input_is_not_echoed_to_anybody() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        first, second = backend.connect(), backend.connect()
        first.feed(b"secret")
        await turns()
        assert made.guest.sent == b"secret"
        assert not first.got
        assert not second.got


async def test_a_megabyte_pasted_holds_up_a_single_byte_by_a_queue_and_a_turn() -> None:
    backend = ScriptedChardev("b")
    guest = ScriptedGuest()
    console = Console("vm")
    await console.start(guest, [backend])
    paste, key = backend.connect(), backend.connect()
    guest.stream.allow(0)
    paste.feed(b"p" * MIB)
    await turns()
    typed_at = len(guest.stream.got)
    key.feed(b"\x03")
    await turns()
    while b"\x03" not in guest.stream.got:
        guest.stream.allow(100)
        await turns(4)
    assert guest.stream.got.index(b"\x03") - typed_at <= QUEUE + 2 * TURN
    guest.stream.allow(None)
    await eventually(lambda: len(guest.stream.got) == MIB + 1)
    await console.aclose()


async def test_a_guest_that_does_not_read_stops_its_users_and_grows_no_buffer() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        clients = [backend.connect() for _ in range(3)]
        made.guest.stall()
        sources = [bytes([65 + who]) * 100_000 for who in range(3)]
        for client, source in zip(clients, sources, strict=True):
            client.feed(source)
        await turns()
        for peer, client in zip(made.console.peers, clients, strict=True):
            assert peer.waiting <= INBOX
            assert client.unread >= 100_000 - INBOX - QUEUE
        made.guest.resume()
        await eventually(lambda: len(made.guest.sent) == 300_000)
        got = bytes(made.guest.sent)
        for source in sources:
            assert got.count(source[:1]) == 100_000


async def test_back_pressure_reaches_a_real_client_and_every_byte_arrives_once() -> None:
    backend = PairChardev("b")
    async with bench(backend) as made:
        client = backend.connect_socket(buffer=4096)
        made.guest.stall()
        source = pattern(2 * MIB)
        sent = 0
        for _ in range(200):
            try:
                sent += client.send(source[sent:])
            except BlockingIOError:
                await asyncio.sleep(0)
        assert sent < len(source)
        made.guest.resume()
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(30):
            await loop.sock_sendall(client, source[sent:])
        await eventually(lambda: len(made.guest.sent) >= len(source))
        assert made.guest.sent == source
        client.close()
        await eventually(lambda: not made.console.peers)


async def test_the_hang_up_of_a_peer_that_is_not_read_is_noticed_and_its_input_kept() -> None:
    backend = PairChardev("b", policy="block", block_timeout=0)
    async with bench(backend) as made:
        client = backend.connect_socket()
        made.guest.stall()
        source = pattern(50_000)
        client.send(source)
        await turns()
        # The guest waits for it, and its input waits for the guest: neither may wait for ever.
        made.guest.feed(pattern(MIB))
        await eventually(lambda: made.console.held)
        client.close()
        await eventually(lambda: not made.guest.fed)
        assert made.describe("b")["peers"]
        made.guest.resume()
        await eventually(lambda: not made.console.peers)
        assert made.guest.sent == source


async def test_input_of_a_client_that_left_is_delivered_while_it_shows_as_closing() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        client = backend.connect()
        made.guest.stall()
        client.feed(b"x" * 3000)
        client.end_input()
        await turns()
        (peer,) = made.describe("b")["peers"]
        assert peer["state"] == "closing"
        await made.print(b"nobody to see this")
        made.guest.resume()
        await turns()
        assert made.guest.sent == b"x" * 3000
        assert made.console.peers == ()
        assert client.closed


async def test_clients_that_type_and_leave_do_not_pile_up_on_a_guest_that_does_not_read() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        made.guest.stall()
        for _ in range(LINGERING + 20):
            client = backend.connect()
            client.feed(b"x" * 100)
            client.end_input()
            await turns(5)
        assert len(made.console.peers) <= LINGERING
        # One more kilobyte waits in the guest's own queue, whoever typed it.
        lost = made.console.describe()["discarded"]
        assert lost >= 100 * (20 - 1024 // 100 - 1)
        made.guest.resume()
        await eventually(lambda: not made.console.peers)
        assert len(made.guest.sent) + lost == 100 * (LINGERING + 20)


async def test_a_readonly_backend_is_refused_and_counted() -> None:
    backend = ScriptedChardev("b", readonly=True)
    async with bench(backend) as made:
        client = backend.connect()
        client.feed(b"no")
        await turns()
        assert not made.guest.sent
        (peer,) = made.describe("b")["peers"]
        assert (peer["received"], peer["refused"]) == (2, 2)
        made.console.set_backend("b", readonly=False)
        client.feed(b"yes")
        await turns()
        assert made.guest.sent == b"yes"
        made.console.set_backend("b", readonly=True)
        client.feed(b"no")
        backend.connect().feed(b"nor I")
        await turns()
        assert made.guest.sent == b"yes"
        assert made.describe("b")["readonly"] is True


async def test_a_readonly_client_that_floods_is_read_and_thrown_away() -> None:
    backend = ScriptedChardev("b", readonly=True)
    async with bench(backend) as made:
        client = backend.connect()
        client.feed(b"x" * MIB)
        await eventually(lambda: client.unread == 0)
        assert made.console.peers[0].waiting == 0
        assert not made.guest.sent


async def test_input_for_a_closed_guest_is_discarded_and_counted() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        client = backend.connect()
        made.guest.hang_up()
        await turns()
        client.feed(b"x" * 10_000)
        await turns()
        assert made.console.describe()["discarded"] == 10_000
        await made.guest.open()
        client.feed(b"anew")
        await turns()
        assert made.guest.sent == b"anew"


async def test_input_that_waits_when_the_guest_goes_is_not_typed_at_the_next_one() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        client = backend.connect()
        made.guest.stall()
        client.feed(b"x" * 3000)
        await turns()
        made.guest.hang_up()
        await turns()
        assert made.console.describe()["discarded"] == 3000
        made.guest.stalled = False
        await made.guest.open()
        await turns()
        assert not made.guest.sent


async def test_a_console_without_a_guest_discards() -> None:
    backend = ScriptedChardev("b")
    console = Console("vm")
    await console.start(None, [backend])
    client = backend.connect()
    client.feed(b"hello?")
    await turns()
    assert console.describe()["discarded"] == 6
    assert console.describe()["guest"] is None
    await console.aclose()


async def test_a_guest_that_breaks_while_written_is_still_read_to_its_end() -> None:
    backend = ScriptedChardev("b")
    guest = ScriptedGuest()
    console = Console("vm")
    await console.start(guest, [backend])
    client = backend.connect()
    guest.stream.allow(1)
    client.feed(b"abc")
    await turns()
    guest.stream.break_writing(OSError(errno.EIO, os.strerror(errno.EIO)))
    client.feed(b"def")
    await turns()
    guest.stream.feed(b"last words")
    guest.stream.end_input()
    await turns()
    assert client.got == b"last words"
    described = console.describe()
    assert described["guest"]["sent"] + described["discarded"] == 6
    assert described["guest"]["state"] == "closed"
    await console.aclose()


async def test_a_break_passes_what_waits() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        made.guest.stall()
        backend.connect().feed(b"x" * 10_000)
        await turns()
        made.console.send_break()
        assert made.guest.breaks == 1
        assert not made.guest.sent


async def test_a_real_pty_guest_gets_a_paste_whole_when_it_reads_at_last() -> None:
    backend = ScriptedChardev("b")
    console = Console("vm")
    guest = ScriptedChardev("vm.guest")
    await console.start(guest, [backend])
    with raw_pty() as (master, slave):
        os.set_blocking(master, False)
        os.set_blocking(slave, False)
        guest.add_stream(Stream(os.dup(master), Who("pty")))
        client = backend.connect()
        source = pattern(100_000)
        client.feed(source)
        await turns(500)
        assert client.unread
        got = bytearray()
        async with asyncio.timeout(20):
            while len(got) < len(source):
                try:
                    got += os.read(slave, 500)
                except BlockingIOError:
                    await asyncio.sleep(0)
        assert got == source
        await console.aclose()


async def test_a_client_that_half_closed_and_waits_keeps_its_place() -> None:
    backend = PairChardev("b")
    async with bench(backend) as made:
        client = backend.connect_socket()
        made.guest.stall()
        client.send(b"x" * 9000)
        client.shutdown(socket.SHUT_WR)
        await turns()
        made.guest.resume()
        await eventually(lambda: len(made.guest.sent) == 9000)
        await made.print(b"answer")
        assert client.recv(100) == b"answer"
        client.close()
        await eventually(lambda: not made.console.peers)
        assert [event.reason for event in made.heard.of(events.PeerClosed)] == [None]


Step = tuple[Literal["type", "leave", "allow"], int, int]

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("type"), st.integers(0, 3), st.integers(1, 9000)),
        st.tuples(st.just("leave"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("allow"), st.just(0), st.integers(0, 3000)),
    ),
    max_size=25,
)


@given(STEPS)
@settings(max_examples=60)
def test_however_users_type_and_leave_the_guest_gets_each_ones_bytes_in_order(
    steps: list[Step],
) -> None:
    virtually(lambda: _play(steps))


async def _play(steps: list[Step]) -> None:
    backend = ScriptedChardev("b")
    guest = ScriptedGuest()
    console = Console("vm")
    await console.start(guest, [backend])
    users = [backend.connect() for _ in range(4)]
    typed = [bytearray() for _ in users]
    gone: set[int] = set()
    guest.stream.allow(0)
    for what, who, count in steps:
        if what == "allow":
            guest.stream.allow(count)
        elif what == "leave":
            gone.add(who)
            users[who].end_input()
        elif who not in gone:
            data = bytes(64 * who + (len(typed[who]) + index) % 64 for index in range(count))
            typed[who] += data
            users[who].feed(data)
        await turns(7)
        assert all(peer.waiting <= INBOX for peer in console.peers)
    guest.stream.allow(None)
    # The last one's bytes look like beginnings of characters, whose rest is waited for.
    await asyncio.sleep(25 * 9000 / TURN * REST)
    await turns(200)
    got = bytes(guest.stream.got)
    for who, expected in enumerate(typed):
        assert bytes(byte for byte in got if byte // 64 == who) == expected
    assert len(console.peers) == 4 - len(gone)
    assert all(users[who].closed for who in gone)
    await console.aclose()


@in_virtual_time
async def test_t10_the_rest_of_a_key_is_waited_for_a_moment() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        first, second = backend.connect(), backend.connect()
        first.feed(b"\x1b")
        await turns()
        second.feed(b"x")
        await turns()
        first.feed(b"[A")
        await turns()
        assert made.guest.sent == b"\x1b[Ax"
        first.feed(b"\x1b")
        await turns()
        second.feed(b"[A")
        await asyncio.sleep(REST - 0.01)
        assert made.guest.sent == b"\x1b[Ax\x1b"
        await asyncio.sleep(0.02)
        assert made.guest.sent == b"\x1b[Ax\x1b[A"


@in_virtual_time
async def test_who_ends_within_a_key_holds_up_nobody_for_long() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        first, second = backend.connect(), backend.connect()
        first.feed(b"\xe2\x82")
        first.end_input()
        await turns()
        second.feed(b"x")
        await asyncio.sleep(REST + 0.01)
        assert made.guest.sent == b"\xe2\x82x"
