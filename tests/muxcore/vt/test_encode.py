"""Keys, mouse and pastes as the guest gets them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.settings import Settings
from muxcore.vt.decode import Decoder
from muxcore.vt.encode import encode_focus, encode_key, encode_mouse, encode_paste
from muxcore.vt.engine import Modes, MouseFormat, MouseTracking
from muxcore.vt.keys import (
    UNIDENTIFIED,
    Key,
    KeyAction,
    Modifiers,
    Mouse,
    MouseAction,
    MouseButton,
)

XTERM = Modes()
APPLICATION = Modes(application_cursor=True, application_keypad=True)


def through(raw: bytes, modes: Modes = XTERM) -> bytes:
    """What the guest gets for bytes of the outer terminal."""
    decoder = Decoder()
    events = decoder.feed(raw) + decoder.flush()
    return b"".join(encode_key(event, modes) for event in events if isinstance(event, Key))


UNCHANGED = [
    *(bytes((byte,)) for byte in range(0x80)),
    *(b"\x1b" + bytes((byte,)) for byte in range(0x80) if byte != 0x1B),
    "é你".encode(),
    *(b"\x1b[" + letter for letter in (b"A", b"B", b"C", b"D", b"E", b"F", b"H", b"Z")),
    *(f"\x1b[1;{m}{letter}".encode() for m in range(2, 17) for letter in "ABCDEFHPQRS"),
    *(f"\x1bO{letter}".encode() for letter in "PQRS"),
    *(f"\x1b[{n}~".encode() for n in (2, 3, 5, 6, 15, 17, 18, 19, 20, 21, 23, 24, 25, 26, 28, 29)),
    *(f"\x1b[{n};{m}~".encode() for n in (2, 3, 5, 6, 15, 24, 31) for m in range(2, 9)),
    b"\x1b[99~",
    b"\xff",
]


@pytest.mark.parametrize("raw", UNCHANGED, ids=repr)
def test_what_xterm_sends_reaches_the_guest_unchanged(raw: bytes) -> None:
    assert through(raw) == raw


@pytest.mark.parametrize(
    ("raw", "sent"),
    [
        (b"\x1bOA", b"\x1b[A"),
        (b"\x1b[1~", b"\x1b[H"),
        (b"\x1b[8~", b"\x1b[F"),
        (b"\x1b[11~", b"\x1bOP"),
        (b"\x1b[[B", b"\x1bOQ"),
        (b"\x1bOp", b"0"),
        (b"\x1bOM", b"\r"),
        (b"\x1b[27u", b"\x1b"),
        (b"\x1b[97;5u", b"\x01"),
        (b"\x1b[97;7u", b"\x1b\x01"),
        (b"\x1b[97;3u", b"\x1ba"),
        (b"\x1b[97:65;2;65u", b"A"),
        (b"\x1b[1089::99;5u", b"\x03"),
        (b"\x1b[91;5u", b"\x1b"),
        (b"\x1b[32;5u", b"\x00"),
        (b"\x1b[50;5u", b"\x00"),
        (b"\x1b[47;5u", b"\x1f"),
        (b"\x1b[49;5u", b"1"),
        (b"\x1b[13;5u", b"\r"),
        (b"\x1b[123;5u", b"\x1b"),
        (b"\x1b[57399u", b"0"),
        (b"\x1b[13;3u", b"\x1b\r"),
        (b"\x1b[9;2u", b"\x1b[Z"),
        (b"\x1b[27;5;9~", b"\t"),
        (b"\x1b[127u", b"\x7f"),
        (b"\x1b[127;5u", b"\x08"),
        (b"\x1b[127;3u", b"\x1b\x7f"),
        (b"\x1b[57376;2u", b"\x1b[25;2~"),
        (b"\x1b[57363u", b"\x1b[29~"),
        (b"\x1b[57441;2u", b""),
        (b"\x1b[1;1:3A", b""),
        (b"\x1b[13~", b"\x1bOR"),
    ],
)
def test_other_terminals_keys_become_xterms(raw: bytes, sent: bytes) -> None:
    assert through(raw) == sent


@pytest.mark.parametrize(
    ("key", "sent"),
    [
        ("up", b"\x1bOA"),
        ("home", b"\x1bOH"),
        ("f1", b"\x1bOP"),
        ("pageup", b"\x1b[5~"),
        ("kp_5", b"\x1bOu"),
        ("kp_enter", b"\x1bOM"),
        ("kp_add", b"\x1bOk"),
    ],
)
def test_application_modes_change_cursor_keys_and_the_keypad(key: str, sent: bytes) -> None:
    assert encode_key(Key(key), APPLICATION) == sent


def test_modified_cursor_keys_ignore_the_application_mode() -> None:
    assert encode_key(Key("up", Modifiers.CTRL), APPLICATION) == b"\x1b[1;5A"


def test_backspace_is_what_the_guest_chose_and_ctrl_the_other() -> None:
    chose_bs = Modes(backarrow_sends_bs=True)
    assert encode_key(Key("backspace"), chose_bs) == b"\x08"
    assert encode_key(Key("backspace", Modifiers.CTRL), chose_bs) == b"\x7f"


def test_a_console_chooses_what_backspace_and_delete_send() -> None:
    chose = Settings(backspace="bs", delete="del")
    assert encode_key(Key("backspace"), XTERM, chose) == b"\x08"
    assert encode_key(Key("backspace", Modifiers.CTRL), XTERM, chose) == b"\x7f"
    assert encode_key(Key("backspace", Modifiers.ALT), XTERM, chose) == b"\x1b\x08"
    assert encode_key(Key("delete"), XTERM, chose) == b"\x7f"
    assert encode_key(Key("delete", Modifiers.CTRL), XTERM, chose) == b"\x1b[3;5~"


@pytest.mark.parametrize(("newline", "enter"), [("cr", b"\r"), ("crlf", b"\r\n"), ("lf", b"\n")])
def test_a_console_chooses_what_enter_sends_and_newline_mode_overrules_it(
    newline: str, enter: bytes
) -> None:
    chose = Settings(newline=newline)
    assert encode_key(Key("enter"), XTERM, chose) == enter
    assert encode_key(Key("kp_enter"), XTERM, chose) == enter
    assert encode_key(Key("enter", Modifiers.ALT), XTERM, chose) == b"\x1b" + enter
    assert encode_key(Key("enter"), Modes(newline=True), chose) == b"\r\n"
    assert encode_paste(b"a\nb\r\nc\r", XTERM, chose) == enter.join([b"a", b"b", b"c", b""])


def test_a_released_key_sends_nothing() -> None:
    assert encode_key(Key("a", text="a", action=KeyAction.RELEASE), XTERM) == b""
    assert encode_key(Key(UNIDENTIFIED, raw=b"\x1b[5u", action=KeyAction.RELEASE), XTERM) == b""


@pytest.mark.parametrize(
    ("tracking", "heard"),
    [
        (MouseTracking.OFF, ""),
        (MouseTracking.X10, "press"),
        (MouseTracking.NORMAL, "press release wheel"),
        (MouseTracking.BUTTON, "press release wheel drag"),
        (MouseTracking.ANY, "press release wheel drag move"),
    ],
)
def test_a_guest_hears_of_the_events_it_asked_for(tracking: MouseTracking, heard: str) -> None:
    events = {
        "press": Mouse(1, 2, MouseButton.LEFT),
        "release": Mouse(1, 2, MouseButton.LEFT, MouseAction.RELEASE),
        "wheel": Mouse(1, 2, MouseButton.WHEEL_UP),
        "drag": Mouse(1, 2, MouseButton.LEFT, MouseAction.MOTION),
        "move": Mouse(1, 2, MouseButton.NONE, MouseAction.MOTION),
    }
    modes = Modes(mouse=tracking, mouse_format=MouseFormat.SGR)
    assert [name for name, event in events.items() if encode_mouse(event, modes)] == heard.split()


@pytest.mark.parametrize(
    ("mouse_format", "press", "release"),
    [
        (MouseFormat.X10, b"\x1b[M6*%", b"\x1b[M7*%"),
        (MouseFormat.UTF8, b"\x1b[M6*%", b"\x1b[M7*%"),
        (MouseFormat.SGR, b"\x1b[<22;10;5M", b"\x1b[<22;10;5m"),
        (MouseFormat.URXVT, b"\x1b[54;10;5M", b"\x1b[55;10;5M"),
        (MouseFormat.SGR_PIXELS, b"\x1b[<22;73;65M", b"\x1b[<22;73;65m"),
    ],
)
def test_each_mouse_format_is_xterms(
    mouse_format: MouseFormat, press: bytes, release: bytes
) -> None:
    modes = Modes(mouse=MouseTracking.ANY, mouse_format=mouse_format)
    event = Mouse(9, 4, MouseButton.RIGHT, modifiers=Modifiers.SHIFT | Modifiers.CTRL)
    assert encode_mouse(event, modes) == press
    assert encode_mouse(replace(event, action=MouseAction.RELEASE), modes) == release


def test_coordinates_a_format_cannot_say_send_nothing() -> None:
    x10 = Modes(mouse=MouseTracking.NORMAL)
    assert encode_mouse(Mouse(222, 0, MouseButton.LEFT), x10) == b"\x1b[M \xff!"
    assert encode_mouse(Mouse(223, 0, MouseButton.LEFT), x10) == b""
    utf8 = replace(x10, mouse_format=MouseFormat.UTF8)
    assert encode_mouse(Mouse(223, 0, MouseButton.LEFT), utf8) == "\x1b[M \u0100!".encode()
    assert encode_mouse(Mouse(-1, 0, MouseButton.LEFT), utf8) == b""


def test_the_oldest_mouse_protocol_knows_no_modifiers() -> None:
    event = Mouse(0, 0, MouseButton.LEFT, modifiers=Modifiers.CTRL)
    assert encode_mouse(event, Modes(mouse=MouseTracking.X10)) == b"\x1b[M !!"


@given(data=st.binary(max_size=50), bracketed=st.booleans())
def test_no_paste_can_leave_its_brackets_or_press_a_control_key(
    data: bytes, bracketed: bool
) -> None:
    sent = encode_paste(data, Modes(bracketed_paste=bracketed))
    if bracketed:
        assert sent.startswith(b"\x1b[200~")
        assert sent.endswith(b"\x1b[201~")
        sent = sent[6:-6]
    assert not set(sent) & (set(range(0x20)) - set(b"\t\r\n") | {0x7F})


def test_a_paste_without_brackets_types_its_lines() -> None:
    assert encode_paste(b"one\r\ntwo\nthree\r", XTERM) == b"one\rtwo\rthree\r"


def test_a_paste_in_pieces_has_one_pair_of_brackets() -> None:
    modes = Modes(bracketed_paste=True)
    pieces = [
        encode_paste(b"a\n", modes, end=False),
        encode_paste(b"b", modes, start=False, end=False),
        encode_paste(b"c", modes, start=False),
    ]
    assert b"".join(pieces) == b"\x1b[200~a\nbc\x1b[201~"


def test_focus_goes_to_guests_that_asked() -> None:
    asked = Modes(focus_events=True)
    assert (encode_focus(True, asked), encode_focus(False, asked)) == (b"\x1b[I", b"\x1b[O")
    assert encode_focus(True, XTERM) == b""
