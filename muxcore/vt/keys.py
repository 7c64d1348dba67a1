"""What a keyboard, a mouse and a paste are, between the outer terminal and the guest.

`Decoder` (`muxcore.vt.decode`) turns the bytes the operator's terminal sends into these events;
`encode_key`, `encode_mouse` and `encode_paste` (`muxcore.vt.encode`) turn them into what xterm
would send to a guest in the modes it asked for.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias


class Modifiers(enum.IntFlag):
    """Modifier keys; the bits are xterm's and kitty's parameter minus one."""

    NONE = 0
    SHIFT = 1
    ALT = 2
    CTRL = 4
    SUPER = 8
    HYPER = 16
    META = 32
    CAPS_LOCK = 64
    NUM_LOCK = 128


class KeyAction(enum.Enum):
    """What happened to the key (kitty keyboard protocol, event types)."""

    PRESS = 1
    REPEAT = 2
    RELEASE = 3


UNIDENTIFIED = "unidentified"
"""The `key` of a sequence that looks like a key no table knows; only its `raw` is meaningful."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key press.

    `key` is the one character the key types (`a`, `A`, `]`, `é`, a space), or a name: `enter`,
    `tab`, `backspace`, `escape`, `up`, `down`, `left`, `right`, `home`, `end`, `pageup`,
    `pagedown`, `insert`, `delete`, `begin`, `f1` to `f24`, `kp_0` to `kp_9`, `kp_enter`, `kp_add`,
    `kp_subtract`, `kp_multiply`, `kp_divide`, `kp_decimal`, `kp_separator`, `kp_equal`, `menu`,
    `unidentified`. Shift is left out of `modifiers` where it is already in the character.

    `text` is what the key types, empty for keys that type nothing. `raw` holds exactly the bytes
    received.
    """

    key: str
    modifiers: Modifiers = Modifiers.NONE
    text: str = ""
    raw: bytes = b""
    action: KeyAction = KeyAction.PRESS

    @property
    def name(self) -> str:
        """The key as people write it: `ctrl+]`, `alt+backspace`, `ctrl+alt+shift+f3`, `space`."""
        return key_name(self.key, self.modifiers)


@dataclass(frozen=True, slots=True)
class Paste:
    """A piece of a bracketed paste; a long one comes in several, each at most 64 KiB.

    `start` and `end` say whether this piece is the first and the last. `data` is what was pasted,
    without the brackets; a piece may be empty and may end inside a UTF-8 character.
    """

    data: bytes
    start: bool = True
    end: bool = True
    raw: bytes = b""


class MouseButton(enum.IntEnum):
    """Buttons, with the codes of xterm's protocol."""

    LEFT = 0
    MIDDLE = 1
    RIGHT = 2
    NONE = 3
    WHEEL_UP = 64
    WHEEL_DOWN = 65
    WHEEL_LEFT = 66
    WHEEL_RIGHT = 67


class MouseAction(enum.Enum):
    """What the mouse did."""

    PRESS = "press"
    RELEASE = "release"
    MOTION = "motion"


@dataclass(frozen=True, slots=True)
class Mouse:
    """A mouse event at zero-based column `x` and row `y`."""

    x: int
    y: int
    button: MouseButton
    action: MouseAction = MouseAction.PRESS
    modifiers: Modifiers = Modifiers.NONE
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Focus:
    """The outer terminal gained or lost the focus (mode 1004)."""

    gained: bool
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Report:
    """An answer of the outer terminal to a question (CPR, DA, DECRPM, OSC, DCS ...)."""

    raw: bytes


InputEvent: TypeAlias = Key | Paste | Mouse | Focus | Report


_NAMED_MODIFIERS = (
    (Modifiers.CTRL, "ctrl"),
    (Modifiers.ALT, "alt"),
    (Modifiers.SHIFT, "shift"),
    (Modifiers.SUPER, "super"),
    (Modifiers.HYPER, "hyper"),
    (Modifiers.META, "meta"),
)


def key_name(key: str, modifiers: Modifiers) -> str:
    """Return the canonical name of a key with its modifiers; the locks are left out."""
    names = [name for modifier, name in _NAMED_MODIFIERS if modifier in modifiers]
    return "+".join([*names, "space" if key == " " else key])
