"""An input line that takes keys and text in the order they were typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import NoBinding
from textual.widgets import Input

if TYPE_CHECKING:
    from textual import events


class Entry(Input):
    """Textual's input line, but for keys that are bound to it.

    Textual obeys those when they have come up to the app, after text that was typed behind them.
    """

    async def on_key(self, event: events.Key) -> None:
        """Obey a key of the line's own at once."""
        try:
            binding = self._bindings.get_bindings_for_key(event.key)[-1]
        except NoBinding:
            return
        event.stop()
        event.prevent_default()
        await self.run_action(binding.action)
