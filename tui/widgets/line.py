"""A widget that shows content and refreshes only when the content changed."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget


class Line(Widget):
    """Shows what it is given."""

    DEFAULT_CSS = "Line { height: auto; }"
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._content = Content()

    def show(self, content: Content) -> None:
        """Show `content`; nothing is drawn when it is what is shown already."""
        if content.is_same(self._content):
            return
        higher = len(content.plain.splitlines()) != len(self._content.plain.splitlines())
        self._content = content
        self.refresh(layout=higher)

    def on_mount(self) -> None:
        """Lay out what was shown before there was a layout: its height may be cached as none."""
        self.refresh(layout=True)

    def render(self) -> Content:
        """What is shown."""
        return self._content
