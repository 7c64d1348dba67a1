"""What there is to do when there is no console yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.widgets.line import Line


@dataclass(frozen=True)
class Start:
    """One way to begin."""

    id: str
    title: str
    help: str


STARTS = (
    Start("shell", "Start a shell", "your own, on a pseudo-terminal: the quickest look around"),
    Start("socket", "Connect to a socket", "a VM's console: QEMU, libvirt, Cloud Hypervisor, …"),
    Start("serial", "Open a serial port", "a board's UART"),
    Start("process", "Run a command", "any program that wants a terminal"),
)


class WelcomeScreen(ModalScreen[str]):
    """Dismissed with the id of a start, `leave`, or `quit`.

    Args:
        first: whether there is no console at all, so that leaving means leaving muxtui.
        notice: what happened before, if anything.
    """

    CSS_PATH = "welcome.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave('leave')", "Leave"),
        Binding("d", "leave('leave')", "Leave"),
        Binding("q", "leave('quit')", "Stop all"),
        *(
            Binding(str(number), f"leave('{start.id}')", start.title, show=False)
            for number, start in enumerate(STARTS, start=1)
        ),
    ]

    def __init__(self, *, first: bool, notice: str = "") -> None:
        super().__init__()
        self.first = first
        self._notice = notice
        self.set_class(first, "-first")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            title = Line(classes="title")
            title.show(
                Content.assemble(
                    ("muxtui", "bold $text-primary"), "  one guest console, many hands"
                )
            )
            yield title
            lead = Line(classes="lead")
            lead.show(self._lead())
            yield lead
            yield OptionList(
                *(Option(_row(number, start)) for number, start in enumerate(STARTS, start=1)),
                id="starts",
            )
            keys = Line(classes="keys")
            keys.show(self._keys())
            yield keys

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(STARTS[event.option_index].id)

    def action_leave(self, choice: str) -> None:
        """Close with a choice."""
        self.dismiss(choice)

    def _lead(self) -> Content:
        text = "No console yet. What is at the other end?" if self.first else "A new console"
        if not self._notice:
            return Content(text)
        return Content.assemble((self._notice, "$text-warning"), "\n\n", text)

    def _keys(self) -> Content:
        if self.first:
            text = "enter or digit chooses · d leaves, the daemon goes on · q stops it"
        else:
            text = "enter or digit chooses · escape goes back"
        return Content.styled(text, "$foreground-muted")


def _row(number: int, start: Start) -> Content:
    return Content.assemble(
        (f"{number}  ", "bold $text-primary"),
        (start.title, "bold"),
        (f"\n   {start.help}", "$foreground-muted"),
    )
