"""What is wrong with the daemon, over everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from tui import words
from tui.state import Link
from tui.widgets.line import Line

if TYPE_CHECKING:
    from tui.state import LinkState


class Banner(Line):
    """Displayed while the link is not live."""

    def show_link(self, link: LinkState, now: float, prefix: str) -> None:
        """Say what happened, what is lost, and what can be done."""
        self.display = link.link is not Link.LIVE
        self.set_class(link.link is Link.LOST, "-lost")
        what, why = words.link_words(link, now)
        lines = [Content.styled(what, "bold")]
        if link.link is Link.LOST:
            lines += [Content(line) for line in (why, *words.LOSS)]
            lines.append(
                Content.assemble(
                    ("enter", "bold"), " starts it again   ", (f"{prefix} d", "bold"), " leaves"
                )
            )
        self.show(Content("\n").join(lines))
