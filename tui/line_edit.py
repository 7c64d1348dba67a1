"""One line of text being typed, at once: keys that follow see what those before them did. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from muxcore.vt.keys import Key, Modifiers

_WORD_BEFORE = re.compile(r"\S*\s*$")
_TYPED = ~(Modifiers.SHIFT | Modifiers.CAPS_LOCK | Modifiers.NUM_LOCK)
"""Modifiers with which a character is no text."""


class LineEdit:
    """A text with a cursor, and the keys of a shell's line.

    Args:
        limit: characters it can have.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.text = ""
        self.cursor = 0
        """Characters before the cursor."""

    def set(self, text: str) -> None:
        """Have another text, the cursor behind it."""
        self.text = text[: self._limit]
        self.cursor = len(self.text)

    def insert(self, text: str) -> None:
        """Type text at the cursor; what is not printable is left out."""
        room = self._limit - len(self.text)
        typed = "".join(filter(str.isprintable, text))[:room]
        self.text = self.text[: self.cursor] + typed + self.text[self.cursor :]
        self.cursor += len(typed)

    def press(self, key: Key) -> None:
        """Obey a key; one that means nothing is passed over."""
        if key.text and not key.modifiers & _TYPED:
            self.insert(key.text)
        elif key.name in _MOVES:
            self.cursor = _MOVES[key.name](self)
        elif key.name in _ERASES:
            start, stop = _ERASES[key.name](self)
            self.text = self.text[:start] + self.text[stop:]
            self.cursor = start

    @property
    def left(self) -> int:
        """The place before the cursor's."""
        return max(0, self.cursor - 1)

    @property
    def right(self) -> int:
        """The place after the cursor's."""
        return min(len(self.text), self.cursor + 1)

    @property
    def word(self) -> int:
        """Where the word before the cursor begins."""
        found = _WORD_BEFORE.search(self.text[: self.cursor])
        return found.start() if found else 0


_MOVES: dict[str, Callable[[LineEdit], int]] = {
    **dict.fromkeys(("left", "ctrl+b"), lambda line: line.left),
    **dict.fromkeys(("right", "ctrl+f"), lambda line: line.right),
    **dict.fromkeys(("home", "ctrl+a"), lambda _: 0),
    **dict.fromkeys(("end", "ctrl+e"), lambda line: len(line.text)),
}

_ERASES: dict[str, Callable[[LineEdit], tuple[int, int]]] = {
    **dict.fromkeys(("backspace", "ctrl+h"), lambda line: (line.left, line.cursor)),
    **dict.fromkeys(("delete", "ctrl+d"), lambda line: (line.cursor, line.right)),
    **dict.fromkeys(("ctrl+w", "alt+backspace"), lambda line: (line.word, line.cursor)),
    "ctrl+u": lambda line: (0, line.cursor),
    "ctrl+k": lambda line: (line.cursor, len(line.text)),
}
