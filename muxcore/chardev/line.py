"""A serial line as the clients of RFC 2217 see it: what it is set to, and how to change that."""

from __future__ import annotations

from dataclasses import replace

from muxcore.chardev.heard import Item, LineValue
from muxcore.options.sets import SerialOptions

SETTINGS = (Item.SPEED, Item.BITS, Item.PARITY, Item.STOP, Item.FLOW)
"""What a line keeps while nobody has it open; each is an option of `serial`."""

SWITCHES = (Item.DTR, Item.RTS)
"""What is on whenever a port is opened."""

ALL_ON = 0xB0
"""The lines of a modem that is there and ready: CD, DSR and CTS."""

_RANGES = {
    Item.SPEED: (1, 12_000_000),
    Item.BITS: (5, 8),
    Item.STOP: (1, 2),
    Item.DTR: (0, 1),
    Item.RTS: (0, 1),
}


class Line:
    """A line without a port: it is as it was asked to be, without effect.

    Args:
        options: what it is set to at first.
    """

    def __init__(self, options: SerialOptions) -> None:
        self.settings: dict[Item, int | str] = {
            item: getattr(options, item.value) for item in SETTINGS
        }
        self._first = options

    @property
    def options(self) -> SerialOptions:
        """The options that ask for what the line is set to now."""
        now = {item.value: self.settings[item] for item in SETTINGS}
        return replace(self._first, **now)  # type: ignore[arg-type]  # each has its option's type

    def opened(self) -> None:
        """The port was opened, and set to `options`."""
        for item in SWITCHES:
            self.settings.pop(item, None)

    def value(self, item: Item) -> int | str:
        """What `item` is now, one of `SETTINGS`, `SWITCHES` and the flow in one direction."""
        return self.settings.get(Item.FLOW if item is Item.FLOW_IN else item, 1)

    def can_be(self, wish: LineValue) -> bool:
        """Whether any port could be so."""
        if wish.value is None or wish.item not in (*SETTINGS, *SWITCHES):
            return False
        low, high = _RANGES.get(wish.item, (0, 0))
        return isinstance(wish.value, str) or low <= wish.value <= high

    async def change(self, item: Item, value: int | str) -> None:
        """Make `item` be `value`, as far as it goes. Raises ChardevError."""
        self.settings[item] = value

    async def modem(self) -> int | None:
        """The modem's lines, as in `Item.MODEM`; None where there are none. Raises ChardevError."""
        return None

    async def errors(self) -> int:
        """The errors since the last call, as in `Item.ERRORS`. Raises ChardevError."""
        return 0
