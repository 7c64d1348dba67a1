"""The rules a stream is shown by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.screen.items import Attached, Gap, Item, Output
from muxcore.screen.screen import Screen
from muxcore.vt.choice import make_engine
from muxcore.vt.engine import PLAIN, Engine, MouseTracking

QUERY = b"\x1b[6n"

WORDS = (
    *(b"text ", b"\r\n", b"\x1b[31m", b"\x1b[?25l", b"\x1b[5;9H", b"\x1b[2;6r", b"\x1b[K"),
    *(b"\x1b]0;title\x07", b"\xe4\xb8\xad", b"\x1b[?6h", b"\x1b[3L", b"\x1bM", b"\t", b"\x1b(0q"),
    *(b"\x1b[?2004h", b"\x1b[1;7m", b"\x1bP1;2q", b"\x1b[38;5;2", b"00mx"),
)


def attached(offset: int, end: int) -> Attached:
    return Attached("vm1", "vm1.attach0", offset, end)


def screen_of(*items: Item) -> Screen:
    screen = Screen()
    screen.obey(items)
    return screen


def shown(screen: Screen) -> str:
    return screen.engine.text().strip()


def picture(engine: Engine) -> object:
    rows = [engine.row(y) for y in range(engine.rows)]
    return rows, engine.cursor, engine.modes, engine.title


def test_live_output_is_answered() -> None:
    screen = screen_of(attached(0, 0), Output(0, b"ab" + QUERY))
    assert screen.progress().replies == b"\x1b[1;3R"
    assert screen.progress().replies == b""


def test_what_was_printed_before_the_attach_is_never_answered() -> None:
    osc = b"\x1b]52;c;YQ==\x07"
    progress = screen_of(attached(0, 40), Output(0, QUERY + osc)).progress()
    assert (progress.replies, progress.requests) == (b"", ())


def test_a_chunk_over_the_end_of_the_replay_is_answered_from_there_on() -> None:
    screen = screen_of(attached(0, 4), Output(0, QUERY + b"ab" + QUERY))
    assert screen.progress().replies == b"\x1b[1;3R"


def test_a_query_cut_by_the_end_of_the_replay_is_live() -> None:
    screen = screen_of(attached(0, 2), Output(0, QUERY))
    assert screen.progress().replies == b"\x1b[1;1R"


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"31mred\nnext", "next"),
        (b";5;3\x1b[1mbold", "bold"),
        (b"\xb8\xad\nnext", "next"),
        (b"one line, no end", "one line, no end"),
    ],
)
def test_a_replay_that_begins_in_mid_sequence_looks_sane(data: bytes, wanted: str) -> None:
    assert shown(screen_of(attached(1000, 5000), Output(1000, data))) == wanted


def test_a_replay_from_the_beginning_is_shown_whole() -> None:
    screen = screen_of(attached(0, 100), Output(0, b"first\r\nsecond"))
    assert shown(screen) == "first\nsecond"


def test_a_gap_is_counted_and_ends_the_sequence_in_progress() -> None:
    screen = screen_of(attached(0, 0), Output(0, b"a\x1b[3"), Gap(4, 1004), Output(1004, b"b"))
    progress = screen.progress()
    assert (progress.skipped, progress.fed, progress.doubtful) == (1000, 1005, True)
    assert shown(screen) == "ab"


@pytest.mark.parametrize("clear", [b"\x1b[2J", b"\x1bc", b"\x1b[?1049h"])
def test_a_screen_is_doubtful_since_a_gap_until_the_guest_clears_it(clear: bytes) -> None:
    screen = screen_of(attached(0, 0), Output(0, b"\x1b[2Ja"), Gap(5, 9), Output(9, b"b\x1b[K"))
    assert screen.progress().doubtful
    screen.obey([Output(13, clear)])
    assert not screen.progress().doubtful
    assert screen.progress().skipped == 4


def test_a_screen_is_doubtful_since_a_gap_until_its_user_resets_it() -> None:
    screen = screen_of(attached(0, 0), Output(0, b"abc"), Gap(3, 9))
    screen.reset()
    assert not screen.progress().doubtful
    assert shown(screen) == ""


GARBAGE = (
    b"text\r\n\x1b(0\x1b[3;7r\x1b[?6h\x1b[?5h\x1b[?7l\x1b[?25l\x1b[4h\x1b[1;31m\x1b[3;3H"
    b"\x1b[?1h\x1b=\x1b[?1003h\x1b[?1006h\x1b[?1004h\x1b[?2004h\x1b[=31u\x1b[>4;2m\x1b]0;x"
)
TYPED = b"lqk" + b"w" * 80 + b"\r\nend"


def reset_after(data: bytes, *, leave: bool = False, live: bytes = TYPED) -> Screen:
    """A screen that was reset when `data` had been printed, and what it showed was replayed."""
    screen = screen_of(attached(0, 0), Output(0, data))
    screen.reset(leave=leave)
    screen.obey([attached(0, len(data)), Output(0, data), Output(len(data), live)])
    return screen


def test_a_reset_makes_a_terminal_usable_that_the_replay_garbles_again() -> None:
    engine = reset_after(GARBAGE).engine
    assert engine.modes == make_engine(24, 80).modes
    assert [text for text, _ in engine.texts(0, 7)] == [
        *("text", "", "", "", "  lqk" + 75 * "w", "wwwww", "end"),
    ]
    assert engine.row(6)[0].style == PLAIN
    assert engine.cursor.visible


def test_a_reset_leaves_a_program_on_the_alternate_screen_its_modes_and_picture() -> None:
    vim = b"$ vim\r\n\x1b[?1049h\x1b[?1h\x1b=\x1b[?2004h\x1b[?1002h\x1b[2;5r\x1b[4;2Hpicture"
    screen = reset_after(vim, live=b"+")
    modes = screen.engine.modes
    assert shown(screen) == "picture+"
    assert modes.alternate_screen
    assert modes.application_cursor
    assert modes.bracketed_paste
    assert modes.mouse is MouseTracking.BUTTON
    screen.obey([Output(100, b"\x1b[20;1H\x1b[2Kx\r\ny")])
    assert screen.engine.cursor.row == 20, "margins were left"


def test_a_second_reset_leaves_the_alternate_screen_too() -> None:
    screen = reset_after(b"$ \x1b[?1049h\x1b[?1002h\x1b[3;9Hgarbage", leave=True, live=b"ls")
    assert shown(screen) == "$ ls"
    assert screen.engine.modes == make_engine(24, 80).modes


def test_what_comes_after_the_replay_of_a_reset_is_obeyed() -> None:
    engine = reset_after(b"ab", live=b"\x1b[?2004h\x1b(0").engine
    assert engine.modes.bracketed_paste
    engine.feed(b"\x1b[?1004h")
    assert reset_after(b"", live=b"\x1b[?1h").engine.modes.application_cursor


def test_only_the_stream_after_a_reset_is_followed_by_one() -> None:
    screen = reset_after(b"\x1b[?1h", live=b"")
    screen.obey([attached(0, 5), Output(0, b"\x1b[?1h")])
    assert screen.engine.modes.application_cursor


def test_a_gap_at_the_end_of_a_replay_does_not_keep_a_reset() -> None:
    screen = screen_of(attached(0, 0), Output(0, b"\x1b[?1h"))
    screen.reset()
    screen.obey([attached(0, 9), Output(0, b"\x1b[?1h"), Gap(5, 9)])
    assert not screen.engine.modes.application_cursor


def test_a_new_stream_voids_what_was_shown() -> None:
    screen = screen_of(attached(0, 0), Output(0, b"old"), Gap(3, 9), attached(9, 9))
    progress = screen.progress()
    assert (progress.skipped, progress.fed, progress.doubtful) == (0, 9, False)
    assert shown(screen) == ""


@given(
    st.lists(st.tuples(st.sampled_from(WORDS), st.booleans()), max_size=40),
    st.lists(st.integers(1, 9), min_size=1, max_size=8),
)
def test_a_screen_with_gaps_is_that_of_an_engine_fed_the_rest_and_grounded_at_each(
    words: list[tuple[bytes, bool]], cuts: list[int]
) -> None:
    screen, engine = Screen(), make_engine(24, 80)
    screen.obey([attached(0, 0)])
    offset = 0
    for index, (word, skipped) in enumerate(words):
        if skipped:
            screen.obey([Gap(offset, offset + len(word))])
            engine.abort()
        else:
            cut = cuts[index % len(cuts)]
            screen.obey([Output(offset, word[:cut]), Output(offset + cut, word[cut:])])
            engine.feed(word)
        offset += len(word)
    assert picture(screen.engine) == picture(engine)
    screen.close()
    engine.close()


def test_a_frame_has_the_rows_that_changed_since_the_last_one() -> None:
    screen = screen_of(attached(0, 0), Output(0, b"one\r\ntwo"))
    assert sorted(screen.frame().changed) == list(range(24))
    assert screen.frame().changed == {}
    screen.obey([Output(8, b"!")])
    frame = screen.frame()
    assert list(frame.changed) == [1]
    assert frame.changed[1][0].text.rstrip() == "two!"


# Lines and where they began.


def numbered(count: int, text: bytes = b"line") -> bytes:
    return b"".join(b"%s %d\r\n" % (text, number) for number in range(count))


def offsets_of(data: bytes) -> list[int]:
    found, at = [0], 0
    while at := data.find(b"\n", at) + 1:
        found.append(at)
    return found


def line_texts(screen: Screen, start: int, stop: int) -> list[str]:
    texts = [text for text, _ in screen.texts(start, stop)]
    lines = ["".join(run.text for run in line.runs).rstrip() for line in screen.lines(start, stop)]
    assert texts == lines
    return texts


def test_lines_keep_their_numbers_while_output_arrives() -> None:
    screen = screen_of(attached(0, 0), Output(0, numbered(100)))
    before = line_texts(screen, 10, 20)
    screen.obey([Output(5000, numbered(1000))])
    assert line_texts(screen, 10, 20) == before == [f"line {n}" for n in range(10, 20)]


@pytest.mark.parametrize("end", [0, 1 << 20], ids=["live", "replay"])
@pytest.mark.parametrize("text", [b"x", b"a longer line of more than thirty-two bytes"])
def test_the_offset_of_each_line_is_known_to_the_byte(text: bytes, end: int) -> None:
    data = numbered(60, text)
    screen = screen_of(attached(0, end), Output(0, data))
    assert screen.offsets(0, 61) == offsets_of(data)


def test_wrapped_lines_begin_where_their_text_does() -> None:
    data = b"a" * 200 + b"\r\nb\r\n" + b"c" * 100
    screen = screen_of(attached(0, 0), Output(0, data))
    assert screen.offsets(0, 6) == [0, 0, 0, 202, 205, 205]


def test_lines_are_not_looked_for_among_thousands_that_few_bytes_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = screen_of(attached(0, 0))
    asked: list[int] = []
    monkeypatch.setattr(screen.engine, "texts", lambda start, _: asked.append(start))
    data = b"x\x1b[999b" * 500 + b"\r\nend"
    screen.obey([Output(0, data)])
    assert screen.engine.end_line > 2000
    assert asked == []
    assert screen.offsets(screen.engine.cursor_line, screen.engine.end_line)[0] == len(data) - 3


def test_lines_that_are_written_again_begin_where_they_were_written_last() -> None:
    screen = screen_of(attached(0, 0), Output(0, b"a\r\nb\r\nc"), Output(7, b"\x1b[2A\rX"))
    screen.obey([Output(13, b"\r\nY")])
    assert screen.offsets(0, 2) == [7, 15]


def test_a_flood_is_marked_at_least_every_16_kib() -> None:
    data = numbered(20_000)
    screen = screen_of(attached(0, 0), Output(0, data))
    lines = range(screen.engine.first_line, screen.engine.end_line - 1, 97)
    exact = offsets_of(data)
    for line in lines:
        (offset,) = screen.offsets(line, line + 1)
        assert offset is not None
        assert 0 <= exact[line] - offset <= 16 * 1024


def test_offsets_follow_their_lines_through_a_reflow() -> None:
    data = b"".join(b"%d %s\r\n" % (number, b"=" * 100) for number in range(50))
    screen = screen_of(attached(0, 0), Output(0, data))
    exact = dict(zip([f"{n} =" for n in range(50)], offsets_of(data), strict=False))
    for cols in (120, 60, 200, 80):
        screen.resize(24, cols)
        first, end = screen.engine.first_line, screen.engine.end_line
        begun = [
            (text.split("=")[0] + "=", offset)
            for (text, _), offset in zip(
                screen.texts(first, end), screen.offsets(first, end), strict=True
            )
            if text[:1].isdigit()
        ]
        assert len(begun) == 50
        assert begun == list(exact.items())


def test_places_are_followed_through_a_reflow() -> None:
    text = b"".join(b"%02d %s\r\n" % (number, b"=" * 96 + b"x") for number in range(50))
    screen = screen_of(attached(0, 0), Output(0, text))

    def char(place: tuple[int, int] | None) -> str:
        assert place is not None
        ((line, _),) = screen.texts(place[0], place[0] + 1)
        return line[place[1]]

    places = [(0, 1), (1, 19), (21, 19), (61, 19)]
    assert [char(place) for place in places] == ["0", "x", "x", "x"]
    epoch = screen.engine.epoch
    screen.resize(24, 120, epoch, places)
    assert screen.frame().moved == (epoch, ((0, 1), (0, 99), (10, 99), (30, 99)))
    screen.resize(10, 30, epoch, places)
    known, moved = screen.frame().moved
    assert known == epoch
    assert moved[0] == (0, 1)
    assert [char(place) for place in moved] == ["0", "x", "x", "x"]
    screen.resize(10, 31, 77, places)
    assert screen.frame().moved == (77, ())


def test_places_that_no_line_has_are_not_followed() -> None:
    screen = screen_of(attached(0, 0), Output(0, numbered(50)))
    screen.resize(24, 100, screen.engine.epoch, [(-1, 0), (3, 70), (51, 0)])
    assert screen.frame().moved[1] == (None, (3, 70), None)
    screen.obey([Output(9999, b"\x1b[?1049h")])
    assert screen.frame().moved == (0, ())
    screen.resize(24, 80, screen.engine.epoch, [(3, 3)])
    assert screen.frame().moved[1] == (None,)


def test_the_alternate_screen_leaves_the_offsets_of_the_main_one() -> None:
    data = numbered(50)
    screen = screen_of(attached(0, 0), Output(0, data))
    for piece in (b"\x1b[?1049h", b"vi\r\nvi", b"\x1b[?1049l"):
        screen.obey([Output(len(data), piece)])
        data += piece
    assert screen.offsets(0, 50) == offsets_of(data)[:50]


# Older lines.


def test_older_lines_come_from_the_history_with_numbers_and_offsets() -> None:
    data = numbered(3000)
    exact = offsets_of(data)
    start = exact[2500]
    screen = screen_of(attached(start - 3, len(data)), Output(start - 3, data[start - 3 :]))
    assert screen.oldest_line == 0
    assert line_texts(screen, 0, 2) == ["line 2500", "line 2501"]
    while end := screen.junction():
        begin = max(0, end - 10_000)
        assert screen.add_older(data[begin:end], begin)
    assert screen.oldest_line == -2500
    assert line_texts(screen, -2500, 500) == [f"line {number}" for number in range(3000)]
    assert screen.offsets(-2500, 500) == exact[:3000]


def test_lines_that_fell_out_of_the_scrollback_are_had_again() -> None:
    data = numbered(5000)
    screen = Screen(scrollback=100)
    screen.obey([attached(0, 0), Output(0, data)])
    first = screen.engine.first_line
    assert first > 0
    end = screen.junction()
    assert end is not None
    assert screen.add_older(data[:end], 0)
    oldest, end = screen.oldest_line, screen.engine.end_line
    assert line_texts(screen, oldest, end)[:5000] == [f"line {number}" for number in range(5000)]


def test_older_lines_are_dropped_when_lines_after_them_are() -> None:
    data = numbered(5000)
    screen = Screen(scrollback=100)
    screen.obey([attached(0, 0), Output(0, data)])
    end = screen.junction()
    assert end is not None
    screen.add_older(data[:end], 0)
    screen.obey([Output(len(data), numbered(20_000))])
    assert screen.oldest_line == screen.engine.first_line


def test_the_alternate_screen_has_no_older_lines() -> None:
    screen = screen_of(attached(900, 900), Output(900, numbered(50) + b"\x1b[?1049h"))
    assert screen.junction() is None
    assert screen.oldest_line == screen.engine.end_line - 24


def test_a_piece_that_does_not_end_at_the_junction_is_refused() -> None:
    screen = screen_of(attached(900, 900), Output(900, numbered(50)))
    assert screen.junction() == 900
    assert not screen.add_older(b"line\r\n", 800)
    assert screen.oldest_line == 0
