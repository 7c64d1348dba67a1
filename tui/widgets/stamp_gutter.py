"""The column left of the guest's lines that says when each was printed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from muxcore.errors import MuxError
from tui.stamps import NEXT_MODE, WIDTH, StampMode, Stamps, labels

if TYPE_CHECKING:
    from textual.timer import Timer

    from tui.line_view import LineView
    from tui.model import Session

PAUSE = 0.25
"""Seconds between two looks at what else is in the view."""


class StampGutter(Widget):
    """Shows the stamps of the lines that a view shows, as far as they are known.

    Args:
        view: whose lines they are.
        session: whom the times are asked of.
        opened: says when the guest was opened, in seconds since the epoch.
    """

    ALLOW_SELECT = False

    def __init__(
        self, view: LineView, session: Session, opened: Callable[[], float], *, id: str
    ) -> None:
        super().__init__(id=id)
        self._view = view
        self._session = session
        self._opened = opened
        self.mode: StampMode = "off"
        self._stamps = Stamps()
        self._asked_of = ""
        self._first = 0
        self._epoch = 0
        self._offsets: list[int | None] = []
        self._labels: list[str] = []
        self._timer: Timer | None = None

    def next_mode(self) -> StampMode:
        """Tell the time in another way, or not at all."""
        self.mode = NEXT_MODE[self.mode]
        self.display = self.mode != "off"
        self.look()
        self._relabel()
        return self.mode

    def look(self) -> None:
        """The view shows other lines: find out about them, soon, and once."""
        if self.mode != "off" and self._timer is None:
            self.refresh()
            self._timer = self.set_timer(PAUSE, self._start, name="stamps")

    def _start(self) -> None:
        self.run_worker(self._learn(), group="stamps", exit_on_error=False)

    async def _learn(self) -> None:
        """Ask what is not known of the lines in the view."""
        terminal, console = self._view.terminal, self._session.on_view or ""
        if console != self._asked_of:
            self._asked_of = console
            self._stamps.clear()
        try:
            epoch, first = terminal.epoch, self._view.first_line - 1
            offsets = await terminal.offsets(first, first + self._view.page + 1)
            if epoch == terminal.epoch:
                self._epoch, self._first, self._offsets = epoch, first, offsets
                # A daemon that is gone is said elsewhere.
                with contextlib.suppress(MuxError):
                    await self._ask(console, offsets)
        finally:
            self._timer = None
        self._relabel()

    async def _ask(self, console: str, offsets: list[int | None]) -> None:
        """Ask for the times of these offsets, in as many pieces as it takes."""
        for _ in range(len(offsets)):
            if (missing := self._stamps.missing(offsets)) is None:
                return
            start, stop = missing
            at, data, marks = await self._session.read_history(console, start, stop - start)
            if at <= start and not data:
                # The line begins where nothing was printed yet.
                return
            # What has left the history is not known, and is not to be asked for again.
            self._stamps.add(start, at, [])
            self._stamps.add(at, at + len(data), marks)

    def _relabel(self) -> None:
        end = self._printed_end() - self._first
        times = [self._stamps.when(offset) for offset in self._offsets[: max(0, end)]]
        self._labels = labels(times, self.mode, self._opened()) if self.mode != "off" else []
        self.refresh()

    def _printed_end(self) -> int:
        """The line after the last one that was printed: the rest of the screen is blank."""
        terminal = self._view.terminal
        row = terminal.rows - 1
        while row > terminal.cursor.row and not any(
            run.text.strip(" ") for run in terminal.row(row)
        ):
            row -= 1
        return terminal.end_line - terminal.rows + row + 1

    def render_lines(self, crop: Region) -> list[Strip]:
        """The stamps of a part of the view; blank where none is known yet."""
        style = Style.parse(self._colours())
        return [self._strip(y, style) for y in range(crop.y, crop.bottom)]

    def _strip(self, y: int, style: Style) -> Strip:
        index = self._view.first_line + y - self._first - 1
        known = self._epoch == self._view.terminal.epoch and 0 <= index < len(self._labels)
        text = self._labels[index] if known else " " * WIDTH
        return Strip([Segment(text, style)], WIDTH)

    def _colours(self) -> str:
        variables = self.app.theme_variables
        return f"{variables['secondary']} on {variables['surface']}"
