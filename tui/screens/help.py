"""The help: every action of the table, grouped, with its key. The keys are typed nowhere else."""

from __future__ import annotations

from textwrap import wrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen

from tui.actions import GROUPS, LISTED
from tui.widgets.line import Line

KEY = max(len(action.key) for action in LISTED) + 1
TITLE = 14
WIDTH = 100
"""Columns of the dialog, as in the style sheet, where the terminal has them."""

EDGES = 5
"""Columns of its padding and its scroll bar."""


class HelpScreen(ModalScreen[None]):
    """Closed by escape, `q` or `?`.

    Args:
        prefix: the prefix as people write it.
    """

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,enter", "leave", "Close")
    ]

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def compose(self) -> ComposeResult:
        room = min(WIDTH, self.app.size.width) - EDGES
        with Vertical(classes="dialog"):
            intro = Line(classes="intro")
            intro.show(
                Content.assemble(
                    "Every key goes to the guest, but for ",
                    (self._prefix, "bold $text-primary"),
                    ": press it, then one of these. Twice sends it.",
                )
            )
            yield intro
            with VerticalScroll(id="actions"):
                for group, title in GROUPS.items():
                    heading = Line(classes="heading")
                    heading.show(Content.styled(title, "bold $text-accent"))
                    yield heading
                    for action in LISTED:
                        if action.group == group:
                            row = Line(classes="row")
                            row.show(_row(action.key, action.title, action.help, room))
                            yield row
            keys = Line(classes="keys")
            keys.show(Content.styled("escape closes · up and down scroll", "$foreground-muted"))
            yield keys

    def on_mount(self) -> None:
        self.query_one("#actions").focus()

    def action_leave(self) -> None:
        """Close the help."""
        self.dismiss()


def _row(key: str, title: str, help: str, width: int) -> Content:
    """An action, its help on as many lines as it needs in `width` columns."""
    start = Content.assemble((key.rjust(KEY), "bold $text-primary"), "  ", title.ljust(TITLE))
    indent = "\n" + " " * start.cell_length
    lines = wrap(help, max(1, width - start.cell_length))
    return Content.assemble(start, (indent.join(lines), "$foreground-muted"))
