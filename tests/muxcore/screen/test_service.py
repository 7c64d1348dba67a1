"""Requests about a screen and their answers."""

from __future__ import annotations

import marshal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.screen import codec
from muxcore.screen.codec import Packer, Unpacker, unpack_progress
from muxcore.screen.items import Attached, Gap, Item, Output
from muxcore.screen.service import (
    CHUNK,
    COSTLY,
    FRAME_BYTES,
    FRAME_SECONDS,
    MIN_CHUNK,
    Service,
    pack_item,
)
from muxcore.vt.choice import engine_name, make_engine
from muxcore.vt.engine import Line, MouseTracking, Style, Underline
from muxcore.vt.requests import Clipboard, Notification

ATTACHED = Attached("vm1", "vm1.attach0", 0, 0)


class Clock:
    """A clock that goes on by `step` at each look."""

    def __init__(self, step: float = 0.0) -> None:
        self.step = step
        self.now = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def started(clock: Clock | None = None) -> Service:
    clock = clock or Clock()
    service = Service(clock, clock)
    assert ask(service, "start", 24, 80, 1000) == engine_name()
    return service


def ask(service: Service, *request: Any) -> Any:  # noqa: ANN401 - what marshal takes
    return marshal.loads(service.answer(marshal.dumps(request)))


def work(service: Service, *items: Item, draw: bool = True) -> Any:  # noqa: ANN401 - as above
    return ask(service, "work", draw, [pack_item(item) for item in items])


def test_one_request_obeys_a_bounded_part_of_a_flood() -> None:
    service = started()
    size = 3 * FRAME_BYTES
    progress, left, *_ = work(service, ATTACHED, Output(0, b"x" * size))
    assert (progress[codec.FED], left) == (FRAME_BYTES, True)
    work(service)
    progress, left, *_ = work(service)
    assert (progress[codec.FED], left) == (size, False)


def test_one_request_takes_a_bounded_time() -> None:
    service = started(Clock(FRAME_SECONDS / 2))
    progress, left, *_ = work(service, Output(0, b"x" * FRAME_BYTES))
    assert left
    assert CHUNK <= progress[codec.FED] <= 2 * CHUNK


def test_output_that_takes_long_is_obeyed_in_smaller_pieces_until_it_does_not() -> None:
    clock = Clock(2 * FRAME_SECONDS)
    service = started(clock)
    sizes = []
    for _ in range(12):
        work(service, Output(0, b"x" * CHUNK), draw=False)
        sizes.append(service._chunk)
        clock.step = 2 * FRAME_SECONDS if len(sizes) < 6 else 0.0
    assert min(sizes) == MIN_CHUNK
    assert sizes[-1] == CHUNK


@pytest.mark.parametrize("costly", COSTLY)
def test_what_takes_very_long_is_obeyed_in_small_pieces_from_the_start(costly: bytes) -> None:
    service = started(Clock(FRAME_SECONDS))
    progress, left, *_ = work(service, Output(0, costly * 1000))
    assert (progress[codec.FED], left) == (MIN_CHUNK, True)


def test_no_frame_is_given_that_is_not_wanted() -> None:
    service = started()
    assert work(service, ATTACHED, Output(0, b"one"), draw=False)[3] is None
    frame, rows = Unpacker().frame(work(service)[3])
    assert len(rows) == frame.rows == 24


def test_a_guests_own_frame_is_waited_for_but_not_for_ever() -> None:
    clock = Clock()
    service = started(clock)
    _, _, held, frame = work(service, ATTACHED, Output(0, b"\x1b[?2026hx"))
    assert (held, frame) == (True, None)
    clock.now += 0.2
    _, _, held, frame = work(service)
    assert not held
    assert frame is not None


def test_progress_brings_replies_requests_and_what_was_skipped() -> None:
    service = started()
    data = b"\x1b[?1000;1006;2004h\x1b[6n\x1b]52;c;YQ==\x07\x1b]777;notify;title;body\x07"
    end = len(data)
    answer = work(service, ATTACHED, Output(0, data), Gap(end, end + 10))
    progress = unpack_progress(answer[0])
    assert progress.replies == b"\x1b[1;1R"
    assert progress.requests == (Clipboard("c", b"a"), Notification("title", "body"))
    assert (progress.skipped, progress.fed, progress.doubtful) == (10, end + 10, True)
    assert progress.modes == service.screen.engine.modes
    assert progress.modes.mouse is MouseTracking.NORMAL


