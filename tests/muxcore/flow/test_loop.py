"""The daemon's loop keeps asyncio's promises about descriptors."""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from muxcore.flow import loop as loops
from muxcore.flow import selector


@pytest.fixture
def loop() -> Iterator[loops.Loop]:
    loop = loops.Loop()
    yield loop
    loop.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    first, second = socket.socketpair()
    first.setblocking(False)
    with first, second:
        yield first, second


def turn(loop: loops.Loop) -> None:
    """Look once at the descriptors, and run what is due."""
    loop.call_soon(loop.stop)
    loop.run_forever()


def test_a_callback_runs_in_the_turn_that_its_descriptor_is_told_of(
    loop: loops.Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    order: list[str] = []
    loop.add_reader(pair[0], order.append, "descriptor")
    loop.call_soon(order.append, "soon")
    pair[1].send(b"x")
    turn(loop)
    assert order == ["descriptor", "soon"]


def test_input_and_room_are_told_to_whoever_watches_for_them(
    loop: loops.Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    told: list[str] = []
    loop.add_reader(pair[0], told.append, "input")
    loop.add_writer(pair[0], told.append, "room")
    turn(loop)
    assert told == ["room"]
    pair[1].send(b"x")
    turn(loop)
    assert told == ["room", "input", "room"]


@pytest.mark.parametrize("end", ["remove_reader", "close"])
def test_a_descriptor_let_go_of_by_an_earlier_callback_is_not_told(
    loop: loops.Loop, end: str
) -> None:
    reading, writing = zip(*(os.pipe() for _ in range(2)), strict=True)
    told: list[int] = []

    def only(fd: int, other: int) -> None:
        told.append(fd)
        loop.remove_reader(other)
        if end == "close":
            os.close(other)

    loop.add_reader(reading[0], only, reading[0], reading[1])
    loop.add_reader(reading[1], only, reading[1], reading[0])
    for fd in writing:
        os.write(fd, b"x")
    turn(loop)
    assert len(told) == 1
    loop.remove_reader(told[0])
    for fd in (*writing, told[0], *(() if end == "close" else set(reading) - set(told))):
        os.close(fd)


def test_a_client_that_left_with_output_unread_is_told_of_until_its_input_is_read(
    loop: loops.Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    """Such a descriptor polls POLLERR (unix(7)), at which libuv stops watching it."""
    ours, theirs = pair
    ours.send(b"never read")
    theirs.send(b"typed")
    theirs.close()
    got: list[bytes] = []

    def read() -> None:
        try:
            got.append(ours.recv(2))
        except ConnectionResetError:
            got.append(b"reset")

    loop.add_reader(ours, read)
    for _ in range(6):
        turn(loop)
    assert b"".join(got).startswith(b"typed")


def test_an_exception_in_a_callback_leaves_the_others_alone(
    loop: loops.Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    problems: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: problems.append(context))
    told: list[str] = []

    def fail() -> None:
        raise RuntimeError("no")

    loop.add_reader(pair[0], fail)
    loop.add_reader(pair[1], told.append, "other")
    pair[0].send(b"x")
    pair[1].send(b"x")
    turn(loop)
    assert told == ["other"]
    assert [str(problem["exception"]) for problem in problems] == ["no"]


def test_more_descriptors_than_one_look_tells_of_are_all_told_of(
    loop: loops.Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selector, "MAX_EVENTS", 2)
    pipes = [os.pipe() for _ in range(5)]
    told: set[int] = set()

    def reader(fd: int) -> Callable[[], None]:
        def read() -> None:
            os.read(fd, 1)
            told.add(fd)

        return read

    for fd, writing in pipes:
        loop.add_reader(fd, reader(fd))
        os.write(writing, b"x")
    for _ in range(3):
        turn(loop)
    assert told == {fd for fd, _ in pipes}
    for fd, writing in pipes:
        loop.remove_reader(fd)
        os.close(fd)
        os.close(writing)


def test_timers_are_kept_between_turns_that_concern_only_descriptors(
    loop: loops.Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    """Each input comes before a timer is due, so that no turn need look at the timers."""
    order: list[str] = []

    def read() -> None:
        order.append("input")
        if len(order) == 1:
            loop.call_later(0.01, order.append, "timer")
        if "timer" in order:
            loop.stop()

    loop.add_reader(pair[0], read)
    loop.call_later(60, order.append, "too late").cancel()
    pair[1].send(b"x")
    loop.run_forever()
    assert "timer" in order
    assert order[0] == "input"


def test_a_callback_is_asked_for_soon_by_one_of_a_descriptor(
    loop: loops.Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    order: list[str] = []

    def read() -> None:
        pair[0].recv(1)
        loop.call_soon(order.append, "soon")
        loop.call_soon(loop.stop)
        order.append("input")

    loop.add_reader(pair[0], read)
    pair[1].send(b"x")
    loop.run_forever()
    assert order == ["input", "soon"]


def test_cancelled_timers_are_cleared_away_by_turns_that_concern_only_descriptors(
    loop: loops.Loop, pair: tuple[socket.socket, socket.socket]
) -> None:
    turns = 0

    def read() -> None:
        nonlocal turns
        turns += 1
        loop.call_later(120, print).cancel()
        if turns == 2000:
            loop.stop()

    loop.call_later(60, print)
    loop.add_reader(pair[0], read)
    pair[1].send(b"x")
    loop.run_forever()
    assert len(loop._scheduled) < 500


class Looking(selector.Selector):
    """Keeps how it was asked to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float | None] = []

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.asked.append(timeout)
        return super().select(timeout)


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> Iterator[loops.Loop]:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    loop = loops.Loop(Looking())
    yield loop
    loop.close()


def echo_of_a_key(loop: loops.Loop, *, after: float) -> list[float | None]:
    """How the selector was asked to wait for a key's echo, which came `after` seconds or so."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        clock = 0.0

        def tick() -> float:
            nonlocal clock
            clock += loops.AWAKE / 10
            if clock >= after:
                with contextlib.suppress(BlockingIOError):
                    theirs.send(b"x")
            return clock

        def read() -> None:
            ours.recv(4096)
            loop.stop()

        theirs.setblocking(False)
        loop.add_reader(ours, read)
        loop._selector.asked.clear()
        loop.expect()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("muxcore.flow.loop.time.perf_counter", tick)
            timer = threading.Timer(0.05, theirs.send, [b"late"])
            timer.start()
            loop.run_forever()
            timer.join()
        loop.remove_reader(ours)
        return list(loop._selector.asked)


def test_an_echo_that_comes_at_once_is_waited_for_awake(looking: loops.Loop) -> None:
    for _ in range(3):
        asked = echo_of_a_key(looking, after=loops.AWAKE / 2)
        assert set(asked) == {0}
        assert len(asked) > 1


def test_echoes_that_come_late_are_ever_less_waited_for_awake(looking: loops.Loop) -> None:
    awake = [echo_of_a_key(looking, after=1e9)[0] == 0 for _ in range(8)]
    assert awake == [True, False, True, False, False, False, True, False]


def test_an_echo_in_time_is_waited_for_awake_again_the_next_time(looking: loops.Loop) -> None:
    awake = [echo_of_a_key(looking, after=after)[0] == 0 for after in (1e9, 1e9, 0, 0)]
    assert awake == [True, False, True, True]


def test_on_a_single_cpu_nobody_stays_awake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    loop = loops.Loop(Looking())
    try:
        assert echo_of_a_key(loop, after=1e9)[0] is None
    finally:
        loop.close()


def test_somebody_types_until_a_second_after_the_last_key(
    loop: loops.Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(loop, "time", lambda: now[0])
    typing = [loop.hurried]
    loop.expect()
    for seconds in (loops.HURRY / 2, loops.HURRY):
        now[0] += seconds
        typing.append(loop.hurried)
    assert typing == [False, True, False]


def test_without_the_daemon_s_loop_nobody_is_taken_to_type() -> None:
    loops.expect_answer()
    assert not loops.hurried()


def test_asyncio_itself_works_on_it() -> None:
    async def main() -> bytes:
        running = asyncio.get_running_loop()
        assert isinstance(running, loops.Loop)
        first, second = socket.socketpair()
        with first, second:
            first.setblocking(False)
            second.setblocking(False)
            async with asyncio.timeout(60):
                answer = asyncio.create_task(running.sock_recv(first, 16))
                await asyncio.sleep(0.001)
                await running.sock_sendall(second, b"hello")
                await running.run_in_executor(None, int)
                return await answer

    with asyncio.Runner(loop_factory=loops.Loop) as runner:
        assert runner.run(main()) == b"hello"
