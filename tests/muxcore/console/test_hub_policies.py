"""Policies: what a peer that stops costs the guest, and what it then misses, to the byte."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from muxcore import events
from muxcore.flow import pump
from muxcore.peers.patience import BUDGET
from tests.muxcore.consoles import (
    RING,
    HoldClock,
    PairChardev,
    ScriptedChardev,
    bench,
    expected_raw,
    in_virtual_time,
    pattern,
    turns,
    until_read,
)
from tests.support import eventually

GRAIN = pytest.approx
TENFOLD = 10 * RING


@in_virtual_time
async def test_drop_costs_the_guest_its_patience_once_and_the_others_nothing() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        clock = HoldClock(made.console)
        stuck, good = backend.connect(), backend.connect()
        stuck.allow(1000)
        source = pattern(TENFOLD)
        made.guest.feed(source)
        await until_read(made)
        assert good.got == source
        assert clock.total == GRAIN(0.05, abs=1e-6)
        assert stuck.got == source[:1000]
        assert made.heard.states("b/1") == ["skipped"]
        missed = TENFOLD - RING - 1000
        for told in (made.describe("b"), made.describe("b")["peers"][0]):
            assert (told["skipped"], told["gaps"], told["lag"]) == (missed, 1, RING)
        assert made.describe("b")["peers"][0]["state"] == "skipped"
        stuck.allow(None)
        await turns()
        assert stuck.got == expected_raw(source, made.heard.gaps("b/1"))
        assert made.heard.gaps("b/1") == [(1000, TENFOLD - RING)]
        peer = made.describe("b")["peers"][0]
        assert peer["skipped"] == missed
        assert (peer["gaps"], peer["lag"], peer["state"]) == (1, 0, "live")
        assert peer["sent"] + peer["skipped"] == TENFOLD
        assert made.describe("b")["skipped"] == peer["skipped"]
        assert made.heard.states("b/1") == ["skipped", "live"]


@in_virtual_time
async def test_a_gap_without_a_marker_is_just_missing() -> None:
    backend = ScriptedChardev("b", gap_marker=False)
    async with bench(backend) as made:
        stuck = backend.connect()
        stuck.allow(10)
        source = pattern(TENFOLD)
        made.guest.feed(source)
        await until_read(made)
        stuck.allow(None)
        await turns()
        assert stuck.got == source[:10] + source[-RING:]
        assert made.heard.gaps("b/1") == [(10, TENFOLD - RING)]


@in_virtual_time
async def test_a_stream_where_a_marker_is_out_of_place_gets_none() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        stuck = backend.connect()
        stuck.tell_gaps = False
        stuck.allow(10)
        source = pattern(TENFOLD)
        made.guest.feed(source)
        await until_read(made)
        stuck.allow(None)
        await turns()
        assert stuck.got == source[:10] + source[-RING:]


@in_virtual_time
async def test_a_marker_cut_short_is_finished_before_output_goes_on() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        stuck = backend.connect()
        stuck.allow(10)
        source = pattern(TENFOLD)
        made.guest.feed(source)
        await until_read(made)
        while stuck.got[-20:] != source[-20:]:
            stuck.allow(7)
            await turns(3)
            if len(stuck.got) > 200:
                stuck.allow(None)
                await turns()
        assert stuck.got == expected_raw(source, made.heard.gaps("b/1"))


@in_virtual_time
async def test_a_peer_with_a_gap_is_not_waited_for_until_it_has_caught_up() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        clock = HoldClock(made.console)
        stuck = backend.connect()
        stuck.allow(0)
        made.guest.feed(pattern(TENFOLD))
        await until_read(made)
        await asyncio.sleep(5)
        # It takes some, not all: still owed nothing, though the budget is whole again.
        stuck.allow(2000)
        await turns()
        stuck.allow(0)
        made.guest.feed(pattern(TENFOLD))
        await until_read(made)
        assert clock.total == GRAIN(BUDGET, abs=1e-6)
        stuck.allow(None)
        await turns()
        stuck.allow(0)
        made.guest.feed(pattern(TENFOLD))
        await until_read(made)
        assert clock.total == GRAIN(2 * BUDGET, abs=1e-6)


@in_virtual_time
async def test_a_peer_that_stops_again_and_again_costs_the_budget_and_no_more() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        clock = HoldClock(made.console)
        clients = [backend.connect() for _ in range(8)]
        loop = asyncio.get_running_loop()
        began = loop.time()
        for round_ in range(200):
            client = clients[round_ % len(clients)]
            client.allow(0)
            made.guest.feed(pattern(3 * RING))
            await until_read(made)
            client.allow(None)
            await asyncio.sleep(0.01)
        for _, end in clock.holds:
            within = [
                min(stop, end) - max(start, end - 1.0)
                for start, stop in clock.holds
                if stop > end - 1.0 and start < end
            ]
            assert sum(within) <= BUDGET + 0.003
        assert clock.total <= BUDGET * (loop.time() - began + 1)


@in_virtual_time
async def test_a_guest_that_trickles_spends_one_patience() -> None:
    backend = ScriptedChardev("b", patience=1000)
    async with bench(backend, history=1 << 20) as made:
        clock = HoldClock(made.console)
        backend.connect().allow(0)
        made.guest.feed(bytes((1 << 20) - 65_000))
        await until_read(made)
        for _ in range(20):
            await asyncio.sleep(3)
            made.guest.feed(b"one line of a slow boot\r\n")
            await until_read(made)
        assert clock.total == GRAIN(1.0, abs=1e-3)


@in_virtual_time
async def test_disconnect_ends_the_peer_with_its_reason() -> None:
    backend = ScriptedChardev("b", policy="disconnect")
    async with bench(backend) as made:
        stuck, good = backend.connect(), backend.connect()
        stuck.allow(100)
        source = pattern(TENFOLD)
        made.guest.feed(source)
        await until_read(made)
        assert stuck.closed
        assert stuck.got == source[:100]
        assert good.got == source
        (closed,) = made.heard.of(events.PeerClosed)
        assert closed.peer == "b/1"
        assert closed.reason == "disconnected: it lagged by the whole history"


@in_virtual_time
async def test_several_stuck_peers_are_waited_for_together() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        clock = HoldClock(made.console)
        for _ in range(10):
            backend.connect().allow(0)
        made.guest.feed(pattern(TENFOLD))
        await until_read(made)
        assert clock.total == GRAIN(BUDGET, abs=1e-6)


@in_virtual_time
async def test_several_peers_may_be_disconnected_for_one_chunk() -> None:
    backend = ScriptedChardev("b", policy="disconnect")
    async with bench(backend) as made:
        stuck = [backend.connect() for _ in range(5)]
        good = backend.connect()
        for client in stuck:
            client.allow(0)
        source = pattern(TENFOLD)
        made.guest.feed(source)
        await until_read(made)
        assert all(client.closed for client in stuck)
        assert good.got == source


@in_virtual_time
async def test_no_patience_means_no_hold() -> None:
    backend = ScriptedChardev("b", patience=0)
    async with bench(backend) as made:
        clock = HoldClock(made.console)
        backend.connect().allow(0)
        good = backend.connect()
        source = pattern(TENFOLD)
        made.guest.feed(source)
        await until_read(made)
        assert clock.holds == []
        assert good.got == source


class Clock:
    """The wall and monotonic clocks of the pump, in the test's hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = SimpleNamespace(time=lambda: self.now, monotonic=lambda: self.now)
        monkeypatch.setattr(pump, "time", clock)


