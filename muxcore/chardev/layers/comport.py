"""The com port option of telnet (RFC 2217): a serial line's settings beside its bytes.

Our own: pyserial's PortManager is a whole telnet of its own, whose
subnegotiations have no bound, raises what a client makes it raise (a parity of
9 is a KeyError), and sets the port within the parser, where a dead adapter
holds up everybody.

`ComPortServer` and `ComPortClient` do no I/O. They are given the
subnegotiations of the option and say what to send.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from muxcore.chardev.heard import Heard, Item, LineValue
from muxcore.errors import StreamError

COM_PORT = 44

SIGNATURE, SET_CONTROL, NOTIFY_LINE, NOTIFY_MODEM = 0, 5, 6, 7
SUSPEND, RESUME, LINE_MASK, MODEM_MASK = 8, 9, 10, 11
FROM_SERVER = 100
"""What a server's codes are greater by than a client's."""

NAME = b"muxtui"

PARITIES = {1: "none", 2: "odd", 3: "even", 4: "mark", 5: "space"}
_NUMBERS = {Item.SPEED: (1, 4), Item.BITS: (2, 1), Item.STOP: (4, 1), Item.PURGE: (12, 1)}
"""Code and length of what is a number."""
_CONTROLS: dict[int, LineValue] = {
    0: LineValue(Item.FLOW, None),
    1: LineValue(Item.FLOW, "none"),
    2: LineValue(Item.FLOW, "xonxoff"),
    3: LineValue(Item.FLOW, "rtscts"),
    4: LineValue(Item.BREAK, None),
    5: LineValue(Item.BREAK, 1),
    6: LineValue(Item.BREAK, 0),
    7: LineValue(Item.DTR, None),
    8: LineValue(Item.DTR, 1),
    9: LineValue(Item.DTR, 0),
    10: LineValue(Item.RTS, None),
    11: LineValue(Item.RTS, 1),
    12: LineValue(Item.RTS, 0),
    13: LineValue(Item.FLOW_IN, None),
    14: LineValue(Item.FLOW_IN, "none"),
    15: LineValue(Item.FLOW_IN, "xonxoff"),
    16: LineValue(Item.FLOW_IN, "rtscts"),
    # By DCD, which Linux has not.
    17: LineValue(Item.FLOW, None),
    18: LineValue(Item.FLOW_IN, "dsrdtr"),
    19: LineValue(Item.FLOW, "dsrdtr"),
}
_CONTROL_CODES = {value: code for code, value in reversed(_CONTROLS.items())}
_CODES = {code: (item, length) for item, (code, length) in _NUMBERS.items()}
_PARITY = 3


def decode(code: int, payload: bytes) -> LineValue | None:
    """What a setting's code, a client's, and its value mean; None if nothing.

    A value there is not asks to be told the present one, as 0 does.
    """
    if not payload:
        return None
    if code == SET_CONTROL:
        return _CONTROLS.get(payload[0])
    if code == _PARITY:
        return LineValue(Item.PARITY, PARITIES.get(payload[0]))
    item, length = _CODES.get(code, (None, 0))
    if item is None or len(payload) < length:
        return None
    return LineValue(item, int.from_bytes(payload[:length]) or None)


def encode(value: LineValue) -> tuple[int, bytes]:
    """The code, a client's, and the value that ask for `value`; the inverse of `decode`."""
    if value.item in _NUMBERS:
        code, length = _NUMBERS[value.item]
        return code, int(value.value or 0).to_bytes(length)
    if value.item is Item.PARITY:
        return _PARITY, bytes((_PARITY_CODES.get(value.value, 0),))
    return SET_CONTROL, bytes((_CONTROL_CODES[value],))


_PARITY_CODES: dict[int | str | None, int] = {name: code for code, name in PARITIES.items()}


class ComPort(ABC):
    """One side of the option.

    `ready` is true once the line may be used. While `suspended` the far end
    takes no bytes.
    """

    def __init__(self) -> None:
        self.ready = False
        self.suspended = False
        self.heard: list[Heard] = []

    @abstractmethod
    def agreed(self) -> list[bytes]:
        """Both sides have the option: the subnegotiations to begin with."""

    @abstractmethod
    def refused(self) -> None:
        """The far end has no such option. Raises StreamError if it must have."""

    @abstractmethod
    def receive(self, code: int, payload: bytes) -> list[bytes]:
        """A subnegotiation; returns those to answer it with. Raises StreamError."""

    @abstractmethod
    def tell(self, value: LineValue) -> list[bytes]:
        """The subnegotiations that tell the far end of `value`."""


