"""Paints the lines of a terminal, and keeps what it painted until it changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from textual.strip import Strip

from muxcore.vt.engine import PLAIN
from tui.paint import Painter, Span

if TYPE_CHECKING:
    from muxcore.screen.frame import Row
    from tui.terminal import Terminal
    from tui.viewport import Viewport

MAX_STRIPS = 1000
"""Painted lines of scrollback that are kept."""

Overlay: TypeAlias = Callable[[int], Sequence[Span]]
"""What lies over the line of that number."""


class LinePainter:
    """Paints lines by their numbers.

    Args:
        terminal: whose lines.
        port: where the live screen is among them.
    """

    def __init__(self, terminal: Terminal, port: Viewport) -> None:
        self._terminal = terminal
        self._port = port
        self._rows: dict[int, Strip] = {}
        self._painted: dict[int, tuple[Row, Strip]] = {}
        self._lines: dict[int, Strip] = {}
        self._reverse = False
        self.overlays: dict[str, Overlay] = {}
        """What lies over the lines, by its name."""
        self.live = True
        """Lines that are not live lose their colours: `forget` what was painted."""

    def forget(self) -> None:
        """Paint all again."""
        self._rows.clear()
        self._painted.clear()
        self._lines.clear()

    def forget_rows(self, rows: set[int]) -> None:
        """Paint these rows of the live screen again."""
        for row in rows:
            self._rows.pop(row, None)

    def forget_lines(self) -> None:
        """Paint the scrollback again: its numbers are void."""
        self._lines.clear()

    def follow_modes(self) -> bool:
        """Take over the guest's modes; whether all has to be drawn again for it."""
        reverse = self._terminal.modes.reverse_video
        changed, self._reverse = reverse != self._reverse, reverse
        if changed:
            self.forget()
        return changed

    def paint(self, number: int, painter: Painter) -> Strip:
        """A line, as wide as the terminal; blank until it has come."""
        row = number - self._port.live_line
        spans = self._spans(number)
        cache, key = (self._rows, row) if row >= 0 else (self._lines, number)
        known = None if spans else cache.get(key)
        if known is not None:
            return known
        runs = self._runs(number, row)
        if runs is None:
            return Strip.blank(self._terminal.cols, painter.style(PLAIN))
        if spans:
            return painter.row(runs, reverse=self._reverse, live=self.live, spans=spans)
        strip = self._paint_row(runs, painter)
        if len(cache) >= MAX_STRIPS:
            cache.clear()
        cache[key] = strip
        return strip

    def _paint_row(self, runs: Row, painter: Painter) -> Strip:
        """A row; one that only moved is the same object, and has been painted."""
        known = self._painted.get(id(runs))
        if known is not None:
            return known[1]
        if len(self._painted) >= MAX_STRIPS:
            self._painted.clear()
        strip = painter.row(runs, reverse=self._reverse, live=self.live)
        self._painted[id(runs)] = runs, strip
        return strip

    def _runs(self, number: int, row: int) -> Row | None:
        """The cells of a line; None where it has yet to come."""
        if row >= 0:
            return self._terminal.row(row)
        line = self._terminal.line(number)
        return None if line is None else line.runs

    def _spans(self, number: int) -> list[Span]:
        return list(chain.from_iterable(over(number) for over in self.overlays.values()))
