from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.errors import CommandError, ProtocolError
from muxcore.wire import qmp

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def _parse(*chunks: bytes) -> list[Any]:
    """The values in `chunks`, errors as their text."""
    parser = qmp.Parser()
    found = [item for chunk in chunks for item in parser.feed(chunk)]
    return [str(item) if isinstance(item, ProtocolError) else item.value for item in found]


def _cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(places)]


@given(st.lists(JSON, max_size=4), st.lists(st.integers(0, 10_000), max_size=8), st.booleans())
def test_any_split_of_any_values_gives_these_values(
    values: list[Any], cuts: list[int], ascii_only: bool
) -> None:
    data = b" ".join(json.dumps(value, ensure_ascii=ascii_only).encode() for value in values)
    assert _parse(*_cut(data + b"\n", cuts)) == values


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
def test_any_split_of_any_bytes_gives_the_same(data: bytes, cuts: list[int]) -> None:
    assert _parse(*_cut(data, cuts)) == _parse(data)


@given(st.binary(max_size=100))
def test_a_byte_that_is_never_utf8_resets_the_parser_after_any_nonsense(data: bytes) -> None:
    assert _parse(data, b'\xff{"execute":"x"}')[-1] == {"execute": "x"}


def test_values_need_nothing_between_them() -> None:
    assert _parse(b'{"a":1}{"b":[2]}"x"[]') == [{"a": 1}, {"b": [2]}, "x", []]


def test_a_value_is_there_with_its_last_byte() -> None:
    assert _parse(b'{"execute":"quit"', b"}") == [{"execute": "quit"}]


def test_single_quotes_are_taken_as_qemu_takes_them() -> None:
    assert _parse(b"""{'execute':'it"s'}""") == [{"execute": 'it"s'}]


# What QEMU 10.0.2 answered to each.
@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"nonsense\n", "JSON parse error, invalid keyword 'nonsense'"),
        (b'{"execute": "query-status", }', "JSON parse error, expecting value"),
        (b'{"execute":"a","execute":"b"}', "JSON parse error, duplicate key"),
        (b'{"execute": "que\xff', "JSON parse error, stray '\"que\ufffd'"),
        (b"\0", "JSON parse error, stray ''"),
    ],
)
def test_bad_json_is_told_in_qemus_words(text: bytes, error: str) -> None:
    assert _parse(text) == [error]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"{1:2}", "key is not a string in object"),
        (b'{"a" 1}', "missing : in object pair"),
        (b'{"a":1 "b":2}', "expected separator in dict"),
        (b"[1 2]", "expected separator in list"),
        (b"[1,]", "expecting value"),
        (b"]", "expecting value"),
        (b'{"a":}', "expecting value"),
        (b'"\\q"', "invalid escape sequence in string"),
        (b'"\\ud800"', "\\ud800 is not a valid Unicode character"),
        (b'"\xc3("', "invalid UTF-8 sequence in string"),
        (b"01 ", "stray '01'"),
    ],
)
def test_every_other_mistake_has_its_words(text: bytes, error: str) -> None:
    assert _parse(text) == [f"JSON parse error, {error}"]


def test_escapes_are_undone() -> None:
    text = '"\\u00e9\\ud83d\\ude00\\n\\\\\\"\\/\\b"'
    assert _parse(text.encode()) == ['\u00e9\U0001f600\n\\"/\b']


def test_a_value_of_the_greatest_depth_is_taken_and_a_deeper_one_is_not() -> None:
    depth = qmp.MAX_DEPTH
    assert not isinstance(_parse(b"[" * depth + b"]" * depth)[0], str)
    assert _parse(b"[" * (depth + 1)) == ["JSON nesting depth limit exceeded"]


def test_a_value_that_is_too_long_is_refused_wherever_its_bytes_are() -> None:
    limit = "JSON token size limit exceeded"
    assert _parse(b'"' + b"x" * qmp.MAX_VALUE)[0] == limit
    assert _parse(b'["' + b"x" * (qmp.MAX_VALUE // 2) + b'","', b"x" * qmp.MAX_VALUE)[0] == limit
    assert _parse(b"[" + b"1," * qmp.MAX_TOKENS)[0] == "JSON token count limit exceeded"


def test_white_space_is_no_part_of_a_values_size() -> None:
    assert _parse(b"[" + b" " * (2 * qmp.MAX_VALUE) + b"1]") == [[1]]


def test_what_is_pending_is_known() -> None:
    parser = qmp.Parser()
    pending = []
    for chunk in (b'{"a":1}\n', b"{", b"}", b'"x', b'"', b"[]"):
        parser.feed(chunk)
        pending.append(parser.pending)
    assert pending == [False, True, False, True, False, False]


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ([], "QMP input must be a JSON object"),
        ("x", "QMP input must be a JSON object"),
        ({}, "QMP input lacks member 'execute'"),
        ({"exec": "x"}, "QMP input member 'exec' is unexpected"),
        ({"exec-oob": "x"}, "QMP input member 'exec-oob' is unexpected"),
        ({"execute": 17}, "QMP input member 'execute' must be a string"),
        ({"execute": "x", "arguments": []}, "QMP input member 'arguments' must be an object"),
        ({"execute": "x", "control": 1}, "QMP input member 'control' is unexpected"),
    ],
)
def test_what_is_no_request_is_told_in_qemus_words(value: object, error: str) -> None:
    with pytest.raises(CommandError) as refused:
        qmp.request(value)
    assert str(refused.value) == error


def test_replies_echo_any_id_and_end_in_crlf() -> None:
    assert qmp.reply({"id": {"a": [1, None]}}, {}) == b'{"return": {}, "id": {"a": [1, null]}}\r\n'
    assert qmp.reply({}, {}) == b'{"return": {}}\r\n'
    assert json.loads(qmp.error_reply({"id": 5}, "no", "CommandNotFound")) == {
        "error": {"class": "CommandNotFound", "desc": "no"},
        "id": 5,
    }


def test_an_event_carries_its_time() -> None:
    assert json.loads(qmp.event("X", {"a": 1}, 12.25)) == {
        "event": "X",
        "data": {"a": 1},
        "timestamp": {"seconds": 12, "microseconds": 250_000},
    }
