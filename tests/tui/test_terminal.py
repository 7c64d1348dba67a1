"""The rules a stream is shown by."""

from __future__ import annotations

from collections import deque

import pytest

from tui.model import Attached, Gap, Item, Output
from tui.state import GuestState, Size
from tui.terminal import CHUNK, FRAME_BYTES, UNTOLD, Terminal, engine_size

QUERY = b"\x1b[6n"


class Queue:
    """A source over a list."""

    def __init__(self, *items: Item) -> None:
        self.items = deque(items)

    def take(self, limit: int) -> Item | None:
        if not self.items:
            return None
        item = self.items.popleft()
        if isinstance(item, Output) and len(item.data) > limit:
            self.items.appendleft(Output(item.offset + limit, item.data[limit:]))
            item = Output(item.offset, item.data[:limit])
        return item


def attached(offset: int, end: int) -> Attached:
    return Attached("vm1", "vm1.attach0", offset, end)


def test_a_chunk_over_the_end_of_the_replay_is_answered_from_there_on() -> None:
    terminal = Terminal()
    terminal.obey(attached(0, 4))
    assert terminal.obey(Output(0, QUERY + b"ab" + QUERY)) == b"\x1b[1;3R"


def test_a_query_cut_by_the_end_of_the_replay_is_live() -> None:
    terminal = Terminal()
    terminal.obey(attached(0, 2))
    assert terminal.obey(Output(0, QUERY)) == b"\x1b[1;1R"


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"31mred\nnext", "next"),
        (b";5;3\x1b[1mbold", "bold"),
        (b"\xb8\xad\nnext", "next"),
        (b"one line, no end", "one line, no end"),
    ],
)
def test_a_replay_that_begins_in_mid_sequence_looks_sane(data: bytes, shown: str) -> None:
    terminal = Terminal()
    terminal.obey(attached(1000, 5000))
    terminal.obey(Output(1000, data))
    assert terminal.engine.text().strip() == shown


def test_a_replay_from_the_beginning_is_shown_whole() -> None:
    terminal = Terminal()
    terminal.obey(attached(0, 100))
    terminal.obey(Output(0, b"first\r\nsecond"))
    assert terminal.engine.text().rstrip() == "first\nsecond"


def test_a_gap_is_counted_and_ends_the_sequence_in_progress() -> None:
    terminal = Terminal()
    terminal.obey(attached(0, 0))
    terminal.obey(Output(0, b"a\x1b[3"))
    terminal.obey(Gap(4, 1004))
    terminal.obey(Output(1004, b"b"))
    assert terminal.skipped == 1000
    assert terminal.engine.text().strip() == "ab"


def test_a_new_stream_voids_what_was_shown() -> None:
    terminal = Terminal()
    terminal.obey(attached(0, 0))
    terminal.obey(Output(0, b"old"))
    terminal.obey(Gap(3, 9))
    terminal.obey(attached(9, 9))
    assert terminal.skipped == 0
    assert terminal.engine.text().strip() == ""


def test_a_frame_obeys_a_bounded_part_of_a_flood() -> None:
    source = Queue(attached(0, 0), *(Output(0, b"x" * CHUNK) for _ in range(40)))
    terminal = Terminal()
    replies, more = terminal.frame(source, clock=lambda: 0.0)
    assert (replies, more) == (b"", True)
    assert terminal.fed == FRAME_BYTES


def test_a_frame_ends_when_its_time_is_up() -> None:
    ticks = iter(range(100))
    source = Queue(attached(0, 0), *(Output(0, b"x") for _ in range(50)))
    terminal = Terminal()
    assert terminal.frame(source, clock=lambda: next(ticks) * 0.005) == (b"", True)
    assert terminal.fed == 0


def test_the_size_drawn_is_the_one_the_guest_believes() -> None:
    view, told = Size(49, 152), Size(40, 120)
    deaf, hearing = GuestState(), GuestState(can_resize=True)
    assert engine_size(view, deaf, told, fitted=True) == told
    assert engine_size(view, hearing, None, fitted=False) == view
    assert engine_size(view, deaf, None, fitted=False) == UNTOLD
    assert engine_size(view, deaf, None, fitted=True) == view
