from __future__ import annotations

import fcntl
import os
import termios
import threading
from pathlib import Path
from typing import Any

import pytest

from muxcore.chardev import base, serial
from muxcore.chardev.serial import SerialChardev, open_port
from muxcore.errors import ChardevError
from muxcore.options.sets import SerialOptions
from tests import support
from tests.muxcore.chardev.owner import running
from tests.muxcore.chardev.ports import Board, board, line_speed, port
from tests.support import eventually

__all__ = ["board"]


async def test_bytes_go_both_ways_unchanged(board: Board) -> None:
    chardev = port(board)
    every = bytes(range(256))
    async with running(chardev) as owner:
        assert (chardev.state, chardev.address) == ("open", str(board.path))
        os.write(board.line, every)
        await owner.has(every)
        owner.live[0].write([every])
        support.expect(board.line, every)


async def test_nothing_to_read_is_not_the_end(board: Board) -> None:
    chardev = port(board)
    async with running(chardev, reading=False) as owner:
        with pytest.raises(BlockingIOError):
            owner.live[0].read(10)
        assert chardev.state == "open"


@pytest.mark.parametrize("speed", [9600, 115200, 250000, 12345])
async def test_any_speed_is_set(board: Board, speed: int) -> None:
    async with running(port(board, speed=speed)) as owner:
        assert line_speed(owner.live[0].fd) == speed


@pytest.mark.parametrize(
    ("options", "index", "bits"),
    [
        ({"bits": 8}, 2, termios.CS8),
        ({"bits": 8, "stop": 2}, 2, termios.CSTOPB),
        ({"parity": "even"}, 2, termios.PARENB),
        ({"parity": "odd"}, 2, termios.PARENB | termios.PARODD),
        ({"flow": "xonxoff"}, 0, termios.IXON | termios.IXOFF),
        ({"flow": "rtscts"}, 2, termios.CRTSCTS),
    ],
)
async def test_the_format_of_the_line_is_asked_for(
    board: Board, options: dict[str, Any], index: int, bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A pty keeps 8 bits and no parity whatever it is told, so look at what it was told.
    asked: list[int] = []
    real = termios.tcsetattr

    def note(fd: int, when: int, attributes: list[Any]) -> None:
        asked.append(attributes[index])
        real(fd, when, attributes)

    monkeypatch.setattr(termios, "tcsetattr", note)
    async with running(port(board, **options)):
        assert asked[0] & bits == bits


async def test_a_break_on_the_line_does_not_flush_it(board: Board) -> None:
    attributes = termios.tcgetattr(board.line)
    attributes[0] |= termios.BRKINT
    termios.tcsetattr(board.line, termios.TCSANOW, attributes)
    async with running(port(board, speed=12345)) as owner:
        assert not termios.tcgetattr(owner.live[0].fd)[0] & termios.BRKINT
        assert line_speed(owner.live[0].fd) == 12345


async def test_a_port_that_is_not_there_is_awaited(board: Board) -> None:
    board.unplug()
    chardev = port(board)
    async with running(chardev) as owner:
        assert chardev.state == "retrying"
        assert chardev.reason == f"Could not open '{board.path}': No such file or directory"
        board.plug()
        await owner.stream()


async def test_unplugging_is_noticed_and_replugging_survived(board: Board) -> None:
    chardev = port(board)
    async with running(chardev) as owner:
        board.unplug()
        await eventually(lambda: chardev.state == "retrying")
        assert ("retrying", "the port is gone") in owner.changes
        board.plug()
        await eventually(lambda: chardev.state == "open")
        os.write(board.line, b"U-Boot")
        await owner.has(b"U-Boot")


async def test_no_delay_is_no_second_attempt(board: Board) -> None:
    chardev = port(board, reconnect_ms=0)
    async with running(chardev):
        board.unplug()
        await eventually(lambda: chardev.state == "closed")
        await chardev.open()
        assert (chardev.state, chardev.retry_at) == ("failed", None)


async def test_two_cannot_have_one_port(board: Board) -> None:
    async with running(port(board)):
        second = port(board)
        async with running(second):
            assert second.reason == f"Could not open '{board.path}': another program has it open"


async def test_a_file_is_no_port(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    chardev = SerialChardev("com", SerialOptions(path=str(tmp_path / "file")))
    async with running(chardev):
        assert chardev.reason == f"Could not open '{tmp_path}/file': not a serial port"


async def test_an_open_that_hangs_holds_up_nobody_and_leaks_nothing(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def hang(options: SerialOptions) -> int:
        gate.wait(10)
        return open_port(options)

    monkeypatch.setattr(serial, "open_port", hang)
    monkeypatch.setattr(base, "START_WAIT", 0.01)
    chardev = port(board)
    async with running(chardev):
        assert chardev.state == "connecting"
    gate.set()
    await eventually(lambda: not threads(f"open {board.path}"))


def threads(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


@pytest.fixture
def ioctls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The break requests made, in order."""
    seen: list[int] = []
    real = fcntl.ioctl

    def ioctl(fd: int, request: int, rest: bytes = b"") -> object:
        if request in (serial.TIOCSBRK, serial.TIOCCBRK):
            seen.append(request)
        return real(fd, request, rest)

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    return seen


async def test_a_break_is_begun_and_ended(
    board: Board, ioctls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial, "BREAK_SECONDS", 0.02)
    chardev = port(board)
    async with running(chardev):
        assert chardev.can_break
        chardev.send_break()
        chardev.send_break()
        await eventually(lambda: serial.TIOCCBRK in ioctls)
        assert ioctls == [serial.TIOCSBRK, serial.TIOCCBRK]


async def test_closing_ends_a_break(board: Board, ioctls: list[int]) -> None:
    chardev = port(board)
    async with running(chardev):
        chardev.send_break()
        await eventually(lambda: ioctls == [serial.TIOCSBRK])
    assert ioctls == [serial.TIOCSBRK, serial.TIOCCBRK]


async def test_a_break_that_was_never_begun_leaks_nothing(board: Board) -> None:
    chardev = port(board)
    async with running(chardev):
        chardev.send_break()


async def test_a_break_that_waits_for_flow_control_holds_up_nobody(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    ended = []
    real = fcntl.ioctl

    def ioctl(fd: int, request: int, rest: bytes = b"") -> object:
        if request == serial.TIOCSBRK:
            gate.wait(10)
        if request == serial.TIOCCBRK:
            ended.append(fd)
        return real(fd, request, rest)

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    chardev = port(board)
    async with running(chardev) as owner:
        chardev.send_break()
        await eventually(lambda: threads(f"send a break to {board.path}"))
        os.write(board.line, b"still here")
        await owner.has(b"still here")
    gate.set()
    await eventually(lambda: ended)
    await eventually(lambda: not threads(f"send a break to {board.path}"))


async def test_a_closed_port_cannot_send_a_break(board: Board) -> None:
    with pytest.raises(ChardevError, match="'com' is closed"):
        port(board).send_break()


async def test_closing_a_port_with_output_left_does_not_block(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial, "output_waiting", lambda fd: 1)
    closer: list[str] = []
    real = os.close

    def close(fd: int) -> None:
        closer.append(threading.current_thread().name)
        real(fd)

    async with running(port(board)):
        monkeypatch.setattr(os, "close", close)
    await eventually(lambda: f"close {board.path}" in closer)
    await eventually(lambda: not threads(f"close {board.path}"))