class ComPortServer(ComPort):
    """The side with the line: what a client asks for is heard, and told when it is so.

    RFC 2217, 3: at first a client is notified of every change of the modem's
    lines, and of no error.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ready = True
        self._on = False
        self._modem: int | None = None
        self._modem_mask = 0xFF
        self._line_mask = 0
        self._line_asked = False

    def agreed(self) -> list[bytes]:
        """See `ComPort.agreed`; the client is told the modem's lines as soon as they are known."""
        if not self._on:
            self._on = True
            self.heard.append(LineValue(Item.MODEM, None))
        return []

    def refused(self) -> None:
        """See `ComPort.refused`; it is a plain telnet client then."""

    def receive(self, code: int, payload: bytes) -> list[bytes]:
        """See `ComPort.receive`."""
        if code == SIGNATURE:
            return [] if payload else [self._said(SIGNATURE, NAME)]
        if code == SUSPEND:
            self.suspended = True
        elif code == RESUME:
            self.suspended = False
        elif code == LINE_MASK and payload:
            self._line_mask = payload[0]
            return [self._said(code, payload[:1])]
        elif code == MODEM_MASK and payload:
            self._modem_mask = payload[0]
            return [self._said(code, payload[:1])]
        elif code == NOTIFY_MODEM:
            self._modem = None
            self.heard.append(LineValue(Item.MODEM, None))
        elif code == NOTIFY_LINE:
            self._line_asked = True
            self.heard.append(LineValue(Item.ERRORS, None))
        elif (wish := decode(code, payload)) is not None:
            self.heard.append(wish)
        return []

    def tell(self, value: LineValue) -> list[bytes]:
        """See `ComPort.tell`; of the modem's lines and of errors only what is asked for."""
        if not self._on:
            return []
        if value.item is Item.MODEM:
            return self._tell_modem(int(value.value or 0))
        if value.item is Item.ERRORS:
            return self._tell_errors(int(value.value or 0))
        code, payload = encode(value)
        return [self._said(code, payload)]

    def _tell_modem(self, lines: int) -> list[bytes]:
        before, self._modem = self._modem, lines
        # The four bits below tell what changed; of RI only that it ended.
        changed = 0 if before is None else before ^ lines
        deltas = (changed & (0xB0 | (before or 0) & 0x40)) >> 4
        shown = (lines | deltas) & self._modem_mask
        if before is not None and not (changed | deltas) & self._modem_mask:
            return []
        return [self._said(NOTIFY_MODEM, bytes((shown,)))]

    def _tell_errors(self, errors: int) -> list[bytes]:
        asked, self._line_asked = self._line_asked, False
        if not asked and not errors & self._line_mask:
            return []
        shown = errors if asked else errors & self._line_mask
        return [self._said(NOTIFY_LINE, bytes((shown,)))]

    @staticmethod
    def _said(code: int, payload: bytes) -> bytes:
        return bytes((code + FROM_SERVER,)) + payload


class ComPortClient(ComPort):
    """The side without: the line is as wished for before anything else goes over it.

    A server that does not answer what is asked of flow control, DTR and RTS is
    taken as it is, as pyserial's `ign_set_control` does: some do not.

    Args:
        wishes: what the line must be like, by item; it is not copied.
        told: called with what the server tells of the line from then on.
    """

    def __init__(
        self,
        wishes: Mapping[Item, int | str],
        told: Callable[[LineValue], None] = lambda _: None,
    ) -> None:
        super().__init__()
        self._wishes = wishes
        self._told = told
        self._open = {Item.SPEED, Item.BITS, Item.PARITY, Item.STOP} & wishes.keys()

    def agreed(self) -> list[bytes]:
        """See `ComPort.agreed`."""
        asked = [self._ask(LineValue(item, value)) for item, value in self._wishes.items()]
        return [] if self.ready else asked

    def refused(self) -> None:
        """See `ComPort.refused`."""
        raise StreamError("the far end does not speak RFC 2217")

    def receive(self, code: int, payload: bytes) -> list[bytes]:
        """See `ComPort.receive`."""
        # Some servers send a client's codes for these two.
        if code in (SUSPEND, RESUME, SUSPEND + FROM_SERVER, RESUME + FROM_SERVER):
            self.suspended = code % FROM_SERVER == SUSPEND
        elif code in (SIGNATURE, SIGNATURE + FROM_SERVER):
            return [] if payload else [bytes((SIGNATURE,)) + NAME]
        elif code == NOTIFY_MODEM + FROM_SERVER and payload:
            self._told(LineValue(Item.MODEM, payload[0] & 0xF0))
        elif code == NOTIFY_LINE + FROM_SERVER and payload:
            self._told(LineValue(Item.ERRORS, payload[0] & 0x1E))
        elif code > FROM_SERVER:
            answer = decode(code - FROM_SERVER, payload)
            if answer is not None:
                self._answered(answer)
        return []

    def tell(self, value: LineValue) -> list[bytes]:
        """See `ComPort.tell`."""
        return [self._ask(value)]

    def _answered(self, answer: LineValue) -> None:
        if not self.ready and answer.item in self._open:
            wanted = self._wishes[answer.item]
            if not agree(answer.item, wanted, answer.value):
                raise StreamError(
                    f"{answer.item} {wanted} was asked for and the port has {answer.value}"
                )
            self._open.discard(answer.item)
            self.ready = not self._open
        self._told(answer)

    @staticmethod
    def _ask(value: LineValue) -> bytes:
        if value.item is Item.MODEM:
            return bytes((NOTIFY_MODEM,))
        if value.item is Item.ERRORS:
            return bytes((NOTIFY_LINE,))
        code, payload = encode(value)
        return bytes((code,)) + payload


def agree(item: Item, wanted: int | str, is_now: int | str | None) -> bool:
    """Whether the line is as wanted; a speed within 2 % is, as Linux has it (tty_baudrate.c)."""
    if item is Item.SPEED and isinstance(wanted, int) and isinstance(is_now, int):
        return abs(wanted - is_now) * 50 <= wanted
    return wanted == is_now
