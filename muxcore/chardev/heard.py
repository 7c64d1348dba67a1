"""What a far end says, or is told, beside the bytes: by telnet, in frames, on a real line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Break:
    """A break condition."""


@dataclass(frozen=True)
class WindowSize:
    """The size of a view in character cells; neither side is 0."""

    rows: int
    cols: int


class Item(StrEnum):
    """What there is about a serial line, and what its value is (RFC 2217)."""

    SPEED = "speed"
    """Baud."""
    BITS = "bits"
    """Data bits."""
    PARITY = "parity"
    """As the option `parity`."""
    STOP = "stop"
    """Stop bits."""
    FLOW = "flow"
    """As the option `flow`."""
    FLOW_IN = "flow-in"
    """`FLOW` for one direction alone, which can only be asked for."""
    BREAK = "break"
    """1 while there is a break condition."""
    DTR = "dtr"
    """1 or 0."""
    RTS = "rts"
    """1 or 0."""
    PURGE = "purge"
    """What waits is dropped: 1 on its way from the line, 2 on its way to it, 3 both."""
    MODEM = "modem"
    """CD 128, RI 64, DSR 32 and CTS 16; it cannot be set."""
    ERRORS = "errors"
    """A break 16, framing 8, parity 4 and overrun 2 since the last time; it cannot be set."""


@dataclass(frozen=True)
class LineValue:
    """A wish for something about a serial line (None: to be told), or the answer to one."""

    item: Item
    value: int | str | None


Heard = Break | WindowSize | LineValue