@pytest.mark.parametrize("flood", [False, True])
async def test_a_gap_ends_near_the_present_under_a_flood_and_at_the_oldest_byte_otherwise(
    monkeypatch: pytest.MonkeyPatch, flood: bool
) -> None:
    clock = Clock()
    clock.install(monkeypatch)
    backend = ScriptedChardev("b", patience=0)
    async with bench(backend) as made:
        stuck = backend.connect()
        stuck.allow(0)
        for _ in range(20):
            clock.now += 0.11 if flood else 11
            await made.print(pattern(RING))
        stuck.allow(None)
        await turns()
        end = made.console.history.end
        lost = end - RING // 16 if flood else end - RING
        assert made.heard.gaps("b/1") == [(0, lost)]


async def test_a_flood_that_is_over_costs_no_byte_that_is_still_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    clock.install(monkeypatch)
    backend = ScriptedChardev("b", patience=0)
    async with bench(backend) as made:
        stuck = backend.connect()
        stuck.allow(0)
        for _ in range(20):
            clock.now += 0.11
            await made.print(pattern(RING))
        clock.now += 60
        stuck.allow(None)
        await turns()
        assert made.heard.gaps("b/1") == [(0, made.console.history.end - RING)]


async def test_a_real_client_that_never_reads_costs_nobody_a_byte() -> None:
    backend = PairChardev("b")
    async with bench(backend) as made:
        stuck, good = backend.connect_socket(buffer=4096), backend.connect_socket()
        source = pattern(3 << 20)
        made.guest.feed(source)
        loop = asyncio.get_running_loop()
        got = bytearray()
        async with asyncio.timeout(30):
            while len(got) < len(source):
                got += await loop.sock_recv(good, 1 << 16)
        assert got == source
        read = bytearray()
        while made.describe("b")["peers"][0]["lag"]:
            read += await loop.sock_recv(stuck, 1 << 16)
        expected = expected_raw(source, made.heard.gaps("b/1"))
        while len(read) < len(expected):
            read += await loop.sock_recv(stuck, 1 << 16)
        assert read == expected
        assert made.heard.gaps("b/1")
        for client in (stuck, good):
            client.close()
        await eventually(lambda: not made.console.peers)
