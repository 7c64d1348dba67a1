"""Selecting with the mouse: cells, words and lines, while the view scrolls under it."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Literal

from tui.rows import Extent, Place, Rows
from tui.selection import Selection

if TYPE_CHECKING:
    from tui.line_view import LineView

TWICE = 0.4
"""Seconds between two clicks that are one double click."""

Grain = Literal["cell", "word", "line"]

_GRAINS: tuple[Grain, ...] = ("cell", "word", "line")


class Selecting:
    """The selection of one view.

    Lines are read in the background; the pointer's last place is what counts when they have come.

    Args:
        view: whose lines are selected.
        run: runs a coroutine in the background.
        done: called with each selection that was drawn to its end.
        clock: tells the time in seconds.
    """

    def __init__(
        self,
        view: LineView,
        run: Callable[[Coroutine[Any, Any, None]], object],
        done: Callable[[Selection], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._view = view
        self._run = run
        self._done = done
        self._clock = clock
        self.selection: Selection | None = None
        self.dragging = False
        """Whether a button is held down for it."""
        self._grain: Grain = "cell"
        self._block = False
        self._begun: Place | None = None
        self._anchor: Extent | None = None
        self._target: Place | None = None
        self._epoch = 0
        self._clicked = (Place(0, 0), 0.0, 0)
        self._working = False

    def press(self, place: Place, *, block: bool) -> None:
        """The button goes down: a new selection, by words or lines at the second or third time."""
        self.clear()
        self._grain = _GRAINS[self._clicks(place) % len(_GRAINS)]
        self._block = block
        self._epoch = self._view.terminal.epoch
        self._begun = place
        self.dragging = True
        if self._grain != "cell":
            self._aim(place)

    def _clicks(self, place: Place) -> int:
        before, when, count = self._clicked
        now = self._clock()
        count = count + 1 if place == before and now - when <= TWICE else 0
        self._clicked = (place, now, count)
        return count

    def drag(self, place: Place) -> None:
        """The pointer is somewhere else."""
        if self.dragging and (self._target is not None or self.selection or place != self._begun):
            self._aim(place)

    def extend(self, place: Place) -> None:
        """Draw the selection that is there to another end."""
        if self._begun is not None and self.selection is not None:
            self.dragging = True
            self._aim(place)

    def release(self) -> None:
        """The button goes up."""
        if self.dragging:
            self.dragging = False
            if not self._working and self.selection is not None:
                self._done(self.selection)

    def clear(self) -> None:
        """Select nothing."""
        shown, self.selection = self.selection, None
        self._anchor = self._target = self._begun = None
        self.dragging = False
        if shown is not None:
            self._view.remark()

    def check(self) -> None:
        """Drop a selection whose lines have other numbers now."""
        if self._begun is not None and self._epoch != self._view.terminal.epoch:
            self.clear()

    def places(self) -> dict[str, Place]:
        """What is to be followed through a resize."""
        if self.selection is None:
            return {}
        anchor, head = self.selection.anchor, self.selection.head
        return {
            "anchor": anchor.start,
            "anchor last": anchor.stop._replace(col=anchor.stop.col - 1),
            "head": head.start,
            "head last": head.stop._replace(col=head.stop.col - 1),
        }

    def follow(self, moved: Mapping[str, Place]) -> None:
        """Lines have other numbers: take the selection along where its places are known."""
        if self.selection is None or not self.places().keys() <= moved.keys():
            self.clear()
            return
        anchor = _extent(moved["anchor"], moved["anchor last"])
        head = _extent(moved["head"], moved["head last"])
        self._epoch = self._view.terminal.epoch
        self._begun, self._anchor = anchor.start, anchor
        self.selection = Selection(anchor, head, self._epoch, self._block)
        self._view.remark()

    def _aim(self, place: Place) -> None:
        self._target = place
        if not self._working:
            self._working = True
            self._run(self._draw())

    async def _draw(self) -> None:
        try:
            while (place := self._target) is not None and self._begun is not None:
                self._target = None
                await self._draw_to(place, self._begun)
        finally:
            self._working = False
        if self.selection is not None and not self.dragging:
            self._done(self.selection)

    async def _draw_to(self, place: Place, begun: Place) -> None:
        rows = Rows(self._view.terminal)
        anchor = self._anchor or await self._extent(rows, begun)
        head = await self._extent(rows, place)
        self.check()
        if self._begun is begun:
            self._anchor = anchor
            self.selection = Selection(anchor, head, self._epoch, self._block)
            self._view.remark()

    async def _extent(self, rows: Rows, place: Place) -> Extent:
        line = min(max(place.line, rows.first), rows.end - 1)
        place = Place(line, min(max(0, place.col), rows.cols - 1))
        if self._grain == "word":
            return await rows.word(place)
        return await (rows.cell(place) if self._grain == "cell" else rows.line(place))


def _extent(first: Place, last: Place) -> Extent:
    return Extent(first, last._replace(col=last.col + 1))
