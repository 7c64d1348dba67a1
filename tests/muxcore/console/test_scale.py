"""What one more peer costs does not depend on how many there are: operations are counted, not time.

An operation is one instruction of the interpreter, so a loop over all peers shows in any form but
one builtin's; the one of these that matters, the list of all peers, is watched by itself.

So it is with consoles of one daemon; these also take no more memory than is told here.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import json
import socket
import sys
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from muxcore import events
from muxcore.config import ConsoleConfig, console_config
from muxcore.console import hub
from muxcore.daemon.commands import COMMANDS, Call
from muxcore.daemon.daemon import Daemon
from muxcore.daemon.origin import Origin
from muxcore.daemon.turns import A_TURN
from muxcore.peers import news
from muxcore.peers.news import News
from muxcore.peers.peer import Peer
from muxcore.peers.roster import Roster
from tests import support
from tests.muxcore.consoles import RING, Scripted, ScriptedChardev, bench, in_virtual_time
from tests.muxcore.daemons import raw_client, running
from tests.support import eventually

FEW, MANY = 20, 600

A_CONSOLE = 26 * 1024
"""Bytes that a silent console with two unix sockets and a client on each may take."""

A_PEER = 3 * 1024
"""Bytes that one more peer may take, with what plays its far end."""


def operations(work: Callable[[], object]) -> int:
    """How many instructions of the interpreter `work` takes."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:  # noqa: ANN401 - itself
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.fixture
def listings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many peers there were each time that all of them were asked for."""
    seen: list[int] = []

    class Watched(Roster):
        @property
        def all(self) -> tuple[Peer, ...]:
            seen.append(len(self))
            return super().all

    monkeypatch.setattr(hub, "Roster", Watched)
    return seen


def crowd(backend: ScriptedChardev, count: int) -> list[Scripted]:
    return [backend.connect() for _ in range(count - len(backend.streams))]


async def test_a_client_that_comes_costs_the_same_however_many_are_there(
    listings: list[int],
) -> None:
    backend = ScriptedChardev("b0")
    async with bench(backend):
        crowd(backend, FEW)
        few = operations(backend.connect)
        crowd(backend, MANY)
        listings.clear()
        many = operations(backend.connect)
        assert not listings
        assert many < few * 1.2


async def test_a_client_that_goes_costs_the_same_however_many_are_there(
    listings: list[int],
) -> None:
    backend = ScriptedChardev("b0")
    async with bench(backend):
        streams = crowd(backend, MANY)
        listings.clear()
        many = operations(lambda: backend.drop_stream(streams[MANY // 2], None))
        for stream in streams[FEW + 1 :]:
            if stream in backend.streams:
                backend.drop_stream(stream, None)
        few = operations(lambda: backend.drop_stream(streams[FEW // 2], None))
        assert not listings
        assert many < few * 1.2


async def test_what_a_client_types_costs_the_same_however_many_are_there(
    listings: list[int],
) -> None:
    backend = ScriptedChardev("b0")

    async with bench(backend) as made:

        def key() -> None:
            made.console.desk.peer_input(peer, b"k")

        crowd(backend, FEW)
        peer = made.peer("b0/1")
        few = operations(key)
        crowd(backend, MANY)
        listings.clear()
        assert operations(key) < few * 1.2
        assert not listings


async def test_one_of_those_that_the_guest_waits_for_moves_at_the_same_cost(
    listings: list[int],
) -> None:
    """When all of many go on, all of them are not looked at for each."""

    async def cost(count: int) -> float:
        backend = ScriptedChardev("b0", policy="block")
        async with bench(backend) as made:
            streams = crowd(backend, count)
            for stream in streams:
                stream.allow(0)
            await made.print(bytes(2 * RING))
            assert made.console.describe()["held"]
            for stream in streams:
                stream.credit = None

            def go_on() -> None:
                for peer in made.console.peers:
                    peer.drain()

            work = operations(go_on)
            assert not made.console.describe()["held"]
            return work / count

    assert await cost(MANY) < await cost(FEW) * 1.2


async def test_an_answer_costs_the_same_however_many_others_could_give_one() -> None:
    async def cost(count: int) -> int:
        chosen, others = ScriptedChardev("chosen"), ScriptedChardev("others")
        async with bench(chosen, others) as made:
            made.console.answer = "chosen"
            streams = crowd(others, count)
            chosen.connect()
            await made.print(b"\x1b[6n")
            streams[0].feed(b"\x1b[1;1R")
            work = operations(made.peer("others/1")._readable)
            assert made.peer("others/1").respondent.removed == 1
            return work

    assert await cost(MANY) < await cost(FEW) * 1.2


async def test_showing_the_console_costs_as_much_as_there_is_to_show() -> None:
    """Not as much as backends times peers: every attached viewer is both."""

    async def cost(count: int) -> int:
        async with bench(*(ScriptedChardev(f"b{n}") for n in range(count))) as made:
            for backend in made.console.backends.values():
                assert isinstance(backend, ScriptedChardev)
                backend.connect()
            return operations(made.console.describe)

    assert await cost(MANY // 2) < await cost(FEW) * 1.2 * MANY / 2 / FEW


class Viewer:
    """Stands in for a peer that shows the status."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def tell_status(self, status: dict[str, Any]) -> None:
        self.told.append(status["version"])


