"""A backend's pane: where it is, how to reach it, who is there, how fast and how far behind."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget

from tui import words
from tui.actions import PANE_ACTIONS, Action
from tui.format import byte_count, rate, shorten, sparkline
from tui.messages import PaneAsked, PaneChosen
from tui.widgets.line import Line

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from tui.state import BackendRate, BackendState

MAX_PEERS = 3

MAX_TROUBLE = 3
"""Lines that say what went wrong, at most."""

SPARK = 12

WIDTH = 42
"""Columns taken for granted before the first layout."""


class PaneButton(Line):
    """One action of the focused pane, for the mouse; the key does it as well."""

    def __init__(self, backend: str, action: Action) -> None:
        super().__init__()
        self._backend = backend
        self._action = action
        self.show(Content.assemble((f" {action.key} ", "bold $text-primary"), action.title, " "))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(PaneAsked(self._backend, self._action.id))


class PaneBody(Line):
    """A pane's text, laid out for the width it has."""

    def __init__(self) -> None:
        super().__init__(classes="body")
        self._latest: tuple[BackendState, BackendRate, float, bool] | None = None
        self._laid_out_for = 0

    def show_state(self, backend: BackendState, rate: BackendRate, now: float, own: bool) -> None:
        """Show a state."""
        self._latest = (backend, rate, now, own)
        self._laid_out_for = self.size.width
        self.show(self._lay_out())

    def render(self) -> Content:
        """The text for the width there is now: a change of it may come without an event."""
        return self._content if self.size.width == self._laid_out_for else self._lay_out()

    def _lay_out(self) -> Content:
        if self._latest is None:
            return Content()
        backend, rate, now, own = self._latest
        lines = pane_lines(backend, rate, now, self.size.width or WIDTH, own=own)
        return Content("\n").join(lines)


class BackendPane(Vertical):
    """One backend."""

    def __init__(self, backend: str) -> None:
        super().__init__(classes="pane")
        self.backend = backend
        self._body = PaneBody()

    def compose(self) -> ComposeResult:
        yield self._body
        with Vertical(classes="buttons"):
            for start in range(0, len(PANE_ACTIONS), 3):
                with Horizontal():
                    for action in PANE_ACTIONS[start : start + 3]:
                        yield PaneButton(self.backend, action)

    def show(self, backend: BackendState, rate: BackendRate, now: float, *, own: bool) -> None:
        """Show a state; `own` marks the backend this very view is."""
        self.set_class(own, "-own")
        self._body.show_state(backend, rate, now, own)

    def on_click(self) -> None:
        self.post_message(PaneChosen(self.backend))


def pane_lines(
    backend: BackendState, speed: BackendRate, now: float, width: int, *, own: bool
) -> list[Content]:
    """A pane's text."""
    status = words.backend_status(backend, now)
    tone = words.STYLES[status.tone]
    kind = "this view" if own else backend.type
    name = shorten(backend.id, max(8, width - len(kind) - len(status.word) - 6))
    lines = [
        _ends(
            Content.assemble(
                (name, "bold"), " ", (kind, "$text-accent" if own else "$foreground-muted")
            ),
            Content.styled(f"{status.mark} {status.word}", tone),
            width,
        )
    ]
    trouble = words.backend_trouble(backend)
    if trouble:
        style = tone if status.tone != "success" else "$text-warning"
        lines += [Content.styled(line, style) for line in wrap(trouble, width)[:MAX_TROUBLE]]
    if backend.address and not own:
        lines.append(Content.styled(shorten(backend.address, width), "$foreground-muted"))
    if backend.connect:
        lines.append(
            Content.assemble(
                ("$ ", "$foreground-muted"), (shorten(backend.connect, width - 2), "$text-primary")
            )
        )
    lines += _peers(backend, width)
    lines += _traffic(backend, speed, now, width)
    return lines


