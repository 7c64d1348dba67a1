"""What is written to the user's terminal for a copy."""

from __future__ import annotations

import pytest

from tui.clipboard import MAX_COPY, fits, osc52, targets


def test_a_copy_is_base64_of_utf_8() -> None:
    assert osc52("é\n", "c") == "\x1b]52;c;w6kK\x07"
    assert osc52("", "p") == "\x1b]52;p;\x07"


def test_the_largest_copy_is_what_terminals_take() -> None:
    assert len(osc52("x" * MAX_COPY, "c")) <= 100_000
    assert fits("x" * MAX_COPY)
    assert not fits("x" * MAX_COPY + "x")
    assert not fits("é" * (MAX_COPY // 2 + 1))


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TERM": "xterm-256color"}, ("c", "p")),
        ({"TERM": "xterm-kitty"}, ("c", "p")),
        ({"TERM": "tmux-256color"}, ("c",)),
        ({"TERM": "screen"}, ("c",)),
        ({"TERM": "xterm", "TMUX": "/tmp/tmux-0/default,1,0"}, ("c",)),
        ({}, ("c", "p")),
    ],
)
def test_a_multiplexer_is_told_once(environment: dict[str, str], expected: tuple[str, ...]) -> None:
    assert targets(environment) == expected
