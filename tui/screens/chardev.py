"""A form for a chardev: another backend, or a console's guest. Errors stand beside their field."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, OptionList, Select
from textual.widgets.option_list import Option

from muxcore.errors import MuxError
from tui.chardev_text import blamed, chardev_text, given, missing
from tui.state import FormOption, SerialPort
from tui.widgets.line import Line
from tui.widgets.option_form import OptionForm, OptionRow


@dataclass(frozen=True)
class ChardevQuestion:
    """What is asked for.

    `submit` is given the name and the option string, and raises `MuxError` with
    the words to show. `id_for` gives the chardev's id from its type and the
    name; it stands in the form where `named` is false.
    """

    title: str
    types: Sequence[str]
    forms: Mapping[str, Sequence[FormOption]]
    submit: Callable[[str, str], Awaitable[None]]
    id_for: Callable[[str, str], str]
    named: str = ""
    """The console name proposed; empty when no console is made."""
    values: Mapping[str, str] = field(default_factory=dict)
    ports: Sequence[SerialPort] = ()


class ChardevScreen(ModalScreen[bool]):
    """Asks until it worked or was left; dismissed with whether it worked."""

    CSS_PATH = "chardev.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave"),
        Binding("ctrl+s", "submit", "Add"),
    ]

    def __init__(self, question: ChardevQuestion) -> None:
        super().__init__()
        self._question = question
        self._type = question.types[0]

    def compose(self) -> ComposeResult:
        question = self._question
        with Vertical(classes="dialog"):
            title = Line(classes="title")
            title.show(Content.styled(question.title, "bold"))
            yield title
            with VerticalScroll(can_focus=False, id="fields"):
                if len(question.types) > 1:
                    with Horizontal(classes="option-row-like"):
                        name = Line(classes="name")
                        name.show(Content("type"))
                        yield name
                        yield Select(
                            [(type, type) for type in question.types],
                            value=self._type,
                            allow_blank=False,
                            compact=True,
                            id="type",
                        )
                yield OptionRow(self._name_option(), self._proposed_name())
                yield Vertical(id="form")
            yield Line(id="problem")
            with Horizontal(classes="actions"):
                yield Button("Add", variant="primary", id="add", compact=True)
                yield Button("Cancel", id="cancel", compact=True)
                hint = Line(classes="keys")
                hint.show(
                    Content.styled("enter or ctrl+s adds · escape leaves", "$foreground-muted")
                )
                yield hint

    def _name_option(self) -> FormOption:
        if self._question.named:
            return FormOption("name", "str", help="what the console is called", required=True)
        return FormOption("id", "str", help="what the backend is called", required=True)

    def _proposed_name(self) -> str:
        return self._question.named or self._question.id_for(self._type, "")

    async def on_mount(self) -> None:
        await self._show_form()

    async def _show_form(self) -> None:
        holder = self.query_one("#form", Vertical)
        await holder.remove_children()
        if self._type == "serial" and self._question.ports:
            ports = OptionList(
                *(
                    Option(
                        Content.assemble(
                            (port.device, "bold"), "  ", (port.description, "$foreground-muted")
                        )
                    )
                    for port in self._question.ports
                ),
                id="ports",
                compact=True,
            )
            await holder.mount(ports)
        form = OptionForm(self._question.forms.get(self._type, ()), self._question.values)
        await holder.mount(form)
        self._first_field(form).focus()

    def _first_field(self, form: OptionForm) -> Widget:
        ports = self.query("#ports")
        rows = [row for row in form.query(OptionRow) if row.option.required] or list(
            form.query(OptionRow)
        )
        return ports.first() if ports else rows[0].query_one("Input, Select")

    @on(Select.Changed, "#type")
    async def _type_changed(self, event: Select.Changed) -> None:
        if isinstance(event.value, str) and event.value != self._type:
            self._type = event.value
            if not self._question.named:
                self.query(OptionRow).first().set_value(self._proposed_name())
            await self._show_form()

    @on(OptionList.OptionSelected, "#ports")
    def _port_chosen(self, event: OptionList.OptionSelected) -> None:
        row = self.query_one(OptionForm).row("path")
        if row is not None:
            row.set_value(self._question.ports[event.option_index].device)
            row.query_one(Input).focus()

    @on(Button.Pressed, "#cancel")
    def action_leave(self) -> None:
        """Leave without adding."""
        self.dismiss(False)

    @on(Button.Pressed, "#add")
    @on(Input.Submitted)
    def action_submit(self) -> None:
        """Add it."""
        self._submit()

    @work(exclusive=True, exit_on_error=False)
    async def _submit(self) -> None:
        form = self.query_one(OptionForm)
        name_row = self.query(OptionRow).first()
        form.clear_errors()
        name_row.blame("")
        self.query_one("#problem", Line).show(Content())
        values, name = form.values, name_row.value
        if not name:
            name_row.blame(f"Parameter '{name_row.option.name}' is missing")
            return
        if absent := missing(form.options, values):
            self._blame(f"Parameter '{absent}' is missing")
            return
        id = self._question.id_for(self._type, name) if self._question.named else name
        try:
            await self._question.submit(
                name, chardev_text(self._type, id, given(form.options, values))
            )
        except MuxError as error:
            self._blame(str(error))
        else:
            self.dismiss(True)

    def _blame(self, message: str) -> None:
        """Show an error at the field it is about, else at the bottom."""
        form = self.query_one(OptionForm)
        row = form.row(blamed(message, (option.name for option in form.options)))
        if row is not None:
            row.blame(message)
        else:
            self.query_one("#problem", Line).show(Content.styled(message, "$text-error"))
