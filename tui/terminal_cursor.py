"""The cursor of the user's own terminal, put where the guest's is.

Its shape and blink cost nothing to draw, input methods open beside it and screen readers follow it,
which a painted cell gives none of. Textual moves it to `App.cursor_position` after each drawing but
keeps it hidden. `TerminalCursor` shows it between drawings, and hides it during one: it would be
seen to jump about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from muxcore.vt.engine import CursorShape

_DECSCUSR = {CursorShape.BLOCK: 2, CursorShape.UNDERLINE: 4, CursorShape.BAR: 6}
"""The steady shapes (DEC STD 070, xterm ctlseqs); a blinking one is one less."""

SHORT = 512
"""Characters that come to a terminal in one piece: it shows nothing of them until it has all."""

_HIDE = "\x1b[?25l"
_SHOW = "\x1b[?25h"


@dataclass(frozen=True)
class CursorPlace:
    """Where the cursor is shown, in cells of the user's terminal, and how."""

    x: int
    y: int
    shape: CursorShape = CursorShape.BLOCK
    blinking: bool = False


class TerminalCursor:
    """Follows what the terminal was told of its cursor, and tells it what changes.

    Args:
        write: writes to the terminal.
        shapes: whether the terminal knows DECSCUSR.
    """

    def __init__(self, write: Callable[[str], None], *, shapes: bool) -> None:
        self._write = write
        self._shapes = shapes
        self._place: CursorPlace | None = None
        self._shape = 0

    @property
    def shown(self) -> bool:
        """Whether the terminal shows it."""
        return self._place is not None

    def put(self, place: CursorPlace | None, move: str) -> None:
        """Show the cursor there, or hide it.

        Args:
            place: where, or None.
            move: what brings it there; nothing where a drawing is about to.
        """
        shown, changed = self._place is not None, place != self._place
        self._place = place
        if place is None:
            told = _HIDE if shown else ""
        elif changed:
            told = self._change_shape(place) + move + ("" if shown else _SHOW)
        else:
            told = move
        if told:
            self._write(told)

    def around(self, data: str) -> str:
        """A drawing, with the cursor hidden while it is written, if that takes a while.

        The drawing itself leaves the cursor where `App.cursor_position` says. What sets a mode
        draws nothing.
        """
        draws = self._place is not None and len(data) > SHORT and not data.startswith("\x1b[?")
        return f"{_HIDE}{data}{_SHOW}" if draws else data

    def leave(self) -> None:
        """Give the terminal its own cursor back."""
        self._place = None
        if self._shape:
            self._shape = 0
            self._write("\x1b[0 q")

    def _change_shape(self, place: CursorPlace) -> str:
        shape = _DECSCUSR[place.shape] - place.blinking
        if not self._shapes or shape == self._shape:
            return ""
        self._shape = shape
        return f"\x1b[{shape} q"
