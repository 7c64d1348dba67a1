"""Which sequences of a guest's output matter beyond the engine that obeys them.

Line numbers depend on what clears, resets and switches screens, and neither engine tells how far
xterm's modifyOtherKeys goes. The guard passes every control sequence on in one piece, so what it
let through can be looked at without remembering anything.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    Found: TypeAlias = tuple[re.Match[bytes], "Event", dict[bytes, int]]
    """A sequence, what it does and the values it sets."""


class Event(enum.Enum):
    """What a sequence does."""

    OUTPUT = "output"
    """Nothing in particular: ordinary output."""
    RESET = "reset"
    """RIS."""
    CLEAR = "clear"
    """ED 2, DECSED 2: the screen."""
    SCROLLBACK = "scrollback"
    """ED 3: the scrollback."""
    SWITCH = "switch"
    """May show the main or the alternate screen."""
    ALTERNATE = "alternate"
    """Shows the alternate screen, cleared."""
    KEYS = "keys"
    """XTMODKEYS or XTFMTKEYS for the keys that have no sequence of their own."""
    VERSION = "version"
    """XTVERSION: asks for the terminal's name."""


CLEARS = frozenset({Event.RESET, Event.CLEAR, Event.ALTERNATE})
"""What leaves nothing on the screen of what was there."""

ALONE = frozenset({*Event} - {Event.OUTPUT, Event.CLEAR, Event.KEYS})
"""What has to be obeyed by itself: what comes before is counted before it."""

MODIFY_OTHER_KEYS = (b"m", b"f")
"""Final bytes of the sequences that set modifyOtherKeys and formatOtherKeys."""

_NO_VALUES: dict[bytes, int] = {}

_OTHER_KEYS = 4
"""Their resource number."""

_MAX_VALUE = {b"m": 2, b"f": 1}

# Several patterns that begin with a constant, and one that is looked for only where its end is:
# a stream of many colours has an escape sequence in every tenth byte.
_RESET = re.compile(rb"\x1bc")
_PRIVATE = re.compile(rb"\x1b\[\?([0-9;]*+)([hlrJ])")
_SECONDARY = re.compile(rb"\x1b\[>([0-9;]*+)([mnfq])")
_ERASE = re.compile(rb"\x1b\[([0-9;]*+)J")
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
    for found, event, values in _notable(data):
        if found.start() > at:
            yield data[at : found.start()], Event.OUTPUT, {}
        at = found.end()
        yield found[0], event, values
    if at < len(data):
        yield (data[at:] if at else data), Event.OUTPUT, {}


def _notable(data: bytes) -> list[Found]:
    """Return the sequences that matter, first to last, and what they do."""
    found = [item for item in _candidates(data) if item[1] is not Event.OUTPUT]
    return sorted(found, key=lambda item: item[0].start())


def _candidates(data: bytes) -> Iterator[Found]:
    """Yield the sequences that may matter, kind by kind."""
    for match in _RESET.finditer(data):
        yield match, Event.RESET, _NO_VALUES
    for match in _PRIVATE.finditer(data):
        yield match, _judge_private(match[1], match[2]), _NO_VALUES
    for match in _SECONDARY.finditer(data):
        yield match, *_judge_secondary(match[1], match[2])
    if b"J" in data:
        for match in _ERASE.finditer(data):
            yield match, _judge_erase(match[1]), _NO_VALUES


def _judge_erase(parameters: bytes) -> Event:
    """Return what ED or DECSED does."""
    what = _numbers(parameters)[0]
    return {2: Event.CLEAR, 3: Event.SCROLLBACK}.get(what, Event.OUTPUT)


def _judge_private(parameters: bytes, final: bytes) -> Event:
    """Return what DECSET, DECRST, XTRESTORE or DECSED does."""
    if final == b"J":
        return _judge_erase(parameters)
    screens = _SCREENS.intersection(_numbers(parameters))
    if not screens:
        return Event.OUTPUT
    return Event.ALTERNATE if final == b"h" and screens & _CLEARED_SCREENS else Event.SWITCH


def _judge_secondary(parameters: bytes, final: bytes) -> tuple[Event, dict[bytes, int]]:
    """Return what a sequence with the prefix `>` does, and the values it sets."""
    if final != b"q":
        return _other_keys(parameters, final)
    return (Event.OUTPUT if _numbers(parameters)[0] else Event.VERSION), _NO_VALUES


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
