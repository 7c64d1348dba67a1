"""A list to choose one from: the consoles, or the backends a console can be given."""

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
from tui.state import ConsoleMark, ConsoleState, LooseChardev
from tui.widgets.line import Line

NAME = 22
FILENAME = 48

DIGITS = 9
"""Rows that a digit chooses."""

NEW = "+"
"""What stands for a new backend; no chardev has such an id (qemu/util/id.c)."""


class Choice(ModalScreen[str]):
    """Dismissed with the name that was chosen, by Enter or its row's digit; empty when none was.

    Args:
        title: one line.
        rows: (name, how it is shown), at least one.
        first: the name that is highlighted at first; the first row where it is not there.
    """

    CSS_PATH = "choice.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Leave"),
        *(Binding(str(digit), f"choose({digit})", "Choose") for digit in range(1, DIGITS + 1)),
    ]

    def __init__(
        self, title: str, rows: Sequence[tuple[str, Content]], first: str | None = None
    ) -> None:
        super().__init__()
        self._title = title
        self._rows = rows
        self._first = first

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            title = Line(classes="title")
            title.show(Content.styled(self._title, "bold"))
            yield title
            rows = enumerate((shown for _, shown in self._rows), 1)
            yield OptionList(*(Option(_numbered(row, shown)) for row, shown in rows), compact=True)

    def on_mount(self) -> None:
        names = [name for name, _ in self._rows]
        options = self.query_one(OptionList)
        options.highlighted = names.index(self._first) if self._first in names else 0
        options.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._rows[event.option_index][0])

    def action_choose(self, row: int) -> None:
        """Choose a row, counted from 1; one that is not there is none."""
        if row <= len(self._rows):
            self.dismiss(self._rows[row - 1][0])

    def action_leave(self) -> None:
        """Choose none."""
        self.dismiss("")


def console_choice(
    consoles: Sequence[tuple[ConsoleState, ConsoleMark]], on_view: str | None, now: float
) -> Choice:
    """All consoles: how each guest is, how many backends it has."""
    rows = [(console.name, _console_row(console, mark, now)) for console, mark in consoles]
    return Choice("Consoles", rows, on_view)


def backend_choice(console: str, loose: Sequence[LooseChardev]) -> Choice:
    """The loose chardevs that a console can be given, and `NEW`."""
    rows = [
        (
            chardev.id,
            Content.assemble(
                (shorten(chardev.id, NAME - 2).ljust(NAME), "bold"),
                (shorten(chardev.filename, FILENAME), "$foreground-muted"),
            ),
        )
        for chardev in loose
    ]
    rows.append((NEW, Content("a new backend")))
    return Choice(f"Another backend for {console}", rows)


def _numbered(row: int, shown: Content) -> Content:
    """A row behind the digit that chooses it, if one does."""
    return Content.assemble((f"{row}  " if row <= DIGITS else "   ", "bold $text-primary"), shown)


def _console_row(console: ConsoleState, mark: ConsoleMark, now: float) -> Content:
    glyph, tone = words.console_mark(console, mark)
    status = words.guest_status(console.guest, now)
    return Content.assemble(
        (f"{glyph} ", words.STYLES[tone]),
        (shorten(console.name, NAME - 2).ljust(NAME), "bold"),
        (status.word, words.STYLES[status.tone]),
        (f"  {plural(len(console.backends), 'backend')}", "$foreground-muted"),
    )
