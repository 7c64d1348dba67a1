"""How much of what a guest prints is dealt with in one turn."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Sequence

import pytest

from muxcore.chardev.base import Stream, Who
from muxcore.flow import pump as pumps
from muxcore.flow.loop import Loop
from muxcore.flow.pump import ELSEWHERE, FLOW, SHARE, TURN, Pump
from muxcore.flow.splice import Splice
from muxcore.ring import History
from tests.support import eventually


class Printing(Stream):
    """A guest that gives so many bytes at each read while it has `left`."""

    def __init__(self, size: int, left: int = 1 << 30) -> None:
        super().__init__(-1, Who("guest"))
        self.gives = size
        self.left = left
        self.error: Exception | None = None
        self.told: Callable[[], None] | None = None

    def read_into(self, buffers: Sequence[memoryview]) -> int:
        count = min(self.gives, sum(map(len, buffers)), self.left)
        if self.error is not None or not count:
            raise self.error or BlockingIOError
        self.left -= count
        return count

    def watch_input(self, callback: Callable[[], None] | None) -> None:
        self.told = callback


class Terminal(Printing):
    """A terminal's reader gets so many bytes at once, and the next once it had these."""

    full_read = 4095

    def read_into(self, buffers: Sequence[memoryview]) -> int:
        count = super().read_into(buffers) if self.left else 0
        self.left = 0 if count else self.gives
        if not count:
            raise BlockingIOError
        return count


class Breaking(Printing):
    """A terminal that is not read to its end."""

    full_read = 4095

    def __init__(self, size: int, left: int, error: Exception) -> None:
        super().__init__(size, left)
        self.breaks = 0
        self._error = error

    def read_into(self, buffers: Sequence[memoryview]) -> int:
        if self.left < self.gives:
            self.breaks += 1
            raise self._error
        return super().read_into(buffers)


class Made:
    """A pump, and what it printed in its bursts."""

    def __init__(self, stream: Printing, audience: Sequence[str] = ()) -> None:
        self.history = History(1 << 20)
        self.bursts: list[int] = []
        self.by_pipe: list[bool] = []
        self.stream = stream
        self.lagging: set[str] = set()
        self.room = self.history.burst
        self.waits: Callable[[], int] = lambda: self.room
        self.after: Callable[[], None] = lambda: None
        self.pump = Pump(
            self.history,
            lambda: self.waits(),
            self._printed,
            lambda stream, reason: None,
            lambda: None,
            audience,
            self.lagging,
        )
        self.pump.open(stream)

    def _printed(self, begin: int, count: int, splice: Splice | None) -> None:
        assert begin + count == self.history.end
        self.bursts.append(count)
        self.by_pipe.append(splice is not None)
        self.after()

    def close(self) -> None:
        """Let go of the guest."""
        self.pump.close()

    def turn(self) -> list[int]:
        """The bursts of one turn."""
        self.bursts.clear()
        if self.stream.told is not None:
            self.stream.told()
        return list(self.bursts)


