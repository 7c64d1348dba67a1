"""A question before something ends. It names what ends; the harmless answer has the focus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button

from tui.widgets.line import Line


class AnswerButton(Button):
    """One answer; its words may be hostile, its id any text."""

    def __init__(self, words: str, answer: str) -> None:
        super().__init__(Content(words), compact=True)
        self.answer = answer


class Confirm(ModalScreen[str]):
    """Dismissed with the id of the answer; escape is the first one, which changes nothing.

    Args:
        question: one line.
        facts: what will happen, a line each; hostile text is safe here.
        answers: (id, words), the harmless one first.
        dangerous: the id of the answer that ends something.
    """

    CSS_PATH = "confirm.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave"),
        Binding("left", "app.focus_previous", "Previous", show=False),
        Binding("right", "app.focus_next", "Next", show=False),
    ]

    def __init__(
        self,
        question: str,
        facts: Sequence[str],
        answers: Sequence[tuple[str, str]],
        dangerous: str = "",
    ) -> None:
        super().__init__()
        self._question = question
        self._facts = facts
        self._answers = answers
        self._dangerous = dangerous

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            title = Line(classes="title")
            title.show(Content.styled(self._question, "bold"))
            yield title
            facts = Line(classes="facts")
            facts.show(Content("\n").join(Content(fact) for fact in self._facts))
            yield facts
            with Horizontal(classes="actions"):
                for id, words in self._answers:
                    button = AnswerButton(words, id)
                    button.variant = "error" if id == self._dangerous else "default"
                    yield button

    @on(Button.Pressed)
    def _answered(self, event: Button.Pressed) -> None:
        assert isinstance(event.button, AnswerButton)
        self.dismiss(event.button.answer)

    def action_leave(self) -> None:
        """Give the harmless answer."""
        self.dismiss(self._answers[0][0])
