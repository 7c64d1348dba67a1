"""What searching, selecting and copy mode need of the view they work on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tui.rows import Place
    from tui.terminal import Terminal


class LineView(Protocol):
    """A view of a guest's lines, `tui.widgets.guest_view.GuestView`."""

    @property
    def terminal(self) -> Terminal:
        """The guest's screen."""

    @property
    def first_line(self) -> int:
        """The line at the top."""

    @property
    def page(self) -> int:
        """Lines that are seen at once."""

    @property
    def held(self) -> bool:
        """Whether it stays on its lines rather than follow the live screen."""

    def hold(self) -> None:
        """Stay on what is shown, though it be the live screen."""

    def go_to(self, line: int) -> None:
        """Have this line on top, and stay there."""

    def reveal(self, place: Place) -> None:
        """Have this place in sight."""

    def scroll_to_end(self) -> None:
        """Follow the live screen."""

    def fetch_older(self) -> None:
        """Have older lines fetched from the history."""

    def remark(self) -> None:
        """Draw again what is marked."""