def _peers(backend: BackendState, width: int) -> list[Content]:
    # A file's only peer is the file: its address says so already.
    peers = [peer for peer in backend.peers if peer.label != backend.address]
    lines = [
        _ends(
            Content.assemble(
                ("> ", "$foreground-muted"), shorten(words.peer_name(peer), width - 18)
            ),
            Content.styled(words.peer_words(peer), "$text-warning"),
            width,
        )
        for peer in peers[:MAX_PEERS]
    ]
    if len(peers) > MAX_PEERS:
        lines.append(Content.styled(f"> and {len(peers) - MAX_PEERS} more", "$foreground-muted"))
    return lines


def _traffic(backend: BackendState, speed: BackendRate, now: float, width: int) -> list[Content]:
    moved = f"out {byte_count(backend.sent)} · in {byte_count(backend.received)}"
    facts = [
        f"lag {byte_count(backend.lag)}" if backend.lag else "no lag",
        backend.policy,
        *(["read-only"] if backend.readonly else []),
    ]
    activity = words.activity(backend, now)
    # Two columns between them, that "removed" and "now" are not read as one.
    room = width - len(" · ".join([*facts, ""])) - len(f"  {activity}")
    facts += filter(None, [words.surplus(backend, room)])
    return [
        _ends(
            Content.assemble(
                (sparkline(speed.recent, SPARK), "$text-primary"),
                " ",
                (
                    rate(speed.per_second),
                    "$text-primary" if speed.per_second else "$foreground-muted",
                ),
            ),
            Content.styled(moved, "$foreground-muted"),
            width,
        ),
        _ends(
            Content.styled(
                " · ".join(facts), "$text-warning" if backend.lag else "$foreground-muted"
            ),
            Content.styled(activity, "$foreground-muted"),
            width,
        ),
    ]


def _ends(left: Content, right: Content, width: int) -> Content:
    """Both on one line, at its two ends."""
    space = max(1, width - left.cell_length - right.cell_length)
    return Content.assemble(left, " " * space, right)


class BackendStrip(Widget):
    """All backends on one line, for a screen without room for panes."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._chips: tuple[tuple[str, Content], ...] = ()

    def show(
        self,
        backends: tuple[tuple[BackendState, BackendRate], ...],
        now: float,
        selected: str | None,
        own: str,
    ) -> None:
        """Show the backends' states."""
        chips = tuple(
            (backend.id, chip(backend, rate, now, selected == backend.id, backend.id == own))
            for backend, rate in backends
        )
        if chips != self._chips or any(
            not old[1].is_same(new[1]) for old, new in zip(chips, self._chips, strict=True)
        ):
            self._chips = chips
            self.refresh()

    def render(self) -> Content:
        """As many chips as fit."""
        line = Content(" ")
        for index, (_, content) in enumerate(self._chips):
            left = len(self._chips) - index
            more = f" +{left}"
            if (
                line.cell_length + content.cell_length + (len(more) if left > 1 else 0)
                > self.size.width
            ):
                return Content.assemble(line, (more, "$foreground-muted"))
            line = Content.assemble(line, content, "  ")
        return line

    def on_click(self, event: events.Click) -> None:
        edge = 1
        for backend, content in self._chips:
            if edge <= event.x < edge + content.cell_length:
                self.post_message(PaneChosen(backend))
                return
            edge += content.cell_length + 2


def chip(
    backend: BackendState, speed: BackendRate, now: float, selected: bool, own: bool
) -> Content:
    """A backend in a few characters: its mark, its id, and what matters most."""
    status = words.backend_status(backend, now)
    name = "this view" if own else shorten(backend.id, 14)
    detail = ""
    if status.tone in ("warning", "error"):
        detail = f" {status.word}"
    elif speed.per_second >= 1:
        detail = f" {rate(speed.per_second)}"
    elif len(backend.peers) > 1:
        detail = f" {len(backend.peers)}"
    return Content.assemble(
        (status.mark, words.STYLES[status.tone]),
        " ",
        (name, "bold reverse" if selected else ""),
        (detail, words.STYLES[status.tone] if status.tone != "success" else "$foreground-muted"),
    )
