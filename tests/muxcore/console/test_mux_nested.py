"""Muxes and hubs behind one another."""

from muxcore.chardev.base import Chardev
from muxcore.console.hub import Console
from muxcore.console.link import LinkBackend, LinkGuest
from muxcore.console.mux_keys import help_text
from muxcore.options.sets import LinkOptions
from tests.muxcore.console.muxes import Muxed, muxed
from tests.muxcore.consoles import RING, ScriptedChardev, turns


async def hub_over(made: Muxed, *backends: Chardev) -> Console:
    """A hub that the mux is on: Alex Bennée's wish."""
    hub = Console("hub", history=RING, notify=made.heard)
    await hub.start(None, backends)
    door = LinkGuest("hub.guest", made.console)
    await hub.set_guest(door)
    link = LinkBackend("m.hub", LinkOptions(chardev="hub"), "m", door)
    await made.console.add_backend(link)
    return hub


async def test_the_peers_of_a_hub_under_a_mux_have_keys_of_their_own() -> None:
    backend = ScriptedChardev("s")
    async with muxed() as made:
        hub = await hub_over(made, backend)
        client, other = backend.connect(), backend.connect()
        client.feed(b"\x01")
        await turns()
        other.feed(b"h")
        await turns()
        client.feed(b"h")
        await turns()
        assert made.guests["a"].sent == b"h"
        assert client.got == help_text()
        assert not other.got
        other.feed(b"abc\x01cdef")
        await turns()
        assert made.guests["a"].sent == b"habc"
        assert made.guests["b"].sent == b"def"
        made.guests["a"].feed(b"shown to all")
        await turns()
        assert client.got == help_text() + b"shown to all"
        await hub.aclose()


async def test_a_hub_that_may_only_read_from_its_mux_has_no_keys() -> None:
    backend = ScriptedChardev("s")
    async with muxed() as made:
        hub = await hub_over(made, backend)
        made.console.set_backend("m.hub", readonly=True)
        backend.connect().feed(b"ls\x01c")
        await turns()
        assert made.mux.focus == "a"
        assert not made.guests["a"].sent
        await hub.aclose()


async def test_a_hub_between_a_guest_and_a_mux_copies_what_both_see() -> None:
    base, copy = ScriptedChardev("m-base"), ScriptedChardev("copy")
    async with muxed(base, names="a") as made:
        hub = Console("h", history=RING)
        await hub.start(None, [copy])
        door = LinkGuest("h.guest", made.frontends["a"])
        await hub.set_guest(door)
        await made.frontends["a"].add_backend(
            LinkBackend("a.h", LinkOptions(chardev="h"), "a", door)
        )
        await made.link(hub)
        client, listener = base.connect(), copy.connect()
        made.mux.set_focus("h")
        client.feed(b"ls\r")
        made.guests["a"].feed(b"out")
        await turns(100)
        assert made.guests["a"].sent == b"ls\r"
        assert listener.got == b"out"
        await hub.aclose()


async def test_a_mux_under_a_mux_takes_its_keys_behind_two_escapes() -> None:
    outer_base = ScriptedChardev("m-base")
    async with muxed(outer_base, names="a") as made:
        inner = Muxed(1, lambda: 0.0)
        inner.console.name = "n"
        await inner.console.start(inner.switch, [])
        await inner.add("x")
        await inner.add("y")
        await made.link(inner.console)
        made.mux.set_focus("n")
        client = outer_base.connect()
        client.feed(b"one\x01\x01ctwo")
        await turns(100)
        assert inner.guests["x"].sent == b"one"
        assert inner.guests["y"].sent == b"two"
        for console in (*inner.frontends.values(), inner.console):
            await console.aclose()
