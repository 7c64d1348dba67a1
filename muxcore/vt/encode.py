"""Keys, mouse and pastes as xterm would send them to the guest (xterm ctlseqs)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muxcore.settings import DEFAULTS
from muxcore.vt import keytable as table
from muxcore.vt.engine import CELL_PIXELS, MouseFormat, MouseTracking
from muxcore.vt.keys import (
    UNIDENTIFIED,
    KeyAction,
    Modifiers,
    MouseAction,
    MouseButton,
)
from muxcore.vt.kitty import encode_kitty
from muxcore.vt.modify import character_of, held_by, other_key

if TYPE_CHECKING:
    from muxcore.settings import Settings
    from muxcore.vt.engine import Modes
    from muxcore.vt.keys import Key, Mouse

NEWLINES = {"cr": b"\r", "crlf": b"\r\n", "lf": b"\n"}
"""What Enter sends, and what ends the lines of a paste, by the setting `newline`."""

_ALT = Modifiers.ALT | Modifiers.META

_X10_LIMIT = 223
_UTF8_LIMIT = 2015

_PASTE_BLANKS = bytes(byte for byte in (*range(0x20), 0x7F) if byte not in b"\t\n\r")
_PASTE_TABLE = bytes.maketrans(_PASTE_BLANKS, b" " * len(_PASTE_BLANKS))


def encode_key(key: Key, modes: Modes, settings: Settings = DEFAULTS) -> bytes:
    """Return what xterm sends for `key` to a guest in `modes`; empty for what sends nothing.

    A guest that asked for kitty's protocol gets that, one that asked for modifyOtherKeys gets it,
    but characters typed with Shift alone stay characters: a terminal that sends one does not say
    that Shift was held. A sequence no table knows goes to the guest as it came.
    """
    if modes.kitty_keyboard and key.key != UNIDENTIFIED:
        sent = encode_kitty(key, modes.kitty_keyboard)
        if sent is not None:
            return sent
    if key.action is KeyAction.RELEASE:
        return b""
    if key.key == UNIDENTIFIED:
        return key.raw
    if sequence := _function_key(key, modes, settings):
        return sequence
    typed = _typed(key, modes, settings)
    return other_key(key, modes, typed) or typed


def _function_key(key: Key, modes: Modes, settings: Settings) -> bytes:
    """Return what a cursor, editing, function or application keypad key sends."""
    parameter = 1 + held_by(key.modifiers)
    if (letter := table.CURSOR_LETTERS.get(key.key)) is not None:
        return _letter_key(letter, parameter, ss3=modes.application_cursor)
    if (letter := table.F1_LETTERS.get(key.key)) is not None:
        return _letter_key(letter, parameter, ss3=True)
    if key.key == "delete" and settings.delete == "del" and parameter == 1:
        return b"\x7f"
    name = "f16" if key.key == "menu" else key.key
    if (number := table.TILDE_NUMBERS.get(name)) is not None:
        return _csi(f"{number};{parameter}~" if parameter > 1 else f"{number}~")
    letter = table.KEYPAD_LETTERS.get(key.key)
    if letter is not None and modes.application_keypad:
        return f"\x1bO{parameter if parameter > 1 else ''}{letter}".encode()
    return b""


def _typed(key: Key, modes: Modes, settings: Settings) -> bytes:
    """Return what a key sends that types something."""
    typed = _unprefixed(key, modes, settings)
    if typed == b"\r" and modes.newline:
        typed = b"\r\n"
    # xterm's keypad and its Shift-Tab are the same with Alt.
    alone = key.key.startswith("kp_") or typed.startswith(b"\x1b[")
    return b"\x1b" + typed if typed and key.modifiers & _ALT and not alone else typed


def _unprefixed(key: Key, modes: Modes, settings: Settings) -> bytes:
    """Return what a key types, without Alt."""
    ctrl = Modifiers.CTRL in key.modifiers
    match key.key:
        case "enter" | "kp_enter":
            return b"\r" if modes.newline else NEWLINES[settings.newline]
        case "tab":
            return b"\x1b[Z" if Modifiers.SHIFT in key.modifiers else b"\t"
        case "backspace":
            sends_bs = modes.backarrow_sends_bs or settings.backspace == "bs"
            return b"\x08" if sends_bs is not ctrl else b"\x7f"
        case "escape":
            return b"\x1b"
    if (text := table.KEYPAD_TEXT.get(key.key)) is not None:
        return text.encode()
    character = character_of(key)
    if ctrl and (control := table.CONTROL_CHARACTERS.get(character)) is not None:
        return bytes((control,))
    return (key.text or character).encode("utf-8", "replace")


def _letter_key(letter: str, parameter: int, *, ss3: bool) -> bytes:
    if parameter > 1:
        return _csi(f"1;{parameter}{letter}")
    return f"\x1bO{letter}".encode() if ss3 else _csi(letter)


def _csi(rest: str) -> bytes:
    return f"\x1b[{rest}".encode()


def encode_mouse(mouse: Mouse, modes: Modes) -> bytes:
    """Return the report of `mouse`, or nothing where the guest did not ask for such an event.

    `mouse.x` and `mouse.y` are cells of the guest's screen. Coordinates the format cannot say,
    beyond 222 in X10 form, give nothing.
    """
    if not _wanted(mouse, modes.mouse):
        return b""
    code = int(mouse.button)
    if mouse.action is MouseAction.MOTION:
        code += 32
    if modes.mouse is not MouseTracking.X10:
        code += _mouse_modifiers(mouse.modifiers)
    x, y = mouse.x + 1, mouse.y + 1
    released = mouse.action is MouseAction.RELEASE
    if modes.mouse_format is MouseFormat.SGR_PIXELS:
        x, y = mouse.x * CELL_PIXELS[0] + 1, mouse.y * CELL_PIXELS[1] + 1
    if modes.mouse_format in {MouseFormat.SGR, MouseFormat.SGR_PIXELS}:
        return _csi(f"<{code};{x};{y}{'m' if released else 'M'}")
    if released:
        code |= MouseButton.NONE
    if modes.mouse_format is MouseFormat.URXVT:
        return _csi(f"{code + 32};{x};{y}M")
    utf8 = modes.mouse_format is MouseFormat.UTF8
    if max(x, y) > (_UTF8_LIMIT if utf8 else _X10_LIMIT):
        return b""
    text = "".join(chr(32 + value) for value in (code, x, y))
    return b"\x1b[M" + text.encode("utf-8" if utf8 else "latin-1")


def _wanted(mouse: Mouse, tracking: MouseTracking) -> bool:
    """Whether a guest with this tracking mode hears of the event."""
    if min(mouse.x, mouse.y) < 0:
        return False
    wheel = mouse.button >= MouseButton.WHEEL_UP
    if mouse.action is MouseAction.PRESS:
        return tracking is not MouseTracking.OFF and not (wheel and tracking is MouseTracking.X10)
    if mouse.action is MouseAction.RELEASE:
        return tracking not in {MouseTracking.OFF, MouseTracking.X10} and not wheel
    held = mouse.button is not MouseButton.NONE
    return tracking is MouseTracking.ANY or (tracking is MouseTracking.BUTTON and held)


def _mouse_modifiers(modifiers: Modifiers) -> int:
    return (
        4 * (Modifiers.SHIFT in modifiers)
        + 8 * bool(modifiers & _ALT)
        + 16 * (Modifiers.CTRL in modifiers)
    )


def encode_paste(
    data: bytes,
    modes: Modes,
    settings: Settings = DEFAULTS,
    *,
    start: bool = True,
    end: bool = True,
) -> bytes:
    """Return a pasted piece as the guest gets it.

    Between brackets (mode 2004) when the guest asked for them, the opening one where `start` and
    the closing one where `end`; otherwise with every line's end as Enter would send it. Control
    characters other than tabs and line ends become spaces, as Ghostty and xterm
    (`disallowedPasteControls`) do, so no paste can leave its brackets or press Ctrl-C.
    """
    data = data.translate(_PASTE_TABLE)
    if not modes.bracketed_paste:
        lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return lines.replace(b"\n", NEWLINES["crlf" if modes.newline else settings.newline])
    return (b"\x1b[200~" if start else b"") + data + (b"\x1b[201~" if end else b"")


def encode_focus(gained: bool, modes: Modes) -> bytes:
    """Return CSI I or CSI O where the guest asked for focus events (mode 1004), else nothing."""
    if not modes.focus_events:
        return b""
    return b"\x1b[I" if gained else b"\x1b[O"
