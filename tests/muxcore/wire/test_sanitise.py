from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.wire.sanitise import MAX_SEQUENCE, Sanitiser

# Bytes that make sequences likely.
NOISE = st.lists(
    st.sampled_from([b"\x1b", b"[", b"]", b"P", b"\\", b"\x07", b"1", b";", b"m", b"c", b"?", b"h"])
    | st.binary(max_size=3)
    | st.sampled_from(["é", "\u009d", "\u009b", "\x18"]).map(str.encode),
    max_size=60,
).map(b"".join)


def _clean(*chunks: bytes, queries: bool = True) -> bytes:
    sanitiser = Sanitiser(queries=queries)
    return b"".join(sanitiser.feed(chunk) for chunk in chunks)


@given(NOISE, st.integers(0, 300), st.booleans())
def test_any_split_gives_the_same(data: bytes, cut: int, queries: bool) -> None:
    assert _clean(data[:cut], data[cut:], queries=queries) == _clean(data, queries=queries)


@given(NOISE)
def test_no_control_string_and_no_c1_control_passes(data: bytes) -> None:
    text = _clean(data).decode()
    assert not re.search("\x1b[]PX^_k]|[\x80-\x9f]", text)


@given(NOISE)
def test_what_is_safe_already_is_left_alone(data: bytes) -> None:
    once = _clean(data)
    assert _clean(once) == once


def test_text_csi_and_escape_sequences_pass() -> None:
    data = "a\r\n\t\x07é€\x1b[1;31m\x1b[?1049h\x1b(B\x1b7\x1b[6n".encode()
    assert _clean(data) == data


@pytest.mark.parametrize("opener", [b"]0;title", b"P1;2q", b"_apc", b"^pm", b"Xsos", b"kname"])
@pytest.mark.parametrize("end", [b"\x1b\\", b"\xc2\x9c", b"\x18"])
def test_a_control_string_is_dropped_to_its_end(opener: bytes, end: bytes) -> None:
    assert _clean(b"a\x1b" + opener + b" evil" + end + b"b") == b"ab"


def test_bel_ends_an_osc_and_no_other_string() -> None:
    assert _clean(b"\x1b]52;c;evil\x07b") == b"b"
    assert _clean(b"\x1bPevil\x07evil\x1b\\b") == b"b"


def test_an_escape_in_a_string_cancels_it_and_begins_anew() -> None:
    assert _clean(b"\x1b]0;x\x1b[1mb") == b"\x1b[1mb"


def test_an_endless_string_keeps_nothing() -> None:
    sanitiser = Sanitiser()
    assert sanitiser.feed(b"\x1b]" + b"x" * 100_000) == b""
    assert len(sanitiser._held) <= MAX_SEQUENCE


def test_an_endless_sequence_loses_its_escape_only() -> None:
    text = b"[" + b"1" * 1000 + b"m"
    assert _clean(b"\x1b" + text) == text
    assert _clean(b"\x1b" + text[:50], text[50:]) == text
    assert _clean(b"\x1b" + text[:500], text[500:]) == text


def test_raw_c1_bytes_never_reach_the_terminal() -> None:
    assert _clean(b"a\x9d0;t\x9cb") == "a\ufffd0;t\ufffdb".encode()


@pytest.mark.parametrize(
    "query",
    [b"\x1b[6n", b"\x1b[c", b"\x1b[>c", b"\x1b[?6n", b"\x1b[21t", b"\x1bZ", b"\x05", b"\x1b[?25$p",
     b"\x1b[x", b"\x1b[?u", b"\x1b[>q", b"\x1b[?1;1;0S", b"\x1b[1;1;1;1;1;1*y"],
)  # fmt: skip
def test_replayed_queries_are_dropped(query: bytes) -> None:
    assert _clean(b"a" + query + b"b", queries=False) == b"ab"
    assert _clean(query) == query


def test_replayed_drawing_passes() -> None:
    data = b"\x1b[2J\x1b[1;2Hx\x1b[0;1;38;5;1m\x1b[K\x1b[?25l\x1b[5 q\x1b[3@\x1b[?7h"
    assert _clean(data, queries=False) == data


def test_modes_left_on_are_undone_and_others_are_not() -> None:
    sanitiser = Sanitiser()
    sanitiser.feed(b"\x1b[?1049h\x1b[?1000;1006h\x1b[?25l\x1b[?2004h\x1b[?2004l\x1b[?12h")
    restored = sanitiser.restore()
    assert restored.startswith(b"\x1b[m")
    assert set(re.findall(rb"\?(\d+[hl])", restored)) == {b"1049l", b"1000l", b"1006l", b"25h"}
