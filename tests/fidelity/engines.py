"""Our engines' screens in the form of `tests.fidelity.screen`."""

from __future__ import annotations

import os
from dataclasses import fields
from enum import Enum
from typing import TYPE_CHECKING
from unittest.mock import patch

from muxcore.vt.choice import make_engine
from muxcore.vt.engine import Modes
from tests.fidelity.screen import Cell, State, anonymous, ordered, picture, split
from tests.fidelity.tmux import Piece

if TYPE_CHECKING:
    from collections.abc import Mapping

    from muxcore.vt.engine import Colour, Engine, Run, Style

ENGINES = ("ghostty", "bittty")

_FLAGS = {
    "bold": "1", "dim": "2", "italic": "3", "blink": "5", "reverse": "7", "conceal": "8",
    "strike": "9", "overline": "53",
}  # fmt: skip


def states_of(name: str, pieces: Mapping[str, Piece]) -> dict[str, State]:
    """Return what the engine called `name` shows and believes after each piece.

    A piece that goes on where the one before it ended is not begun anew.
    """
    states: dict[str, State] = {}
    shown, engine, replies = Piece(b"", 0, 0), None, b""
    with patch.dict(os.environ, MUXTUI_ENGINE=name):
        for title, piece in pieces.items():
            goes_on = piece[1:] == shown[1:] and shown.data and piece.data.startswith(shown.data)
            if engine is None or not goes_on:
                if engine is not None:
                    engine.close()
                shown, engine, replies = Piece(b"", 0, 0), make_engine(*piece[1:]), b""
            engine.feed(piece.data[len(shown.data) :])
            replies += engine.take_replies()
            shown, states[title] = piece, _state(engine, replies)
    return states


def _state(engine: Engine, replies: bytes) -> State:
    modes = {item.name: getattr(engine.modes, item.name) for item in fields(Modes)}
    state: State = {
        **picture(_cells(engine.row(y)) for y in range(engine.rows)),
        **{
            name: value.value if isinstance(value, Enum) else value for name, value in modes.items()
        },
        "cursor": [engine.cursor.row, engine.cursor.col],
        "visible": engine.cursor.visible,
        "shape": engine.cursor.shape.value,
        "title": engine.title,
        "replies": anonymous(replies),
        "bells": engine.bell_count,
    }
    assert not engine.faults, "the engine failed inside"
    return state


def _cells(runs: tuple[Run, ...]) -> list[Cell]:
    cells: list[Cell] = []
    for run in runs:
        look = _look(run.style)
        parts = [(char, 1) for char in run.text] if len(run.text) == run.width else split(run.text)
        if sum(width for _, width in parts) != run.width:
            # The engine counts otherwise than we do: its columns are what matters.
            text = run.text.rstrip(" ")
            blanks = len(run.text) - len(text)
            parts = [(text, run.width - blanks), *[(" ", 1)] * blanks]
        cells += (Cell(text, width, look) for text, width in parts)
    return cells


def _look(style: Style) -> tuple[str, ...]:
    look = [code for name, code in _FLAGS.items() if getattr(style, name)]
    if style.underline:
        look.append(f"4:{int(style.underline)}")
        look += _colour("58", style.underline_colour)
    return ordered([*look, *_colour("38", style.fg), *_colour("48", style.bg)])


def _colour(kind: str, colour: Colour) -> list[str]:
    if colour is None:
        return []
    if isinstance(colour, int):
        return [f"{kind}:5:{colour}"]
    return [":".join(map(str, (kind, 2, *colour)))]
