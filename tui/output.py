"""Between Textual and a `Canvas`: what an update draws, and what may be drawn past Textual."""

from __future__ import annotations

import curses
from typing import TYPE_CHECKING

from textual._compositor import ChopsUpdate, LayoutUpdate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from textual.geometry import Region
    from textual.strip import Strip
    from textual.widget import Widget


def terminfo_erases(term: str) -> bool:
    """Whether terminfo gives a TERM `bce` and ECH. Python asks it about one TERM in its life."""
    try:
        curses.setupterm(term, fd=2)
    except curses.error:
        return False
    return curses.tigetflag("bce") == 1 and bool(curses.tigetstr("ech"))


def erases(environ: Mapping[str, str], terminfo: Callable[[str], bool] = terminfo_erases) -> bool:
    """Whether a terminal erases characters (ECH) and lines to the background of the pen.

    tmux does, but its terminfo is silent about it.
    """
    term = environ.get("TERM", "")
    if term.startswith(("tmux", "screen")):
        return "TMUX" in environ
    return bool(term) and terminfo(term)


def pieces(update: ChopsUpdate | LayoutUpdate) -> Iterator[tuple[int, int, Strip]]:
    """What an update of Textual's draws, and where: column, row, cells."""
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in strips:
                yield x, y, strip
                x += strip.cell_length
        return
    for y, start, stop in update.spans:
        for (x, piece), end in zip(update.chops[y].items(), update.chop_ends[y], strict=False):
            if piece is not None and x <= stop and end > start:
                yield x, y, piece


class Places:
    """Where widgets are on the terminal, as long as all of them is seen."""

    def __init__(self) -> None:
        self._layers: object = None
        self._regions: dict[Widget, Region | None] = {}

    def of(self, widget: Widget) -> Region | None:
        """A widget's region; None when something lies over it or is about to."""
        screen = widget.screen
        # Textual has no public word for any of this.
        if screen is not widget.app.screen or screen._layout_required:  # noqa: SLF001
            return None
        layers = screen._compositor.layers_visible  # noqa: SLF001
        if layers is not self._layers:
            # A new list comes with each layout.
            self._layers = layers
            self._regions.clear()
        if widget not in self._regions:
            self._regions[widget] = _uncovered(widget, layers)
        return self._regions[widget]


def _uncovered(widget: Widget, layers: list[list[tuple[Widget, Region, Region]]]) -> Region | None:
    region = next((whole for row in layers for each, _, whole in row if each is widget), None)
    if region is None or region.y < 0 or region.bottom > len(layers):
        return None
    for row in layers[region.y : region.bottom]:
        above = next((item for item in row if item[1].overlaps(region)), None)
        if above is None or above[0] is not widget or above[1] != region:
            return None
    return region
