"""Which sequences of a guest's output matter beyond the engine that obeys them.

Line numbers depend on what clears, resets and switches screens, and neither engine tells how far
xterm's modifyOtherKeys goes. The guard passes every control sequence on in one piece, so what it
let through can be looked at without remembering anything.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Event(enum.Enum):
    """What a sequence does."""

    OUTPUT = "output"
    """Nothing in particular: ordinary output."""
    RESET = "reset"
    """RIS."""
    CLEAR = "clear"
    """ED 2 (and DECSED 2): the screen; a switch to an alternate screen that is cleared."""
    SCROLLBACK = "scrollback"
    """ED 3: the scrollback."""
    SWITCH = "switch"
    """May show the main or the alternate screen."""
    KEYS = "keys"
    """XTMODKEYS or XTFMTKEYS for the keys that have no sequence of their own."""
    VERSION = "version"
    """XTVERSION: asks for the terminal's name."""


MODIFY_OTHER_KEYS = (b"m", b"f")
"""Final bytes of the sequences that set modifyOtherKeys and formatOtherKeys."""

_OTHER_KEYS = 4
"""Their resource number."""

_MAX_VALUE = {b"m": 2, b"f": 1}

_NOTABLE = re.compile(
    rb"\x1b(?:c"
    rb"|\[\??([0-9;]*)J"
    rb"|\[\?([0-9;]*)([hlr])"
    rb"|\[>([0-9;]*)([mnfq]))"
)
_SCREENS = frozenset({47, 1047, 1049})
_CLEARED_SCREENS = frozenset({1047, 1049})


def split(data: bytes) -> Iterator[tuple[bytes, Event, dict[bytes, int]]]:
    """Cut output at the sequences that matter.

    Args:
        data: Output the guard let through.

    Yields:
        A piece, what it does (a sequence that matters is a piece of its own), and for `Event.KEYS`
        the new values by final byte.
    """
    at = 0
    for found in _NOTABLE.finditer(data):
        event, values = _judge(found)
        if event is Event.OUTPUT:
            continue
        if found.start() > at:
            yield data[at : found.start()], Event.OUTPUT, {}
        at = found.end()
        yield found[0], event, values
    if at < len(data):
        yield (data[at:] if at else data), Event.OUTPUT, {}


def _judge(found: re.Match[bytes]) -> tuple[Event, dict[bytes, int]]:
    """Return what a sequence does, and the values it sets."""
    erased, modes, mode_final, keys, keys_final = found.groups()
    if erased is not None:
        what = _numbers(erased)[0]
        return {2: Event.CLEAR, 3: Event.SCROLLBACK}.get(what, Event.OUTPUT), {}
    if modes is not None:
        numbers = _SCREENS.intersection(_numbers(modes))
        if not numbers:
            return Event.OUTPUT, {}
        cleared = mode_final == b"h" and numbers & _CLEARED_SCREENS
        return Event.CLEAR if cleared else Event.SWITCH, {}
    if keys_final == b"q":
        return (Event.OUTPUT if _numbers(keys)[0] else Event.VERSION), {}
    if keys is not None:
        return _other_keys(keys, keys_final)
    return Event.RESET, {}


def _other_keys(parameters: bytes, final: bytes) -> tuple[Event, dict[bytes, int]]:
    """Return what XTMODKEYS or XTFMTKEYS with these parameters does.

    Without any it resets all resources, without a value the one it names; CSI > 4 n disables
    modifyOtherKeys.
    """
    resource, value, *_ = *_numbers(parameters), 0
    if final == b"n":
        return (Event.KEYS, {b"m": 0}) if resource == _OTHER_KEYS else (Event.OUTPUT, {})
    if not parameters:
        return Event.KEYS, {final: 0}
    if resource != _OTHER_KEYS:
        return Event.OUTPUT, {}
    return Event.KEYS, {final: value if value <= _MAX_VALUE[final] else 0}


def _numbers(parameters: bytes) -> list[int]:
    """Return a sequence's parameters, 0 where one is left out."""
    return [int(number or b"0") for number in parameters.split(b";")]
