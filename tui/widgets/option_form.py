"""A form made of option descriptions: one line each, with what is wrong beneath it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Select

from tui.state import FormOption
from tui.widgets.line import Line

if TYPE_CHECKING:
    from textual.app import ComposeResult


class OptionRow(Vertical):
    """One option: its name, its value, its help, and perhaps an error."""

    def __init__(self, option: FormOption, value: str = "") -> None:
        super().__init__(classes="option-row")
        self.option = option
        self._initial = value

    def compose(self) -> ComposeResult:
        with Horizontal():
            name = Line(classes="name")
            star = ("*", "$text-warning") if self.option.required else ""
            name.show(Content.assemble(self.option.name, star))
            yield name
            yield self._control()
            help = Line(classes="help")
            help.show(Content.styled(self.option.help, "$foreground-muted"))
            yield help
        yield Line(classes="error")

    def _control(self) -> Input | Select[str]:
        option = self.option
        choices = ("on", "off") if option.kind == "bool" else option.choices
        if not choices:
            hint = option.default if option.default not in ("0", "") else ""
            return Input(value=self._initial, placeholder=hint, compact=True)
        value = self._initial or option.default
        return Select(
            [(choice, choice) for choice in choices],
            prompt="default",
            allow_blank=option.default == "",
            value=value if value in choices else Select.NULL,
            compact=True,
        )

    @property
    def value(self) -> str:
        """What was entered; empty for nothing."""
        control = self.query_one("Input, Select")
        if isinstance(control, Input):
            return control.value.strip()
        assert isinstance(control, Select)
        return str(control.value) if isinstance(control.value, str) else ""

    def set_value(self, value: str) -> None:
        """Enter a value."""
        control = self.query_one("Input, Select")
        if isinstance(control, Input):
            control.value = value

    def blame(self, message: str) -> None:
        """Show what is wrong with it and go there; an empty message clears."""
        self.set_class(bool(message), "-wrong")
        self.query_one(".error", Line).show(Content.styled(message, "$text-error"))
        if message:
            self.query_one("Input, Select").focus()


class OptionForm(Vertical):
    """All options of a type; those every type has come last, under a heading."""

    def __init__(
        self, options: Sequence[FormOption], values: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        self.options = tuple(options)
        self._values = dict(values or {})

    def compose(self) -> ComposeResult:
        yield from self._rows(option for option in self.options if not option.common)
        common = [option for option in self.options if option.common]
        if common:
            heading = Line(classes="heading")
            heading.show(Content.styled("Sharing", "bold $foreground-muted"))
            yield heading
            yield from self._rows(common)

    def _rows(self, options: Iterable[FormOption]) -> Iterable[OptionRow]:
        return (OptionRow(option, self._values.get(option.name, "")) for option in options)

    @property
    def values(self) -> dict[str, str]:
        """What was entered, by option name."""
        return {row.option.name: row.value for row in self.query(OptionRow)}

    def row(self, name: str) -> OptionRow | None:
        """An option's row."""
        return next((row for row in self.query(OptionRow) if row.option.name == name), None)

    def clear_errors(self) -> None:
        """Forget what was wrong."""
        for row in self.query(OptionRow):
            row.blame("")