class Board:
    """A status that changes, and who is told."""

    def __init__(self, viewers: int) -> None:
        self.viewers: list[Any] = [Viewer() for _ in range(viewers)]
        self.version = 0
        self.news = News(self.viewers, lambda: {"version": self.version})

    def change(self) -> None:
        self.version += 1
        self.news.tell()


@in_virtual_time
async def test_few_viewers_hear_of_every_change_at_once() -> None:
    board = Board(news.FEW)
    for version in range(1, 4):
        board.change()
        assert all(viewer.told[-1] == version for viewer in board.viewers)


@in_virtual_time
async def test_a_crowd_of_viewers_is_told_now_and_then_and_of_the_last_change() -> None:
    board = Board(500)
    for _ in range(1000):
        board.change()
    assert all(viewer.told == [1] for viewer in board.viewers)
    await asyncio.sleep(500 * news.PACE)
    assert all(viewer.told == [1, 1000] for viewer in board.viewers)


@in_virtual_time
async def test_nobody_is_told_after_the_console_ended() -> None:
    board = Board(500)
    board.change()
    board.change()
    board.news.close()
    await asyncio.sleep(1)
    assert board.viewers[0].told == [1]


async def test_every_client_is_found_and_served_among_many() -> None:
    backend = ScriptedChardev("b0")
    async with bench(backend) as made:
        streams = crowd(backend, FEW)
        backend.drop_stream(streams[3], None)
        await made.print(b"hello")
        del streams[3]
        assert all(bytes(stream.got) == b"hello" for stream in streams)
        assert [peer.stream for peer in made.console.peers] == streams


async def test_a_peer_takes_little_memory() -> None:
    """More attributes than a class's instances share the names of cost each peer a dict."""
    backend = ScriptedChardev("b0")
    async with bench(backend):
        crowd(backend, FEW)
        with traced() as taken:
            crowd(backend, FEW + 100)
            assert taken() < 100 * A_PEER


@contextlib.contextmanager
def traced() -> Iterator[Callable[[], int]]:
    """Gives what tells how many bytes more are allocated than at the beginning, garbage apart."""

    def taken() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before

    tracemalloc.start()
    try:
        before = 0
        before = taken()
        yield taken
    finally:
        tracemalloc.stop()


# Consoles.


def wanted(count: int, first: int = 0) -> list[ConsoleConfig]:
    return [console_config(f"c{n}", "null", [], {}) for n in range(first, first + count)]


async def add(daemon: Daemon, consoles: list[ConsoleConfig]) -> None:
    assert not await daemon.add_consoles(consoles, Origin())


