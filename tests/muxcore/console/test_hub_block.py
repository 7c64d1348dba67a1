"""Holding the guest under `policy=block`: for whom, how long, and what ends it."""

from __future__ import annotations

import asyncio
import errno
import os

import pytest

from muxcore import events
from tests.muxcore.consoles import (
    RING,
    HoldClock,
    ScriptedChardev,
    bench,
    expected_raw,
    in_virtual_time,
    pattern,
    turns,
    until_read,
    virtually,
)

GRAIN = pytest.approx
TENFOLD = 10 * RING


@in_virtual_time
async def test_a_slow_reader_is_waited_for_while_it_makes_room() -> None:
    backend = ScriptedChardev("b", policy="block", block_timeout=1000)
    async with bench(backend) as made:
        slow = backend.connect()
        slow.allow(0)
        source = pattern(4 * RING)
        made.guest.feed(source)
        while made.guest.fed or made.console.peers[0].lag:
            await asyncio.sleep(0.5)
            slow.allow(6000)
        assert slow.got == source
        assert not made.heard.of(events.Gap)


@in_virtual_time
async def test_block_holds_the_guest_and_resumes_it() -> None:
    backend = ScriptedChardev("b", policy="block")
    async with bench(backend) as made:
        stuck, good = backend.connect(), backend.connect()
        stuck.allow(0)
        source = pattern(TENFOLD)
        made.guest.feed(source)
        await asyncio.sleep(4.9)
        assert made.console.held
        assert made.console.describe()["held"] is True
        assert made.guest.fed
        stuck.allow(None)
        await until_read(made)
        assert made.console.describe()["held"] is False
        assert stuck.got == good.got == source


@in_virtual_time
async def test_block_that_times_out_becomes_a_gap_and_then_drop() -> None:
    backend = ScriptedChardev("b", policy="block", block_timeout=2000)
    async with bench(backend) as made:
        clock = HoldClock(made.console)
        stuck, good = backend.connect(), backend.connect()
        stuck.allow(0)
        source = pattern(TENFOLD)
        made.guest.feed(source)
        await until_read(made)
        assert clock.total == GRAIN(2.0, abs=1e-3)
        assert good.got == source
        stuck.allow(1)
        await turns()
        made.guest.feed(source)
        await until_read(made)
        assert clock.total == GRAIN(2.0, abs=1e-3)
        stuck.allow(None)
        await turns()
        assert stuck.got == expected_raw(source * 2, made.heard.gaps("b/1"))
        # Caught up: it is waited for again.
        stuck.allow(0)
        made.guest.feed(source)
        await asyncio.sleep(1)
        assert made.console.held


@in_virtual_time
async def test_a_guest_that_trickles_is_held_for_one_block_timeout_too() -> None:
    backend = ScriptedChardev("b", policy="block", block_timeout=2000)
    async with bench(backend, history=1 << 20) as made:
        clock = HoldClock(made.console)
        backend.connect().allow(0)
        # Just below the ring's end, where the guest is held though there is a little room.
        made.guest.feed(bytes((1 << 20) - 65_000))
        await until_read(made)
        for _ in range(200):
            made.guest.feed(b"one line of a slow boot\r\n")
            await until_read(made)
        assert clock.total == GRAIN(2.0, abs=1e-3)


@in_virtual_time
async def test_a_block_timeout_of_nought_waits_for_ever() -> None:
    backend = ScriptedChardev("b", policy="block", block_timeout=0)
    async with bench(backend) as made:
        stuck = backend.connect()
        stuck.allow(0)
        source = pattern(TENFOLD)
        made.guest.feed(source)
        await asyncio.sleep(1_000_000)
        assert made.console.held
        assert made.console.history.end <= RING
        stuck.allow(None)
        await until_read(made)
        assert stuck.got == source


@in_virtual_time
async def test_a_blocking_peer_that_leaves_lets_the_guest_go_on() -> None:
    backend = ScriptedChardev("b", policy="block", block_timeout=0)
    async with bench(backend) as made:
        stuck, good = backend.connect(), backend.connect()
        stuck.allow(0)
        source = pattern(TENFOLD)
        made.guest.feed(source)
        await asyncio.sleep(1)
        assert made.console.held
        stuck.end_input()
        await until_read(made)
        assert good.got == source


