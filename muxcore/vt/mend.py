"""Control sequences rewritten for engines that read them otherwise than xterm and tmux do.

What a sequence means stays the same; only its spelling changes to one that every engine obeys:

* SGR: in several sequences where it has more than `MAX_PARAMETERS`, empty parameters as zeros,
  unfinished colours left out.
* Counts of zero are ones for DCH, IL, DL, SU, SD, CHT and CBT, parameters beyond those a function
  has are left out, TBC has its default; TBC and ED have only the kinds there are.
* REP repeats at most `MAX_REPEAT` times: 65,535 wide characters of a hyperlink take libghostty-vt
  seconds, or crash it once they scroll in a region.
* DECSET and DECRST: in several sequences where there are many modes; DECOM homes the cursor;
  mouse tracking modes exclude each other, and resetting any of them ends tracking.
* DECALN resets margins and homes; DECSTR resets the cursor's shape, and is spelled out for
  libghostty-vt.
"""

from __future__ import annotations

MAX_PARAMETERS = 16
"""Parameters of a sequence that every engine reads."""

MAX_REPEAT = 4096
"""Times a character is repeated by one REP; as many as the widest line has cells."""

_SOFT_RESET = (
    b'\x1b[?6l\x1b[r\x1b[m\x1b[0"q\x1b(B\x1b)B\x1b*B\x1b+B\x0f\x1b[?7h\x1b7'
    b"\x1b[4l\x1b[?25h\x1b[?1l\x1b>\x1b[?45l"
)
"""The parts of DECSTR; the cursor is saved while it is at home."""

ALIGNMENT = b"\x1b[r\x1b[H\x1b#8"
"""DECALN with what it does to margins and cursor (DEC STD 070, 5-109)."""

DEFAULT_SHAPE = b"\x1b[0 q"
"""DECSCUSR for the default: xterm's DECSTR does that too, no engine's does."""

_ORIGIN = 6
_TRACKING = (9, 1000, 1002, 1003)
_COLOURS = frozenset({b"38", b"48", b"58"})
_COLOUR_SIZES = {b"5": 3, b"2": 5}
_OF_TWO = frozenset(b"Hfr")
_OF_ONE = frozenset(b"@ABCDEFGIJKLMPSXZ`abdeg")
_ZERO_IS_ONE = frozenset(b"ILMPSTZ")
_ERASURES = frozenset({b"", b"1", b"2", b"3"})
_TAB_CLEARS = frozenset({b"0", b"3"})


def mended(parameters: bytes, final: bytes) -> bytes:
    """Return what stands for an ordinary CSI sequence: one without private byte and intermediates.

    Args:
        parameters: Digits, semicolons and colons.
        final: One byte.
    """
    if final == b"m":
        return _attributes(parameters)
    wanted = 1 if final[0] in _OF_ONE else 2 if final[0] in _OF_TWO else MAX_PARAMETERS
    kept = parameters.split(b";")[:wanted]
    if final[0] in _ZERO_IS_ONE and not kept[0].strip(b"0"):
        kept[0] = b""
    if final == b"b" and kept[0].isdigit():
        kept[0] = b"%d" % min(int(kept[0]), MAX_REPEAT)
    if final == b"J" and kept[0].lstrip(b"0") not in _ERASURES:
        return b""
    if final == b"g":
        kept[0] = kept[0].lstrip(b"0") or b"0"
        if kept[0] not in _TAB_CLEARS:
            return b""
    return b"\x1b[" + b";".join(kept) + final


def modes(numbers: list[int], final: bytes) -> bytes:
    """Return a DECSET (`final` is `h`) or DECRST (`l`) of private modes, in their order."""
    parts: list[bytes] = []
    for number in numbers:
        if number in _TRACKING:
            parts += [b"?%dl" % other for other in _TRACKING if other != number]
        parts.append(b"?%d%b" % (number, final))
        if number == _ORIGIN:
            parts.append(b"H")
    return b"".join(b"\x1b[" + part for part in parts)


def soft_reset(row: int, col: int) -> bytes:
    """Return DECSTR by its parts (DEC STD 070, 5-102).

    Args:
        row: Where the cursor is, and stays; from 0.
        col: Likewise.
    """
    return _SOFT_RESET + b"\x1b[%d;%dH" % (row + 1, col + 1)


def _attributes(parameters: bytes) -> bytes:
    """Return SGR sequences of at most `MAX_PARAMETERS` parameters each."""
    lines: list[bytes] = []
    size = MAX_PARAMETERS
    for attribute in _split(parameters.split(b";")):
        more = attribute.count(b";") + attribute.count(b":") + 1
        size += more
        if size > MAX_PARAMETERS:
            lines.append(attribute)
            size = more
        else:
            lines[-1] += b";" + attribute
    return b"".join(b"\x1b[" + line + b"m" for line in lines)


def _split(parts: list[bytes]) -> list[bytes]:
    """Return attributes, a colour with all its parameters being one."""
    attributes: list[bytes] = []
    at = 0
    while at < len(parts):
        size = 1
        if parts[at] in _COLOURS:
            # A colour of an unknown kind ends after the kind, as in tmux.
            size = _COLOUR_SIZES.get(b"".join(parts[at + 1 : at + 2]), 2)
            colour = parts[at : at + size]
            if len(colour) == size > 2 and b":" not in b"".join(colour):
                attributes.append(b";".join(part or b"0" for part in colour))
        else:
            attributes.append(parts[at] or b"0")
        at += size
    return attributes
