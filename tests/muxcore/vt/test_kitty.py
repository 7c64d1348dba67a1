"""kitty's keyboard protocol: by its own document, and beside Ghostty's encoder."""

from __future__ import annotations

import ctypes as c
import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest

from muxcore.vt import ghostty_abi as abi
from muxcore.vt.decode import Decoder
from muxcore.vt.encode import encode_key
from muxcore.vt.engine import Modes
from muxcore.vt.keys import UNIDENTIFIED, Key, KeyAction, Modifiers
from muxcore.vt.keytable import SHIFTED

NONE, SHIFT, ALT, CTRL = Modifiers.NONE, Modifiers.SHIFT, Modifiers.ALT, Modifiers.CTRL


def sent(flags: int, key: Key) -> bytes:
    """What a guest that asked for `flags` gets."""
    return encode_key(key, Modes(kitty_keyboard=flags))


@pytest.mark.parametrize(
    ("flags", "key", "expected"),
    [
        (1, Key("a"), b"a"),
        (1, Key("A"), b"A"),
        (1, Key("é"), "é".encode()),
        (1, Key("escape"), b"\x1b[27u"),
        (1, Key("c", CTRL), b"\x1b[99;5u"),
        (1, Key("a", ALT), b"\x1b[97;3u"),
        (1, Key("A", ALT), b"\x1b[97;4u"),
        (1, Key("a", CTRL | SHIFT), b"\x1b[97;6u"),
        (1, Key("!", ALT), b"\x1b[33;3u"),
        (1, Key("é", ALT), b"\x1b[233;3u"),
        (1, Key(" ", CTRL), b"\x1b[32;5u"),
        (1, Key("enter"), b"\r"),
        (1, Key("tab"), b"\t"),
        (1, Key("backspace"), b"\x7f"),
        (1, Key("enter", SHIFT), b"\x1b[13;2u"),
        (1, Key("tab", SHIFT), b"\x1b[9;2u"),
        (1, Key("backspace", CTRL), b"\x1b[127;5u"),
        (1, Key("up"), b"\x1b[A"),
        (1, Key("up", CTRL), b"\x1b[1;5A"),
        (1, Key("f1"), b"\x1b[P"),
        (1, Key("f3"), b"\x1b[13~"),
        (1, Key("f5", SHIFT), b"\x1b[15;2~"),
        (1, Key("f13"), b"\x1b[57376u"),
        (1, Key("f24", ALT), b"\x1b[57387;3u"),
        (1, Key("delete"), b"\x1b[3~"),
        (1, Key("menu"), b"\x1b[57363u"),
        (1, Key("kp_enter"), b"\x1b[57414u"),
        (1, Key("kp_5"), b"5"),
        (1, Key("kp_5", CTRL), b"\x1b[57404;5u"),
        (1, Key("kitty_57441", SHIFT), b""),
        (1, Key("kitty_57428"), b"\x1b[57428u"),
        (1, Key("a", action=KeyAction.RELEASE), b""),
        (1, Key("up", action=KeyAction.REPEAT), b"\x1b[A"),
        (2, Key("up", action=KeyAction.REPEAT), b"\x1b[1;1:2A"),
        (3, Key("a", action=KeyAction.REPEAT), b"a"),
        (3, Key("a", action=KeyAction.RELEASE), b"\x1b[97;1:3u"),
        (3, Key("enter", action=KeyAction.RELEASE), b""),
        (3, Key("delete", CTRL, action=KeyAction.RELEASE), b"\x1b[3;5:3~"),
        (5, Key("A", CTRL), b"\x1b[97:65;6u"),
        (5, Key("a", CTRL), b"\x1b[97;5u"),
        (9, Key("a"), b"\x1b[97u"),
        (9, Key("A"), b"\x1b[97;2u"),
        (9, Key("enter"), b"\x1b[13u"),
        (9, Key("kitty_57441", SHIFT), b"\x1b[57441;2u"),
        (11, Key("enter", action=KeyAction.RELEASE), b"\x1b[13;1:3u"),
        (17, Key("a"), b"a"),
        (25, Key("a"), b"\x1b[97;;97u"),
        (29, Key("A"), b"\x1b[97:65;2;65u"),
        (25, Key("kp_5"), b"\x1b[57404;;53u"),
        (25, Key("a", CTRL), b"\x1b[97;5u"),
        (25, Key("enter"), b"\x1b[13u"),
        (27, Key("a", action=KeyAction.RELEASE), b"\x1b[97;1:3u"),
        (31, Key(UNIDENTIFIED, raw=b"\x1b[99~"), b"\x1b[99~"),
    ],
    ids=str,
)
def test_a_key_is_as_the_document_says(flags: int, key: Key, expected: bytes) -> None:
    assert sent(flags, key) == expected


def test_kittys_protocol_goes_before_modify_other_keys() -> None:
    modes = Modes(kitty_keyboard=1, modify_other_keys=2, application_cursor=True)
    assert encode_key(Key("a", CTRL), modes) == b"\x1b[97;5u"
    assert encode_key(Key("up"), modes) == b"\x1b[A"


