"""What the outer terminal sends, taken apart."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.vt.decode import MAX_PASTE_PIECE, MAX_SEQUENCE, Decoder
from muxcore.vt.keys import (
    UNIDENTIFIED,
    Focus,
    InputEvent,
    Key,
    KeyAction,
    Modifiers,
    Mouse,
    MouseAction,
    MouseButton,
    Paste,
    Report,
)


def decoded(data: bytes) -> list[InputEvent]:
    decoder = Decoder()
    return decoder.feed(data) + decoder.flush()


def key_named(data: bytes) -> str:
    (event,) = decoded(data)
    assert isinstance(event, Key)
    assert event.raw == data
    return event.name


LEGACY = {
    b"\x00": "ctrl+space",
    b"\x03": "ctrl+c",
    b"\x08": "ctrl+h",
    b"\t": "tab",
    b"\n": "ctrl+j",
    b"\r": "enter",
    b"\x10": "ctrl+p",
    b"\x11": "ctrl+q",
    b"\x1b": "escape",
    b"\x1c": "ctrl+\\",
    b"\x1d": "ctrl+]",
    b"\x1e": "ctrl+^",
    b"\x1f": "ctrl+_",
    b" ": "space",
    b"A": "A",
    b"\x7f": "backspace",
    "é".encode(): "é",
    b"\x1b\x7f": "alt+backspace",
    b"\x1b\x08": "ctrl+alt+h",
    b"\x1b\r": "alt+enter",
    b"\x1b\t": "alt+tab",
    b"\x1b ": "alt+space",
    b"\x1b1": "alt+1",
    b"\x1bX": "alt+X",
    b"\x1b[": "alt+[",
    b"\x1b]": "alt+]",
    b"\x1bO": "alt+O",
    b"\x1bP": "alt+P",
    b"\x1b_": "alt+_",
    b"\x1b\x03": "ctrl+alt+c",
    "\x1bß".encode(): "alt+ß",
    b"\x1b[A": "up",
    b"\x1bOA": "up",
    b"\x1b[1;5D": "ctrl+left",
    b"\x1b[1;8C": "ctrl+alt+shift+right",
    b"\x1b[H": "home",
    b"\x1b[1~": "home",
    b"\x1b[7~": "home",
    b"\x1b[8~": "end",
    b"\x1b[E": "begin",
    b"\x1b[2~": "insert",
    b"\x1b[3;3~": "alt+delete",
    b"\x1b[5~": "pageup",
    b"\x1b[6;6~": "ctrl+shift+pagedown",
    b"\x1b[Z": "shift+tab",
    b"\x1bOP": "f1",
    b"\x1b[11~": "f1",
    b"\x1b[[A": "f1",
    b"\x1b[[E": "f5",
    b"\x1b[1;2P": "shift+f1",
    b"\x1b[1;2R": "shift+f3",
    b"\x1b[1;9S": "super+f4",
    b"\x1b[15~": "f5",
    b"\x1b[24;5~": "ctrl+f12",
    b"\x1b[25~": "f13",
    b"\x1b[34~": "f20",
    b"\x1b[45~": "f24",
    b"\x1bOp": "kp_0",
    b"\x1bOM": "kp_enter",
}

MODERN = {
    b"\x1b[27u": "escape",
    b"\x1b[97;5u": "ctrl+a",
    b"\x1b[97;6u": "ctrl+shift+a",
    b"\x1b[97;4u": "alt+A",
    b"\x1b[49:33;4u": "alt+!",
    b"\x1b[1089::99;5u": "ctrl+c",
    b"\x1b[13;2u": "shift+enter",
    b"\x1b[9;5u": "ctrl+tab",
    b"\x1b[127;5u": "ctrl+backspace",
    b"\x1b[57376u": "f13",
    b"\x1b[57414u": "kp_enter",
    b"\x1b[57441;2u": "shift+kitty_57441",
    b"\x1b[57419;129u": "up",
    b"\x1b[27;5;9~": "ctrl+tab",
    b"\x1b[27;6;65~": "ctrl+shift+A",
    b"\x1b[13~": "f3",
}


@pytest.mark.parametrize("raw", [*LEGACY, *MODERN], ids=repr)
def test_a_key_has_its_name(raw: bytes) -> None:
    assert key_named(raw) == {**LEGACY, **MODERN}[raw]


@pytest.mark.parametrize("letter", [chr(code) for code in range(0x21, 0x7F)])
def test_alt_with_every_character_is_that_key(letter: str) -> None:
    assert key_named(b"\x1b" + letter.encode()) == f"alt+{letter}"


def test_text_is_what_is_typed() -> None:
    assert decoded("aé你".encode()) == [
        Key("a", text="a", raw=b"a"),
        Key("é", text="é", raw="é".encode()),
        Key("你", text="你", raw="你".encode()),
    ]
    assert decoded(b"\x1b[97:65;2;65u") == [Key("A", text="A", raw=b"\x1b[97:65;2;65u")]
    (composed,) = decoded(b"\x1b[0;;19968:20108u")
    assert isinstance(composed, Key)
    assert composed.text == "一二"


def test_kittys_event_types_are_told_apart() -> None:
    actions = [
        event.action for event in decoded(b"\x1b[97;1:2u\x1b[1;1:3A") if isinstance(event, Key)
    ]
    assert actions == [KeyAction.REPEAT, KeyAction.RELEASE]


@pytest.mark.parametrize("raw", [b"\x1b[99~", b"\x1b[1;2X", b"\x1bOz", b"\xff"])
def test_an_unknown_key_keeps_its_bytes(raw: bytes) -> None:
    assert decoded(raw) == [Key(UNIDENTIFIED, raw=raw)]


@pytest.mark.parametrize(
    "raw",
    [
        b"\x1b[24;80R",
        b"\x1b[?62;22c",
        b"\x1b[>1;10;0c",
        b"\x1b[?2026;2$y",
        b"\x1b[48;24;80;384;640t",
        b"\x1b[?1u",
        b"\x1b[0n",
        b"\x1b]11;rgb:0000/0000/0000\x07",
        b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\",
        b"\x1bP>|XTerm(388)\x1b\\",
        b"\x1bP1+r544e=787465726d\x1b\\",
    ],
)
def test_an_answer_of_the_terminal_is_a_report(raw: bytes) -> None:
    assert decoded(raw) == [Report(raw)]


@pytest.mark.parametrize(
    ("raw", "mouse"),
    [
        (b"\x1b[<0;10;5M", Mouse(9, 4, MouseButton.LEFT)),
        (b"\x1b[<2;1;1m", Mouse(0, 0, MouseButton.RIGHT, MouseAction.RELEASE)),
        (b"\x1b[<35;300;2M", Mouse(299, 1, MouseButton.NONE, MouseAction.MOTION)),
        (b"\x1b[<32;3;2M", Mouse(2, 1, MouseButton.LEFT, MouseAction.MOTION)),
        (b"\x1b[<65;3;2M", Mouse(2, 1, MouseButton.WHEEL_DOWN)),
        (
            b"\x1b[<28;1;1M",
            Mouse(
                0,
                0,
                MouseButton.LEFT,
                modifiers=Modifiers.SHIFT | Modifiers.ALT | Modifiers.CTRL,
            ),
        ),
        (b"\x1b[M !!", Mouse(0, 0, MouseButton.LEFT)),
        (b"\x1b[M#\x7f\x80", Mouse(94, 95, MouseButton.NONE, MouseAction.RELEASE)),
        (b"\x1b[32;3;4M", Mouse(2, 3, MouseButton.LEFT)),
    ],
)
def test_a_mouse_report_says_what_the_mouse_did(raw: bytes, mouse: Mouse) -> None:
    (event,) = decoded(raw)
    assert event == Mouse(mouse.x, mouse.y, mouse.button, mouse.action, mouse.modifiers, raw)


def test_focus_is_told_from_keys() -> None:
    assert decoded(b"\x1b[I\x1b[O") == [Focus(True, b"\x1b[I"), Focus(False, b"\x1b[O")]


def test_a_paste_is_data_whatever_it_holds() -> None:
    raw = b"\x1b[200~ls\x03\x1b[A\r\n\x1b[201~"
    assert decoded(raw + b"x") == [
        Paste(b"ls\x03\x1b[A\r\n", raw=raw),
        Key("x", text="x", raw=b"x"),
    ]


def test_an_empty_paste_is_one_event() -> None:
    assert decoded(b"\x1b[200~\x1b[201~") == [Paste(b"", raw=b"\x1b[200~\x1b[201~")]


def test_a_long_paste_comes_in_bounded_pieces_as_it_arrives() -> None:
    decoder = Decoder()
    data = b"x" * (3 * MAX_PASTE_PIECE + 5)
    pieces = decoder.feed(b"\x1b[200~" + data)
    assert not decoder.pending
    pieces += decoder.feed(b"\x1b[20") + decoder.feed(b"1~")
    assert all(isinstance(piece, Paste) for piece in pieces)
    pastes = [piece for piece in pieces if isinstance(piece, Paste)]
    assert b"".join(piece.data for piece in pastes) == data
    assert max(len(piece.data) for piece in pastes) <= MAX_PASTE_PIECE
    assert [piece.start for piece in pastes] == [True] + [False] * (len(pastes) - 1)
    assert [piece.end for piece in pastes] == [False] * (len(pastes) - 1) + [True]


def test_escape_waits_for_what_may_follow_and_is_a_key_when_nothing_does() -> None:
    decoder = Decoder()
    assert decoder.feed(b"\x1b") == []
    assert [decoder.pending, decoder.flush(), decoder.pending] == [
        True,
        [Key("escape", raw=b"\x1b")],
        False,
    ]
    assert decoder.feed(b"[A") == [
        Key("[", text="[", raw=b"["),
        Key("A", text="A", raw=b"A"),
    ]


def test_two_escapes_are_two_keys() -> None:
    assert decoded(b"\x1b\x1b") == [Key("escape", raw=b"\x1b")] * 2
    assert [event.raw for event in decoded(b"\x1b\x1b[A") if isinstance(event, Key)] == [
        b"\x1b",
        b"\x1b[A",
    ]


@pytest.mark.parametrize("begun", [b"\x1b]11;", b"\x1b["])
def test_a_sequence_without_end_holds_up_no_more_than_its_bound(begun: bytes) -> None:
    decoder = Decoder()
    data = begun + b"1" * MAX_SEQUENCE
    events = decoder.feed(data)
    assert not decoder.pending
    assert b"".join(event.raw for event in events) == data


TYPED = st.lists(
    st.one_of(
        st.binary(max_size=5),
        st.text(max_size=3).map(lambda text: text.encode("utf-8", "replace")),
        st.sampled_from(
            [
                *(*LEGACY, *MODERN),
                *(b"\x1b[<0;1;1M", b"\x1b[M !!", b"\x1b[200~", b"\x1b[201~", b"\x1b]1", b"\x07"),
            ]
        ),
    ),
    max_size=10,
).map(b"".join)


def joined(events: list[InputEvent]) -> list[InputEvent]:
    """The events with the pieces of each paste made one."""
    result: list[InputEvent] = []
    for event in events:
        last = result[-1] if result else None
        if isinstance(event, Paste) and not event.start and isinstance(last, Paste):
            event = Paste(last.data + event.data, last.start, event.end, last.raw + event.raw)
            result.pop()
        result.append(event)
    return result


@given(data=TYPED, cuts=st.lists(st.integers(0, 80), max_size=5))
def test_splits_are_invisible_and_no_byte_is_lost(data: bytes, cuts: list[int]) -> None:
    pieces = sorted(cut % (len(data) + 1) for cut in cuts)
    whole, split = Decoder(), Decoder()
    events = whole.feed(data)
    parts: list[InputEvent] = []
    for begin, end in zip([0, *pieces], [*pieces, len(data)], strict=True):
        parts += split.feed(data[begin:end])
    assert joined(parts) == joined(events)
    assert split.pending == whole.pending
    assert joined(parts + split.flush()) == joined(events + whole.flush())
    if b"\x1b[200~" not in data:
        assert b"".join(event.raw for event in decoded(data)) == data


@given(cuts=st.lists(st.integers(0, 40), max_size=6).map(sorted))
def test_no_piece_of_a_paste_ends_within_a_lines_end(cuts: list[int]) -> None:
    data = b"\x1b[200~one\r\ntwo\r\n\r\nthree\r\x1b[201~"
    decoder, edges = Decoder(), [0, *cuts, len(data)]
    events = [
        event
        for start, stop in itertools.pairwise(edges)
        for event in decoder.feed(data[start:stop])
    ]
    pieces = [event for event in events if isinstance(event, Paste)]
    assert b"".join(piece.data for piece in pieces) == b"one\r\ntwo\r\n\r\nthree\r"
    assert not any(piece.data.endswith(b"\r") for piece in pieces[:-1])
    assert b"".join(piece.raw for piece in pieces) == data
