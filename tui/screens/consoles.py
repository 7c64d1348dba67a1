"""All consoles, to choose one from: how each guest is, how many backends it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui import words
from tui.format import plural, shorten
from tui.state import ConsoleMark, ConsoleState
from tui.widgets.line import Line

NAME = 22


class ConsoleList(ModalScreen[str]):
    """Dismissed with the name of the chosen console, empty when none was."""

    CSS_PATH = "consoles.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", "Leave")]

    def __init__(
        self,
        consoles: Sequence[tuple[ConsoleState, ConsoleMark]],
        on_view: str | None,
        now: float,
    ) -> None:
        super().__init__()
        self._consoles = consoles
        self._on_view = on_view
        self._now = now

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            title = Line(classes="title")
            title.show(Content.styled("Consoles", "bold"))
            yield title
            yield OptionList(*(Option(self._row(*item)) for item in self._consoles), compact=True)

    def on_mount(self) -> None:
        names = [console.name for console, _ in self._consoles]
        options = self.query_one(OptionList)
        options.highlighted = names.index(self._on_view) if self._on_view in names else 0
        options.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._consoles[event.option_index][0].name)

    def action_leave(self) -> None:
        """Choose none."""
        self.dismiss("")

    def _row(self, console: ConsoleState, mark: ConsoleMark) -> Content:
        glyph, tone = words.console_mark(console, mark)
        status = words.guest_status(console.guest, self._now)
        return Content.assemble(
            (f"{glyph} ", words.STYLES[tone]),
            (shorten(console.name, NAME - 2).ljust(NAME), "bold"),
            (status.word, words.STYLES[status.tone]),
            (f"  {plural(len(console.backends), 'backend')}", "$foreground-muted"),
        )
