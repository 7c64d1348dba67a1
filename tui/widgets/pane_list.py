"""The panes of all backends, one below the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.containers import VerticalScroll

from tui.widgets.backend_pane import BackendPane

if TYPE_CHECKING:
    from tui.state import BackendRate, BackendState


class PaneList(VerticalScroll, can_focus=False):
    """Keeps a pane for each backend it is shown, in their order."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._panes: dict[str, BackendPane] = {}

    def show(
        self,
        backends: Sequence[tuple[BackendState, BackendRate]],
        now: float,
        selected: str | None,
        own: str,
    ) -> None:
        """Show the backends' states; `own` is the view's own backend."""
        ids = [backend.id for backend, _ in backends]
        if ids != list(self._panes):
            self._renew(ids)
        for backend, rate in backends:
            pane = self._panes[backend.id]
            pane.show(backend, rate, now, own=backend.id == own)
            pane.set_class(backend.id == selected, "-selected")

    def scroll_to_pane(self, backend: str) -> None:
        """Bring a backend's pane into sight."""
        if backend in self._panes:
            self._panes[backend].scroll_visible(animate=False)

    def _renew(self, ids: list[str]) -> None:
        for id in [id for id in self._panes if id not in ids]:
            self._panes.pop(id).remove()
        for id in ids:
            if id not in self._panes:
                self._panes[id] = BackendPane(id)
                self.mount(self._panes[id])
        if ids != list(self._panes):
            self._panes = {id: self._panes[id] for id in ids}
            self.sort_children(key=_place_in(ids))


def _place_in(ids: list[str]) -> Callable[[object], int]:
    def place(pane: object) -> int:
        backend = pane.backend if isinstance(pane, BackendPane) else ""
        return ids.index(backend) if backend in ids else len(ids)

    return place
