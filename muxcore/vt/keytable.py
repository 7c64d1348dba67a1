"""Keys by the numbers and letters terminals use for them, legacy and kitty.

Sources: xterm's ctlseqs (PC-Style and VT220-Style Function Keys), console_codes(4), and kitty's
keyboard protocol (Functional key definitions).
"""

from __future__ import annotations

CURSOR_LETTERS = {
    "up": "A",
    "down": "B",
    "right": "C",
    "left": "D",
    "begin": "E",
    "end": "F",
    "home": "H",
}
"""CSI letter, or SS3 letter with application cursor keys."""

F1_LETTERS = {"f1": "P", "f2": "Q", "f3": "R", "f4": "S"}
"""SS3 letter, or CSI 1;m letter with modifiers."""

TILDE_NUMBERS = {
    "insert": 2,
    "delete": 3,
    "pageup": 5,
    "pagedown": 6,
    "f5": 15,
    "f6": 17,
    "f7": 18,
    "f8": 19,
    "f9": 20,
    "f10": 21,
    "f11": 23,
    "f12": 24,
    "f13": 25,
    "f14": 26,
    "f15": 28,
    "f16": 29,
    "f17": 31,
    "f18": 32,
    "f19": 33,
    "f20": 34,
    "f21": 42,
    "f22": 43,
    "f23": 44,
    "f24": 45,
}
"""CSI number ~."""

KEYPAD_LETTERS = {
    **{f"kp_{digit}": chr(ord("p") + digit) for digit in range(10)},
    "kp_multiply": "j",
    "kp_add": "k",
    "kp_separator": "l",
    "kp_subtract": "m",
    "kp_decimal": "n",
    "kp_divide": "o",
    "kp_equal": "X",
    "kp_enter": "M",
}
"""SS3 letter with the application keypad."""

KEYPAD_TEXT = {
    **{f"kp_{digit}": str(digit) for digit in range(10)},
    "kp_multiply": "*",
    "kp_add": "+",
    "kp_separator": ",",
    "kp_subtract": "-",
    "kp_decimal": ".",
    "kp_divide": "/",
    "kp_equal": "=",
    "kp_enter": "\r",
}
"""What the keypad types otherwise."""

BY_TILDE_NUMBER = {
    **{number: name for name, number in TILDE_NUMBERS.items()},
    # The Linux console, screen and rxvt; F1 to F4 are the VT220's.
    1: "home",
    4: "end",
    7: "home",
    8: "end",
    **{10 + number: f"f{number}" for number in range(1, 5)},
}

BY_CSI_LETTER = {letter: name for name, letter in {**CURSOR_LETTERS, **F1_LETTERS}.items()}

BY_SS3_LETTER = {
    **{letter: name for name, letter in KEYPAD_LETTERS.items()},
    **BY_CSI_LETTER,
}

BY_LINUX_LETTER = {letter: f"f{number}" for number, letter in enumerate("ABCDE", 1)}
"""CSI [ letter."""

_KITTY_CODE = {
    9: "tab",
    13: "enter",
    27: "escape",
    127: "backspace",
    57363: "menu",
    **{57376 + number: f"f{13 + number}" for number in range(12)},
    **{57399 + digit: f"kp_{digit}" for digit in range(10)},
    57409: "kp_decimal",
    57410: "kp_divide",
    57411: "kp_multiply",
    57412: "kp_subtract",
    57413: "kp_add",
    57414: "kp_enter",
    57415: "kp_equal",
    57416: "kp_separator",
}

BY_KITTY_CODE = {
    **_KITTY_CODE,
    # xterm's, for a Backspace that sends it.
    8: "backspace",
    57417: "left",
    57418: "right",
    57419: "up",
    57420: "down",
    57421: "pageup",
    57422: "pagedown",
    57423: "home",
    57424: "end",
    57425: "insert",
    57426: "delete",
    57427: "begin",
}

KITTY_CODES = {name: code for code, name in _KITTY_CODE.items()}
"""The number of CSI number u, for the keys that have no other form."""

KITTY_MODIFIERS = frozenset({57358, 57360, *range(57441, 57455)})
"""The numbers of keys that are modifiers: they are reported only where all keys are."""

SHIFTED = dict(zip("`1234567890-=[]\\;',./", '~!@#$%^&*()_+{}|:"<>?', strict=True))
"""What Shift makes of a key of a US keyboard, but for letters."""

MODIFY_OTHER_1 = {
    "enter": {1: 2, 3: 2, 4: 5, 5: 6, 7: 2},
    "tab": {4: 5},
    "escape": {3: 2, 6: 5, 7: 6},
}
"""xterm's parameter with modifyOtherKeys 1, by key and modifiers; it sends the rest as ever."""

BY_CONTROL = {0x09: "tab", 0x0D: "enter", 0x1B: "escape", 0x7F: "backspace"}
"""Control characters with a key of their own."""

CONTROL_CHARACTERS = {
    **{chr(ord("a") + n): 1 + n for n in range(26)},
    **{chr(ord("A") + n): 1 + n for n in range(26)},
    **dict(zip(" @2`", [0] * 4, strict=True)),
    **dict(zip("[\\]^_", range(0x1B, 0x20), strict=True)),
    **dict(zip("{|}", range(0x1B, 0x1E), strict=True)),
    **dict(zip("34567", range(0x1B, 0x20), strict=True)),
    "/": 0x1F,
    "~": 0x1E,
    "8": 0x7F,
    "?": 0x7F,
}
"""What Ctrl makes of a character (xterm, as XLookupString does)."""
