"""What can be pressed after the prefix, shown while it waits."""

from __future__ import annotations

from textual.content import Content

from tui.actions import Action, hints
from tui.widgets.line import Line

CELL = 17


class PrefixHint(Line):
    """A grid of keys and titles, as many columns as fit."""

    def show_for(self, prefix: str, *, pane: str | None, width: int, can_break: bool) -> None:
        """Show what is possible; `pane` is the backend whose pane has the focus."""
        cells = [
            _cell(action, dim=action.id == "send_break" and not can_break)
            for action in hints(pane=pane is not None)
        ]
        cells.append(_pair("1-9", "console", dim=False))
        cells.append(_pair(prefix, "send it", dim=False))
        columns = max(1, (width - 2) // CELL)
        rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
        lines = [Content("").join(row) for row in rows]
        if pane is not None:
            lines.insert(0, Content.assemble(("pane ", "$foreground-muted"), (pane, "bold")))
        self.show(Content("\n").join(lines))


def _cell(action: Action, *, dim: bool) -> Content:
    return _pair(action.key, action.title, dim=dim)


def _pair(key: str, title: str, *, dim: bool) -> Content:
    text = Content.assemble(
        (key, "$foreground-muted" if dim else "bold $text-primary"),
        " ",
        (title, "$foreground-muted" if dim else ""),
    )
    return text.pad_right(max(1, CELL - text.cell_length))
