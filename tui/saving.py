"""What of a console's text can be saved, and as what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from muxcore.screen import dump

if TYPE_CHECKING:
    from tui.cell_style import GuestColours
    from tui.copying import Copying
    from tui.reading import Reading
    from tui.terminal import Terminal

Part = Literal["selection", "screen", "all"]
Format = Literal["text", "joined", "ansi", "svg"]

MAX_SAVED = 100_000
"""Lines saved at most: the newest."""


@dataclass(frozen=True)
class Saving:
    """One thing that can be saved."""

    id: str
    title: str
    part: Part
    format: Format
    suffix: str = ".txt"


SAVINGS = (
    Saving("selection", "What is selected, as text", "selection", "text"),
    Saving("screen", "The screen as text", "screen", "text"),
    Saving("picture", "The screen as a picture (SVG)", "screen", "svg", ".svg"),
    Saving("all", "All lines as text", "all", "joined"),
    Saving("coloured", "All lines with their colours (ANSI, for less -R)", "all", "ansi", ".ans"),
)


class Saver:
    """Makes the text of a saving."""

    def __init__(
        self, terminal: Terminal, reading: Reading, copying: Copying, first_line: int, held: bool
    ) -> None:
        self._terminal = terminal
        self._selection = reading.selection
        self._copying = copying
        end = terminal.end_line
        top = first_line if held else end - terminal.rows
        self._screen = (top, min(end, top + terminal.rows))

    def savings(self) -> list[Saving]:
        """What there is to save."""
        selected = self._selection is not None
        return [saving for saving in SAVINGS if selected or saving.part != "selection"]

    async def text(self, saving: Saving, colours: GuestColours | None) -> str:
        """The text; of a picture, in these colours."""
        if saving.part == "selection":
            assert self._selection is not None
            return await self._copying.text(self._selection) + "\n"
        start, stop = self._screen if saving.part == "screen" else self._all()
        if saving.format != "svg":
            return await self._terminal.dump(saving.format, start, stop)
        lines = await self._terminal.lines(start, stop)
        if colours is None:
            return dump.svg(lines, self._terminal.cols)
        foreground, background, _, palette = colours
        return dump.svg(lines, self._terminal.cols, palette, foreground, background)

    def _all(self) -> tuple[int, int]:
        end = self._terminal.end_line
        return max(self._terminal.oldest_line, end - MAX_SAVED), end