async def test_a_silent_console_takes_little_memory(tmp_path: Path) -> None:
    count = 50
    guest = support.unix_path(tmp_path, "guest")
    paths = [[support.unix_path(tmp_path, f"{n}.{m}") for m in range(2)] for n in range(count + 1)]

    def console(n: int) -> ConsoleConfig:
        backends = [f"socket,path={path},server=on,wait=off" for path in paths[n]]
        return console_config(f"c{n}", f"socket,path={guest}", backends, {})

    with socket.socket(socket.AF_UNIX) as guests, contextlib.ExitStack() as stack:
        guests.bind(guest)
        guests.listen(count)
        async with running(tmp_path) as daemon:
            # What is only made once is made for the first.
            await add(daemon, [console(0)])
            with traced() as taken:
                await add(daemon, [console(n) for n in range(1, count + 1)])
                for path in itertools.chain(*paths[1:]):
                    stack.enter_context(support.connect_unix(path))
                await eventually(lambda: all_there(daemon, count))
                assert taken() < count * A_CONSOLE


def all_there(daemon: Daemon, count: int) -> bool:
    return sum(len(console.peers) for console in daemon.consoles.values()) == 2 * count


async def test_a_name_is_looked_for_at_the_same_cost_however_many_there_are(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as daemon:

        def reserve() -> None:
            with daemon.reserved("new"):
                pass

        await add(daemon, wanted(FEW))
        few = operations(reserve)
        await add(daemon, wanted(MANY, FEW))
        assert operations(reserve) < few * 1.2


async def test_an_attach_stream_is_named_at_the_same_cost_however_many_there_are(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as daemon:
        await add(daemon, wanted(1))
        console = daemon.consoles["c0"]

        def name() -> str:
            return daemon.attach_id(console, None)

        for _ in range(FEW):
            daemon.notify(events.BackendAdded("c0", name(), "attach"))
        few = operations(name)
        for _ in range(MANY):
            daemon.notify(events.BackendAdded("c0", name(), "attach"))
        assert name() == f"c0.attach{FEW + MANY}"
        assert operations(name) < few * 3


async def test_the_name_of_a_guest_is_taken_until_it_is_gone(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        await add(daemon, wanted(1))
        assert daemon.is_taken("c0.guest")
        await daemon.set_guest("c0", None, Origin())
        assert not daemon.is_taken("c0.guest")


async def test_what_nobody_hears_is_not_put_into_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[events.Event] = []

    def data(event: events.Event) -> dict[str, Any]:
        said.append(event)
        return {}

    monkeypatch.setattr(events.Event, "data", data)
    async with running(tmp_path) as daemon:
        await add(daemon, wanted(1))
        assert not said


async def test_many_consoles_are_not_all_half_made_at_the_same_time(tmp_path: Path) -> None:
    """What each needs meanwhile would leave holes in the heap: a third of all memory."""
    async with running(tmp_path) as daemon:
        async with watching(lambda: len(asyncio.all_tasks())) as tasks:
            await add(daemon, wanted(MANY))
        assert max(tasks) < 30


@pytest.mark.parametrize("command", ["mux-query-consoles", "query-chardev"])
async def test_a_question_about_all_consoles_lets_others_have_their_turns(
    tmp_path: Path, command: str
) -> None:
    """While what there is is gathered, and again while it is put into words."""
    async with running(tmp_path) as daemon:
        await add(daemon, wanted(MANY))
        async with raw_client(daemon.path) as client, watching(lambda: 1) as turns:
            assert len(await client.execute(command)) >= MANY
        assert len(turns) >= 2 * MANY // A_TURN


@pytest.mark.parametrize("command", ["mux-query-consoles", "query-chardev"])
async def test_a_console_that_went_meanwhile_is_not_told_of(tmp_path: Path, command: str) -> None:
    async with running(tmp_path) as daemon:
        await add(daemon, wanted(MANY))
        connection: Any = None
        asked = asyncio.ensure_future(COMMANDS[command].run(Call(daemon, connection, {})))
        await asyncio.sleep(0)
        gone = f"c{MANY - 1}"
        await daemon.remove_console(gone)
        assert f'"{gone}"' not in json.dumps(await asked)


@contextlib.asynccontextmanager
async def watching(look: Callable[[], int]) -> AsyncIterator[list[int]]:
    """Gives what `look` gave in every turn of the loop."""
    seen: list[int] = []

    async def watch() -> None:
        while True:
            seen.append(look())
            await asyncio.sleep(0)

    watcher = asyncio.create_task(watch())
    try:
        yield seen
    finally:
        watcher.cancel()
