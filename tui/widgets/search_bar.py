"""The bottom line while one searches: what is typed, which match of how many, what keys do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from tui.widgets.line import Line

if TYPE_CHECKING:
    from tui.line_edit import LineEdit
    from tui.search import Search

FOUND = " n {}  N {}  enter stay  esc back "


class SearchBar(Line):
    """Shows a search, and what is being typed for it."""

    def show_search(self, search: Search, entry: LineEdit | None) -> None:
        """Show how a search stands; `entry` is its line while that is typed."""
        width = self.size.width or self.screen.size.width
        state = _state(search, typing=entry is not None)
        state = state.truncate(width * 2 // 3, ellipsis=True)
        room = max(1, width - state.cell_length - 1)
        mark = Content.styled("?" if search.older else "/", "bold $text-primary")
        if entry is None:
            text = Content(search.query.pattern).truncate(room, ellipsis=True)
        else:
            text = _typed(entry, room)
        self.show(Content.assemble(mark, text.pad_right(max(0, room - text.cell_length)), state))


def _typed(entry: LineEdit, room: int) -> Content:
    """The part of the line with the cursor that there is room for."""
    before, after = Content(entry.text[: entry.cursor]), entry.text[entry.cursor :] + " "
    while before.cell_length >= room:
        before = before[1:]
    line = Content.assemble(before, (after[0], "reverse"), after[1:])
    return line.truncate(room)


def _state(search: Search, *, typing: bool) -> Content:
    """Which match of how many, and what can be pressed; an error needs the room more."""
    failed = bool(search.found.error) or (search.query.pattern and not search.found.matches)
    count = (f" {search.count} ", "$text-error" if failed else "bold")
    if search.found.error:
        return Content.assemble(count)
    if not typing:
        ways = ("↑ older", "↓ newer") if search.older else ("↓ newer", "↑ older")
        return Content.assemble(count, (FOUND.format(*ways), "$foreground-muted"))
    kind, case = search.switches
    return Content.assemble(
        count,
        (" alt+r ", "$foreground-muted"),
        (kind, "$text-primary"),
        (" alt+c ", "$foreground-muted"),
        (case, "$text-primary"),
        (" esc back ", "$foreground-muted"),
    )
