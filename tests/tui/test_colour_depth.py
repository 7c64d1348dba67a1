"""What is known of the user's terminal from its environment."""

from __future__ import annotations

import pytest

from tui.colour_depth import Depth, colour_depth, is_modern, terminfo_colours

KNOWN = {"xterm": 8, "linux": 8, "xterm-direct256": 1 << 24, "vt100": -1, "odd": 88, "st": 256}


@pytest.mark.parametrize(
    ("environ", "depth"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, Depth.TRUE),
        ({"TERM": "xterm-256color", "COLORTERM": "24bit", "NO_COLOR": "1"}, Depth.NONE),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, Depth.INDEXED),
        ({"TERM": "xterm-256color"}, Depth.INDEXED),
        ({"TERM": "tmux-256color"}, Depth.INDEXED),
        ({"TERM": "st"}, Depth.INDEXED),
        ({"TERM": "xterm-kitty"}, Depth.TRUE),
        ({"TERM": "xterm-direct"}, Depth.TRUE),
        ({"TERM": "xterm-direct256"}, Depth.TRUE),
        ({"TERM": "xterm"}, Depth.SIXTEEN),
        ({"TERM": "linux"}, Depth.SIXTEEN),
        ({"TERM": "odd"}, Depth.SIXTEEN),
        ({"TERM": "vt100"}, Depth.NONE),
        ({}, Depth.NONE),
    ],
)
def test_the_depth_follows_the_environment(environ: dict[str, str], depth: Depth) -> None:
    assert colour_depth(environ, lambda term: KNOWN[term]) is depth


def test_a_terminal_that_terminfo_does_not_know_has_eight_colours() -> None:
    assert terminfo_colours("no-such-terminal") == 8


def test_old_terminals_are_spared_what_they_print_as_text() -> None:
    assert is_modern({"TERM": "xterm-256color"})
    assert not is_modern({"TERM": "linux"})
    assert not is_modern({"TERM": "screen.xterm-256color"})
    assert not is_modern({})
