"""The mirror of a screen, and what can be asked about it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from muxcore.screen.items import Gap
from muxcore.screen.query import Query
from muxcore.screen.service import FRAME_BYTES
from tests.support import eventually
from tests.tui.fakes import FakeSession, console
from tui.feed import SEND
from tui.frames import FrameChange
from tui.state import GuestState, Size
from tui.terminal import UNTOLD, Terminal, engine_size


def numbered(count: int, start: int = 0) -> bytes:
    return b"".join(b"line %d\r\n" % number for number in range(start, start + count))


class Shown:
    """A terminal on a fake session, and what it told."""

    def __init__(self) -> None:
        self.session = FakeSession(console())
        self.terminal = Terminal(self.session)
        self.changes: list[FrameChange] = []
        self.replies = b""
        self.terminal.on_frame = self.changes.append
        self.terminal.on_reply = self.reply
        self.session.watch(lambda: None, self.terminal.wake)

    def reply(self, data: bytes) -> None:
        self.replies += data

    async def print(self, data: bytes) -> None:
        self.session.print(data)
        await self.settled()

    async def settled(self) -> None:
        await eventually(lambda: not self.terminal.busy)

    def text(self) -> str:
        rows = [self.terminal.row(y) for y in range(self.terminal.rows)]
        return "\n".join("".join(run.text for run in row).rstrip() for row in rows).rstrip()


@contextlib.asynccontextmanager
async def shown() -> AsyncIterator[Shown]:
    made = Shown()
    made.terminal.open()
    made.session.attach()
    try:
        await made.settled()
        yield made
    finally:
        made.terminal.close()


async def test_output_is_mirrored_and_only_rows_that_changed_are_told() -> None:
    async with shown() as it:
        await it.print(b"one\r\ntwo")
        assert it.text() == "one\ntwo"
        it.changes.clear()
        await it.print(b"\x1b[31m!")
        assert [change.rows for change in it.changes] == [{1}]
        assert it.terminal.row(1)[1].style.fg == 1
        assert (it.terminal.cursor.row, it.terminal.cursor.col) == (1, 4)


async def test_what_arrives_before_it_is_opened_is_shown() -> None:
    it = Shown()
    it.session.print(b"early")
    it.terminal.open()
    await it.settled()
    assert it.text() == "early"
    it.terminal.close()


async def test_a_live_query_is_answered() -> None:
    async with shown() as it:
        await it.print(b"ab\x1b[6n")
        assert it.replies == b"\x1b[1;3R"


async def test_another_size_is_told_as_a_change_of_all_rows() -> None:
    async with shown() as it:
        await it.print(b"one")
        it.changes.clear()
        assert it.terminal.resize(Size(10, 20))
        assert not it.terminal.resize(Size(10, 20))
        await it.settled()
        assert (it.terminal.rows, it.terminal.cols) == (10, 20)
        assert it.changes[-1].size
        assert it.changes[-1].rows == set(range(10))
        assert it.text() == "one"


async def test_a_flood_is_sent_in_bounded_pieces_and_ends_up_whole() -> None:
    async with shown() as it:
        for _ in range(5):
            it.session.print(b"x" * FRAME_BYTES)
        await it.print(b"\x1b[2J\x1b[Hdone")
        assert it.text() == "done"
        assert it.terminal.fed == 5 * FRAME_BYTES + 11
        assert SEND <= FRAME_BYTES


async def test_a_guests_own_frame_is_not_shown_half_done() -> None:
    async with shown() as it:
        await it.print(b"before")
        it.changes.clear()
        it.session.print(b"\x1b[?2026h\x1b[2J\x1b[Hhalf")
        await eventually(lambda: it.terminal.fed == 25)
        assert it.changes == []
        assert it.text() == "before"
        await it.print(b" whole\x1b[?2026l")
        assert it.text() == "half whole"


async def test_modes_hold_with_the_reply_that_came_after_them_frame_or_no_frame() -> None:
    async with shown() as it:
        held: list[bool] = []
        it.terminal.on_reply = lambda _: held.append(it.terminal.modes.application_cursor)
        it.changes.clear()
        it.session.print(b"\x1b[?2026h\x1b[?1h\x1b[6n")
        await eventually(lambda: bool(held))
        assert held == [True]
        assert it.changes == []


async def test_a_guests_own_frame_that_never_ends_is_shown_all_the_same() -> None:
    async with shown() as it:
        await it.print(b"\x1b[?2026hhalf")
        await eventually(lambda: it.text() == "half")


async def test_a_gap_makes_the_screen_doubtful_until_it_is_reset() -> None:
    async with shown() as it:
        it.session.put(Gap(0, 1000))
        await it.settled()
        assert (it.terminal.skipped, it.terminal.doubtful) == (1000, True)
        it.terminal.reset()
        await it.settled()
        assert not it.terminal.doubtful


async def test_lines_are_given_by_number_however_many() -> None:
    async with shown() as it:
        await it.print(numbered(500))
        await it.print(numbered(4500, 500))
        lines = await it.terminal.lines(10, 4990)
        texts = ["".join(run.text for run in line.runs).rstrip() for line in lines]
        assert texts == [f"line {number}" for number in range(10, 4990)]
        assert await it.terminal.offsets(0, 3) == [0, 8, 16]


async def test_a_line_that_is_not_at_hand_comes_later() -> None:
    async with shown() as it:
        await it.print(numbered(500))
        it.changes.clear()
        assert it.terminal.line(20) is None
        await it.settled()
        assert it.changes[-1].lines
        line = it.terminal.line(20)
        assert line is not None
        assert line.runs[0].text.rstrip() == "line 20"
        assert it.terminal.line(21) is not None


async def test_lines_of_numbers_that_are_void_are_none() -> None:
    async with shown() as it:
        await it.print(numbered(500))
        it.session.print(b"\x1bc")
        # Questions and output take turns.
        _, lines = await asyncio.gather(it.terminal.offsets(0, 1), it.terminal.lines(0, 10))
        assert lines == []


async def test_the_whole_history_can_be_fetched() -> None:
    async with shown() as it:
        it.session.history = numbered(100_000)
        end = len(it.session.history)
        it.session.attach(end, end)
        await it.print(b"live\r\n")
        fetched = 0
        while await it.terminal.older():
            fetched += 1
        assert fetched > 1
        assert it.terminal.oldest_line < -50_000
        (line,) = await it.terminal.lines(-1, 0)
        assert line.runs[0].text.rstrip() == "line 99999"


async def test_text_is_found_and_copied() -> None:
    async with shown() as it:
        await it.print(b"a" * 100 + b"\r\nneedle in hay\r\n")
        found = await it.terminal.search(Query("needle"))
        assert [(match.line, match.start, match.stop) for match in found.matches] == [(2, 0, 6)]
        assert await it.terminal.text(0, 78, 2, 6) == "a" * 22 + "\nneedle"
        assert await it.terminal.text(1, 1, 2, 3, block=True) == "aa\nee"
        assert await it.terminal.dump("text", 2, 3) == "needle in hay\n"


async def test_the_guest_is_told_the_colours_it_is_painted_with() -> None:
    async with shown() as it:
        it.terminal.set_colours((1, 2, 3), (4, 5, 6), (7, 8, 9), [(10, 11, 12)])
        await it.print(b"\x1b]10;?\x07")
        assert it.replies.startswith(b"\x1b]10;rgb:0101/0202/0303")


async def test_questions_without_a_worker_are_answered_by_nothing() -> None:
    it = Shown()
    it.terminal.open()
    await it.settled()
    it.terminal.close()
    assert (await it.terminal.search(Query("x"))).matches == ()
    assert await it.terminal.lines(0, 10) == []
    assert not await it.terminal.older()


def test_the_size_drawn_is_the_one_the_guest_believes() -> None:
    view, told = Size(49, 152), Size(40, 120)
    deaf, hearing = GuestState(), GuestState(can_resize=True)
    assert engine_size(view, deaf, told, fitted=True) == told
    assert engine_size(view, hearing, None, fitted=False) == view
    assert engine_size(view, deaf, None, fitted=False) == UNTOLD
    assert engine_size(view, deaf, None, fitted=True) == view
