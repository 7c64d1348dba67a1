from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.console.mux_keys import Key, MuxKeys, help_text

TYPED = st.lists(st.sampled_from(b"\x01hxsbctnyY?q\r\x00\xff"), max_size=30).map(bytes)
CUTS = st.lists(st.integers(0, 30), max_size=6)


def joined(items: list[bytes | Key]) -> list[bytes | Key]:
    """`items` with neighbouring bytes put together."""
    result: list[bytes | Key] = []
    for item in items:
        if isinstance(item, bytes) and result and isinstance(last := result[-1], bytes):
            result[-1] = last + item
        else:
            result.append(item)
    return result


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({min(at, len(data)) for at in cuts})
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


@pytest.mark.parametrize(
    ("typed", "items"),
    [
        (b"ls\r", [b"ls\r"]),
        (b"\x01h", [Key.HELP]),
        (b"\x01?", [Key.HELP]),
        (b"\x01s", [Key.COMMIT]),
        (b"\x01b", [Key.BREAK]),
        (b"a\x01cb", [b"a", Key.SWITCH, b"b"]),
        (b"\x01t", [Key.STAMPS]),
        (b"\x01\x01", [b"\x01"]),
        (b"\x01\x01h", [b"\x01h"]),
        (b"a\x01qb", [b"ab"]),
        (b"\x01H", []),
        (b"\x01xy", [Key.ASK, Key.EXIT]),
        (b"\x01xYy", [Key.ASK, Key.EXIT, b"y"]),
        (b"\x01xn", [Key.ASK, Key.STAY]),
        (b"\x01x\x01h", [Key.ASK, Key.STAY, b"h"]),
        (b"\x01", []),
    ],
)
def test_a_key_behind_the_escape_character_is_no_input(
    typed: bytes, items: list[bytes | Key]
) -> None:
    assert joined(MuxKeys().feed(typed)) == items


@given(TYPED, CUTS)
def test_keys_mean_the_same_however_they_come_in_pieces(typed: bytes, cuts: list[int]) -> None:
    whole, pieces = MuxKeys(), MuxKeys()
    items = [item for piece in cut(typed, cuts) for item in pieces.feed(piece)]
    assert joined(items) == joined(whole.feed(typed))


@given(TYPED, TYPED, st.lists(st.booleans(), max_size=60))
def test_what_two_people_type_never_combines(mine: bytes, yours: bytes, turns: list[bool]) -> None:
    keys = [MuxKeys(), MuxKeys()]
    left = [list(mine), list(yours)]
    got: list[list[bytes | Key]] = [[], []]
    for who in [*map(int, turns), *[0] * len(mine), *[1] * len(yours)]:
        if left[who]:
            got[who] += keys[who].feed(bytes([left[who].pop(0)]))
    assert joined(got[0]) == joined(MuxKeys().feed(mine))
    assert joined(got[1]) == joined(MuxKeys().feed(yours))


@given(st.binary(max_size=50).filter(lambda data: 1 not in data))
def test_what_has_no_escape_character_is_input_as_it_is(typed: bytes) -> None:
    assert b"".join(item for item in MuxKeys().feed(typed) if isinstance(item, bytes)) == typed


@pytest.mark.parametrize("escape", [0, 0x14, 0x1D, ord("x"), 255])
def test_the_escape_character_can_be_another(escape: int) -> None:
    keys = MuxKeys(escape)
    assert joined(keys.feed(bytes([escape]) * 2 + b"\x01" + bytes([escape]) + b"h")) == [
        bytes([escape]) + b"\x01",
        Key.HELP,
    ]


def test_the_help_is_qemus() -> None:
    assert help_text() == (
        b"\n\rC-a h    print this help\n\rC-a x    exit emulator\n\r"
        b"C-a s    save disk data back to file (if -snapshot)\n\r"
        b"C-a t    toggle console timestamps\n\rC-a b    send break (magic sysrq)\n\r"
        b"C-a c    switch between console and monitor\n\rC-a C-a  sends C-a\n\r"
    )


def test_the_help_names_an_escape_character_that_is_no_letter_by_its_code() -> None:
    text = help_text(0x1D)
    assert text.startswith(
        b"\n\rEscape-Char set to Ascii: 0x1d\n\r\n\rEscape-Char h    print this help\n\r"
    )
    assert text.endswith(b"Escape-Char Escape-Char  sends Escape-Char\n\r")
    assert help_text(0x14).endswith(b"C-t C-t  sends C-t\n\r")