def test_a_flood_is_dealt_with_in_several_bursts_a_turn_and_no_more_than_a_turn() -> None:
    made = Made(Printing(64 * 1024))
    assert made.turn() == [64 * 1024] * (TURN // (64 * 1024))


def test_the_more_who_get_it_the_fewer_bursts_are_a_turn() -> None:
    made = Made(Printing(SHARE), audience=["a", "b", "c"])
    assert made.turn() == [SHARE] * (TURN // (4 * SHARE))


def test_what_is_no_flood_is_one_burst() -> None:
    made = Made(Printing(FLOW - 1))
    assert made.turn() == [FLOW - 1]


def test_a_terminal_that_gives_all_that_a_read_can_is_a_flood() -> None:
    made = Made(Terminal(4095))
    bursts = made.turn()
    assert len(bursts) > 1
    assert set(bursts) == {4095}


@pytest.mark.parametrize("reads", [1, 2, 3])
def test_a_terminal_that_ends_in_a_flood_ends_the_turn(reads: int) -> None:
    class Ending(Printing):
        full_read = 4095

        def read_into(self, buffers: Sequence[memoryview]) -> int:
            if not self.left:
                raise OSError(errno.EIO, "hung up")
            return super().read_into(buffers)

    made = Made(Ending(4095, left=4095 * reads))
    assert made.turn() == [4095 * reads]
    assert made.pump.stream is None


def test_a_flood_is_read_in_shares_for_many() -> None:
    made = Made(Printing(1 << 20), audience=["a", "b"])
    assert made.turn() == [made.history.burst]
    assert made.turn() == [SHARE, SHARE, SHARE]


def test_a_flood_that_ends_within_a_turn_is_told_whole() -> None:
    made = Made(Printing(SHARE, left=2 * SHARE + 5))
    assert made.turn() == [SHARE, SHARE, 5]


def test_who_lags_has_a_turn_before_the_next_burst() -> None:
    made = Made(Printing(SHARE))
    made.after = lambda: made.lagging.add("slow")
    assert made.turn() == [SHARE]
    made.after = made.lagging.clear
    assert len(made.turn()) > 1


def test_a_guest_that_is_held_is_not_read() -> None:
    made = Made(Printing(SHARE))
    made.lagging.add("slow")
    made.room = 0
    assert made.turn() == []


def hurriedly(play: Callable[[], None]) -> None:
    """Run `play` in the daemon's loop just after somebody typed a key."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Loop)
        loop.expect()
        play()

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(main())


def test_turns_are_short_while_somebody_types_elsewhere() -> None:
    made = Made(Printing(SHARE), audience=["a", "b"])

    def play() -> None:
        assert made.turn() == [SHARE]
        assert made.turn() == [ELSEWHERE]
        assert made.turn() == [ELSEWHERE]

    hurriedly(play)


def test_a_flood_is_hastened_while_somebody_types_there() -> None:
    made = Made(Printing(1 << 20), audience=["a", "b"])
    made.pump.typed(1)

    def play() -> None:
        assert made.turn() == [made.history.burst]
        assert made.turn() == [made.history.burst]

    hurriedly(play)


def test_without_memory_the_guest_waits_and_is_not_read_again_in_the_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pumps, "MEMORY", 0.01)

    async def main() -> None:
        made = Made(Printing(SHARE))

        def no_memory() -> None:
            made.stream.error = MemoryError()

        made.after = no_memory
        assert made.turn() == [SHARE]
        assert made.turn() == []
        made.stream.error, made.after = None, lambda: None
        await eventually(lambda: made.stream.told is not None)
        assert sum(made.turn()) > 0

    asyncio.run(main())


def test_without_memory_in_the_midst_of_a_flood_the_guest_waits_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        guest = Breaking(4095, left=10 * 4095, error=MemoryError())
        made = Made(guest)
        assert made.turn() == [10 * 4095]
        assert guest.breaks == 1
        made.pump.close()

    asyncio.run(main())


def test_the_guest_after_one_that_waited_for_memory_is_read() -> None:
    async def main() -> None:
        made = Made(Breaking(4095, left=0, error=MemoryError()))
        assert made.turn() == []
        made.pump.close()
        made.stream = Printing(5, left=5)
        made.pump.open(made.stream)
        assert made.turn() == [5]

    asyncio.run(main())


def test_a_flood_after_hours_of_silence_is_one_at_once_and_none_hours_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    made = Made(Printing(100))
    flooding: list[bool] = []
    made.turn()
    flooding.append(made.pump.flooding)
    made.stream.gives = SHARE
    now[0] = 3600.0
    for _ in range(4):
        made.turn()
        now[0] += pumps.QUIET
    flooding.append(made.pump.flooding)
    now[0] += 3600.0
    flooding.append(made.pump.flooding)
    assert flooding == [False, True, False]


def test_a_guest_that_is_to_wait_is_not_asked_again_in_the_turn() -> None:
    made = Made(Printing(SHARE))
    asked = 0

    def lag() -> None:
        made.lagging.add("slow")

    def wait() -> int:
        nonlocal asked
        asked += 1
        made.lagging.clear()
        return 0

    made.after = lag
    assert made.turn() == [SHARE]
    made.waits = wait
    assert made.turn() == []
    assert asked == 1


def test_a_guest_that_was_told_of_in_vain_has_printed_nothing() -> None:
    made = Made(Printing(SHARE, left=0))
    made.pump.last_output = 5.0
    assert made.turn() == []
    assert made.pump.last_output == 5.0
    made.stream.left = 1
    assert made.turn() == [1]
    assert made.pump.last_output > 5.0


def test_a_guest_that_is_let_go_of_by_who_is_told_of_its_flood_ends_the_turn() -> None:
    made = Made(Printing(SHARE))
    made.after = made.close
    assert made.turn() == [SHARE]
    assert made.pump.stream is None


def test_the_next_guest_s_first_burst_is_no_flood_s() -> None:
    made = Made(Printing(SHARE), audience=["a", "b"])
    made.after = made.close
    assert made.turn() == [SHARE]
    made.after = lambda: None
    made.stream = Printing(1 << 20)
    made.pump.open(made.stream)
    assert made.turn()[0] == made.history.burst


class Connected(Printing):
    """A guest behind a real socket, which can be read by way of pipes."""

    splices = True

    def read_into(self, buffers: Sequence[memoryview]) -> int:
        return os.readv(self.fd, buffers)


def test_a_burst_by_pipe_that_failed_to_be_told_is_never_told_instead_of_the_next() -> None:
    """Its bytes were still in the pipe, and as many as the next burst's: peers got them again."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for end in (ours, theirs):
            end.setblocking(False)
        audience = ["a", "b"]
        stream = Connected(SHARE)
        stream.fd = ours.fileno()
        made = Made(stream, audience)

        def fail() -> None:
            if made.by_pipe[-1]:
                raise RuntimeError("no")
            theirs.send(bytes(FLOW))

        made.after = fail
        theirs.send(bytes(FLOW))
        with pytest.raises(RuntimeError):
            made.turn()
        audience.clear()
        made.after = lambda: None
        theirs.send(bytes(FLOW))
        assert made.turn() == [FLOW]
        assert made.by_pipe == [False, True, False]
        made.pump.close()
