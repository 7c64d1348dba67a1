"""What actions do with the text that a guest printed: search, copy, save, edit, tell its times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from tui.editor import edit
from tui.save import default_path, save
from tui.saving import MAX_SAVED, Saver, Saving
from tui.screens.choice import Choice
from tui.screens.path import PathScreen
from tui.stamps import MODE_WORDS

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from textual.app import App

    from tui.model import Session
    from tui.screens.console import ConsoleScreen


class TextCommands:
    """Carries out the actions that are about text."""

    def __init__(self, app: App[int], session: Session, screen: ConsoleScreen) -> None:
        self._app = app
        self._session = session
        self._screen = screen

    def attempt(self, doing: Awaitable[None], done: str = "") -> None:
        """Run a command in the background; say when it failed, or that it is done."""
        raise NotImplementedError

    def do_search(self) -> None:
        self._screen.select(None)
        self._screen.desk.reading.search()

    def do_copy_mode(self) -> None:
        self._screen.select(None)
        self._screen.desk.reading.copy_mode()

    def do_stamps(self) -> None:
        mode = self._screen.next_stamps()
        self._screen.notes.say(f"times: {MODE_WORDS[mode]}")
        self._screen.update_soon()

    def do_edit(self) -> None:
        self.attempt(self._edit())

    async def _edit(self) -> None:
        terminal = self._screen.view.terminal
        oldest = max(terminal.oldest_line, terminal.end_line - MAX_SAVED)
        await edit(self._app, await terminal.dump("joined", oldest, terminal.end_line))

    def do_save(self) -> None:
        saver = self._screen.desk.saver()
        savings = {saving.id: saving for saving in saver.savings()}

        def chosen(id: str | None) -> None:
            if id:
                self._ask_path(saver, savings[id])

        rows = [(saving.id, Content(saving.title)) for saving in savings.values()]
        self._app.push_screen(Choice("Save what?", rows), chosen)

    def _ask_path(self, saver: Saver, saving: Saving) -> None:
        console = self._session.on_view or "console"
        path = default_path(console, self._session.now(), saving.suffix)

        async def submit(path: str, replace: bool) -> str:
            text = await saver.text(saving, self._screen.view.colours)
            return save(path, text, replace=replace)

        def written(path: str | None) -> None:
            if path:
                self._app.notify(f"Saved in {path}", markup=False)

        self._app.push_screen(PathScreen(saving.title, path, submit), written)
