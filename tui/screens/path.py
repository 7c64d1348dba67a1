"""A question for a file's path, which is asked again until it can be written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input

from muxcore.errors import MuxError
from tui.save import TakenError
from tui.widgets.entry import Entry
from tui.widgets.line import Line

KEYS = "enter saves · escape leaves"
REPLACE = "enter again writes over it · escape leaves"


class PathScreen(ModalScreen[str]):
    """Dismissed with the path that was written, or with nothing.

    Args:
        title: one line.
        path: the one that is offered.
        submit: writes the file, over one that is there only if told so; returns its path.
    """

    CSS_PATH = "path.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave")]

    def __init__(
        self, title: str, path: str, submit: Callable[[str, bool], Awaitable[str]]
    ) -> None:
        super().__init__()
        self._title = title
        self._path = path
        self._submit = submit
        self._taken = ""
        """The path that is taken, as was said."""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            title = Line(classes="title")
            title.show(Content.styled(self._title, "bold"))
            yield title
            yield Entry(self._path, compact=True, select_on_focus=False)
            yield Line(classes="error")
            keys = Line(classes="keys")
            keys.show(Content.styled(KEYS, "$foreground-muted"))
            yield keys

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _changed(self) -> None:
        self._taken = ""
        self._say("", KEYS)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        path = event.value.strip()
        if path:
            self.run_worker(self._write(path), exclusive=True, exit_on_error=False)

    async def _write(self, path: str) -> None:
        try:
            written = await self._submit(path, path == self._taken)
        except TakenError as error:
            self._taken = path
            self._say(str(error), REPLACE)
        except MuxError as error:
            self._say(str(error), KEYS)
        else:
            self.dismiss(written)

    def _say(self, error: str, keys: str) -> None:
        self.query_one(".error", Line).show(Content.styled(error, "$text-error"))
        self.query_one(".keys", Line).show(Content.styled(keys, "$foreground-muted"))

    def action_leave(self) -> None:
        """Write nothing."""
        self.dismiss("")
