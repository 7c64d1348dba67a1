"""xterm's modifyOtherKeys: keys with modifiers for a guest that asked to tell them apart.

Source: xterm's ctlseqs (XTMODKEYS, CSI > 4 ; level m) and modified-keys, and what XTerm(379) sends,
recorded in tests/muxcore/vt/xterm_keys.tsv.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from muxcore.vt import keytable as table
from muxcore.vt.keys import Modifiers

if TYPE_CHECKING:
    from muxcore.vt.engine import Modes
    from muxcore.vt.keys import Key

_CODES = {"enter": 0x0D, "tab": 0x09, "escape": 0x1B}

_KNOWN = Modifiers.SHIFT | Modifiers.ALT | Modifiers.CTRL | Modifiers.SUPER


def held_by(modifiers: Modifiers) -> Modifiers:
    """Return the modifiers that xterm knows; its Meta has the bit of kitty's Super."""
    meta = Modifiers.SUPER if Modifiers.META in modifiers else Modifiers.NONE
    return modifiers & _KNOWN | meta


def character_of(key: Key) -> str:
    """Return the character that a key is with its modifiers, nothing for a key with a name."""
    if len(key.key) != 1:
        return ""
    if Modifiers.SHIFT not in key.modifiers:
        return key.key
    upper = key.key.upper()
    return table.SHIFTED.get(key.key, upper if len(upper) == 1 else key.key)


def other_key(key: Key, modes: Modes, legacy: bytes) -> bytes:
    """Return `key` as modifyOtherKeys has it, nothing where that leaves it as it is.

    `legacy` is what the key sends without it.
    """
    held = held_by(key.modifiers)
    if not modes.modify_other_keys or not held:
        return b""
    character = character_of(key)
    if modes.modify_other_keys == 1:
        held = _level_1(key.key, character, held)
    else:
        held = _level_2(key.key, character, held)
    if not held:
        return b""
    code = ord(character) if character else _CODES.get(key.key, legacy[-1])
    if character.isupper() or character in table.SHIFTED.values():
        held |= Modifiers.SHIFT
    if modes.format_other_keys:
        return f"\x1b[{code};{1 + held}u".encode()
    return f"\x1b[27;{1 + held};{code}~".encode()


def _level_1(key: str, character: str, held: Modifiers) -> Modifiers:
    """Return the modifiers to tell: those of keys that make no control character with Ctrl."""
    if not character:
        return Modifiers(table.MODIFY_OTHER_1.get(key, {}).get(int(held), 1) - 1)
    known = character in table.CONTROL_CHARACTERS and character != "?"
    if known or Modifiers.CTRL not in held:
        return Modifiers.NONE
    return held & ~Modifiers.ALT


def _level_2(key: str, character: str, held: Modifiers) -> Modifiers:
    """Return the modifiers to tell: all, but for what Shift or Ctrl alone always did."""
    always = {"tab": Modifiers.SHIFT, "backspace": Modifiers.CTRL}.get(key)
    if "!" <= character <= "?":
        always = Modifiers.SHIFT
    if held == always or not (character or key == "backspace" or key in _CODES):
        return Modifiers.NONE
    return held
