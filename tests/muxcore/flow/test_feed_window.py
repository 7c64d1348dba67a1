"""How much is under way to a guest that does not read: bounded where its stream can tell."""

from __future__ import annotations

import asyncio

import pytest

from muxcore.chardev.base import Who
from muxcore.chardev.serial import SerialStream
from muxcore.flow.feed import WINDOW, Feed
from muxcore.flow.input import QUEUE, Lane
from tests.muxcore.consoles import Scripted, in_virtual_time


class Line(Scripted):
    """A line with a large buffer, out of which it carries what it is told to."""

    carried = 0

    @property
    def backlog(self) -> int:
        return len(self.got) - self.carried


class Count:
    """What a feed told."""

    sent = 0
    lost = 0

    def typed(self, count: int) -> None:
        self.sent += count

    def dropped(self, count: int) -> None:
        self.lost += count


@in_virtual_time
async def test_no_more_is_under_way_than_the_window() -> None:
    feed, line = Feed(count := Count()), Line()
    feed.open(line)
    lane = Lane(lambda: None)
    lane.inbox += bytes(10_000)
    feed.type(lane)
    await asyncio.sleep(10)
    assert (len(line.got), count.sent) == (WINDOW, WINDOW)
    line.carried = 100
    await asyncio.sleep(10)
    assert len(line.got) == WINDOW + 100
    while line.carried < 10_000:
        line.carried = len(line.got)
        await asyncio.sleep(10)
    assert count.sent == 10_000
    feed.close()


@in_virtual_time
async def test_what_waits_for_a_line_that_goes_away_is_dropped() -> None:
    feed, line = Feed(count := Count()), Line()
    feed.open(line)
    lane = Lane(lambda: None)
    lane.inbox += bytes(WINDOW + 3 * QUEUE)
    feed.type(lane)
    feed.close()
    assert count.lost == 3 * QUEUE
    feed.open(another := Line())
    await asyncio.sleep(10)
    assert not another.got
    feed.close()


@pytest.mark.parametrize("waiting", [0, 700])
async def test_a_serial_port_tells_what_has_not_left_it(
    monkeypatch: pytest.MonkeyPatch, waiting: int
) -> None:
    monkeypatch.setattr("muxcore.chardev.serial.output_waiting", lambda fd: waiting)
    assert SerialStream(-1, Who("port")).backlog == waiting


def test_keys_that_are_typed_at_once_count_as_under_way() -> None:
    feed, line = Feed(Count()), Line()
    feed.open(line)
    keys = bytes(100)
    while feed.type_at_once(keys):
        assert len(line.got) <= WINDOW
    assert len(line.got) == WINDOW // len(keys) * len(keys)
