"""What every terminal engine does, seen through its interface."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muxcore.version import __version__
from muxcore.vt import bittty, choice, ghostty
from muxcore.vt.choice import engine_name, make_engine
from muxcore.vt.engine import (
    MAX_REPLIES,
    MAX_TITLE,
    PLAIN,
    Clipboard,
    Cursor,
    CursorShape,
    Engine,
    EngineError,
    MouseFormat,
    MouseTracking,
    Notification,
    Run,
    Style,
    Underline,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from muxcore.vt.engine import EngineMaker

MAKERS: dict[str, EngineMaker] = {
    "ghostty": ghostty.choose()[1],
    "bittty": bittty.choose()[1],
}


@pytest.fixture(params=sorted(MAKERS))
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    made = MAKERS[request.param](4, 20, 100)
    yield made
    made.close()


def styles(engine: Engine, y: int = 0) -> list[tuple[str, Style]]:
    """The row's runs without the trailing blanks."""
    runs = [(run.text, run.style) for run in engine.row(y)]
    if runs[-1][1] is PLAIN:
        text = runs.pop()[0].rstrip(" ")
        runs += [(text, PLAIN)] if text else []
    return runs


def test_a_fresh_screen_is_blank_and_all_of_it_is_new(engine: Engine) -> None:
    assert engine.text() == "\n\n\n"
    assert engine.row(0) == (Run(" " * 20, PLAIN, 20),)
    assert list(engine.dirty_rows()) == [0, 1, 2, 3]
    assert engine.cursor == Cursor(row=0, col=0)
    assert (engine.rows, engine.cols, engine.title, engine.faults) == (4, 20, "", 0)


def test_only_changed_rows_are_dirty_and_only_once(engine: Engine) -> None:
    engine.feed(b"one\r\ntwo")
    engine.dirty_rows()
    engine.feed(b"\x1b[3;1H")
    assert list(engine.dirty_rows()) == []
    engine.feed(b"three\x1b[1;20Hx")
    assert list(engine.dirty_rows()) == [0, 2]
    assert list(engine.dirty_rows()) == []


@pytest.mark.parametrize(
    ("sgr", "style"),
    [
        (b"1", Style(bold=True)),
        (b"2", Style(dim=True)),
        (b"3;4", Style(italic=True, underline=Underline.SINGLE)),
        (b"5;7", Style(blink=True, reverse=True)),
        (b"8;9", Style(conceal=True, strike=True)),
        (b"31;42", Style(fg=1, bg=2)),
        (b"91;102", Style(fg=9, bg=10)),
        (b"38;5;200;48;5;17", Style(fg=200, bg=17)),
        (b"38;2;1;2;3;48;2;250;251;252", Style(fg=(1, 2, 3), bg=(250, 251, 252))),
        (b"4:3", Style(underline=Underline.CURLY)),
        (b"21", Style(underline=Underline.DOUBLE)),
        (b"4:4", Style(underline=Underline.DOTTED)),
        (b"4:5;58:5:7", Style(underline=Underline.DASHED, underline_colour=7)),
        (b"4;58:2::1:2:3", Style(underline=Underline.SINGLE, underline_colour=(1, 2, 3))),
        (b"53", Style(overline=True)),
    ],
)
def test_graphic_rendition_becomes_a_style(engine: Engine, sgr: bytes, style: Style) -> None:
    engine.feed(b"a\x1b[" + sgr + b"mbc\x1b[md")
    assert styles(engine) == [("a", PLAIN), ("bc", style), ("d", PLAIN)]


def test_an_empty_last_parameter_resets_the_rendition(engine: Engine) -> None:
    engine.feed(b"\x1b[31;ma")
    assert styles(engine) == [("a", PLAIN)]


def test_erased_cells_keep_the_background(engine: Engine) -> None:
    engine.feed(b"\x1b[44m\x1b[K\r\n\x1b[48;2;9;8;7m\x1b[K")
    assert engine.row(0) == (Run(" " * 20, Style(bg=4), 20),)
    assert engine.row(1) == (Run(" " * 20, Style(bg=(9, 8, 7)), 20),)


def test_wide_and_combining_characters_cover_their_columns(engine: Engine) -> None:
    engine.feed("a你e\u0301好\x1b[1mb".encode())
    plain, bold, blank = engine.row(0)
    assert plain == Run("a你e\u0301好", PLAIN, 6)
    assert bold == Run("b", Style(bold=True), 1)
    assert blank.width == 13


