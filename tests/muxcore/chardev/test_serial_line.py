from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import termios
from pathlib import Path

import pytest

from muxcore.chardev import serial, serial_line
from muxcore.chardev.heard import Item, LineValue
from muxcore.chardev.line import Line
from muxcore.chardev.serial import SerialChardev, open_port
from muxcore.errors import StreamError
from muxcore.options.sets import SerialOptions
from tests.muxcore.chardev.owner import running
from tests.muxcore.chardev.ports import Board, board, line_speed, port
from tests.support import eventually

__all__ = ["board"]


def line_of(chardev: SerialChardev) -> Line:
    line = chardev.line
    assert line is not None
    return line


async def test_an_open_port_is_set(board: Board) -> None:
    chardev = port(board)
    async with running(chardev) as owner:
        await line_of(chardev).change(Item.SPEED, 12345)
        await line_of(chardev).change(Item.STOP, 2)
        fd = owner.live[0].fd
        assert line_speed(fd) == 12345
        assert termios.tcgetattr(fd)[2] & termios.CSTOPB
        assert not os.get_blocking(fd)
        os.write(board.line, b"still read")
        await owner.has(b"still read")


async def test_what_the_port_did_not_take_is_not_told(board: Board) -> None:
    # A pty keeps 8 bits and no parity whatever it is told, of which some C libraries complain.
    chardev = port(board)
    async with running(chardev):
        for item, value in ((Item.BITS, 7), (Item.PARITY, "even")):
            with contextlib.suppress(StreamError):
                await line_of(chardev).change(item, value)
        assert line_of(chardev).value(Item.BITS) == 8
        assert line_of(chardev).value(Item.PARITY) == "none"


@pytest.mark.parametrize(
    ("flag", "parity"),
    [
        (0, "none"),
        (termios.PARENB, "even"),
        (termios.PARENB | termios.PARODD, "odd"),
        (termios.PARENB | serial_line.CMSPAR, "space"),
        (termios.PARENB | termios.PARODD | serial_line.CMSPAR, "mark"),
    ],
)
def test_the_parity_is_read_back(
    board: Board, flag: int, parity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attributes = termios.tcgetattr(board.line)
    attributes[2] |= flag
    monkeypatch.setattr(termios, "tcgetattr", lambda _: attributes)
    read = serial_line.read_line(board.line, SerialOptions(path="/x", speed=38400))
    assert read[Item.PARITY] == parity
    assert read[Item.SPEED] == line_speed(board.line)


async def test_what_fails_leaves_the_line_as_it_was(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    chardev = port(board)
    real = termios.tcsetattr

    def fail(fd: int, when: int, attributes: list[object]) -> None:
        if attributes[4] == termios.B9600:
            raise termios.error(errno.EIO, "Input/output error")
        real(fd, when, attributes)  # type: ignore[arg-type]

    async with running(chardev):
        monkeypatch.setattr(termios, "tcsetattr", fail)
        with pytest.raises(StreamError, match=r"^the port cannot be set: Input/output error$"):
            await line_of(chardev).change(Item.SPEED, 9600)
        assert line_of(chardev).value(Item.SPEED) == 115200
        assert line_speed(board.line) == 115200


async def test_a_port_that_is_away_is_set_when_it_is_back(board: Board) -> None:
    chardev = port(board)
    async with running(chardev) as owner:
        await line_of(chardev).change(Item.SPEED, 19200)
        board.unplug()
        await eventually(lambda: chardev.state == "retrying")
        await line_of(chardev).change(Item.STOP, 2)
        board.plug()
        await eventually(lambda: chardev.state == "open")
        fd = owner.live[0].fd
        assert line_speed(fd) == 19200
        assert termios.tcgetattr(fd)[2] & termios.CSTOPB


async def test_a_change_while_the_port_is_opened_is_not_lost(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    chardev = port(board)

    def slow(options: SerialOptions) -> int:
        if options.speed == 115200:
            chardev._line.settings[Item.SPEED] = 19200
        return open_port(options)

    monkeypatch.setattr(serial, "open_port", slow)
    async with running(chardev) as owner:
        await eventually(lambda: chardev.state == "open")
        assert line_speed(owner.live[0].fd) == 19200


# What a pty has not: the driver is played.


class Driver:
    """Answers a port's requests about its modem and its errors."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines = 0
        self.counts = [0] * 11
        self.switched: list[tuple[int, int]] = []
        self.error: OSError | None = None
        self._real = fcntl.ioctl
        monkeypatch.setattr(fcntl, "ioctl", self)

    def __call__(self, fd: int, request: int, rest: bytes = b"") -> object:
        if request == termios.TIOCMGET:
            if self.error:
                raise self.error
            return struct.pack("i", self.lines)
        if request == serial_line.TIOCGICOUNT:
            return struct.pack("11i 36x", *self.counts)
        if request in (termios.TIOCMBIS, termios.TIOCMBIC):
            self.switched.append((request, struct.unpack("i", rest)[0]))
            return bytes(4)
        return self._real(fd, request, rest)


async def test_the_modems_lines_are_read_and_switched(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    chardev = port(board)
    async with running(chardev):
        line = line_of(chardev)
        assert await line.modem() is None
        await line.change(Item.DTR, 0)
        assert line.value(Item.DTR) == 0
        driver = Driver(monkeypatch)
        driver.lines = termios.TIOCM_CTS | termios.TIOCM_CD | termios.TIOCM_DTR
        assert await line.modem() == 0x90
        await line.change(Item.DTR, 1)
        await line.change(Item.RTS, 0)
        assert driver.switched == [
            (termios.TIOCMBIS, termios.TIOCM_DTR),
            (termios.TIOCMBIC, termios.TIOCM_RTS),
        ]
        driver.error = OSError(errno.EIO, "x")
        with pytest.raises(StreamError, match="Input/output error"):
            await line.modem()


async def test_errors_are_those_since_the_last_time(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    chardev = port(board)
    async with running(chardev):
        line = line_of(chardev)
        assert await line.errors() == 0
        driver = Driver(monkeypatch)
        driver.counts[9] = 7
        assert await line.errors() == 0
        driver.counts[6] += 1
        driver.counts[9] += 2
        assert await line.errors() == 16 + 8
        assert await line.errors() == 0


async def test_a_line_without_a_port_is_as_it_was_asked_to_be(tmp_path: Path) -> None:
    line = Line(SerialOptions(path=str(tmp_path)))
    await line.change(Item.BITS, 7)
    assert (line.value(Item.BITS), line.value(Item.RTS), line.value(Item.FLOW_IN)) == (7, 1, "none")
    assert await line.modem() is None
    assert await line.errors() == 0


@pytest.mark.parametrize(
    ("item", "value", "possible"),
    [
        (Item.SPEED, 12_000_000, True),
        (Item.SPEED, 12_000_001, False),
        (Item.BITS, 9, False),
        (Item.STOP, 3, False),
        (Item.PARITY, "even", True),
        (Item.PARITY, None, False),
        (Item.MODEM, 1, False),
        (Item.FLOW_IN, "none", False),
    ],
)
def test_what_no_port_can_be_is_known(item: Item, value: int | str | None, possible: bool) -> None:
    assert Line(SerialOptions(path="/x")).can_be(LineValue(item, value)) is possible
