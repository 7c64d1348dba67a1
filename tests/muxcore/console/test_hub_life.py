"""A console's life: its guest comes and goes, backends come, leave, and come back."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from muxcore import events
from muxcore.chardev.base import State
from muxcore.chardev.file import FileChardev
from muxcore.chardev.memory import MemoryChardev
from muxcore.console.hub import Console
from muxcore.errors import BreakUnsupported, CommandError, NotFoundError
from muxcore.options.sets import FileOptions
from tests.muxcore.consoles import (
    RING,
    ScriptedChardev,
    bench,
    expected_raw,
    pattern,
    turns,
)
from tests.support import eventually, open_fds


class Silent(ScriptedChardev):
    """A backend whose first attempt never ends."""

    async def open(self) -> None:
        await asyncio.get_running_loop().create_future()


async def test_a_backend_that_does_not_come_up_keeps_nobody_waiting_for_ever() -> None:
    silent, good = Silent("s"), MemoryChardev("g")
    async with bench(silent, good) as made:
        await made.print(b"x")
        assert good.sent == b"x"


async def test_the_guest_waits_for_a_backend_with_wait_on_and_nobody_else_does() -> None:
    waited, other = ScriptedChardev("w", ready=False), ScriptedChardev("o")
    async with bench(waited, other) as made:
        other.connect()
        guest = made.console.describe()["guest"]
        assert (guest["state"], guest["waiting-for"]) == ("closed", "w")
        assert len(made.console.peers) == 1
        waited.become_ready()
        await eventually(lambda: made.guest.streams)
        assert made.console.describe()["guest"]["waiting-for"] is None


async def test_the_guest_waits_for_every_backend_with_wait_on() -> None:
    first, second = ScriptedChardev("1", ready=False), ScriptedChardev("2", ready=False)
    async with bench(first, second) as made:
        second.become_ready()
        await turns()
        assert made.console.describe()["guest"]["waiting-for"] == "1"
        first.become_ready()
        await eventually(lambda: made.guest.streams)


async def test_the_guest_starts_when_the_backend_it_waits_for_is_removed() -> None:
    waited = ScriptedChardev("w", ready=False)
    async with bench(waited) as made:
        await made.console.remove_backend("w")
        await eventually(lambda: made.guest.streams)
        assert made.console.describe()["guest"]["waiting-for"] is None


async def test_a_guest_may_be_replaced_and_the_history_goes_on() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        client = backend.connect()
        await made.print(b"one")
        other = MemoryChardev("vm.other")
        await made.console.set_guest(other)
        assert made.guest.state is State.CLOSED
        other.feed(b"two")
        await turns()
        assert client.got == b"onetwo"
        client.feed(b"typed")
        await turns()
        assert (bytes(made.guest.sent), bytes(other.sent)) == (b"", b"typed")


async def test_a_guest_that_comes_back_is_read_again() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        client = backend.connect()
        made.guest.feed(b"bye")
        made.guest.hang_up()
        await eventually(lambda: made.guest.state is State.CLOSED)
        await made.guest.open()
        await made.print(b" hello")
        assert client.got == b"bye hello"


async def test_a_guest_that_breaks_is_shown_with_its_reason() -> None:
    async with bench() as made:
        made.guest.hang_up(OSError(5, os.strerror(5)))
        await eventually(lambda: made.guest.state is State.CLOSED)
        assert made.console.describe()["guest"]["reason"] == os.strerror(5)
        assert made.heard.of(events.GuestChanged)[-1].reason == os.strerror(5)


async def test_a_console_passes_a_new_guest_its_size() -> None:
    console = Console("vm", size=(40, 120))
    guest = MemoryChardev("g", can_resize=True)
    await console.start(guest, [])
    assert guest.sizes == [(40, 120)]
    console.resize(40, 120)
    assert guest.sizes == [(40, 120)]
    console.resize(41, 120)
    assert guest.sizes[-1] == (41, 120)
    await console.aclose()


async def test_breaks_are_refused_in_words() -> None:
    console = Console("vm")
    with pytest.raises(CommandError, match="no guest"):
        console.send_break()
    await console.start(MemoryChardev("g"), [])
    with pytest.raises(BreakUnsupported):
        console.send_break()
    guest = MemoryChardev("g2", can_break=True)
    await console.set_guest(guest)
    guest.hang_up()
    await eventually(lambda: guest.state is State.CLOSED)
    with pytest.raises(CommandError, match="not open"):
        console.send_break()
    await console.aclose()


async def test_what_does_not_exist_is_not_found() -> None:
    async with bench() as made:
        with pytest.raises(NotFoundError, match="nobody"):
            made.console.detach_backend("nobody")
        with pytest.raises(NotFoundError, match="nobody"):
            await made.console.remove_backend("nobody")
        with pytest.raises(NotFoundError, match="nobody"):
            made.console.set_backend("nobody", paused=True)
        with pytest.raises(NotFoundError, match="nobody/1"):
            made.console.disconnect_peer("nobody/1")


async def test_a_detached_backend_keeps_its_streams_and_is_adopted_with_them() -> None:
    backend, other = ScriptedChardev("b"), ScriptedChardev("o")
    async with bench(backend) as made:
        client = backend.connect()
        await made.print(b"one")
        loose = made.console.detach_backend("b")
        assert loose is backend
        assert not client.closed
        await made.print(b"unseen")
        client.feed(b"typed meanwhile")
        await turns()
        assert not made.guest.sent
        await made.console.add_backend(loose)
        await turns()
        assert made.guest.sent == b"typed meanwhile"
        await made.print(b"two")
        assert client.got == b"onetwo"
        await made.console.add_backend(other)
        assert list(made.console.backends) == ["b", "o"]


async def test_a_backend_moves_from_one_console_to_another() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as first, bench() as second:
        client = backend.connect()
        await second.console.add_backend(first.console.detach_backend("b"))
        await first.print(b"first")
        await second.print(b"second")
        assert client.got == b"second"


async def test_a_pause_ends_with_the_backends_time_on_the_console() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        client = backend.connect()
        made.console.set_backend("b", paused=True)
        await made.console.add_backend(made.console.detach_backend("b"))
        await made.print(b"x")
        assert client.got == b"x"


async def test_a_removed_backend_first_takes_what_it_lacks() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        client = backend.connect()
        client.allow(0)
        await made.print(b"all of it")
        removal = asyncio.ensure_future(made.console.remove_backend("b"))
        await turns()
        assert not removal.done()
        client.allow(4)
        await turns()
        assert not removal.done()
        client.allow(None)
        await removal
        assert client.got == b"all of it"
        assert client.closed
        assert made.console.describe()["backends"] == []


async def test_a_removed_backend_that_takes_nothing_is_ended_all_the_same() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        client = backend.connect()
        client.allow(0)
        await made.print(b"never read")
        await made.console.remove_backend("b")
        assert client.closed


async def test_a_backend_may_be_removed_twice_at_once() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        client = backend.connect()
        client.allow(0)
        await made.print(b"x")
        removals = [asyncio.ensure_future(made.console.remove_backend("b")) for _ in range(2)]
        await turns()
        client.allow(None)
        await asyncio.gather(*removals)
        assert len(made.heard.of(events.BackendRemoved)) == 1


async def test_closing_drains_every_peer_and_leaves_nothing() -> None:
    before, tasks = open_fds(), asyncio.all_tasks()
    backend = ScriptedChardev("b", policy="block")
    console = Console("vm", history=RING)
    guest = MemoryChardev("g")
    await console.start(guest, [backend])
    slow, gone, good = (backend.connect() for _ in range(3))
    slow.allow(0)
    gone.allow(0)
    guest.feed(b"last output")
    await turns()
    closing = asyncio.ensure_future(console.aclose())
    await turns()
    assert not closing.done()
    slow.allow(None)
    gone.end_input()
    await closing
    assert slow.got == good.got == b"last output"
    assert all(client.closed for client in (slow, gone, good))
    assert console.peers == ()
    assert console.backends == {}
    assert (guest.state, backend.state) == (State.CLOSED, State.CLOSED)
    await console.aclose()
    assert open_fds() == before
    assert asyncio.all_tasks() == tasks


async def test_closing_drains_a_peer_that_reads_on_after_a_gap() -> None:
    backend = ScriptedChardev("b", patience=0)
    console = Console("vm", history=RING)
    guest = MemoryChardev("g")
    await console.start(guest, [backend])
    client = backend.connect()
    client.allow(0)
    source = pattern(3 * RING)
    guest.feed(source)
    await eventually(lambda: not guest.fed)
    closing = asyncio.ensure_future(console.aclose())
    await turns()
    client.allow(None)
    await closing
    assert client.got.endswith(source[-RING:])


async def test_a_console_closes_while_its_guest_is_held() -> None:
    backend = ScriptedChardev("b", policy="block", block_timeout=0)
    async with bench(backend) as made:
        backend.connect().allow(0)
        await made.print(pattern(4 * RING))
        assert made.console.held


async def test_a_log_file_has_every_byte_from_its_start_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = FileChardev("log", FileOptions(path=str(path)))
    source = pattern(30 * RING)
    async with bench(log) as made:
        made.guest.feed(source)
        await eventually(lambda: not made.guest.fed)
    assert path.read_bytes() == source


async def test_a_resuming_backend_goes_on_where_its_last_stream_ended() -> None:
    backend = ScriptedChardev("b", resumes=True)
    async with bench(backend) as made:
        await made.print(b"zero")
        first = backend.connect()
        await made.print(b"one")
        first.end_input()
        await turns()
        await made.print(b"two")
        second = backend.connect()
        await made.print(b"three")
        assert first.got == b"zeroone"
        assert second.got == b"twothree"
        assert not made.heard.of(events.Gap)


async def test_a_resuming_backend_that_was_away_too_long_has_an_exact_gap() -> None:
    backend = ScriptedChardev("b", resumes=True)
    async with bench(backend) as made:
        first = backend.connect()
        await made.print(b"one")
        first.end_input()
        source = b"one" + pattern(3 * RING)
        await made.print(source[3:])
        second = backend.connect()
        await turns()
        assert second.got == expected_raw(source, [(3, len(source) - RING)], 3)
        assert made.heard.gaps("b/2") == [(3, len(source) - RING)]


async def test_a_resume_limit_bounds_what_a_new_stream_is_sent() -> None:
    backend = ScriptedChardev("b", resumes=True, resume_limit=10)
    async with bench(backend) as made:
        first = backend.connect()
        await made.print(b"seen")
        first.end_input()
        await turns()
        await made.print(b"0123456789abcdef")
        second = backend.connect()
        await made.print(b"!")
        assert first.got == b"seen"
        assert second.got == expected_raw(b"seen0123456789abcdef!", [(4, 10)], 4)


async def test_an_opener_that_leaves_at_once_takes_no_gap_along() -> None:
    backend = ScriptedChardev("b", resumes=True, resume_limit=10)
    async with bench(backend) as made:
        first = backend.connect()
        await made.print(b"seen")
        first.end_input()
        await turns()
        await made.print(b"0123456789abcdef")
        backend.connect(delay=60.0).end_input()
        await turns()
        third = backend.connect()
        await made.print(b"!")
        assert third.got == expected_raw(b"seen0123456789abcdef!", [(4, 10)], 4)
        assert made.describe("b")["skipped"] == 6


async def test_the_rest_of_a_marker_goes_to_the_next_opener() -> None:
    backend = ScriptedChardev("b", resumes=True, resume_limit=10)
    async with bench(backend) as made:
        first = backend.connect()
        await made.print(b"seen")
        first.end_input()
        await turns()
        await made.print(b"0123456789abcdef")
        second = backend.connect(delay=0.001)
        second.allow(7)
        await eventually(lambda: len(second.got) == 7)
        second.end_input()
        await turns()
        third = backend.connect()
        await turns()
        source = b"seen0123456789abcdef"
        assert second.got + third.got == expected_raw(source, [(4, 10)], 4)


async def test_a_resuming_backend_that_was_removed_starts_anew() -> None:
    backend = ScriptedChardev("b", resumes=True, resume_limit=1000)
    async with bench(backend) as made:
        backend.connect()
        await made.print(b"old")
        await made.console.remove_backend("b")
        again = ScriptedChardev("b", resumes=True, resume_limit=1000)
        await made.console.add_backend(again)
        client = again.connect()
        await made.print(b"new")
        assert client.got == b"new"


async def test_what_past_peers_moved_stays_counted_with_their_backend() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        for _ in range(3):
            client = backend.connect()
            await made.print(b"12345")
            client.feed(b"ab")
            client.end_input()
            await turns()
        described = made.describe("b")
        assert (described["sent"], described["received"]) == (15, 6)
        assert described["peers"] == []
        assert described["last-activity"] is not None


async def test_nothing_is_added_to_a_console_that_is_being_removed() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        await made.console.aclose()
        with pytest.raises(CommandError, match="is being removed"):
            await made.console.add_backend(ScriptedChardev("late"))
        with pytest.raises(CommandError, match="is being removed"):
            await made.console.set_guest(MemoryChardev("late"))
        assert not made.console.backends


async def test_a_paused_backend_is_not_disconnected_for_lagging() -> None:
    backend = ScriptedChardev("b", policy="disconnect")
    async with bench(backend) as made:
        client = backend.connect()
        made.console.set_backend("b", paused=True)
        await made.print(pattern(2 * RING))
        assert not client.closed
        made.console.set_backend("b", paused=False)
        assert made.heard.gaps("b/1")
