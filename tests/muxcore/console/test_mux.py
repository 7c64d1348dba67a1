from __future__ import annotations

import json
import socket

import pytest

from muxcore import events
from muxcore.chardev.base import Who
from muxcore.chardev.memory import MemoryChardev
from muxcore.console.mux import NOTHING_TO_COMMIT, TERMINATED
from muxcore.console.mux_keys import help_text
from muxcore.errors import NotFoundError
from muxcore.peers.peer import INBOX
from muxcore.wire import frames
from tests.muxcore.console.muxes import muxed
from tests.muxcore.consoles import ScriptedChardev, pattern, turns


async def test_all_consoles_print_and_the_focused_one_is_typed_to() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base) as made:
        client = base.connect()
        made.guests["a"].feed(b"one ")
        await turns()
        made.guests["b"].feed(b"two")
        client.feed(b"ls\x01cid\x01c!")
        await turns()
        assert client.got.replace(b"\r\n[muxtui: a]\r\n", b"") == b"one two"
        assert made.guests["a"].sent == b"ls!"
        assert made.guests["b"].sent == b"id"


async def test_every_frontends_output_comes_whole_and_in_order() -> None:
    base = ScriptedChardev("m-base", policy="block", block_timeout=0)
    async with muxed(base, names="abc") as made:
        client = base.connect()
        sources = {}
        for number, (name, guest) in enumerate(made.guests.items()):
            sources[name] = bytes(64 * number + index % 61 for index in range(20_000))
            guest.feed(sources[name])
        await turns(500)
        for number, source in enumerate(sources.values()):
            assert bytes(byte for byte in client.got if byte // 64 == number) == source


async def test_the_focus_goes_round_and_is_an_event() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base, names="abc") as made:
        client, other = base.connect(), base.connect()
        assert made.mux.focus == "a"
        for _ in range(3):
            client.feed(b"\x01c")
            await turns()
        assert made.focuses == [
            ("m", "b", "m-base/1"),
            ("m", "c", "m-base/1"),
            ("m", "a", "m-base/1"),
        ]
        assert client.got == b"\r\n[muxtui: b]\r\n\r\n[muxtui: c]\r\n\r\n[muxtui: a]\r\n"
        assert not other.got
        made.mux.set_focus("c")
        assert made.focuses[-1] == ("m", "c", None)
        with pytest.raises(NotFoundError, match="console 'x' is not on mux 'm'"):
            made.mux.set_focus("x")


async def test_however_often_the_key_is_struck_at_once_the_focus_is_told_once() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base, names="ab") as made:
        base.connect().feed(b"\x01c" * 1001)
        await turns()
        assert made.focuses == [("m", "b", "m-base/1")]


async def test_help_is_for_who_asked() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base, escape=0x14) as made:
        client, other = base.connect(), base.connect()
        client.feed(b"\x14h\x14s")
        await turns()
        assert client.got == help_text(0x14) + NOTHING_TO_COMMIT
        assert not other.got
        assert not made.guests["a"].sent
        assert made.console.history.end == 0


async def test_one_persons_escape_and_anothers_x_do_not_combine() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base) as made:
        client, other = base.connect(), base.connect()
        client.feed(b"\x01")
        await turns()
        other.feed(b"xy")
        await turns()
        assert made.guests["a"].sent == b"xy"
        client.feed(b"x")
        await turns()
        other.feed(b"y")
        await turns()
        assert not made.ended
        assert not other.got
        client.feed(b"y")
        await turns()
        assert made.ended == ["a"]
        assert client.got.endswith(TERMINATED)


async def test_an_end_is_asked_for_first_and_is_of_what_was_asked_about() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base) as made:
        client, other = base.connect(), base.connect()
        client.feed(b"\x01xn")
        await turns()
        assert made.ended == []
        assert client.got == b"\n\rmuxtui: end the guest of 'a'? (y/n) n\n\r"
        client.feed(b"\x01x")
        await turns()
        other.feed(b"\x01c")
        await turns()
        client.feed(b"y")
        await turns()
        assert made.ended == ["a"]


async def test_what_waits_for_a_guest_that_does_not_read_stays_with_it() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base) as made:
        client = base.connect()
        for guest in made.guests.values():
            guest.stall()
        for_a, for_b = pattern(1500), pattern(3000)[1500:]
        client.feed(for_a + b"\x01c" + for_b)
        await turns()
        # Typed ahead, and the keys still work.
        assert made.mux.focus == "b"
        client.feed(b"\x01h")
        await turns()
        assert help_text() in client.got
        for guest in made.guests.values():
            guest.resume()
        await turns(300)
        assert made.guests["a"].sent == for_a
        assert made.guests["b"].sent == for_b


async def test_input_for_a_guest_that_does_not_read_is_bounded_and_not_lost() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base) as made:
        client = base.connect()
        made.guests["a"].stall()
        source = pattern(100_000)
        client.feed(source)
        await turns(200)
        assert all(peer.waiting <= INBOX for peer in made.console.peers)
        assert client.unread > 80_000
        made.guests["a"].resume()
        await turns(3000)
        assert made.guests["a"].sent == source


async def test_another_ones_paste_does_not_hold_up_who_types_to_another_console() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base) as made:
        paster, typist = base.connect(), base.connect()
        made.guests["a"].stall()
        paster.feed(pattern(100_000))
        await turns(200)
        typist.feed(b"\x01cdate\r")
        await turns()
        assert made.guests["b"].sent == b"date\r"


