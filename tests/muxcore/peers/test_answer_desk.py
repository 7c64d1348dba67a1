"""One answer per query, on a console with peers and time."""

from __future__ import annotations

import asyncio
from typing import Any

from muxcore import events
from muxcore.answers.arbiter import HOLD, WINDOW
from muxcore.chardev.null import NullChardev
from muxcore.flow.feed import REST
from muxcore.options.sets import NullOptions
from muxcore.peers.answer_desk import FLOOD
from muxcore.wire import frames
from tests.muxcore.console.test_hub_random import FramedEnd
from tests.muxcore.consoles import (
    Bench,
    Scripted,
    ScriptedChardev,
    bench,
    in_virtual_time,
    turns,
)

CPR = b"\x1b[20;1R"
ASK = b"~ # \x1b[6n"


async def type_all(*typed: tuple[Scripted, bytes]) -> None:
    """Everybody types, one after the other."""
    for end, data in typed:
        end.feed(data)
        await turns()


def surplus(made: Bench, backend: str) -> list[int]:
    return [peer["surplus"] for peer in made.describe(backend)["peers"]]


async def test_t11_one_answer_per_query() -> None:
    backend, framed = ScriptedChardev("b"), FramedEnd("tui")
    async with bench(backend, framed) as made:
        first, second = backend.connect(), backend.connect()
        await made.print(ASK)
        answer = frames.encode(b"I", CPR)
        await type_all((second, CPR), (first, b"l" + CPR + b"s"), (framed.scripted, answer))
        assert made.guest.sent == CPR + b"ls"
        assert surplus(made, "b") == [1, 0]
        assert surplus(made, "tui") == [1]
        # Nothing is open any more: this is Shift-F3.
        await type_all((first, b"\x1b[1;2R"))
        assert made.guest.sent == CPR + b"ls\x1b[1;2R"


async def test_t10_half_typed_escapes_of_two_users_never_combine() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        first, second = backend.connect(), backend.connect()
        await made.print(ASK)
        await type_all((first, CPR[:3]), (second, CPR[3:]), (first, CPR[3:]))
        assert made.guest.sent == CPR[3:] + CPR
        assert surplus(made, "b") == [0, 0]


@in_virtual_time
async def test_the_beginning_of_an_answer_is_held_for_a_tenth_of_a_second() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        end = backend.connect()
        await made.print(ASK)
        await type_all((end, b"x\x1b"))
        assert made.guest.sent == b"x"
        await asyncio.sleep(HOLD - 0.001)
        assert made.guest.sent == b"x"
        await asyncio.sleep(0.002)
        assert made.guest.sent == b"x\x1b"
        await type_all((end, b"[1"))
        assert made.guest.sent == b"x\x1b[1"


@in_virtual_time
async def test_further_bytes_do_not_prolong_the_hold() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        end = backend.connect()
        await made.print(ASK)
        for byte in (b"\x1b", b"[", b"2", b"0"):
            await type_all((end, byte))
            await asyncio.sleep(HOLD * 0.3)
        assert made.guest.sent == b"\x1b[20"


@in_virtual_time
async def test_nothing_is_held_or_removed_when_two_seconds_have_passed() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        first, second = backend.connect(), backend.connect()
        await made.print(ASK)
        await type_all((first, CPR))
        await asyncio.sleep(WINDOW + 0.001)
        await type_all((second, b"\x1b"), (second, b"[1;2R"))
        assert made.guest.sent == CPR + b"\x1b[1;2R"


@in_virtual_time
async def test_what_is_held_of_a_peer_that_leaves_is_passed_on() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        ended, dropped, half = (
            backend.connect(),
            backend.connect(),
            backend.connect(half_closes=True),
        )
        await made.print(ASK)
        await type_all((ended, b"a\x1b"), (dropped, b"b\x1b"), (half, b"c\x1b"))
        ended.end_input()
        await turns()
        assert made.guest.sent == b"abc\x1b"
        assert [event.peer for event in made.heard.of(events.PeerClosed)] == ["b/1"]
        made.console.disconnect_peer("b/2")
        await asyncio.sleep(REST + 0.001)
        assert made.guest.sent[:5] == b"abc\x1b\x1b"
        assert [peer.id for peer in made.console.peers] == ["b/3"]


async def test_what_is_held_of_a_peer_that_may_no_longer_type_is_refused() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        end = backend.connect()
        await made.print(ASK)
        await type_all((end, b"\x1b"))
        made.console.set_backend("b", readonly=True)
        made.console.desk.answers.release(made.peer("b/1"))
        await turns()
        assert made.guest.sent == b""
        assert made.describe("b")["peers"][0]["refused"] == 1


async def test_a_readonly_peer_answers_nothing_and_settles_nothing() -> None:
    watcher, backend = ScriptedChardev("w", readonly=True), ScriptedChardev("b")
    async with bench(watcher, backend) as made:
        sees, types = watcher.connect(), backend.connect()
        await made.print(ASK)
        await type_all((sees, CPR), (types, CPR))
        assert made.guest.sent == CPR


async def test_only_the_chosen_backend_answers() -> None:
    backend, chosen = ScriptedChardev("b"), ScriptedChardev("c")
    async with bench(backend, chosen) as made:
        made.console.answer = "c"
        other, first, second = backend.connect(), chosen.connect(), chosen.connect()
        await made.print(ASK)
        await type_all((other, CPR), (second, b"\x1b[7;7R"), (first, CPR))
        assert made.guest.sent == b"\x1b[7;7R"
        assert surplus(made, "b") == [1]
        assert surplus(made, "c") == [1, 0]