@pytest.mark.parametrize("how", ["pause", "fail", "disconnect", "break", "detach"])
def test_what_ends_the_reason_for_a_hold_ends_the_hold(how: str) -> None:
    async def work() -> None:
        backend = ScriptedChardev("b", policy="block", block_timeout=0)
        other = ScriptedChardev("o")
        async with bench(backend, other) as made:
            stuck, good = backend.connect(), other.connect()
            stuck.allow(0)
            source = pattern(TENFOLD)
            made.guest.feed(source)
            await asyncio.sleep(1)
            assert made.console.held
            if how == "pause":
                made.console.set_backend("b", paused=True)
            elif how == "fail":
                stuck.failed = "No space left on device"
                made.console.chardev_changed(backend)
            elif how == "disconnect":
                made.console.disconnect_peer("b/1")
            elif how == "break":
                stuck.break_writing(OSError(errno.EIO, os.strerror(errno.EIO)))
            else:
                made.console.detach_backend("b")
            await until_read(made)
            assert good.got == source
            await backend.aclose()

    virtually(work)


@in_virtual_time
async def test_a_failed_stream_never_holds_the_guest_and_goes_on_when_it_recovers() -> None:
    backend = ScriptedChardev("b", policy="block", block_timeout=0)
    async with bench(backend) as made:
        clock = HoldClock(made.console)
        disk = backend.connect()
        disk.allow(500)
        disk.failed = "No space left on device"
        source = pattern(TENFOLD)
        made.guest.feed(source)
        await until_read(made)
        assert clock.holds == []
        disk.failed = None
        disk.allow(None)
        await turns()
        assert disk.got == expected_raw(source, made.heard.gaps("b/1"))
        assert made.heard.gaps("b/1") == [(500, TENFOLD - RING)]


@in_virtual_time
async def test_a_failed_stream_that_recovers_in_time_has_no_gap() -> None:
    backend = ScriptedChardev("b", policy="block", block_timeout=0)
    async with bench(backend) as made:
        disk = backend.connect()
        disk.allow(500)
        disk.failed = "Input/output error"
        source = pattern(RING)
        made.guest.feed(source)
        await until_read(made)
        disk.failed = None
        disk.allow(None)
        await turns()
        assert disk.got == source


@in_virtual_time
async def test_a_paused_backend_never_holds_the_guest_and_gets_a_gap() -> None:
    backend = ScriptedChardev("b", policy="block", block_timeout=0)
    async with bench(backend) as made:
        clock = HoldClock(made.console)
        client = backend.connect()
        made.console.set_backend("b", paused=True)
        source = pattern(TENFOLD)
        made.guest.feed(source)
        await until_read(made)
        assert clock.holds == []
        made.console.set_backend("b", paused=False)
        await turns()
        assert client.got == expected_raw(source, made.heard.gaps("b/1"))
        assert made.heard.gaps("b/1") == [(0, TENFOLD - RING)]


@in_virtual_time
async def test_a_blocking_peer_that_takes_a_little_within_the_timeout_loses_nothing() -> None:
    backend = ScriptedChardev("b", policy="block", block_timeout=1000)
    async with bench(backend) as made:
        slow = backend.connect()
        slow.allow(0)
        source = pattern(RING + 10_000)
        made.guest.feed(source)
        # Less than the guest is let go on for within the timeout, but not nothing.
        while made.guest.fed:
            await asyncio.sleep(0.9)
            slow.allow(500)
        slow.allow(None)
        await turns()
        assert slow.got == source


@in_virtual_time
async def test_a_stream_whose_output_is_delayed_does_not_hold_the_guest() -> None:
    backend = ScriptedChardev("b", policy="block", block_timeout=0)
    async with bench(backend) as made:
        clock = HoldClock(made.console)
        client = backend.connect()
        made.console.stream_held(backend, client, 10.0)
        source = pattern(TENFOLD)
        made.guest.feed(source)
        await until_read(made)
        assert clock.holds == []
        await asyncio.sleep(10)
        assert client.got == expected_raw(source, made.heard.gaps("b/1"))


@in_virtual_time
async def test_a_peer_is_skipped_only_once_bytes_it_lacks_are_gone() -> None:
    backend = ScriptedChardev("b", policy="block", block_timeout=1000)
    async with bench(backend) as made:
        stuck = backend.connect()
        stuck.allow(0)
        made.guest.feed(pattern(RING - 10))
        await asyncio.sleep(2)
        assert made.describe("b")["peers"][0]["state"] == "lagging"
        made.guest.feed(pattern(100))
        await until_read(made)
        assert made.describe("b")["peers"][0]["state"] == "skipped"
        assert made.heard.states("b/1") == ["skipped"]


@in_virtual_time
async def test_framed_clients_are_told_of_a_long_wait_and_of_its_end() -> None:
    backend = ScriptedChardev("b", policy="block")
    async with bench(backend) as made:
        told: list[bool] = []
        made.console.hold_changed = lambda: told.append(made.console.held)  # type: ignore[method-assign]
        stuck = backend.connect()
        stuck.allow(0)
        made.guest.feed(pattern(TENFOLD))
        await asyncio.sleep(0.4)
        assert told == []
        await asyncio.sleep(0.2)
        assert told == [True]
        stuck.allow(None)
        await until_read(made)
        assert told == [True, False]
