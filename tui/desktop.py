"""What a guest may pass on to the user's own terminal: its title, the clipboard, notifications.

Only what is allowed for the console comes here. It is bounded, cleaned of control characters, and
done no oftener than the view's notes are drawn, the newest of each kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from muxcore.vt.requests import Clipboard
from tui.clipboard import fits, osc52
from tui.colour_depth import is_modern
from tui.format import byte_count, plural

if TYPE_CHECKING:
    from muxcore.vt.requests import Notification, Request

_PUSH_TITLE = "\x1b[22;2t"
_POP_TITLE = "\x1b[23;2t"
"""XTWINOPS: keep the window's title, and give it back (xterm ctlseqs)."""


class Desktop:
    """The user's terminal, as far as guests may use it.

    Args:
        write: writes to the terminal.
        environ: the environment, which says what it understands.
    """

    def __init__(self, write: Callable[[str], None], environ: Mapping[str, str]) -> None:
        self._write = write
        self._able = is_modern(environ)
        self._title = ""
        self._clipboard: tuple[str, Clipboard] | None = None
        self._notification: tuple[str, Notification] | None = None

    def set_title(self, console: str, title: str) -> None:
        """Show a guest's title as the window's, behind its console's name; none: the old one."""
        shown = f"{console}: {title}" if title else ""
        if shown == self._title or not self._able:
            return
        if shown:
            push = "" if self._title else _PUSH_TITLE
            self._write(f"{push}\x1b]2;{printable(shown)}\x07")
        else:
            self._write(_POP_TITLE)
        self._title = shown

    def leave(self) -> None:
        """Give the window its own title back."""
        self.set_title("", "")

    def ask(self, console: str, request: Request) -> None:
        """Take a request of a console's guest; `settle` does the newest of each kind."""
        if isinstance(request, Clipboard):
            self._clipboard = console, request
        else:
            self._notification = console, request

    def settle(self) -> str:
        """Do what was asked; a line that says so, empty when nothing was."""
        notes = [self._copy(), self._notify()]
        return "; ".join(filter(None, notes))

    def _copy(self) -> str:
        if self._clipboard is None:
            return ""
        (console, request), self._clipboard = self._clipboard, None
        text = "".join(
            char
            for char in request.data.decode("utf-8", "replace")
            if char in "\t\n" or char.isprintable() or char.isspace()
        ).translate(_LINE_ENDS)
        if not text:
            return ""
        if not fits(text):
            return f"{console}: {byte_count(len(request.data))} are too much for the clipboard"
        self._write(osc52(text, "p" if request.selection == "p" else "c"))
        return f"{console} set the clipboard ({plural(len(text.encode()), 'byte')})"

    def _notify(self) -> str:
        if self._notification is None:
            return ""
        (console, request), self._notification = self._notification, None
        text = printable(": ".join(filter(None, (console, request.title, request.body))))
        if self._able:
            # iTerm2's, which most others understand; the name in front keeps ConEmu's commands out.
            self._write(f"\x1b]9;{text}\x07")
        return text


_LINE_ENDS = dict.fromkeys(map(ord, "\r\v\f\x1c\x1d\x1e\x1f\x85"))


def printable(text: str) -> str:
    """A text without what would end its sequence, or begin another."""
    return "".join(filter(str.isprintable, text))