async def test_the_first_answers_where_the_chosen_backend_cannot() -> None:
    backend, chosen = ScriptedChardev("b"), ScriptedChardev("c")
    async with bench(backend, chosen) as made:
        made.console.answer = "c"
        other = backend.connect()
        await made.print(ASK)
        await type_all((other, CPR))
        assert made.guest.sent == CPR
        chosen.connect()
        made.console.set_backend("c", readonly=True)
        await made.print(ASK)
        await type_all((other, CPR))
        assert made.guest.sent == CPR * 2
        made.console.set_backend("c", readonly=False, paused=True)
        await made.print(ASK)
        await type_all((other, CPR))
        assert made.guest.sent == CPR * 3


async def test_first_is_as_good_as_no_choice() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        made.console.answer = "first"
        end = backend.connect()
        await made.print(ASK)
        await type_all((end, CPR))
        assert made.guest.sent == CPR


async def test_a_replayed_query_is_answered_by_nobody() -> None:
    replaying = ScriptedChardev("r", replay=1024)
    async with bench(replaying) as made:
        await made.print(b"x" * 100 + ASK)
        end = replaying.connect()
        await turns()
        assert end.got.endswith(ASK)
        await type_all((end, CPR + b"ls\r"))
        assert made.guest.sent == b"ls\r"
        assert surplus(made, "r") == [1]


async def test_what_a_pty_s_next_opener_resumes_with_is_a_replay() -> None:
    resuming = ScriptedChardev("p", resumes=True)
    async with bench(resuming) as made:
        await made.print(ASK)
        end = resuming.connect()
        await turns()
        assert end.got == ASK
        await type_all((end, CPR))
        assert made.guest.sent == b""


async def test_a_framed_peer_that_replays_answers_the_next_query() -> None:
    framed = FramedEnd("tui")
    async with bench() as made:
        await made.print(ASK)
        framed.options = type(framed.options)(replay=1024)
        await made.console.add_backend(framed)
        await turns()
        await made.print(ASK)
        await type_all((framed.scripted, frames.encode(b"I", CPR)))
        assert made.guest.sent == CPR


async def test_a_slow_peer_s_answer_is_late_not_typed() -> None:
    slow, quick = ScriptedChardev("s"), ScriptedChardev("q")
    async with bench(slow, quick) as made:
        behind, first = slow.connect(), quick.connect()
        behind.allow(0)
        await made.print(ASK)
        await type_all((first, CPR), (behind, b"\x1b[1;2R"))
        assert made.guest.sent == CPR + b"\x1b[1;2R"
        behind.allow(None)
        await turns()
        await type_all((behind, CPR))
        assert made.guest.sent == CPR + b"\x1b[1;2R"
        assert surplus(made, "s") == [1]


async def test_skipped_queries_are_not_sent() -> None:
    slow = ScriptedChardev("s", patience=0)
    async with bench(slow) as made:
        behind = slow.connect()
        behind.allow(0)
        await made.print(ASK)
        await made.print(b"x" * 70_000)
        behind.allow(None)
        await turns()
        assert made.heard.gaps("s/1")
        assert not made.peer("s/1").respondent.listens


async def test_an_answer_to_a_guest_that_ended_is_not_typed_to_the_next() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        end = backend.connect()
        await made.print(ASK)
        made.guest.hang_up()
        await turns()
        await made.console.set_guest(None)
        made.guest = type(made.guest)("vm.guest")
        await made.console.set_guest(made.guest)
        await type_all((end, CPR + b"x"))
        assert made.guest.sent == b"x"


async def test_surplus_answers_of_peers_that_left_are_still_counted() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        first, second = backend.connect(), backend.connect()
        await made.print(ASK)
        await type_all((first, CPR), (second, CPR))
        second.end_input()
        await turns()
        assert surplus(made, "b") == [0]
        assert made.describe("b")["surplus"] == 1


async def test_output_without_a_query_asks_no_peer() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        backend.connect()
        respondent: Any = made.peer("b/1").respondent
        asked: list[int] = []
        respondent.sent = asked.append
        await made.print(b"\x1b[31mno question\x1b[m\r\n")
        assert not asked


async def test_a_flood_is_not_looked_at_while_a_single_terminal_could_answer() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend, NullChardev("log", NullOptions())) as made:
        backend.connect()
        await made.print(bytes(FLOOD) + ASK)
        assert not made.peer("b/1").respondent.listens
        backend.connect()
        await made.print(bytes(FLOOD) + ASK)
        assert made.peer("b/1").respondent.listens
        assert made.peer("b/2").respondent.listens


async def test_a_flood_is_not_looked_at_for_whoever_left() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        backend.connect()
        made.console.disconnect_peer("b/1")
        backend.connect()
        await made.print(bytes(FLOOD) + ASK)
        assert not made.peer("b/2").respondent.listens


async def test_a_query_that_began_in_what_was_not_looked_at_is_one() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        backend.connect()
        await made.print(bytes(FLOOD) + ASK[:-1])
        assert not made.peer("b/1").respondent.listens
        await made.print(ASK[-1:])
        assert made.peer("b/1").respondent.listens
