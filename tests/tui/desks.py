"""An app whose guest has printed lines, for what is done with them there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.tui.driving import app_for, press, screen_text, settle
from tests.tui.fakes import FakeSession, full_console
from tui.state import ConsoleState

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tui.app import MuxApp


SIZE = (80, 24)


class Desk:
    """An app whose guest has printed lines."""

    def __init__(self, app: MuxApp, pilot: Pilot[int], session: FakeSession) -> None:
        self.app = app
        self.pilot = pilot
        self.session = session
        self.desk = app.console_screen.desk

    async def press(self, *names: str) -> None:
        press(self.app, *names)
        await settle(self.pilot)

    @property
    def bottom(self) -> str:
        return screen_text(self.app).splitlines()[-1]

    def lines(self) -> list[str]:
        """The lines of the view that are not blank."""
        shown = screen_text(self.app).splitlines()[:-2]
        return [line.strip() for line in shown if line.strip() and "▌" not in line]

    def kinds(self) -> dict[str, list[int]]:
        """The rows of the view that are marked, by what."""
        view = self.app.console_screen.view
        found: dict[str, list[int]] = {}
        for row in range(view.page):
            for span in self.desk.reading.spans(view.first_line + row):
                found.setdefault(span.kind, []).append(row)
        return found


@asynccontextmanager
async def desk(*lines: str, shown: ConsoleState | None = None) -> AsyncIterator[Desk]:
    session = FakeSession(shown or full_console())
    app = app_for(session)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        session.attach()
        session.print("\r\n".join(lines).encode())
        await settle(pilot)
        yield Desk(app, pilot, session)


BOOT = [
    f"{number:3} {'error here' if number % 30 == 7 else 'all is well'}" for number in range(100)
]
