"""Messages that more than one widget sends."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message


@dataclass
class ConsoleChosen(Message):
    """A console is to be shown."""

    name: str


@dataclass
class PaneChosen(Message):
    """A backend's pane is to have the focus."""

    backend: str


@dataclass
class PaneAsked(Message):
    """An action of `tui.actions` is to be done to a backend."""

    backend: str
    action: str
