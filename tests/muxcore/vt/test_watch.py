"""Which sequences of the output matter beyond the engine."""

from __future__ import annotations

import pytest

from muxcore.vt.watch import Event, split


@pytest.mark.parametrize(
    ("sequence", "event", "values"),
    [
        (b"\x1bc", Event.RESET, {}),
        (b"\x1b[2J", Event.CLEAR, {}),
        (b"\x1b[02;5J", Event.CLEAR, {}),
        (b"\x1b[?2J", Event.CLEAR, {}),
        (b"\x1b[3J", Event.SCROLLBACK, {}),
        (b"\x1b[?1049h", Event.ALTERNATE, {}),
        (b"\x1b[?25;1047h", Event.ALTERNATE, {}),
        (b"\x1b[?47h", Event.SWITCH, {}),
        (b"\x1b[?1049l", Event.SWITCH, {}),
        (b"\x1b[?1049r", Event.SWITCH, {}),
        (b"\x1b[>4;2m", Event.KEYS, {b"m": 2}),
        (b"\x1b[>4;1m", Event.KEYS, {b"m": 1}),
        (b"\x1b[>4;9m", Event.KEYS, {b"m": 0}),
        (b"\x1b[>4m", Event.KEYS, {b"m": 0}),
        (b"\x1b[>m", Event.KEYS, {b"m": 0}),
        (b"\x1b[>4n", Event.KEYS, {b"m": 0}),
        (b"\x1b[>4;1f", Event.KEYS, {b"f": 1}),
        (b"\x1b[>f", Event.KEYS, {b"f": 0}),
        (b"\x1b[>q", Event.VERSION, {}),
        (b"\x1b[>0q", Event.VERSION, {}),
    ],
)
def test_a_sequence_that_matters_is_a_piece_of_its_own(
    sequence: bytes, event: Event, values: dict[bytes, int]
) -> None:
    assert [*split(b"before\x1b[31m" + sequence + b"after")] == [
        (b"before\x1b[31m", Event.OUTPUT, {}),
        (sequence, event, values),
        (b"after", Event.OUTPUT, {}),
    ]
    assert [*split(sequence)] == [(sequence, event, values)]


@pytest.mark.parametrize(
    "output",
    [
        b"plain",
        b"\x1b[J\x1b[0J\x1b[1J\x1b[22J",
        b"\x1b[?25h\x1b[?1048h\x1b[?r",
        b"\x1b[>0m\x1b[>1;2m\x1b[>2n\x1b[>n\x1b[>1q\x1b[>4;1p",
        b"\x1b]0;[2J\x07",
        b"\x1b(c",
    ],
)
def test_the_rest_passes_in_one_piece(output: bytes) -> None:
    assert [*split(output)] == [(output, Event.OUTPUT, {})]


def test_nothing_is_no_piece() -> None:
    assert [*split(b"")] == []