def test_what_reorders_text_is_not_shown(engine: Engine) -> None:
    engine.feed("a\u202eb\u2067c\u200fd".encode())
    assert engine.text().split("\n")[0] == "abcd"


def test_the_cursor_has_the_guests_place_shape_and_visibility(engine: Engine) -> None:
    engine.feed(b"\x1b[2;5H\x1b[5 q")
    assert engine.cursor == Cursor(1, 4, shape=CursorShape.BAR, blinking=True)
    engine.feed(b"\x1b[4 q\x1b[?25l")
    assert engine.cursor == Cursor(1, 4, visible=False, shape=CursorShape.UNDERLINE)


def test_modes_are_readable(engine: Engine) -> None:
    before = engine.modes
    assert not before.application_cursor
    assert before.mouse is MouseTracking.OFF
    assert before.mouse_format is MouseFormat.X10
    engine.feed(b"\x1b[?1;2004;1004;1002;1006;1049;2026;67;5h\x1b=\x1b[20h\x1b[?1007h")
    modes = engine.modes
    assert modes.application_cursor
    assert modes.application_keypad
    assert modes.bracketed_paste
    assert modes.focus_events
    assert modes.alternate_screen
    assert modes.alternate_scroll
    assert modes.synchronized_output
    assert modes.backarrow_sends_bs
    assert modes.newline
    assert modes.reverse_video
    assert modes.mouse is MouseTracking.BUTTON
    assert modes.mouse_format is MouseFormat.SGR
    engine.feed(b"\x1b[?1003h\x1b[?1006l")
    assert engine.modes.mouse is MouseTracking.ANY
    assert engine.modes.mouse_format is MouseFormat.X10


def test_a_title_is_shown_without_what_could_act_on_a_terminal(engine: Engine) -> None:
    engine.feed("\x1b]2;caf\xe9 \u202edone\x07".encode())
    assert engine.title == "café done"
    engine.feed(b"\x1b]0;" + b"x" * 5000 + b"\x07")
    assert len(engine.title) <= MAX_TITLE


def test_questions_are_answered_and_the_answers_taken_once(engine: Engine) -> None:
    engine.feed(b"ab\x1b[6n\x1b[5n")
    assert engine.take_replies() == b"\x1b[1;3R\x1b[0n"
    assert engine.take_replies() == b""
    engine.feed(b"\x1b[18t")
    assert engine.take_replies() == b"\x1b[8;4;20t"


def test_modes_that_are_kept_from_the_engine_are_not_said_to_be_known(engine: Engine) -> None:
    """Told of left and right margins, an application scrolls within them, and garbles all."""
    engine.feed(b"\x1b[?69$p\x1b[?2027$p\x1b[?2026$p")
    assert engine.take_replies() == b"\x1b[?69;0$y\x1b[?2027;0$y\x1b[?2026;2$y"


def test_unread_answers_are_bounded(engine: Engine) -> None:
    engine.feed(b"\x1b[6n" * 20_000)
    assert 0 < len(engine.take_replies()) <= MAX_REPLIES
    engine.feed(b"\x1b[5n")
    assert engine.take_replies() == b"\x1b[0n"


def test_the_version_is_ours_and_an_enquiry_is_not_answered(engine: Engine) -> None:
    engine.feed(b"\x1b[>q\x05\x1b[>0q")
    assert engine.take_replies() == 2 * f"\x1bP>|muxtui {__version__}\x1b\\".encode()


def test_the_clipboard_is_never_told(engine: Engine) -> None:
    engine.feed(b"\x1b]52;c;aGVsbG8=\x07\x1b]52;c;?\x07")
    assert engine.take_replies() == b""
    assert engine.take_requests() == [Clipboard("c", b"hello")]


def test_questions_for_colours_get_those_of_the_view(engine: Engine) -> None:
    engine.set_colours((1, 2, 3), (4, 5, 6), (7, 8, 9), [(10, 11, 12), (13, 14, 15)])
    for _ in range(2):
        engine.feed(b"\x1b]10;?\x07\x1b]11;?\x07\x1b]12;?\x07\x1b]4;1;?\x07")
        assert engine.take_replies() == (
            b"\x1b]10;rgb:0101/0202/0303\x07\x1b]11;rgb:0404/0505/0606\x07"
            b"\x1b]12;rgb:0707/0808/0909\x07\x1b]4;1;rgb:0d0d/0e0e/0f0f\x07"
        )
        engine.reset()


