"""The filter in front of the terminal engines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.vt.guard import MAX_SEQUENCE, MAX_STRING, Guard

PIECES = st.lists(
    st.one_of(
        st.binary(max_size=6),
        st.sampled_from(
            [
                *(bytes((byte,)) for byte in b"\x07\x0a\x18\x1a\x1b\x7f\xc2\x9b\x9c;?hmP]_\\["),
                b"\x1b[",
                b"\x1b[?2027h",
                b"\x1b[?69;1h",
                b"\x1b]0;title",
                b"\x1b]P",
                b"\x1bP$q",
                b"\x1b\\",
                b"\x1b(B",
                b"\x1b[!p",
                b"\x1b[3b",
                "é你".encode(),
            ]
        ),
    ),
    max_size=24,
).map(b"".join)


def filtered(data: bytes, *cuts: int) -> bytes:
    guard, parts, begin = Guard(), [], 0
    for cut in (*sorted(cuts), len(data)):
        parts.append(guard.filter(data[begin:cut]))
        begin = max(begin, cut)
    return b"".join(parts)


@pytest.mark.parametrize(
    "output",
    [
        b"plain\r\n\ttext\x07",
        "naïve 你好 \N{THUMBS UP SIGN}".encode(),
        b"\x1b[1;38;5;12mred\x1b[m\x1b[2J\x1b[10;20H\x1b[?25l\x1b[?1049h\x1b[4h",
        b"\x1b[?1006h\x1b[?2004h\x1b[>4;2m\x1b[6n\x1b[c\x1b[>c\x1b[18t\x1b[22;0;0t",
        b"\x1b7\x1b8\x1bM\x1b=\x1b(0\x1b)B\x1bc",
        b"\x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\",
        b"\x1bP$qm\x1b\\after",
        b"\x1b[4:3mcurly\x1b[38:2::1:2:3m",
    ],
)
def test_ordinary_output_passes_unchanged(output: bytes) -> None:
    assert filtered(output) == output


@pytest.mark.parametrize("count", [b"65535", b"2147483648", b"99999;1", b"04097"])
def test_a_character_is_repeated_a_bounded_number_of_times(count: bytes) -> None:
    assert filtered(b"x\x1b[" + count + b"b") == b"x\x1b[4096b"


@pytest.mark.parametrize("count", [b"", b"1", b"80", b"999", b"4096"])
def test_a_character_is_repeated_as_often_as_a_line_has_room(count: bytes) -> None:
    assert filtered(b"x\x1b[" + count + b"b") == b"x\x1b[" + count + b"b"


@pytest.mark.parametrize(
    "before",
    [
        b"",
        b"x\r",
        b"x\x1b[31m",
        b"x\x1b[2b",
        b"x\x1b(0",
        b"x\x1b]2;title\x07",
        b"x\x1b]2;title\x1b\\",
        b"x\x1bPpayload\x1b\\",
    ],
)
def test_nothing_is_repeated_where_no_character_came_last(before: bytes) -> None:
    assert filtered(before + b"\x1b[3by") == before + b"y"
    assert filtered(before + b"\x1b[3by", len(before), len(before) + 2) == before + b"y"


@pytest.mark.parametrize(
    "before", [b"x", "\N{BLACK SQUARE}".encode(), b"\x1b[31mx", b"\x1b(0q", b"\x1b]2;t\x07x"]
)
def test_a_character_is_repeated_however_the_output_is_split(before: bytes) -> None:
    for cut in range(len(before) + 4):
        assert filtered(before + b"\x1b[3b", cut) == before + b"\x1b[3b"


@pytest.mark.parametrize("mode", [2, 3, 34, 40, 69, 2027])
@pytest.mark.parametrize("final", [b"h", b"l"])
def test_refused_modes_are_taken_out_of_a_request(mode: int, final: bytes) -> None:
    number = str(mode).encode()
    assert filtered(b"\x1b[?" + number + final) == b""
    assert filtered(b"\x1b[?1;0" + number + b";7" + final) == b"\x1b[?1%b\x1b[?7%b" % (final, final)


@pytest.mark.parametrize(
    ("output", "seen"),
    [
        (b"\x1b[?20\n27hx", b"\nx"),
        (b"\x1b[?20\x7f27hx", b"x"),
        (b"\x1b\x1b[?2027hx", b"x"),
        (b"\x1b\x07[?2027hx", b"\x07x"),
        (b"\x1b]0;t\x1b[?2027hx", b"\x1b]0;t\x07x"),
        (b"\x1b[1\x1b[?2027hx", b"x"),
        (b"\xc2\x9b?2027hx", b"?2027hx"),
        (b"\x1b[\x9b?2027hx", b"\x9b?2027hx"),
        (b"\x1b[?2027:1hx", b"x"),
        (b"\x1b[?67563hx", b"x"),
    ],
)
def test_no_spelling_of_a_refused_mode_passes(output: bytes, seen: bytes) -> None:
    assert filtered(output) == seen


@pytest.mark.parametrize(
    "output",
    [
        b"\x1b[5i",
        b"\x1b[?4i",
        b"\x1b[8;50;200t",
        b"\x1b[21t",
        b"\x1b[1$}",
        b"\x1b[2$~",
        b"\x1b[132$|",
        b"\x1b[50*|",
        b"\x1b[1*z",
        b"\x1b[1;1;1;1;5;5*y",
        b"\x1b[1'|",
        b"\x1b[9 q",
        b"\x1b[?1;31m",
        b"\x1b&x",
        b"\x1b_Gi=1;AAAA\x1b\\",
        b"\x1b^private\x07message\x1b\\",
        b"\x1bXstring\x1b\\",
        b"\x1b]R",
        b"\x1b]P0ffffff",
        b"\x1b[1?h",
        b"\x7f",
        b"\xc2\x85",
    ],
)
def test_what_blinds_resizes_or_bloats_a_terminal_is_dropped(output: bytes) -> None:
    assert filtered(b"a" + output + b"b") == b"ab"


@pytest.mark.parametrize(
    ("output", "seen"),
    [
        (b"\x1b]0;t\x18x", b"\x1b]0;t\x18x"),
        (b"\x1b]0;t\x1b[1mx", b"\x1b]0;t\x07\x1b[1mx"),
        (b"\x1bPq\x1b[1mx", b"\x1bPq\x18\x1b[1mx"),
        (b"\x1b]0;caf\xc3\xa9\xc2\x9c\x07", b"\x1b]0;caf\xc3\xa9\x07"),
        (b"\x1bPq\xff\x07z\x1b\\", b"\x1bPqz\x1b\\"),
        (b"\x1b]P12x\x07", b"\x1b]P12x\x07"),
    ],
)
def test_what_engines_disagree_about_is_mended(output: bytes, seen: bytes) -> None:
    assert filtered(output) == seen


@pytest.mark.parametrize("introducer", [b"\x1b]2;", b"\x1bP"])
def test_an_endless_string_is_cut_and_its_terminator_ends_it(introducer: bytes) -> None:
    guard = Guard()
    seen = guard.filter(introducer) + b"".join(guard.filter(b"x" * 10_000) for _ in range(50))
    assert len(seen) <= MAX_STRING + len(introducer)
    assert guard.filter(b"\x1b\\shown") == b"\x1b\\shown"


def test_an_endless_control_sequence_is_dropped_whole() -> None:
    guard = Guard()
    assert guard.filter(b"\x1b[" + b"1;" * MAX_SEQUENCE) == b""
    assert guard.filter(b"1;" * MAX_SEQUENCE + b"mshown") == b"shown"


@given(data=PIECES, cuts=st.lists(st.integers(0, 120), max_size=4))
def test_splits_are_invisible(data: bytes, cuts: list[int]) -> None:
    whole = filtered(data)
    assert filtered(data, *(cut % (len(data) + 1) for cut in cuts)) == whole
    assert filtered(data, *range(len(data))) == whole


@pytest.mark.parametrize("output", [b"\x1b[\x00m", b"\x1b[\x7f;1m", b"\x1b[?\x00b"])
def test_splits_are_invisible_where_a_control_is_inside_a_sequence(output: bytes) -> None:
    assert filtered(output, *range(len(output))) == filtered(output)


@given(st.lists(st.integers(0, 60), max_size=6))
def test_links_are_left_out_where_none_are_shown(cuts: list[int]) -> None:
    output = b"a\x1b]8;;http://x\x1b\\link\x1b]8;id=1;http://y\x07s\x1b]8;;\x07\x1b]0;8;t\x07z"
    guard, parts, begin = Guard(links=False), [], 0
    for cut in (*sorted(cuts), len(output)):
        parts.append(guard.filter(output[begin:cut]))
        begin = max(begin, cut)
    assert b"".join(parts) == b"alinks\x1b]0;8;t\x07z"
