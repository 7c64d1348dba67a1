"""Keys, mouse and pastes as xterm would send them to the guest (xterm ctlseqs)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muxcore.vt import keytable as table
from muxcore.vt.engine import CELL_PIXELS, MouseFormat, MouseTracking
from muxcore.vt.keys import (
    UNIDENTIFIED,
    KeyAction,
    Modifiers,
    MouseAction,
    MouseButton,
)

if TYPE_CHECKING:
    from muxcore.vt.engine import Modes
    from muxcore.vt.keys import Key, Mouse

_ALT = Modifiers.ALT | Modifiers.META

_X10_LIMIT = 223
_UTF8_LIMIT = 2015

_PASTE_BLANKS = bytes(byte for byte in (*range(0x20), 0x7F) if byte not in b"\t\n\r")
_PASTE_TABLE = bytes.maketrans(_PASTE_BLANKS, b" " * len(_PASTE_BLANKS))


def encode_key(key: Key, modes: Modes) -> bytes:
    """Return what xterm sends for `key` to a guest in `modes`; empty for what sends nothing.

    A sequence no table knows goes to the guest as it came.
    """
    if key.action is KeyAction.RELEASE:
        return b""
    if key.key == UNIDENTIFIED:
        return key.raw
    parameter = _modifier_parameter(key.modifiers)
    if (letter := table.CURSOR_LETTERS.get(key.key)) is not None:
        return _letter_key(letter, parameter, ss3=modes.application_cursor)
    if (letter := table.F1_LETTERS.get(key.key)) is not None:
        return _letter_key(letter, parameter, ss3=True)
    name = "f16" if key.key == "menu" else key.key
    if (number := table.TILDE_NUMBERS.get(name)) is not None:
        return _csi(f"{number};{parameter}~" if parameter > 1 else f"{number}~")
    if (letter := table.KEYPAD_LETTERS.get(key.key)) is not None and modes.application_keypad:
        return _letter_key(letter, parameter, ss3=True)
    typed = _typed(key, modes)
    return b"\x1b" + typed if typed and key.modifiers & _ALT else typed


def _typed(key: Key, modes: Modes) -> bytes:
    """Return what a key sends that types something, without Alt."""
    ctrl = Modifiers.CTRL in key.modifiers
    match key.key:
        case "enter":
            return b"\r\n" if modes.newline else b"\r"
        case "tab":
            return b"\x1b[Z" if Modifiers.SHIFT in key.modifiers else b"\t"
        case "backspace":
            return b"\x08" if modes.backarrow_sends_bs is not ctrl else b"\x7f"
        case "escape":
            return b"\x1b"
    if (text := table.KEYPAD_TEXT.get(key.key)) is not None:
        return text.encode()
    if ctrl and (control := table.CONTROL_CHARACTERS.get(key.key)) is not None:
        return bytes((control,))
    text = key.text or (key.key if len(key.key) == 1 else "")
    return text.encode("utf-8", "replace")


def _modifier_parameter(modifiers: Modifiers) -> int:
    """Return xterm's modifier parameter, 1 for none; its Meta has the bit of kitty's Super."""
    known = modifiers & (Modifiers.SHIFT | Modifiers.ALT | Modifiers.CTRL | Modifiers.SUPER)
    return 1 + int(known | (Modifiers.SUPER if Modifiers.META in modifiers else 0))


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


def encode_paste(data: bytes, modes: Modes, *, start: bool = True, end: bool = True) -> bytes:
    """Return a pasted piece as the guest gets it.

    Between brackets (mode 2004) when the guest asked for them, the opening one where `start` and
    the closing one where `end`; otherwise with line feeds as the carriage returns a keyboard would
    send. Control characters other than tabs and line ends become spaces, as Ghostty and xterm
    (`disallowedPasteControls`) do, so no paste can leave its brackets or press Ctrl-C.
    """
    data = data.translate(_PASTE_TABLE)
    if not modes.bracketed_paste:
        return data.replace(b"\r\n", b"\r").replace(b"\n", b"\r")
    return (b"\x1b[200~" if start else b"") + data + (b"\x1b[201~" if end else b"")


def encode_focus(gained: bool, modes: Modes) -> bytes:
    """Return CSI I or CSI O where the guest asked for focus events (mode 1004), else nothing."""
    if not modes.focus_events:
        return b""
    return b"\x1b[I" if gained else b"\x1b[O"
