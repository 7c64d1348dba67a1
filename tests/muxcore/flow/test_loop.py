"""The daemon's loop keeps asyncio's promises about descriptors."""

from __future__ import annotations

import asyncio
import os
import socket
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