def test_a_frame_is_unpacked_to_what_was_packed() -> None:
    screen = started().screen
    screen.obey([ATTACHED, Output(0, b"\x1b]0;t\x07\a\x1b[5 q\x1b[4:3mx\x1b[m y")])
    frame = screen.frame()
    unpacker = Unpacker()
    unpacked, rows = unpacker.frame(marshal.loads(marshal.dumps(Packer().frame(frame))))
    unpacked.changed = {y: unpacker.row(row) for y, row in rows.items()}
    assert unpacked == frame
    assert isinstance(unpacked.changed[0][0].style.underline, Underline)


COLOUR = st.none() | st.integers(0, 255) | st.tuples(*[st.integers(0, 255)] * 3)


@given(st.lists(st.lists(st.tuples(st.text("ab", min_size=1), COLOUR, st.booleans())), max_size=9))
def test_lines_are_unpacked_to_what_was_packed(rows: list[list[Any]]) -> None:
    packer, unpacker = Packer(), Unpacker()
    for row in rows:
        runs = [(text, Style(fg=fg, bold=bold, link="x"), len(text)) for text, fg, bold in row]
        lines = [Line(tuple(runs), wrapped=True)]  # type: ignore[arg-type]
        assert unpacker.lines(marshal.loads(marshal.dumps(packer.lines(lines)))) == lines


def test_numbers_of_styles_start_over_when_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(codec, "MAX_STYLES", 10)
    service, unpacker, offset = started(), Unpacker(), 0
    work(service, ATTACHED, draw=False)
    screen = {}
    engine = make_engine(24, 80)
    for index in range(60):
        data = b"\x1b[%d;1H\x1b[38;2;%d;0;0mx%d" % (index % 24 + 1, index, index)
        engine.feed(data)
        frame, rows = unpacker.frame(work(service, Output(offset, data))[3])
        offset += len(data)
        screen.update({y: unpacker.row(row) for y, row in rows.items()})
        assert screen == {y: engine.row(y) for y in range(frame.rows)}
        assert len(unpacker._styles) <= 40
    engine.close()


def test_questions_about_numbers_that_are_void_are_answered_by_nothing() -> None:
    service = started()
    work(service, ATTACHED, Output(0, b"one\r\ntwo\r\n"))
    epoch = service.screen.engine.epoch
    assert ask(service, "text", epoch, 0, 0, 1, 3, False) == "one\ntwo"
    assert ask(service, "dump", "text", epoch, 0, 2) == "one\ntwo\n"
    assert len(ask(service, "lines", epoch, 0, 2)[1][1]) == 2
    void = epoch + 1
    assert ask(service, "text", void, 0, 0, 1, 3, False) == ""
    assert ask(service, "dump", "text", void, 0, 2) == ""
    assert ask(service, "lines", void, 0, 2)[1][1] == []
    assert ask(service, "offsets", void, 0, 2) == []


def test_a_picture_has_the_colours_that_were_told() -> None:
    service = started()
    commands = [("colours", (1, 2, 3), (4, 5, 6), (7, 8, 9), ((10, 11, 12),))]
    ask(
        service, "work", False, [*commands, pack_item(ATTACHED), pack_item(Output(0, b"\x1b[30mx"))]
    )
    picture = ask(service, "dump", "svg", service.screen.engine.epoch, 0, 1)
    assert 'fill="#040506"' in picture
    assert 'fill="#0a0b0c"' in picture


def test_links_are_obeyed_only_once_they_are_wanted() -> None:
    service = Service()
    service.answer(marshal.dumps(("start", 2, 8, 10)))
    output = ("output", 0, b"\r\x1b]8;;http://a.example/\x07a\x1b]8;;\x07")
    service.answer(marshal.dumps(("work", False, [output])))
    assert service.screen.engine.row(0)[0].style.link == ""
    service.answer(marshal.dumps(("work", False, [("links", True), output])))
    assert service.screen.engine.row(0)[0].style.link == "http://a.example/"
    service.close()
