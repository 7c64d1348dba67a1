"""A screen that draws what changed and nothing else.

Textual renders every widget in the rectangle around all that changed: for a figure in a pane and a
word in the bottom line, the whole screen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from textual.screen import Screen

if TYPE_CHECKING:
    from textual.widget import Widget


class DirectScreen(Screen[None]):
    """Has widgets drawn by themselves as far as nothing lies over them."""

    def __init__(self) -> None:
        super().__init__()
        self.draw_alone: Callable[[Iterable[Widget]], set[Widget]] = lambda _: set()
        """Draws widgets past Textual; those it drew."""

    # Textual has no public word for any of this.
    def _on_timer_update(self) -> None:
        if self._dirty_widgets and self.is_current and not self._moves:
            for widget in self.draw_alone(self._dirty_widgets):
                widget._exchange_repaint_regions()  # noqa: SLF001
                self._dirty_widgets.discard(widget)
        super()._on_timer_update()

    @property
    def _moves(self) -> bool:
        """Whether widgets are about to be elsewhere, or all of them to be drawn."""
        return self._layout_required or self._scroll_required or self._repaint_required