def test_requests_to_the_desktop_are_found_and_forgotten_at_a_reset(engine: Engine) -> None:
    engine.feed(b"\x1b]9;ready\x07")
    assert engine.take_requests() == [Notification("", "ready")]
    engine.feed(b"\x1b]9;ready\x07")
    engine.reset()
    assert engine.take_requests() == []


@pytest.mark.parametrize(
    "begun",
    [
        b"\x1b",
        b"\x1b[3",
        b"\x1b[?1049",
        b"\x1b]2;half a title",
        b"\x1b]9;half a message",
        b"\x1bP$qm",
        b"\x1b_half",
        b"\xc3",
        "😀".encode()[:3],
        "你".encode()[:2],
    ],
)
def test_an_abort_ends_what_was_begun_and_changes_nothing_else(
    engine: Engine, begun: bytes
) -> None:
    engine.feed(b"\x1b[?2004;6h\x1b[2;3r\x1b[31mab")
    modes, cursor = engine.modes, engine.cursor
    engine.feed(begun)
    engine.abort()
    assert (engine.modes, engine.cursor, engine.title) == (modes, cursor, "")
    assert engine.take_replies() == b""
    engine.feed(b"\x07]y")
    assert engine.text() == "\nab]y\n\n"
    assert styles(engine, 1) == [("ab]y", Style(fg=1))]
    assert engine.take_requests() == []


def test_hyperlinks_lead_somewhere_harmless_or_are_none(engine: Engine) -> None:
    engine.feed(
        b"\x1b]8;;http://a.example/\x1b\\a\x1b[1mb\x1b[m\x1b]8;;mailto:x@y\x1b\\c"
        b"\x1b]8;;javascript:x\x1b\\d\x1b]8;;\x1b\\e"
    )
    link = Style(link="http://a.example/")
    assert styles(engine) == [
        ("a", link),
        ("b", link._replace(bold=True)),
        ("c", Style(link="mailto:x@y")),
        ("de", PLAIN),
    ]


def test_the_cursor_tells_of_a_wrap_to_come(engine: Engine) -> None:
    engine.feed(b"x" * 19)
    assert not engine.cursor.pending_wrap
    engine.feed(b"x")
    assert engine.cursor == Cursor(0, 19, pending_wrap=True)
    engine.feed(b"\x1b[C")
    assert not engine.cursor.pending_wrap


def test_the_keyboards_protocols_are_readable(engine: Engine) -> None:
    engine.feed(b"\x1b[>5u\x1b[>4;2m\x1b[>4;1f")
    modes = engine.modes
    assert (modes.kitty_keyboard, modes.modify_other_keys, modes.format_other_keys) == (5, 2, 1)
    engine.feed(b"\x1b[<u\x1b[>4;1m")
    modes = engine.modes
    assert (modes.kitty_keyboard, modes.modify_other_keys, modes.format_other_keys) == (0, 1, 1)
    engine.feed(b"\x1bc")
    modes = engine.modes
    assert (modes.kitty_keyboard, modes.modify_other_keys, modes.format_other_keys) == (0, 0, 0)


def test_bells_are_counted_but_not_those_that_end_a_title(engine: Engine) -> None:
    engine.feed(b"\x07\x07\x1b]0;t\x07")
    assert engine.bell_count == 2


@pytest.mark.parametrize("limit", [0, 50, 3000])
@pytest.mark.parametrize("cols", [20, 200])
@pytest.mark.parametrize("name", sorted(MAKERS))
def test_as_many_lines_are_kept_as_were_asked_for(name: str, cols: int, limit: int) -> None:
    made = MAKERS[name](4, cols, limit)
    for start in range(0, 12_000, 1000):
        made.feed(b"".join(b"line %d\r\n" % number for number in range(start, start + 1000)))
        assert made.end_line == start + 1000 + 1
        assert made.first_line == max(0, made.end_line - 4 - limit)
    assert made.texts(made.first_line, made.first_line + 1)[0][0] == f"line {made.first_line}"
    made.close()


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_scrollback_is_bounded_in_memory_too(name: str) -> None:
    made = MAKERS[name](4, 200, 1_000_000, 1 << 20)
    made.feed(b"".join(b"line %d\r\n" % number for number in range(30_000)))
    assert 2000 < made.end_line - made.first_line < 7000
    assert made.end_line == 30_001
    made.close()