@pytest.mark.parametrize("flags", range(1, 32))
def test_what_is_sent_is_understood(flags: int) -> None:
    for key in [Key("a", CTRL), Key("escape"), Key("f3", ALT), Key("kp_7", CTRL), Key("menu")]:
        (again,) = Decoder().feed(sent(flags, key))
        assert isinstance(again, Key)
        assert (again.key, again.modifiers) == (key.key, key.modifiers)


# Ghostty's encoder.

Encode: TypeAlias = Callable[[str, Modifiers, str, int, KeyAction], bytes]
"""A key's name in Ghostty, its modifiers, its text, kitty's flags and what happened: the bytes."""

CHARACTERS = {"a": "A", "z": "Z", " ": "SPACE", "1": "DIGIT_1", "[": "BRACKET_LEFT"}
NAMED = {
    **{name: name.upper() for name in ("enter", "tab", "backspace", "escape", "home", "end")},
    **{name: f"ARROW_{name.upper()}" for name in ("up", "down", "left", "right")},
    "pageup": "PAGE_UP",
    "pagedown": "PAGE_DOWN",
    "insert": "INSERT",
    "delete": "DELETE",
    **{f"f{number}": f"F{number}" for number in range(1, 25)},
    "kp_enter": "NUMPAD_ENTER",
}
ACTIONS = {KeyAction.RELEASE: 0, KeyAction.PRESS: 1, KeyAction.REPEAT: 2}


@pytest.fixture(scope="module")
def ghostty() -> Iterator[Encode]:
    cdef = pytest.importorskip("pyghostty._cdef")
    library = abi.load()
    listed = re.search(r"\{([^}]*GHOSTTY_KEY_UNIDENTIFIED[^}]*)\}", cdef.CDEF)
    assert listed is not None
    names = [item.split("=")[0].strip() for item in listed[1].split(",")]
    encoder, event = c.c_void_p(), c.c_void_p()
    assert library.ghostty_key_encoder_new(None, c.byref(encoder)) == 0
    assert library.ghostty_key_event_new(None, c.byref(event)) == 0

    def encode(name: str, held: Modifiers, text: str, flags: int, action: KeyAction) -> bytes:
        # Ghostty's bits are Shift, Ctrl, Alt.
        bits = 1 * (SHIFT in held) + 2 * (CTRL in held) + 4 * (ALT in held)
        character = next((base for base, other in CHARACTERS.items() if other == name), "\0")
        library.ghostty_key_encoder_setopt(encoder, 5, c.byref(c.c_uint8(flags)))
        library.ghostty_key_event_set_action(event, ACTIONS[action])
        library.ghostty_key_event_set_key(event, names.index(f"GHOSTTY_KEY_{name}"))
        library.ghostty_key_event_set_mods(event, c.c_uint16(bits))
        library.ghostty_key_event_set_consumed_mods(event, c.c_uint16(bits & 1 if text else 0))
        library.ghostty_key_event_set_utf8(event, text.encode(), c.c_size_t(len(text)))
        library.ghostty_key_event_set_unshifted_codepoint(event, c.c_uint32(ord(character)))
        out, size = c.create_string_buffer(128), c.c_size_t()
        status = library.ghostty_key_encoder_encode(
            encoder, event, out, c.c_size_t(128), c.byref(size)
        )
        assert status == 0
        # It says of a press that it is one, where the document lets that be left out.
        sent = re.sub(rb"\[1;1:1(?=[A-Z])", b"[", out.raw[: size.value])
        return re.sub(rb":1(?=[A-Z])", b"", sent)

    yield encode
    library.ghostty_key_event_free(event)
    library.ghostty_key_encoder_free(encoder)


@pytest.mark.parametrize("flags", range(1, 32))
@pytest.mark.parametrize("action", KeyAction)
def test_named_keys_are_ghosttys(ghostty: Encode, flags: int, action: KeyAction) -> None:
    for name, other in NAMED.items():
        for bits in range(8):
            key = Key(name, Modifiers(bits), action=action)
            assert sent(flags, key) == ghostty(other, key.modifiers, "", flags, action), key


@pytest.mark.parametrize("flags", range(1, 32))
@pytest.mark.parametrize("action", KeyAction)
def test_characters_are_ghosttys(ghostty: Encode, flags: int, action: KeyAction) -> None:
    """But with Shift: it knows a US keyboard's keys, and of letters no alternates with Ctrl."""
    for base, other in CHARACTERS.items():
        for held in (NONE, SHIFT, ALT, CTRL, ALT | CTRL):
            if SHIFT in held and base in SHIFTED:
                continue
            shifted = SHIFT in held and base.isalpha()
            key = Key(base.upper() if shifted else base, NONE if shifted else held, action=action)
            text = "" if held & (ALT | CTRL) else key.key
            assert sent(flags, key) == ghostty(other, held, text, flags, action), (key, text)