async def test_who_left_is_still_heard_by_the_guest_that_reads_at_last() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base) as made:
        client = base.connect()
        made.guests["a"].stall()
        client.feed(pattern(3500))
        client.end_input()
        await turns(100)
        made.guests["a"].resume()
        await turns(300)
        assert made.guests["a"].sent == pattern(3500)
        assert made.console.peers == ()


async def test_a_break_reaches_the_focused_guest() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base) as made:
        client = base.connect()
        client.feed(b"\x01b\x01c\x01b\x01b")
        await turns()
        assert (made.guests["a"].breaks, made.guests["b"].breaks) == (1, 2)
        made.console.send_break()
        assert made.guests["b"].breaks == 3


async def test_a_break_that_the_guest_does_not_have_is_an_event() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base, names="") as made:
        await made.add("a", MemoryChardev("dumb"))
        base.connect().feed(b"\x01b")
        await turns()
        (problem,) = made.heard.of(events.StreamProblem)
        assert problem.reason == "chardev 'm.guest' (mux) has no break to send"


async def test_a_size_reaches_every_console() -> None:
    async with muxed() as made:
        made.console.resize(30, 100)
        assert made.guests["a"].sizes == made.guests["b"].sizes == [(30, 100)]


async def test_stamps_begin_with_the_next_line_and_end_with_the_toggle() -> None:
    base = ScriptedChardev("m-base")
    now = 100.0
    async with muxed(base, clock=lambda: now) as made:
        client = base.connect()
        client.feed(b"\x01t")
        await turns()
        made.guests["a"].feed(b"rest\r\nfirst\n")
        await turns()
        now += 3661.5
        made.guests["b"].feed(b"second\x85\x1c\n\n")
        await turns()
        client.feed(b"\x01t")
        await turns()
        made.guests["a"].feed(b"third\nfourth")
        await turns()
        assert client.got == (
            b"rest\r\n[00:00:00.000] first\n[01:01:01.500] second\x85\x1c\n[01:01:01.500] \n"
            b"third\nfourth"
        )
        assert made.frontends["a"].history.read(0, 100) == b"rest\r\nfirst\nthird\nfourth"


async def test_a_stamp_at_every_byte_is_bounded_and_loses_nothing() -> None:
    base = ScriptedChardev("m-base", policy="block", block_timeout=0)
    async with muxed(base) as made:
        client = base.connect()
        client.feed(b"\x01t")
        await turns()
        made.guests["a"].feed(b"\n" * 50_000)
        await turns(3000)
        assert client.got.count(b"\n") == 50_000
        assert client.got.replace(b"[00:00:00.000] ", b"") == b"\n" * 50_000


async def test_the_focus_of_a_console_that_goes_is_the_next_ones() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base) as made:
        client = base.connect()
        first, second = made.switch.frontends
        made.switch.remove(first)
        assert made.switch.focus is second
        made.switch.remove(second)
        assert made.console.describe()["mux"]["focus"] is None
        client.feed(b"nobody\x01c\x01b\x01xy")
        await turns()
        assert made.console.describe()["discarded"] == len(b"nobody")
        assert made.ended == []


async def test_a_peer_that_may_only_read_has_no_keys() -> None:
    base = ScriptedChardev("m-base", readonly=True)
    async with muxed(base) as made:
        client = base.connect()
        client.feed(b"\x01c\x01h\x01xy")
        await turns()
        assert made.mux.focus == "a"
        assert not client.got


async def test_help_that_nobody_reads_is_left_out_in_the_end() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base):
        client = base.connect()
        client.allow(0)
        client.feed(b"\x01h" * 10_000)
        await turns(300)
        client.allow(None)
        await turns()
        assert 0 < len(client.got) < 10_000
        assert len(client.got) % len(help_text()) == 0


async def test_help_in_a_stream_of_frames_is_a_frame_that_counts_as_no_output() -> None:
    async with muxed() as made:
        near, far = socket.socketpair()
        near.setblocking(False)
        far.setblocking(False)
        made.console.attach(
            near.detach(),
            Who("viewer"),
            id="v",
            mode="rw",
            framing="frames",
            replay=0,
            size=None,
        )
        far.send(frames.encode(b"I", b"ls\x01h\x01c"))
        await turns()
        made.guests["a"].feed(b"out")
        await turns()
        decoded = frames.FrameDecoder(frames.TO_CLIENT).feed(far.recv(1 << 16))
        assert [frame.payload for frame in decoded if frame.kind == b"N"] == [
            help_text(),
            b"\r\n[muxtui: b]\r\n",
        ]
        (output,) = (frame.payload for frame in decoded if frame.kind == b"D")
        assert output == frames.OFFSET.pack(0) + b"out"
        statuses = [json.loads(frame.payload) for frame in decoded if frame.kind == b"S"]
        assert [status["focus"] for status in statuses][-1] == "b"
        assert made.guests["a"].sent == b"ls"
        far.close()


async def test_what_is_said_to_a_paused_peer_waits_with_its_output() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base) as made:
        client = base.connect()
        made.console.set_backend("m-base", paused=True)
        client.feed(b"\x01h")
        made.guests["a"].feed(b"out")
        await turns()
        assert not client.got
        made.console.set_backend("m-base", paused=False)
        await turns()
        assert client.got == help_text() + b"out"


async def test_what_is_said_goes_behind_what_is_half_sent() -> None:
    base = ScriptedChardev("m-base")
    async with muxed(base) as made:
        client = base.connect()
        client.allow(5)
        made.guests["a"].feed(b"0123456789")
        await turns()
        client.feed(b"\x01s")
        await turns()
        client.allow(None)
        await turns()
        assert client.got == b"01234" + NOTHING_TO_COMMIT + b"56789"
