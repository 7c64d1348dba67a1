"""The prefix key of `muxtui attach`: what is for the guest, and what is for us."""

from __future__ import annotations

import re
from enum import Enum

PREFIX = b"\x1d"
"""ctrl+]"""

# The same key as a terminal sends it when the guest asked for kitty's protocol or modifyOtherKeys.
_ENCODED = re.compile(rb"\x1b\[(?:93;5u|27;5;93~)")


class Action(Enum):
    """What the key after the prefix asks for."""

    DETACH = "d"
    BREAK = "b"
    HELP = "?"


class Prefix:
    """Splits what is typed, which may be cut anywhere, into input and actions."""

    def __init__(self) -> None:
        self._pressed = False

    def feed(self, data: bytes) -> list[bytes | Action]:
        """The input for the guest and the actions in `data`, in order; unknown keys ask for help.

        The prefix pressed twice is the key itself.
        """
        found: list[bytes | Action] = []
        input = bytearray()
        for byte in _ENCODED.sub(PREFIX, data):
            key = bytes([byte])
            if not self._pressed and key == PREFIX:
                self._pressed = True
                continue
            if not self._pressed or key == PREFIX:
                input += key
            else:
                if input:
                    found.append(bytes(input))
                    input.clear()
                found.append(_ACTIONS.get(key, Action.HELP))
            self._pressed = False
        if input:
            found.append(bytes(input))
        return found


_ACTIONS = {action.value.encode(): action for action in Action}
