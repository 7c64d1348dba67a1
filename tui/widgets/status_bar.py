"""The bottom line: which console, how its guest is, what to know before typing."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content
from textual.widget import Widget

from tui import words
from tui.state import GuestState

CUT = 1
"""The console's name and what is wrong with its guest are always said."""

LEAST = 20
"""Columns in which a note is cut; in less it is left out."""

WELL = 99
"""That the guest is well comes after the notes; its size is never said in place of that."""

LAST = WELL + 2
"""What is no more than nice to know, a guest's title, comes after its size."""


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
        self._state = BarState()
        self._shown = Content()

    def show(self, state: BarState) -> None:
        """Show a state; nothing is drawn when it looks the same."""
        before, self._state = self._shown, state
        if not self.render().is_same(before):
            self.refresh()

    def render(self) -> Content:
        """The segments that fit, and the prefix at the right end."""
        self._shown = self._lay_out()
        return self._shown

    def _lay_out(self) -> Content:
        right = Content.assemble(
            (self._state.prefix, "bold $text-primary"), (" menu ", "$foreground-muted")
        )
        room = self.size.width - right.cell_length - 1
        shown = _fitting(_segments(self._state), room)
        line = Content(" ").append(Content("  ").join(shown))
        return Content.assemble(line, " " * max(0, room + 1 - line.cell_length), right)


def _fitting(segments: list[tuple[int, Content]], room: int) -> list[Content]:
    """The segments that fit beside each other; a lower rank has the first choice.

    Those up to `CUT` are cut rather than left out, and so are notes while there is
    some room; from `WELL` on, one that is left out takes the rest with it.
    """
    chosen: dict[int, Content] = {}
    for index in sorted(range(len(segments)), key=lambda index: segments[index][0]):
        rank, content = segments[index]
        if rank <= CUT or (room >= LEAST and not WELL <= rank < LAST):
            content = content.truncate(max(0, room - 2), ellipsis=True)
        if content.cell_length + 2 <= room:
            chosen[index] = content
            room -= content.cell_length + 2
        elif rank >= WELL:
            break
    return [chosen[index] for index in sorted(chosen)]


def _segments(state: BarState) -> list[tuple[int, Content]]:
    """What there is to say, in the order it is shown, each with its rank."""
    if not state.console:
        return [(0, Content.styled("no console", "$foreground-muted"))]
    segments = [(0, Content.styled(state.console, "bold")), _guest(state)]
    segments += [
        (rank if tone != "muted" else LAST, Content.styled(text, words.STYLES[tone]))
        for rank, (text, tone) in enumerate(state.notes, start=2)
    ]
    if state.size:
        segments.append((WELL + 1, Content.styled(state.size, "$foreground-muted")))
    return segments


def _guest(state: BarState) -> tuple[int, Content]:
    if not state.live:
        return 1, Content.styled("○ not live", "$text-error")
    status = words.guest_status(state.guest, state.now)
    well = status.tone == "success"
    style = words.STYLES[status.tone]
    content = Content.assemble((status.mark, style), " ", (status.word, "" if well else style))
    return WELL if well else 1, content
