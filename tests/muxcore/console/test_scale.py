"""What one more peer costs does not depend on how many there are: operations are counted, not time.

An operation is one instruction of the interpreter, so a loop over all peers shows in any form but
one builtin's; the one of these that matters, the list of all peers, is watched by itself.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from muxcore.console import hub
from muxcore.peers import news
from muxcore.peers.news import News
from muxcore.peers.peer import Peer
from muxcore.peers.roster import Roster
from tests.muxcore.consoles import Scripted, ScriptedChardev, bench, in_virtual_time

FEW, MANY = 20, 600


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
