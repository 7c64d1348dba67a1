"""What a guest asked of its terminal: the cursor, the mouse, the keyboard."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class CursorShape(enum.Enum):
    """DECSCUSR shapes."""

    BLOCK = "block"
    UNDERLINE = "underline"
    BAR = "bar"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the guest's cursor is on the live screen."""

    row: int = 0
    col: int = 0
    visible: bool = True
    """Whether the guest has not hidden it (DECTCEM)."""
    shape: CursorShape = CursorShape.BLOCK
    blinking: bool = False
    pending_wrap: bool = False
    """Whether the last column was written and the next character goes to the next line."""


class MouseTracking(enum.Enum):
    """Which mouse events the guest asked for (xterm ctlseqs, Mouse Tracking)."""

    OFF = "off"
    X10 = "x10"
    """Mode 9: presses only, without modifiers."""
    NORMAL = "normal"
    """Mode 1000: presses and releases."""
    BUTTON = "button"
    """Mode 1002: also motion while a button is down."""
    ANY = "any"
    """Mode 1003: also motion without a button."""


class MouseFormat(enum.Enum):
    """How mouse events are written (xterm ctlseqs, Extended coordinates)."""

    X10 = "x10"
    UTF8 = "utf8"
    SGR = "sgr"
    URXVT = "urxvt"
    SGR_PIXELS = "sgr-pixels"


@dataclass(frozen=True, slots=True)
class Modes:
    """What the guest asked of its terminal, as far as input and view care."""

    application_cursor: bool = False
    """DECCKM (mode 1): cursor keys send SS3."""
    application_keypad: bool = False
    """DECNKM (mode 66, DECKPAM): the keypad sends SS3."""
    newline: bool = False
    """LNM (ANSI mode 20): Enter sends CR LF."""
    backarrow_sends_bs: bool = False
    """DECBKM (mode 67): Backspace sends BS instead of DEL."""
    bracketed_paste: bool = False
    """Mode 2004."""
    focus_events: bool = False
    """Mode 1004: the guest wants CSI I and CSI O."""
    mouse: MouseTracking = MouseTracking.OFF
    mouse_format: MouseFormat = MouseFormat.X10
    alternate_scroll: bool = False
    """Mode 1007: the wheel sends cursor keys on the alternate screen."""
    alternate_screen: bool = False
    """Modes 47, 1047, 1049: the screen without scrollback is shown."""
    synchronized_output: bool = False
    """Mode 2026: the guest is in the middle of a frame; draw when it ends (or after a while)."""
    reverse_video: bool = False
    """DECSCNM (mode 5): default foreground and background are exchanged."""
    kitty_keyboard: int = 0
    """Flags 0 to 31 of kitty's keyboard protocol in force (CSI = u, CSI > u)."""
    modify_other_keys: int = 0
    """0 to 2: xterm's modifyOtherKeys (XTMODKEYS, CSI > 4 ; n m)."""
    format_other_keys: int = 0
    """1: such keys are sent as CSI u (XTFMTKEYS, CSI > 4 ; 1 f), 0: as CSI 27 ~."""
