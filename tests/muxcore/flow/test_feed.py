"""What is typed reaches the stream in order, at once where nothing waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from muxcore.chardev.base import Stream, Who
from muxcore.flow.feed import Feed
from muxcore.flow.input import TURN, Lane


class Narrow(Stream):
    """A stream that takes as much as it is told to, and tells when it is watched for room."""

    def __init__(self, room: int = 1 << 20, error: OSError | None = None) -> None:
        super().__init__(-1, Who("test"))
        self.room = room
        self.error = error
        self.got = b""
        self.writes = 0
        self.writable: Callable[[], None] | None = None

    def write(self, buffers: Sequence[memoryview | bytes]) -> int:
        if self.error is not None:
            raise self.error
        if not self.room:
            raise BlockingIOError
        self.writes += 1
        data = b"".join(buffers)[: self.room]
        self.room -= len(data)
        self.got += data
        return len(data)

    def watch_output(self, callback: Callable[[], None] | None) -> None:
        self.writable = callback


class Counts:
    """See `feed.Tally`."""

    def __init__(self) -> None:
        self.in_all = self.lost = 0

    def typed(self, count: int) -> None:
        self.in_all += count

    def dropped(self, count: int) -> None:
        self.lost += count


def opened(stream: Stream) -> tuple[Feed, Counts]:
    counts = Counts()
    feed = Feed(counts)
    feed.open(stream)
    return feed, counts


def test_the_echo_of_a_key_that_is_typed_at_once_is_expected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected: list[bytes] = []
    feed, _ = opened(stream := Narrow())
    monkeypatch.setattr("muxcore.flow.feed.expect_answer", lambda: expected.append(stream.got))
    feed.type_at_once(b"x")
    assert expected == [b"x"]


def test_a_key_is_typed_at_once_by_one_write() -> None:
    stream = Narrow()
    feed, counts = opened(stream)
    assert feed.type_at_once(b"k") == 1
    assert (stream.got, stream.writes, counts.in_all) == (b"k", 1, 1)


def test_nothing_is_typed_at_once_past_what_waits() -> None:
    stream = Narrow(room=1)
    feed, counts = opened(stream)
    lane = Lane(lambda: None)
    lane.inbox += b"ab"
    feed.type(lane)
    stream.room = 9
    assert feed.type_at_once(b"c") == 0
    lane.inbox += b"c"
    feed.type(lane)
    assert (stream.got, counts.in_all) == (b"abc", 3)


def test_nothing_is_typed_at_once_within_a_key_that_another_began() -> None:
    stream = Narrow()
    feed, _ = opened(stream)
    assert feed.type_at_once(b"\x1b[") == 0
    lane = Lane(lambda: None)
    lane.inbox += b"\x1b["
    feed.type(lane)
    assert stream.got == b"\x1b["
    assert feed.type_at_once(b"x") == 0


def test_a_paste_takes_its_turns() -> None:
    feed, _ = opened(Narrow())
    assert feed.type_at_once(bytes(TURN + 1)) == 0


@pytest.mark.parametrize("stream", [Narrow(room=0), Narrow(error=BrokenPipeError())])
def test_what_the_stream_does_not_take_is_left_to_the_queue(stream: Narrow) -> None:
    feed, counts = opened(stream)
    assert feed.type_at_once(b"k") == 0
    assert counts.in_all == counts.lost == 0


def test_there_is_nobody_to_type_to_without_a_stream() -> None:
    assert Feed(Counts()).type_at_once(b"k") == 0
