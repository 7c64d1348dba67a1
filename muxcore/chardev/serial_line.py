"""The line of a serial port of this machine: termios, tty_ioctl(4). pyserial sets it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import termios
from collections.abc import Callable
from typing import Protocol, TypeVar

import serial

from muxcore.chardev.base import Stream
from muxcore.chardev.heard import Item
from muxcore.chardev.layers.comport import agree
from muxcore.chardev.line import Line
from muxcore.chardev.thread import in_thread
from muxcore.errors import ChardevError, OpenError, StreamError, describe_os_error
from muxcore.options.sets import SerialOptions

T = TypeVar("T")

PARITIES = {
    "none": serial.PARITY_NONE,
    "even": serial.PARITY_EVEN,
    "odd": serial.PARITY_ODD,
    "mark": serial.PARITY_MARK,
    "space": serial.PARITY_SPACE,
}

TCGETS2, TIOCGICOUNT, CMSPAR = 0x802C542A, 0x545D, 0o10000000000
"""The speed as a number, the counters of errors, and mark or space parity."""

_TERMIOS2 = struct.Struct("4I 20x 2I")
_COUNTERS = struct.Struct("11i 36x")
"""struct serial_icounter_struct: after CTS, DSR, RI, CD, in and out come the errors."""

_BITS = {termios.CS5: 5, termios.CS6: 6, termios.CS7: 7, termios.CS8: 8}
_SWITCHES = {Item.DTR: termios.TIOCM_DTR, Item.RTS: termios.TIOCM_RTS}
_MODEM = (
    (termios.TIOCM_CD, 0x80),
    (termios.TIOCM_RI, 0x40),
    (termios.TIOCM_DSR, 0x20),
    (termios.TIOCM_CTS, 0x10),
)
_NO_SUCH_LINES = {errno.ENOTTY, errno.EINVAL}


class Port(Protocol):
    """Whose line it is."""

    @property
    def first_stream(self) -> Stream | None:
        """The port's descriptor, while it is open."""


class LocalLine(Line):
    """See the module. Everything is done in a thread: a dead adapter may take seconds."""

    def __init__(self, port: Port, options: SerialOptions) -> None:
        super().__init__(options)
        self._port = port
        self._counted: tuple[int, ...] | None = None

    def opened(self) -> None:
        """See `Line.opened`."""
        super().opened()
        self._counted = None

    async def change(self, item: Item, value: int | str) -> None:
        """See `Line.change`; a port that is not open is set so when it is."""
        if item in _SWITCHES:
            await self._with_port(lambda fd: switch(fd, _SWITCHES[item], on=bool(value)), None)
            self.settings[item] = value
            return
        before = self.settings[item]
        self.settings[item] = value
        wanted = self.options
        try:
            real = await self._with_port(lambda fd: set_line(fd, wanted), None)
        except ChardevError:
            self.settings[item] = before
            as_before = self.options
            # Some of it may have been done.
            with contextlib.suppress(ChardevError):
                await self._with_port(lambda fd: set_line(fd, as_before), None)
            raise
        self.settings |= real or {}

    async def modem(self) -> int | None:
        """See `Line.modem`."""
        return await self._with_port(modem_lines, None)

    async def errors(self) -> int:
        """See `Line.errors`."""
        count = await self._with_port(count_errors, None)
        before, self._counted = self._counted, count
        if before is None or count is None:
            return 0
        bits = (8, 2, 4, 16)
        return sum(bit for bit, now, then in zip(bits, count, before, strict=True) if now != then)

    async def _with_port(self, work: Callable[[int], T], otherwise: T) -> T:
        stream = self._port.first_stream
        if stream is None or stream.fd < 0:
            return otherwise
        try:
            # A descriptor of its own: the stream's may be closed at any time.
            fd = os.dup(stream.fd)
        except OSError as error:
            raise StreamError(f"the port cannot be set: {_why(error)}") from error

        def run() -> T:
            try:
                return work(fd)
            finally:
                os.close(fd)

        try:
            return await in_thread(run, "set the line")
        except OpenError:
            os.close(fd)
            raise
        except (OSError, ValueError, termios.error) as error:
            raise StreamError(f"the port cannot be set: {_why(error)}") from error


def set_line(fd: int, options: SerialOptions) -> dict[Item, int | str]:
    """Set an open port; returns what it is then. Raises OSError, ValueError, termios.error."""
    port = new_port(options)
    # One that is open is set by whatever is assigned to it.
    port.fd, port.is_open = fd, True
    try:
        port.baudrate = options.speed
    finally:
        # The descriptor is not its own.
        port.fd, port.is_open = None, False
    return read_line(fd, options)


def new_port(options: SerialOptions) -> serial.Serial:
    """A port of pyserial's with the format of `options`, not opened. Raises ValueError."""
    # inter_byte_timeout=0 is VMIN=1: with VMIN=0 a read that finds nothing
    # looks like the end of the stream.
    return serial.Serial(
        None,
        options.speed,
        bytesize=options.bits,
        parity=PARITIES[options.parity],
        stopbits=options.stop,
        xonxoff=options.flow == "xonxoff",
        rtscts=options.flow == "rtscts",
        dsrdtr=options.flow == "dsrdtr",
        timeout=0,
        inter_byte_timeout=0,
        exclusive=True,
    )


def read_line(fd: int, asked: SerialOptions) -> dict[Item, int | str]:
    """What an open port is set to; where that is as good as what was `asked`, that."""
    control = termios.tcgetattr(fd)[2]
    speed = int(_TERMIOS2.unpack(fcntl.ioctl(fd, TCGETS2, bytes(_TERMIOS2.size)))[5])
    parity = "none"
    if control & termios.PARENB:
        names = ("space", "mark") if control & CMSPAR else ("even", "odd")
        parity = names[bool(control & termios.PARODD)]
    return {
        Item.SPEED: asked.speed if agree(Item.SPEED, asked.speed, speed) else speed,
        Item.BITS: _BITS[control & termios.CSIZE],
        Item.PARITY: parity,
        Item.STOP: 2 if control & termios.CSTOPB else 1,
    }


def switch(fd: int, line: int, *, on: bool) -> None:
    """Raise or drop DTR or RTS; a port without is left alone. Raises OSError."""
    request = termios.TIOCMBIS if on else termios.TIOCMBIC
    try:
        fcntl.ioctl(fd, request, struct.pack("i", line))
    except OSError as error:
        if error.errno not in _NO_SUCH_LINES:
            raise


def modem_lines(fd: int) -> int | None:
    """See `Line.modem`. Raises OSError."""
    try:
        status = struct.unpack("i", fcntl.ioctl(fd, termios.TIOCMGET, bytes(4)))[0]
    except OSError as error:
        if error.errno in _NO_SUCH_LINES:
            return None
        raise
    return sum(shown for line, shown in _MODEM if status & line)


def count_errors(fd: int) -> tuple[int, ...] | None:
    """How often there was a framing error, an overrun, a parity error and a break.

    Raises:
        OSError: the port is gone.
    """
    try:
        counters = _COUNTERS.unpack(fcntl.ioctl(fd, TIOCGICOUNT, bytes(_COUNTERS.size)))
    except OSError as error:
        if error.errno in _NO_SUCH_LINES:
            return None
        raise
    return counters[6:10]


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return describe_os_error(error)
    # termios.error is no OSError, and holds the same two.
    return str(error.args[-1]) if error.args else type(error).__name__
