"""One answer per query where muxes and hubs lie between the terminals and the guest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from muxcore.chardev.memory import MemoryChardev
from muxcore.console.hub import Console
from muxcore.console.link import LinkBackend, LinkGuest
from muxcore.options.sets import LinkOptions
from muxcore.peers.answer_desk import FLOOD
from tests.muxcore.console.muxes import muxed
from tests.muxcore.consoles import RING, Scripted, ScriptedChardev, turns

CPR = b"\x1b[20;1R"
ASK = b"# \x1b[6n"


async def type_all(*typed: tuple[Scripted, bytes]) -> None:
    """Everybody types, one after the other, and it arrives."""
    for end, data in typed:
        end.feed(data)
        await turns(100)


async def ask(guest: MemoryChardev) -> None:
    """The guest asks, and everybody has heard it."""
    guest.feed(ASK)
    await turns(200)


@asynccontextmanager
async def hub_over(console: Console, *backends: ScriptedChardev) -> AsyncIterator[Console]:
    """A hub whose guest is `console`."""
    hub = Console(f"h{len(console.backends)}", history=RING)
    door = LinkGuest(f"{hub.name}.guest", console)
    await hub.start(door, backends)
    link = LinkBackend(f"{console.name}.{hub.name}", LinkOptions(chardev=hub.name), "", door)
    await console.add_backend(link)
    try:
        yield hub
    finally:
        await hub.aclose()


def surplus(*consoles: Console) -> int:
    """Answers taken out on the consoles."""
    return sum(peer.respondent.removed for console in consoles for peer in console.peers)


async def test_one_answer_through_hubs_over_hubs() -> None:
    near, middle, far = ScriptedChardev("n"), ScriptedChardev("m"), ScriptedChardev("f")
    guest = MemoryChardev("vm.guest")
    console = Console("vm", history=RING)
    await console.start(guest, [near])
    async with hub_over(console, middle) as hub, hub_over(hub, far) as outer:
        ends = [near.connect(), middle.connect(), far.connect(), far.connect()]
        for first in range(len(ends)):
            del guest.sent[:]
            await ask(guest)
            order = ends[first:] + ends[:first]
            await type_all(*((end, b"a" + CPR + b"z") for end in order))
            assert bytes(guest.sent).count(CPR) == 1
            assert bytes(guest.sent).replace(CPR, b"") == b"az" * 4
        assert surplus(console, hub, outer) == 3 * len(ends)
    await console.aclose()


async def test_one_answer_through_a_mux() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base) as made:
        first, second = base.connect(), base.connect()
        await ask(made.guests["a"])
        await type_all((first, CPR + b"x"), (second, CPR + b"y"))
        assert made.guests["a"].sent == CPR + b"xy"


async def test_an_answer_goes_to_whoever_asked_not_to_who_has_the_focus() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base) as made:
        client = base.connect()
        assert made.mux.focus == "a"
        await ask(made.guests["b"])
        await type_all((client, b"x" + CPR + b"y"))
        assert made.guests["a"].sent == b"xy"
        assert made.guests["b"].sent == CPR


async def test_both_consoles_of_a_mux_get_one_answer_each() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base) as made:
        first, second = base.connect(), base.connect()
        for name in ("b", "a"):
            await ask(made.guests[name])
        await type_all((first, CPR + CPR), (second, CPR + CPR))
        assert made.guests["a"].sent == CPR
        assert made.guests["b"].sent == CPR


async def test_an_answer_at_the_console_itself_makes_those_at_its_mux_surplus() -> None:
    base, own = ScriptedChardev("m-base"), ScriptedChardev("own")
    async with muxed(base) as made:
        await made.frontends["a"].add_backend(own)
        at_console, at_mux = own.connect(), base.connect()
        await ask(made.guests["a"])
        await type_all((at_console, CPR), (at_mux, CPR))
        assert made.guests["a"].sent == CPR
        assert surplus(made.console) == 1
        await ask(made.guests["a"])
        await type_all((at_mux, CPR), (at_console, CPR))
        assert made.guests["a"].sent == CPR * 2


async def test_those_at_a_hub_over_a_mux_and_those_at_the_mux_give_one_answer() -> None:
    base, behind, outer = ScriptedChardev("m-base"), ScriptedChardev("b"), ScriptedChardev("o")
    async with (
        muxed(base) as made,
        hub_over(made.console, behind) as hub,
        hub_over(hub, outer) as far,
    ):
        assert far.mux is made.mux
        ends = [base.connect(), behind.connect(), outer.connect()]
        for first in range(len(ends)):
            del made.guests["a"].sent[:]
            await ask(made.guests["a"])
            await type_all(*((end, CPR + b"x") for end in ends[first:] + ends[:first]))
            assert bytes(made.guests["a"].sent).count(CPR) == 1
            assert bytes(made.guests["a"].sent).replace(CPR, b"") == b"xxx"
            assert not made.guests["b"].sent


async def test_each_query_gets_its_own_answer_at_a_hub_over_a_mux() -> None:
    base, behind, outer = ScriptedChardev("m-base"), ScriptedChardev("b"), ScriptedChardev("o")
    async with muxed(base) as made, hub_over(made.console, behind) as hub, hub_over(hub, outer):
        at_mux, at_hub, at_outer = base.connect(), behind.connect(), outer.connect()
        await ask(made.guests["a"])
        await ask(made.guests["a"])
        await type_all((at_mux, b"\x1b[1;1R"), (at_outer, b"\x1b[1;8R"), (at_hub, b"\x1b[1;9R"))
        await type_all((at_mux, b"\x1b[2;1R"))
        assert made.guests["a"].sent == b"\x1b[1;1R\x1b[2;1R"


async def test_one_answer_through_a_mux_behind_a_mux() -> None:
    inner_base = ScriptedChardev("i-base")
    base = ScriptedChardev("m-base")
    async with muxed(inner_base) as inner, muxed(base, names="") as made:
        await made.link(inner.console)
        at_inner, at_outer = inner_base.connect(), base.connect()
        await ask(inner.guests["b"])
        await type_all((at_outer, CPR + b"x"), (at_inner, CPR + b"y"))
        assert inner.guests["b"].sent == CPR
        assert inner.guests["a"].sent == b"xy"


async def test_t10_half_of_a_mux_s_key_of_one_user_is_none_with_what_another_types() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base) as made:
        first, second = base.connect(), base.connect()
        await type_all((first, b"\x01"), (second, b"c"), (first, b"\x01"))
        assert made.mux.focus == "a"
        assert made.guests["a"].sent == b"c\x01"


async def test_an_answer_is_no_mux_s_key() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base, escape=0x1B) as made:
        client = base.connect()
        await ask(made.guests["a"])
        await type_all((client, CPR))
        assert made.guests["a"].sent == CPR


async def test_a_flood_is_looked_at_where_the_answer_does_not_go_to_who_has_the_focus() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base) as made:
        end = base.connect()
        made.mux.set_focus("b")
        made.guests["a"].feed(bytes(FLOOD) + ASK)
        await turns(200)
        assert len(end.got) >= FLOOD + len(ASK)
        await type_all((end, CPR))
        assert made.guests["a"].sent == CPR
        assert made.guests["b"].sent == b""


async def test_a_flood_is_looked_at_where_another_console_says_who_may_answer() -> None:
    near, far = ScriptedChardev("n"), ScriptedChardev("f")
    guest = MemoryChardev("vm.guest")
    console = Console("vm", history=RING)
    await console.start(guest, [near])
    async with hub_over(console, far) as hub:
        end = far.connect()
        for _ in range(2):
            guest.feed(bytes(FLOOD) + ASK)
            await turns(200)
        assert len(end.got) == 2 * (FLOOD + len(ASK))
        assert hub.peers[0].respondent.listens
    await console.aclose()
