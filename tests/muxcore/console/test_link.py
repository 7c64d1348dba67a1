from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from muxcore.chardev.base import State
from muxcore.chardev.memory import MemoryChardev
from muxcore.console.hub import Console
from muxcore.console.link import OUTPUT, RETRY, LinkBackend, LinkGuest
from muxcore.errors import BreakUnsupported
from muxcore.options.sets import LinkOptions
from tests.muxcore.consoles import (
    RING,
    Bench,
    ScriptedChardev,
    bench,
    expected_raw,
    in_virtual_time,
    pattern,
    turns,
    until_read,
)


class Nested:
    """A console `vm` of a bench, and one behind a link of its."""

    def __init__(self, made: Bench, inner: Console, link: LinkBackend) -> None:
        self.made = made
        self.inner = inner
        self.link = link


@asynccontextmanager
async def nested(*backends: ScriptedChardev, policy: str = "drop") -> AsyncIterator[Nested]:
    async with bench() as made:
        inner = Console("inner", history=RING, notify=made.heard)
        await inner.start(None, backends)
        door = LinkGuest("inner.guest", made.console)
        options = LinkOptions(chardev="inner", policy=policy)  # type: ignore[arg-type]
        link = LinkBackend("vm.inner", options, "vm", door)
        await inner.set_guest(door)
        await made.console.add_backend(link)
        try:
            yield Nested(made, inner, link)
        finally:
            await inner.aclose()


async def test_output_goes_through_a_link_and_input_comes_back() -> None:
    backend = ScriptedChardev("b")
    async with nested(backend) as both:
        client = backend.connect()
        await both.made.print(b"hello")
        client.feed(b"ls\r")
        await turns()
        assert client.got == b"hello"
        assert both.made.guest.sent == b"ls\r"
        assert both.inner.describe()["guest"]["state"] == "open"
        assert both.inner.describe()["guest"]["address"] == "vm"
        assert both.made.describe("vm.inner")["address"] == "inner"


async def test_a_chain_of_links_carries_everything() -> None:
    async with nested() as both:
        last = Console("last", history=RING)
        door = LinkGuest("last.guest", both.inner)
        await last.set_guest(door)
        await both.inner.add_backend(
            LinkBackend("inner.last", LinkOptions(chardev="last"), "inner", door)
        )
        backend = ScriptedChardev("b")
        await last.add_backend(backend)
        client = backend.connect()
        source = pattern(RING // 2)
        await both.made.print(source)
        client.feed(source[:3000])
        await turns(200)
        assert client.got == source
        assert both.made.guest.sent == source[:3000]
        await last.aclose()


@in_virtual_time
async def test_a_console_that_is_not_read_makes_its_link_lag_with_a_gap_of_exact_size() -> None:
    async with nested() as both:
        both.inner.pause_guest(True)
        source = pattern(4 * RING)
        both.made.guest.feed(source)
        await until_read(both.made)
        (peer,) = both.made.describe("vm.inner")["peers"]
        assert peer["lag"] > 0
        both.inner.pause_guest(False)
        await turns(200)
        gaps = both.made.heard.gaps("vm.inner/1")
        assert gaps
        history = both.inner.history
        expected = expected_raw(source, gaps)
        assert history.end == len(expected)
        assert history.read(history.start, RING) == expected[history.start :]
        assert len(source) - sum(end - start for start, end in gaps) >= OUTPUT


async def test_a_link_that_blocks_holds_the_guest_for_who_is_behind_it() -> None:
    backend = ScriptedChardev("b", policy="block", block_timeout=0)
    async with nested(backend, policy="block") as both:
        client = backend.connect()
        client.allow(0)
        source = pattern(6 * RING)
        await both.made.print(source)
        await turns(300)
        assert both.inner.held
        assert both.made.console.held
        client.allow(None)
        await turns(2000)
        assert client.got == source


async def test_input_that_the_guest_does_not_read_waits_with_its_sender() -> None:
    backend = ScriptedChardev("b")
    async with nested(backend) as both:
        client = backend.connect()
        both.made.guest.stall()
        source = pattern(100_000)
        client.feed(source)
        await turns(300)
        assert client.unread > 80_000
        both.made.guest.resume()
        await turns(3000)
        assert both.made.guest.sent == source


async def test_a_break_and_a_size_go_up_a_link() -> None:
    async with nested() as both:
        assert both.inner.describe()["guest"]["can-break"]
        both.inner.send_break()
        both.inner.resize(30, 100)
        assert both.made.guest.breaks == 1
        assert both.made.guest.sizes == [(30, 100)]
        assert both.made.console.size == (30, 100)


async def test_a_link_to_read_only_passes_no_break() -> None:
    async with nested() as both:
        both.made.console.set_backend("vm.inner", readonly=True)
        both.inner.send_break()
        assert both.made.guest.breaks == 0


async def test_what_the_guest_cannot_is_refused_at_the_far_end() -> None:
    async with nested() as both:
        await both.made.console.set_guest(None)
        assert not both.inner.describe()["guest"]["can-resize"]
        with pytest.raises(BreakUnsupported):
            both.inner.send_break()


@in_virtual_time
async def test_a_link_that_somebody_cuts_is_joined_again() -> None:
    async with nested() as both:
        await both.made.print(b"before")
        both.made.console.disconnect_peer("vm.inner/1")
        await turns()
        assert both.link.state is State.RETRYING
        assert both.inner.guest is not None
        assert both.inner.guest.state is State.WAITING
        await asyncio.sleep(RETRY)
        await turns()
        await both.made.print(b"after")
        assert both.inner.history.read(0, 100) == b"beforeafter"


async def test_what_was_printed_before_the_end_is_still_read_at_the_far_end() -> None:
    async with nested() as both:
        both.inner.pause_guest(True)
        await both.made.print(b"last words")
        removing = asyncio.ensure_future(both.made.console.remove_backend("vm.inner"))
        await turns()
        both.inner.pause_guest(False)
        await removing
        assert both.inner.history.read(0, 100) == b"last words"


async def test_a_guest_waits_for_whom_the_console_behind_a_link_waits_for() -> None:
    backend = ScriptedChardev("late", ready=False)
    inner = Console("inner", history=RING)
    await inner.start(None, [backend])
    outer = Console("vm", history=RING)
    door = LinkGuest("inner.guest", outer)
    link = LinkBackend("vm.inner", LinkOptions(chardev="inner"), "vm", door)
    await inner.set_guest(door)
    await outer.add_backend(link)
    guest = MemoryChardev("vm.guest")
    await outer.set_guest(guest)
    await turns()
    assert outer.starting.waiting_for == "vm.inner"
    assert not guest.streams
    backend.become_ready()
    await turns()
    assert guest.streams
    await outer.aclose()
    await inner.aclose()
