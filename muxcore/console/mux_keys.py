"""The keys of QEMU's mux: what one person typed, told apart from what is for the guest. No I/O.

They act behind an escape character, C-a unless it is said (chardev/char-mux.c,
`mux_proc_byte`; the `-echr` of system/vl.c). Every peer has a state of its own,
so that one person's C-a and another's x never combine. A key that means
nothing is swallowed, as in QEMU.
"""

from __future__ import annotations

from enum import Enum

ESCAPE = 0x01
"""C-a."""

_HELP = (
    "% h    print this help\n\r"
    "% x    exit emulator\n\r"
    "% s    save disk data back to file (if -snapshot)\n\r"
    "% t    toggle console timestamps\n\r"
    "% b    send break (magic sysrq)\n\r"
    "% c    switch between console and monitor\n\r"
    "% %  sends %\n\r"
)


class Key(Enum):
    """What is asked for: the value is the key behind the escape character.

    `EXIT` and `STAY` are the answers to the question that `ASK` asks for.
    """

    HELP = "h"
    ASK = "x"
    COMMIT = "s"
    BREAK = "b"
    SWITCH = "c"
    STAMPS = "t"
    EXIT = "y"
    STAY = "n"


_KEYS = {ord(key.value): key for key in Key if key not in (Key.EXIT, Key.STAY)}
_KEYS[ord("?")] = Key.HELP


class _State(Enum):
    PLAIN = 0
    ESCAPED = 1
    ASKED = 2


class MuxKeys:
    """One peer's keys.

    Args:
        escape: the escape character's code, 0 to 255.
    """

    def __init__(self, escape: int = ESCAPE) -> None:
        self._escape = bytes([escape])
        self._state = _State.PLAIN

    def feed(self, data: bytes) -> list[bytes | Key]:
        """What `data` says, in order: bytes for the guest that has the focus, and keys.

        Behind `Key.ASK` the next byte is the answer, y or not.
        """
        items: list[bytes | Key] = []
        at = 0
        while at < len(data):
            if self._state is _State.PLAIN:
                end = data.find(self._escape, at)
                if end < 0:
                    items.append(data[at:])
                    break
                if end > at:
                    items.append(data[at:end])
                self._state = _State.ESCAPED
                at = end + 1
            else:
                item = self._act(data[at : at + 1])
                if item is not None:
                    items.append(item)
                at += 1
        return items

    def _act(self, byte: bytes) -> bytes | Key | None:
        asked = self._state is _State.ASKED
        self._state = _State.PLAIN
        if asked:
            return Key.EXIT if byte in b"yY" else Key.STAY
        if byte == self._escape:
            return byte
        key = _KEYS.get(byte[0])
        if key is Key.ASK:
            self._state = _State.ASKED
        return key


def help_text(escape: int = ESCAPE) -> bytes:
    """QEMU's help, byte for byte (`mux_print_help`; its lines end in LF CR)."""
    if 0 < escape < 26:
        name, head = f"C-{chr(escape - 1 + ord('a'))}", "\n\r"
    else:
        name, head = "Escape-Char", f"\n\rEscape-Char set to Ascii: 0x{escape:02x}\n\r\n\r"
    return (head + _HELP.replace("%", name)).encode()