def test_a_resize_keeps_the_text_and_makes_every_row_new(engine: Engine) -> None:
    engine.feed(b"one\r\ntwo")
    engine.dirty_rows()
    engine.resize(6, 30)
    assert list(engine.dirty_rows()) == [0, 1, 2, 3, 4, 5]
    assert engine.text().split("\n")[:2] == ["one", "two"]
    assert all(sum(run.width for run in engine.row(y)) == 30 for y in range(6))
    engine.resize(0, 100_000)
    assert engine.rows == 1


def test_rows_outside_the_view_are_refused(engine: Engine) -> None:
    for y in (-1, 4):
        with pytest.raises(IndexError):
            engine.row(y)


def test_reset_forgets_screen_scrollback_modes_and_an_open_string(engine: Engine) -> None:
    engine.feed(b"x\r\n" * 10 + b"\x1b[?2004h\x1b]0;unfinished")
    engine.reset()
    engine.feed(b"new")
    assert engine.text() == "new\n\n\n"
    assert engine.first_line == engine.end_line - 4
    assert not engine.modes.bracketed_paste


def test_an_engine_that_fails_is_counted_and_starts_over(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_data: bytes) -> None:
        raise TypeError("inside")

    engine.feed(b"before")
    with monkeypatch.context() as patch:
        patch.setattr(engine, "_write", fail)
        engine.feed(b"bad")
    engine.feed(b"after")
    assert engine.faults == 1
    assert engine.text() == "after\n\n\n"


def test_an_engine_that_fails_at_being_looked_at_is_counted_and_starts_over(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise TypeError("inside")

    engine.feed(b"before")
    with monkeypatch.context() as patch:
        patch.setattr(engine, "_update", fail)
        engine.dirty_rows()
    engine.feed(b"after")
    assert engine.faults == 1
    assert engine.text() == "after\n\n\n"


def test_closing_twice_is_harmless(engine: Engine) -> None:
    engine.close()
    engine.close()


def test_an_engine_nobody_closed_is_freed_with_its_object() -> None:
    freed = []
    made = MAKERS["ghostty"](4, 20, 0)
    assert isinstance(made, ghostty.GhosttyEngine)
    handles = made._handles
    del made
    gc.collect()
    freed.append(handles.terminal.value)
    assert freed == [None]


OUTPUT = st.lists(
    st.one_of(
        st.text(max_size=6).map(str.encode),
        st.binary(max_size=6),
        st.sampled_from(
            [
                *b"\x1b[ \x1b]0;t \x07 \x1b\\ \r\n \x1b[2J \x1b[3;3r \x1bM \x1b[31m \x1b[K".split(
                    b" "
                ),
                *b"\x1b[4h \x1b[L \x1b[P \x1b[?1049h \t \x1b[5;5H \x1b[6n \x1b(0".split(b" "),
                "你".encode(),
                "e\u0301".encode(),
            ]
        ),
    ),
    max_size=30,
).map(b"".join)


@pytest.mark.parametrize("name", sorted(MAKERS))
@settings(max_examples=60)
@given(data=OUTPUT)
def test_output_fed_byte_by_byte_gives_the_same_screen(name: str, data: bytes) -> None:
    whole, bytewise = MAKERS[name](4, 20, 50), MAKERS[name](4, 20, 50)
    whole.feed(data)
    for at in range(len(data)):
        bytewise.feed(data[at : at + 1])
    assert [whole.row(y) for y in range(4)] == [bytewise.row(y) for y in range(4)]
    assert (whole.cursor, whole.modes, whole.title) == (
        bytewise.cursor,
        bytewise.modes,
        bytewise.title,
    )
    assert whole.take_replies() == bytewise.take_replies()
    assert all(sum(run.width for run in whole.row(y)) == 20 for y in range(4))
    whole.close()
    bytewise.close()


def test_the_environment_forces_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUXTUI_ENGINE", "bittty")
    assert engine_name().startswith("bittty ")
    assert isinstance(make_engine(2, 2), bittty.BitttyEngine)
    monkeypatch.setenv("MUXTUI_ENGINE", "ghostty")
    assert engine_name().startswith("libghostty-vt ")
    monkeypatch.setenv("MUXTUI_ENGINE", "vt52")
    with pytest.raises(EngineError, match="'vt52'"):
        engine_name()


def test_the_other_engine_steps_in_where_the_library_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> tuple[str, EngineMaker]:
        raise EngineError("not here")

    monkeypatch.setattr(ghostty, "choose", missing)
    assert choice._chosen.__wrapped__("")[0].startswith("bittty ")
    with pytest.raises(EngineError, match="not here"):
        choice._chosen.__wrapped__("ghostty")
