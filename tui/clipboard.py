"""The user's own clipboard, by OSC 52 (xterm ctlseqs, "Manipulate Selection Data"). Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Literal

MAX_COPY = 74_994
"""Bytes of text: with base64 and the sequence around it the 100,000 that many terminals take."""

Target = Literal["c", "p"]
"""The clipboard, or the primary selection that a middle click pastes."""


def fits(text: str) -> bool:
    """Whether terminals can be expected to take a text whole."""
    return len(text.encode()) <= MAX_COPY


def osc52(text: str, target: Target) -> str:
    """The sequence that sets a clipboard."""
    return f"\x1b]52;{target};{base64.b64encode(text.encode()).decode()}\x07"


def targets(environment: Mapping[str, str]) -> tuple[Target, ...]:
    """What to set: of tmux and screen, which have one buffer for both, only the clipboard.

    Each has a sequence of its own: not every terminal understands `pc`.
    """
    term = environment.get("TERM", "")
    nested = "TMUX" in environment or term.startswith(("tmux", "screen"))
    return ("c",) if nested else ("c", "p")
