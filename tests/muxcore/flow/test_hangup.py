"""Noticing that a far end is gone, without a byte being read from it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator

import pytest

from muxcore.flow.hangup import HangupWatch
from tests.muxcore.consoles import turns
from tests.support import eventually


@pytest.fixture
async def watch() -> AsyncIterator[HangupWatch]:
    made = HangupWatch()
    yield made
    made.close()


@pytest.fixture
def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair()


async def test_a_far_end_that_closes_is_noticed_once(
    watch: HangupWatch, pair: tuple[socket.socket, socket.socket]
) -> None:
    near, far = pair
    calls: list[int] = []
    watch.watch(near.fileno(), lambda: calls.append(1))
    far.send(b"unread")
    far.close()
    await eventually(lambda: calls)
    await turns()
    assert calls == [1]
    assert near.recv(100) == b"unread"
    near.close()


async def test_input_and_a_half_close_are_no_hang_up(
    watch: HangupWatch, pair: tuple[socket.socket, socket.socket]
) -> None:
    near, far = pair
    calls: list[int] = []
    watch.watch(near.fileno(), lambda: calls.append(1))
    far.send(b"x")
    far.shutdown(socket.SHUT_WR)
    await turns()
    assert calls == []
    far.close()
    await eventually(lambda: calls)
    near.close()


async def test_a_pty_nobody_has_open_any_more_is_noticed(watch: HangupWatch) -> None:
    master, slave = os.openpty()
    calls: list[int] = []
    watch.watch(master, lambda: calls.append(1))
    await turns()
    assert calls == []
    os.close(slave)
    await eventually(lambda: calls)
    os.close(master)


async def test_a_forgotten_descriptor_calls_nobody(
    watch: HangupWatch, pair: tuple[socket.socket, socket.socket]
) -> None:
    near, far = pair
    calls: list[int] = []
    watch.watch(near.fileno(), lambda: calls.append(1))
    watch.forget(near.fileno())
    watch.forget(near.fileno())
    watch.forget(-1)
    far.close()
    await turns()
    assert calls == []
    near.close()


async def test_a_second_watch_replaces_the_callback(
    watch: HangupWatch, pair: tuple[socket.socket, socket.socket]
) -> None:
    near, far = pair
    calls: list[int] = []
    watch.watch(near.fileno(), lambda: calls.append(1))
    watch.watch(near.fileno(), lambda: calls.append(2))
    far.close()
    await eventually(lambda: calls)
    assert calls == [2]
    near.close()


async def test_a_callback_may_forget_another_that_is_due(watch: HangupWatch) -> None:
    first, second = socket.socketpair(), socket.socketpair()
    calls: list[int] = []

    def on_hangup(mine: socket.socket, other: socket.socket) -> None:
        calls.append(mine.fileno())
        watch.forget(other.fileno())

    watch.watch(first[0].fileno(), lambda: on_hangup(first[0], second[0]))
    watch.watch(second[0].fileno(), lambda: on_hangup(second[0], first[0]))
    first[1].close()
    second[1].close()
    await eventually(lambda: calls)
    await turns()
    assert len(calls) == 1
    first[0].close()
    second[0].close()


async def test_a_watch_is_reusable_after_a_hang_up(watch: HangupWatch) -> None:
    calls: list[int] = []
    for number in range(3):
        near, far = socket.socketpair()
        watch.watch(near.fileno(), lambda number=number: calls.append(number))  # type: ignore[misc]
        far.close()
        await eventually(lambda number=number: number in calls)  # type: ignore[misc]
        near.close()
    assert calls == [0, 1, 2]


async def test_closing_forgets_everything_and_may_be_repeated() -> None:
    made = HangupWatch()
    made.close()
    near, far = socket.socketpair()
    calls: list[int] = []
    made.watch(near.fileno(), lambda: calls.append(1))
    made.close()
    made.close()
    far.close()
    await turns()
    assert calls == []
    made.forget(near.fileno())
    near.close()
    assert asyncio.get_running_loop().is_running()
