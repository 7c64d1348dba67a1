"""Keys for a guest that asked for kitty's keyboard protocol.

Source: "Comprehensive keyboard handling in terminals", sw.kovidgoyal.net/kitty/keyboard-protocol.

What the operator's terminal does not say cannot be passed on: one in its legacy mode tells of no
releases, repeats or modifiers pressed alone, and of no key's place on the keyboard. A key is the
character it types then: for `!` its own code point, not that of the `1` it may share a key with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from muxcore.vt import keytable as table
from muxcore.vt.keys import KeyAction, Modifiers

if TYPE_CHECKING:
    from muxcore.vt.keys import Key

EVENT_TYPES = 2
"""The guest wants to know of repeats and releases."""
ALTERNATES = 4
"""It wants what Shift makes of a key."""
ALL_KEYS = 8
"""It wants text, Enter, Tab, Backspace and modifiers as keys."""
TEXT = 16
"""It wants, with `ALL_KEYS`, the text that a key types."""

_LEGACY = frozenset({"enter", "tab", "backspace"})
"""Keys that stay as they are without modifiers, for a shell after the guest that crashed."""

_QUIET = Modifiers.SHIFT | Modifiers.CAPS_LOCK | Modifiers.NUM_LOCK
"""Modifiers that leave a key its text."""

_TILDE_NUMBERS = {
    # CSI R is a cursor position as well.
    "f3": 13,
    **{key: number for key, number in table.TILDE_NUMBERS.items() if key not in table.KITTY_CODES},
}
_LETTERS = {
    **table.CURSOR_LETTERS,
    **{key: letter for key, letter in table.F1_LETTERS.items() if key != "f3"},
}


def encode_kitty(key: Key, flags: int) -> bytes | None:
    """Return the key for a guest that asked for `flags`, 1 to 31; None: as without the protocol."""
    released = key.action is KeyAction.RELEASE
    if released and not flags & EVENT_TYPES:
        return b""
    if not flags & ALL_KEYS:
        if key.key in _LEGACY and (released or not key.modifiers):
            return b"" if released else None
        if text_of(key) and not released:
            return None
    action = key.action if flags & EVENT_TYPES else KeyAction.PRESS
    return _sequence(key, flags, action)


def text_of(key: Key) -> str:
    """Return what a key types: nothing for one that types nothing, or is held with Ctrl or Alt."""
    if key.modifiers & ~_QUIET:
        return ""
    character = key.key if len(key.key) == 1 else ""
    typed = key.text or character or table.KEYPAD_TEXT.get(key.key, "")
    return typed if typed.isprintable() else ""


def _sequence(key: Key, flags: int, action: KeyAction) -> bytes | None:
    """Return a control sequence for the key; nothing for what the guest does not want to know."""
    modifiers = _parameter(key.modifiers, action)
    if (letter := _LETTERS.get(key.key)) is not None:
        return f"\x1b[{f'1;{modifiers}' if modifiers else ''}{letter}".encode()
    if (number := _TILDE_NUMBERS.get(key.key)) is not None:
        return f"\x1b[{number}{f';{modifiers}' if modifiers else ''}~".encode()
    if len(key.key) == 1:
        return _character(key, flags, action)
    code = table.KITTY_CODES.get(key.key) or _private(key.key)
    if code is None or (code in table.KITTY_MODIFIERS and not flags & ALL_KEYS):
        return b""
    return _csi_u(str(code), modifiers, _text(key, flags, action))


def _character(key: Key, flags: int, action: KeyAction) -> bytes:
    """Return a key that is a character: its own without Shift, and what Shift makes of it."""
    lower = key.key.lower() if len(key.key.lower()) == 1 else key.key
    held = key.modifiers | (Modifiers.SHIFT if lower != key.key else Modifiers.NONE)
    code = str(ord(lower))
    upper = lower.upper() if len(lower.upper()) == 1 else lower
    if flags & ALTERNATES and Modifiers.SHIFT in held and upper != lower:
        code += f":{ord(upper)}"
    return _csi_u(code, _parameter(held, action), _text(key, flags, action))


def _text(key: Key, flags: int, action: KeyAction) -> str:
    """Return the code points a key types, where the guest wants them."""
    if flags & TEXT and flags & ALL_KEYS and action is not KeyAction.RELEASE:
        return ":".join(str(ord(character)) for character in text_of(key))
    return ""


def _csi_u(code: str, modifiers: str, text: str) -> bytes:
    parts = [code, modifiers, text]
    while not parts[-1]:
        parts.pop()
    return f"\x1b[{';'.join(parts)}u".encode()


def _parameter(modifiers: Modifiers, action: KeyAction) -> str:
    """Return modifiers and event type, empty for a press without any."""
    if action is not KeyAction.PRESS:
        return f"{1 + modifiers}:{action.value}"
    return str(1 + modifiers) if modifiers else ""


def _private(name: str) -> int | None:
    """Return the number of a key that only kitty's protocol has, as the decoder names it."""
    prefix, _, number = name.partition("_")
    return int(number) if prefix == "kitty" and number.isdecimal() else None
