"""Telnet (RFC 854, 855), as far as a console needs it.

Our own: the libraries there are own the socket, know no break and no window
size on the server's side, or negotiate what a console must refuse.

A server says first what QEMU's says (IAC WILL ECHO, WILL SGA, WILL BINARY, DO
BINARY: the client passes every key on as it is typed) and asks for the window
size. A client says nothing first. Options are negotiated as RFC 1143 asks, so
that no answer is answered for ever. With a `ComPort` the client says first that
it speaks RFC 2217 and BINARY. 0xFF is doubled both ways, which QEMU does
not do towards the client. A subnegotiation is kept to `KEPT` bytes, and one
without an end is an error after `LONGEST`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum

from muxcore.chardev.heard import Break, Heard, LineValue, WindowSize
from muxcore.chardev.layers.base import Layer
from muxcore.chardev.layers.comport import COM_PORT, ComPort
from muxcore.errors import StreamError

IAC, DONT, DO, WONT, WILL, SB = 255, 254, 253, 252, 251, 250
AYT, BRK, SE = 246, 243, 240
BINARY, ECHO, SGA, NAWS = 0, 1, 3, 31
"""RFC 856, 857, 858 and 1073."""

KEPT = 16
"""Bytes of a subnegotiation that are looked at; the longest has 6, an IAC SB and IAC SE apart."""

LONGEST = 4096
"""Bytes of a subnegotiation after which its end is no longer waited for."""

HERE = b"\r\n[muxtui is here]\r\n"
"""The answer to AYT, which asks for something that can be seen."""

KEYS = {
    236: b"\x04",  # EOF (RFC 1184)
    237: b"\x1a",  # SUSP
    238: b"\x1c",  # ABORT
    244: b"\x03",  # IP
    247: b"\x7f",  # EC
    248: b"\x15",  # EL
}
"""Commands that mean a key, as a telnetd gives its terminal the special characters."""

_END_OF_LINE = re.compile(rb"\r[\0\n]")
_PLAIN = re.compile(rb"(?:[^\xff]++|(?:\xff\xff)++)*+")
_BARE_CR = re.compile(rb"\r(?=[^\n])")


class _Option(Enum):
    OFF = 0
    ASKED = 1
    ON = 2


class _Side:
    """The options of one side: which it may have, and how each is (RFC 1143).

    `agree` and `refuse` are what we answer for this side: WILL and WONT for our
    own options, DO and DONT for theirs.
    """

    def __init__(self, supported: set[int], agree: int, refuse: int) -> None:
        self._agree = agree
        self._refuse = refuse
        self._options = dict.fromkeys(supported, _Option.OFF)

    def on(self, option: int) -> bool:
        """Whether both sides agreed on it."""
        return self._options.get(option) is _Option.ON

    def ask(self, option: int) -> bytes:
        """Ask for `option`."""
        self._options[option] = _Option.ASKED
        return bytes((IAC, self._agree, option))

    def wanted(self, option: int) -> bytes:
        """The far end agrees to, or asks for, `option`; returns our answer."""
        state = self._options.get(option)
        if state is None:
            return bytes((IAC, self._refuse, option))
        self._options[option] = _Option.ON
        return bytes((IAC, self._agree, option)) if state is _Option.OFF else b""

    def unwanted(self, option: int) -> bytes:
        """The far end refuses, or ends, `option`; returns our answer."""
        state = self._options.get(option, _Option.OFF)
        if state is not _Option.OFF:
            self._options[option] = _Option.OFF
        return bytes((IAC, self._refuse, option)) if state is _Option.ON else b""


class Telnet(Layer):
    """One telnet connection.

    Args:
        server: whether the far end is the one with the keyboard.
        com_port: our side of RFC 2217, if it is spoken.
    """

    def __init__(self, *, server: bool, com_port: ComPort | None = None) -> None:
        super().__init__()
        self._server = server
        self._com_port = com_port
        ours, theirs = {BINARY, SGA, ECHO}, {BINARY, SGA, NAWS}
        if com_port is not None:
            ours.add(COM_PORT)
            theirs.add(COM_PORT)
        if not server:
            ours, theirs = theirs, ours
        self._ours = _Side(ours, WILL, WONT)
        self._theirs = _Side(theirs, DO, DONT)
        self._size: WindowSize | None = None
        self._state: Callable[[int], bytes] | None = None
        self._verb = 0
        self._sub = bytearray()
        self._sub_length = 0
        self._after_cr = False
        self._sent_cr = False

    def begin(self) -> None:
        """See `Layer.begin`; but for a client's RFC 2217 nothing has to be agreed to."""
        self.ready = self._com_port is None or self._com_port.ready
        ours, theirs = [ECHO, SGA, BINARY], [BINARY, NAWS]
        # Only a client asks for RFC 2217: pyserial's takes a server's DO for the answer to a WILL
        # that it then never sends.
        if not self._server:
            if self._com_port is None:
                return
            ours, theirs = [COM_PORT, BINARY, SGA], [BINARY, SGA]
        for option in ours:
            self._outgoing += self._ours.ask(option)
        for option in theirs:
            self._outgoing += self._theirs.ask(option)

    @property
    def suspended(self) -> bool:
        """See `Layer.suspended`."""
        return self._com_port is not None and self._com_port.suspended

    # From the far end.

    def receive(self, data: bytes) -> bytes:
        """See `Layer.receive`."""
        if self._state is None and IAC not in data:
            return self._from_nvt(data)
        plain = bytearray()
        at = 0
        while at < len(data):
            if self._state is not None:
                plain += self._state(data[at])
                at += 1
                continue
            # It matches anywhere, if only nothing.
            if (match := _PLAIN.match(data, at)) and match.end() > at:
                at = match.end()
                plain += self._undoubled(match[0])
            else:
                self._state = self._command
                at += 1
        return bytes(plain)

    def _undoubled(self, data: bytes) -> bytes:
        """Plain bytes, in which every 255 stands twice; none of them belongs to a line's end."""
        if self._theirs.on(BINARY):
            self._after_cr = False
            return data.replace(b"\xff\xff", b"\xff")
        first, *rest = data.split(b"\xff\xff")
        parts = [self._from_nvt(first)]
        for part in rest:
            self._after_cr = False
            parts.append(self._from_nvt(part))
        return b"\xff".join(parts)

    def _from_nvt(self, data: bytes) -> bytes:
        """Undo what a network virtual terminal does to a CR, unless both agreed on BINARY.

        A client's Enter is CR NUL or CR LF there; a server's CR NUL is a CR.
        """
        if self._theirs.on(BINARY):
            self._after_cr = False
            return data
        if self._after_cr and data[:1] in ((b"\0", b"\n") if self._server else (b"\0",)):
            data = data[1:]
            self._after_cr = False
        if data:
            self._after_cr = data.endswith(b"\r")
        return _END_OF_LINE.sub(b"\r", data) if self._server else data.replace(b"\r\0", b"\r")

    def _command(self, byte: int) -> bytes:
        """The byte after an IAC."""
        self._state = None
        if byte == IAC:
            self._after_cr = False
            return b"\xff"
        if byte in (WILL, WONT, DO, DONT):
            self._verb = byte
            self._state = self._option
        elif byte == SB:
            self._sub.clear()
            self._sub_length = 0
            self._state = self._subnegotiation
        elif byte == BRK:
            self._heard.append(Break())
        elif self._server and byte == AYT:
            self.send(HERE)
        elif self._server:
            return KEYS.get(byte, b"")
        return b""

    def _option(self, option: int) -> bytes:
        """The byte after IAC WILL, WONT, DO or DONT."""
        self._state = None
        side = self._ours if self._verb in (DO, DONT) else self._theirs
        # The one who asks for a port is the client, whoever offered.
        client = self._theirs if self._server else self._ours
        had_size, had_port = self._ours.on(NAWS), client.on(COM_PORT)
        wanted = self._verb in (WILL, DO)
        self._outgoing += side.wanted(option) if wanted else side.unwanted(option)
        if self._ours.on(NAWS) and not had_size:
            self._tell_size()
        if self._com_port is not None and option == COM_PORT and side is client:
            if not wanted:
                self._com_port.refused()
            elif not had_port:
                self._say(self._com_port, self._com_port.agreed())
        return b""

    def _say(self, com_port: ComPort, subnegotiations: list[bytes]) -> None:
        """Send what the com port has to say, and take what it heard."""
        self._heard += com_port.heard
        com_port.heard.clear()
        self.ready = com_port.ready
        for said in subnegotiations:
            value = said.replace(b"\xff", b"\xff\xff")
            self._outgoing += bytes((IAC, SB, COM_PORT)) + value + bytes((IAC, SE))

    def _subnegotiation(self, byte: int) -> bytes:
        """A byte between IAC SB and IAC SE."""
        if byte == IAC:
            self._state = self._subnegotiation_command
        else:
            self._keep(byte)
        return b""

    def _subnegotiation_command(self, byte: int) -> bytes:
        """The byte after an IAC there; any but IAC ends it, as no other may come (RFC 855)."""
        if byte == IAC:
            self._state = self._subnegotiation
            self._keep(byte)
            return b""
        if byte != SE:
            return self._command(byte)
        self._state = None
        if self._sub[:1] == bytes((NAWS,)) and self._sub_length == 5:
            cols, rows = int.from_bytes(self._sub[1:3]), int.from_bytes(self._sub[3:5])
            # 0 is "unknown" (RFC 1073).
            if rows and cols:
                self._heard.append(WindowSize(rows, cols))
        elif self._com_port is not None and self._sub[:1] == bytes((COM_PORT,)) < self._sub:
            answers = self._com_port.receive(self._sub[1], bytes(self._sub[2:]))
            self._say(self._com_port, answers)
        return b""

    def _keep(self, byte: int) -> None:
        self._sub_length += 1
        if len(self._sub) < KEPT:
            self._sub.append(byte)
        if self._sub_length > LONGEST:
            raise StreamError("telnet: a subnegotiation without an end")

    # To the far end.

    def send(self, data: bytes) -> None:
        """See `Layer.send`."""
        if not data:
            return
        if not self._ours.on(BINARY):
            data = self._to_nvt(data)
        self._outgoing += data.replace(b"\xff", b"\xff\xff")

    def _to_nvt(self, data: bytes) -> bytes:
        """Let no CR stand alone (RFC 854, "The NVT printer and keyboard").

        What a server prints may be an end of line, CR LF; what a client types is a key.
        """
        if not self._server:
            return data.replace(b"\r", b"\r\0")
        pad = b"\0" if self._sent_cr and data[:1] != b"\n" else b""
        self._sent_cr = data.endswith(b"\r")
        return pad + _BARE_CR.sub(b"\r\0", data)

    def tell(self, what: Heard) -> None:
        """See `Layer.tell`; a size waits until the server asks for it."""
        if isinstance(what, Break):
            self._outgoing += bytes((IAC, BRK))
        elif isinstance(what, LineValue):
            if self._com_port is not None:
                self._say(self._com_port, self._com_port.tell(what))
        else:
            self._size = what
            if self._ours.on(NAWS):
                self._tell_size()

    def _tell_size(self) -> None:
        if self._size is not None:
            sides = (min(side, 0xFFFF) for side in (self._size.cols, self._size.rows))
            value = b"".join(side.to_bytes(2) for side in sides).replace(b"\xff", b"\xff\xff")
            self._outgoing += bytes((IAC, SB, NAWS)) + value + bytes((IAC, SE))
