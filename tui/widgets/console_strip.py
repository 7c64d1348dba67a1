"""All consoles on one line: digit, name, mark. Shown when there is more than one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget

from tui import words
from tui.format import shorten
from tui.messages import ConsoleChosen

if TYPE_CHECKING:
    from textual import events

    from tui.state import ConsoleMark, ConsoleState


class ConsoleStrip(Widget):
    """One line of consoles; the one on view is never left out."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._names: tuple[str, ...] = ()
        self._chips: tuple[Content, ...] = ()
        self._current = 0

    def show(
        self, consoles: Sequence[tuple[ConsoleState, ConsoleMark]], on_view: str | None
    ) -> None:
        """Show consoles in order, with the one on view marked."""
        names = tuple(console.name for console, _ in consoles)
        chips = tuple(
            _chip(index, console, mark, console.name == on_view)
            for index, (console, mark) in enumerate(consoles, start=1)
        )
        if names == self._names and all(
            old.is_same(new) for old, new in zip(chips, self._chips, strict=True)
        ):
            return
        self._names, self._chips = names, chips
        self._current = names.index(on_view) if on_view in names else 0
        self.refresh()

    def render(self) -> Content:
        """The chips from `_first` on, as many as fit."""
        chips = self._chips[self._first() :]
        more = "… " if self._first() else ""
        return Content.assemble(more, Content("").join(chips)).truncate(
            self.size.width, ellipsis=True
        )

    def on_click(self, event: events.Click) -> None:
        first = self._first()
        edge = 2 if first else 0
        for name, content in zip(self._names[first:], self._chips[first:], strict=True):
            if edge <= event.x < edge + content.cell_length:
                self.post_message(ConsoleChosen(name))
                return
            edge += content.cell_length

    def _first(self) -> int:
        """The first console shown, so that the current one is seen."""
        first = 0
        widths = [content.cell_length for content in self._chips]
        while (
            first < self._current and sum(widths[first : self._current + 1]) > self.size.width - 2
        ):
            first += 1
        return first


def _chip(index: int, console: ConsoleState, mark: ConsoleMark, current: bool) -> Content:
    glyph, tone = words.console_mark(console, mark)
    digit = str(index) if index < 10 else " "
    back = " on $panel" if current else ""
    return Content.assemble(
        (f" {digit} ", f"$foreground-muted{back}"),
        (shorten(console.name, 20), f"bold{back}" if current else ""),
        (" ", back.strip()),
        (f"{glyph} ", f"{words.STYLES[tone]}{back}"),
    )
