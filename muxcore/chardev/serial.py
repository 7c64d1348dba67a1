"""A serial port (chardev/char-serial.c). pyserial opens and sets it; all else is done here."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import struct
import termios

from muxcore.chardev.backoff import Backoff
from muxcore.chardev.base import Chardev, State, Stream, Who
from muxcore.chardev.line import Line
from muxcore.chardev.serial_line import LocalLine, new_port
from muxcore.chardev.terminal import TerminalStream
from muxcore.chardev.thread import in_thread, start_thread
from muxcore.errors import ChardevError, MuxError, OpenError, StreamError, describe_os_error
from muxcore.options.sets import SerialOptions

BREAK_SECONDS = 0.25
"""Length of a break: what tcsendbreak(3) makes at least."""

LONGEST_WAIT = 2.0
"""Seconds between attempts at most: looking for a device is cheap, and its user is waiting."""

TIOCSBRK, TIOCCBRK = 0x5427, 0x5428
"""Begin and end a break, tty_ioctl(4); Python's termios lacks them."""


class SerialChardev(Chardev):
    """A serial port, opened again whenever it was unplugged and is back."""

    options: SerialOptions

    def __init__(self, id: str, options: SerialOptions) -> None:
        super().__init__(id, options)
        self._backoff = Backoff(options.reconnect_ms, longest=LONGEST_WAIT)
        self._line = LocalLine(self, options)
        self._break: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """The device's path."""
        return self.options.path

    @property
    def can_break(self) -> bool:
        """A serial line always has a break condition."""
        return True

    @property
    def line(self) -> Line:
        """See `Chardev.line`."""
        return self._line

    async def open(self) -> None:
        """Make one attempt to open the port, as its line was set last."""
        if self.streams:
            return
        self.set_state(State.CONNECTING)
        options = self._line.options
        try:
            fd = await in_thread(lambda: open_port(options), f"open {options.path}", os.close)
        except OpenError as error:
            self._try_later(str(error), State.FAILED)
            return
        if options != self._line.options:
            # Somebody changed the line meanwhile.
            os.close(fd)
            self._try_again()
            return
        self._backoff.opened()
        self._line.opened()
        self.add_stream(SerialStream(fd, Who(options.path)))

    def after_lost(self, stream: Stream, reason: MuxError | None) -> None:
        """Open the port again, unless `reconnect-ms=0`."""
        self._try_later(
            f"the port is gone: {reason}" if reason else "the port is gone", State.CLOSED
        )

    def send_break(self) -> None:
        """Hold the line in the break condition for `BREAK_SECONDS`; one at a time.

        The condition begins when the output before it has left the port.

        Raises:
            ChardevError: the port is not open.
        """
        if (stream := self.first_stream) is None:
            raise ChardevError(f"chardev '{self.id}' is {self.state}, it cannot send a break")
        if self._break is None or self._break.done():
            self._break = self.spawn(self._send_break(stream), "break")

    async def _send_break(self, stream: Stream) -> None:
        try:
            await send_break(stream)
        except ChardevError as error:
            self.owner.stream_failed(self, stream.who, error)

    def _try_later(self, reason: str, otherwise: State) -> None:
        delay = self._backoff.next()
        state = otherwise if delay is None else State.RETRYING
        self.set_state(state, reason, retry_in=delay)


class SerialStream(TerminalStream):
    """The stream over an open port."""

    @property
    def backlog(self) -> int:
        """See `Stream.backlog`: what has not left the port."""
        return output_waiting(self.fd)

    def close(self) -> None:
        """Close the port, in a thread while output is left: the kernel waits up to 30 s for it.

        See closing_wait in setserial(8).
        """
        if self.fd >= 0 and output_waiting(self.fd):
            fd = self.fd
            if start_thread(lambda: os.close(fd), f"close {self.who.label}"):
                self.fd = -1
            else:
                # Rather the rest of the output than everybody's time.
                with contextlib.suppress(OSError, termios.error):
                    termios.tcflush(fd, termios.TCOFLUSH)
        super().close()


def open_port(options: SerialOptions) -> int:
    """Open and set a port; returns a non-blocking descriptor.

    The modem lines are left as the kernel sets them when a port is opened, DTR
    and RTS on. May block, in some drivers for ever.

    Raises:
        OpenError: it cannot be opened or set.
    """
    try:
        port = new_port(options)
        port.port = options.path
        port.open()
    except (OSError, ValueError) as error:
        raise OpenError(f"Could not open '{options.path}': {_why(error)}") from error
    try:
        # The duplicate keeps the port open, and locked, when pyserial closes its own.
        fd = os.dup(port.fileno())
    except OSError as error:
        raise OpenError(f"Could not open '{options.path}': {describe_os_error(error)}") from error
    finally:
        port.close()
    os.set_blocking(fd, False)
    _clear_break_interrupts(fd)
    return fd


def _why(error: OSError | ValueError) -> str:
    if not isinstance(error, OSError):
        return str(error)
    if error.errno in (errno.EAGAIN, errno.EBUSY):
        return "another program has it open"
    if error.errno is None:
        # pyserial wraps termios.error, which a file that is no terminal gives.
        return "not a serial port"
    return describe_os_error(error)


def _clear_break_interrupts(fd: int) -> None:
    """Make a break on the line input like any other: with BRKINT it would flush the queues."""
    with contextlib.suppress(termios.error):
        attributes = termios.tcgetattr(fd)
        if attributes[0] & termios.BRKINT:
            attributes[0] &= ~termios.BRKINT
            termios.tcsetattr(fd, termios.TCSANOW, attributes)


async def send_break(stream: Stream) -> None:
    """Send one break; it is always ended, whatever becomes of the stream or the caller.

    Raises:
        ChardevError: there is no descriptor or no thread left for it.
    """
    if stream.fd < 0:
        return
    try:
        # A descriptor of its own: the stream's may be closed at any time.
        fd = os.dup(stream.fd)
    except OSError as error:
        raise StreamError(f"Could not send a break: {describe_os_error(error)}") from error

    def begin() -> int:
        # Waits until all output is sent (tty_wait_until_sent): with flow
        # control that may be never.
        with contextlib.suppress(OSError):
            fcntl.ioctl(fd, TIOCSBRK)
        return fd

    def end(fd: int) -> None:
        with contextlib.suppress(OSError):
            fcntl.ioctl(fd, TIOCCBRK)
        with contextlib.suppress(OSError):
            os.close(fd)

    try:
        await in_thread(begin, f"send a break to {stream.who.label}", end)
    except OpenError:
        os.close(fd)
        raise
    try:
        await asyncio.sleep(BREAK_SECONDS)
    finally:
        end(fd)


def output_waiting(fd: int) -> int:
    """Bytes written to a terminal that have not left it yet (TIOCOUTQ, tty_ioctl(4))."""
    try:
        return int(struct.unpack("i", fcntl.ioctl(fd, termios.TIOCOUTQ, bytes(4)))[0])
    except OSError:
        return 0
