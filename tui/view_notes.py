"""What is said of a view beside what it shows, and for how long."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from muxcore.vt.requests import Clipboard, Request
from tui.words import ViewFacts

if TYPE_CHECKING:
    from tui.desktop import Desktop
    from tui.state import ConsoleState
    from tui.widgets.guest_view import GuestView

BELL = 1.0
"""Seconds that a bell is said: a mark that stays, for a flash may harm."""

NOTE = 5.0
"""Seconds that what was done is said."""


class ViewNotes:
    """Follows one view.

    Args:
        view: the view.
        desktop: what guests may use of the user's terminal.
        later: has the notes shown again after so many seconds.
        clock: tells the time in seconds.
    """

    def __init__(
        self,
        view: GuestView,
        desktop: Desktop,
        later: Callable[[float], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._view = view
        self._desktop = desktop
        self._later = later
        self._clock = clock
        self._epoch = 0
        self._bells = 0
        self._bell_until = 0.0
        self._note = ""
        self._note_until = 0.0
        self._dismissed = ""

    def look(self) -> None:
        """Note what is new in the view. The bells of a replay were heard before."""
        terminal = self._view.terminal
        bells, self._bells = self._bells, terminal.bell_count
        epoch, self._epoch = self._epoch, terminal.epoch
        if self._bells > bells and self._epoch == epoch:
            self._bell_until = self._clock() + BELL
            self._later(BELL)

    def ask(self, console: ConsoleState, request: Request) -> None:
        """Take a guest's request for the desktop, if that is allowed."""
        kind = "clipboard" if isinstance(request, Clipboard) else "notifications"
        if kind in console.settings.allow:
            self._desktop.ask(console.name, request)

    def settle(self, console: ConsoleState | None) -> None:
        """Do for the guest on view what it may have done; at the pace of the notes."""
        allowed = console is not None and "title" in console.settings.allow
        title = self._view.terminal.title if allowed else ""
        self._desktop.set_title(console.name if console else "", title)
        if note := self._desktop.settle():
            self.say(note)

    def say(self, note: str) -> None:
        """Say something for a while, in place of what was said before."""
        self._note = note
        self._note_until = self._clock() + NOTE
        self._later(NOTE)

    def dismiss_trouble(self) -> None:
        """Say no more of what went wrong with the engine."""
        self._dismissed = self._view.terminal.trouble

    def facts(self, problem: str) -> ViewFacts:
        """What is to be said now; `problem` is why there is no stream."""
        terminal, port, now = self._view.terminal, self._view.port, self._clock()
        known = terminal.trouble == self._dismissed
        return ViewFacts(
            problem=problem,
            trouble="" if known else terminal.trouble,
            bell=now < self._bell_until,
            lines_back=None if port.follows else port.lines_back,
            new_lines=port.new_lines,
            fetching=self._view.fetching,
            at_start=self._view.at_start and port.first <= terminal.oldest_line,
            skipped=terminal.skipped,
            doubtful=terminal.doubtful,
            note=self._note if now < self._note_until else "",
            title=terminal.title,
        )
