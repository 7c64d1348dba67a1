"""The bottom line: which console, how its guest is, what to know before typing."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content
from textual.widget import Widget

from tui import words
from tui.state import GuestState


@dataclass(frozen=True)
class BarState:
    """What the bar shows."""

    console: str = ""
    guest: GuestState | None = None
    live: bool = True
    size: str = ""
    """The guest's size in words."""
    notes: tuple[tuple[str, words.Tone], ...] = ()
    """Most important first."""
    prefix: str = ""
    now: float = 0.0


class StatusBar(Widget):
    """One line; what matters least is left out first where it does not fit."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._content: tuple[Content, ...] = ()
        self._right = Content()

    def show(self, state: BarState) -> None:
        """Show a state; nothing is drawn when it looks the same."""
        content = tuple(_segments(state))
        right = Content.assemble(
            (state.prefix, "bold $text-primary"), (" menu ", "$foreground-muted")
        )
        if not right.is_same(self._right) or not _same(content, self._content):
            self._content, self._right = content, right
            self.refresh()

    def render(self) -> Content:
        """The segments that fit, and the prefix at the right end."""
        room = self.size.width - self._right.cell_length
        line = Content(" ")
        for segment in self._content:
            if line.cell_length + segment.cell_length + 2 <= room:
                line = Content.assemble(line, segment, "  ")
        return Content.assemble(line, " " * max(0, room - line.cell_length), self._right)


def _segments(state: BarState) -> list[Content]:
    segments = [Content.styled(state.console, "bold")] if state.console else []
    if not state.console:
        segments.append(Content.styled("no console", "$foreground-muted"))
    elif state.live:
        status = words.guest_status(state.guest, state.now)
        segments.append(
            Content.assemble(
                (status.mark, words.STYLES[status.tone]),
                " ",
                (status.word, words.STYLES[status.tone] if status.tone != "success" else ""),
            )
        )
    else:
        segments.append(Content.styled("○ not live", "$text-error"))
    segments += [Content.styled(text, words.STYLES[tone]) for text, tone in state.notes]
    if state.size:
        segments.append(Content.styled(state.size, "$foreground-muted"))
    return segments


def _same(one: tuple[Content, ...], other: tuple[Content, ...]) -> bool:
    return len(one) == len(other) and all(a.is_same(b) for a, b in zip(one, other, strict=True))
