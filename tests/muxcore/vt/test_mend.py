"""Control sequences in the spelling every engine obeys."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.vt.guard import Guard
from muxcore.vt.mend import MAX_PARAMETERS, mended, soft_reset

ATTRIBUTES = st.lists(
    st.sampled_from([b"", b"0", b"1", b"4:3", b"38;5;9", b"48;2;1;2;3", b"58:2::7:8:9", b"39"]),
    min_size=1,
    max_size=40,
)
WHOLE_ATTRIBUTES = re.compile(rb"(?:(?:0|1|4:3|38;5;9|48;2;1;2;3|58:2::7:8:9|39);)+")


def filtered(data: bytes) -> bytes:
    return Guard().filter(data)


@pytest.mark.parametrize(
    ("output", "seen"),
    [
        (b"\x1b[31;m", b"\x1b[31;0m"),
        (b"\x1b[38;5m", b""),
        (b"\x1b[22J", b""),
        (b"\x1b[02J", b"\x1b[02J"),
        (b"\x1b[!p", b"\x1b[!p\x1b[0 q"),
        (b"\x1b[1;38;2m", b"\x1b[1m"),
        (b"\x1b[0P\x1b[0L\x1b[00M\x1b[0I", b"\x1b[P\x1b[L\x1b[M\x1b[I"),
        (b"\x1b[2;3;4H", b"\x1b[2;3H"),
        (b"\x1b[2;3A", b"\x1b[2A"),
        (b"\x1b[g\x1b[0g\x1b[3g\x1b[2g", b"\x1b[0g\x1b[0g\x1b[3g"),
        (b"\x1b[?1002h", b"\x1b[?9l\x1b[?1000l\x1b[?1003l\x1b[?1002h"),
        (b"\x1b[?1000l", b"\x1b[?9l\x1b[?1002l\x1b[?1003l\x1b[?1000l"),
        (b"\x1b[?6h\x1b[?6l", b"\x1b[?6h\x1b[H\x1b[?6l\x1b[H"),
        (b"\x1b#8", b"\x1b[r\x1b[H\x1b#8"),
    ],
)
def test_what_engines_read_otherwise_is_respelled(output: bytes, seen: bytes) -> None:
    assert filtered(output) == seen


def test_a_long_list_of_modes_is_split() -> None:
    assert filtered(b"\x1b[?" + b"1;" * 40 + b"2004h") == b"\x1b[?1h" * 40 + b"\x1b[?2004h"


def test_a_soft_reset_saves_the_cursor_at_home_and_moves_it_back() -> None:
    before, _, after = soft_reset(4, 0).partition(b"\x1b7")
    assert b"\x1b[r" in before
    assert after.endswith(b"\x1b[5;1H")


@given(ATTRIBUTES)
def test_a_long_list_of_attributes_is_split_between_them(attributes: list[bytes]) -> None:
    seen = re.findall(rb"\x1b\[([0-9;:]+)m", mended(b";".join(attributes), b"m"))
    assert b";".join(seen) == b";".join(attribute or b"0" for attribute in attributes)
    for sequence in seen:
        assert len(re.split(rb"[;:]", sequence)) <= MAX_PARAMETERS
        assert WHOLE_ATTRIBUTES.fullmatch(sequence + b";")
