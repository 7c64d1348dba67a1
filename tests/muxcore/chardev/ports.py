"""A serial port for tests: a pty in its place."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from muxcore.chardev.serial import SerialChardev
from muxcore.options.sets import SerialOptions

TCGETS2 = 0x802C542A


class Board:
    """A pty in place of a port: the device is a link to its slave."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.line = -1
        self._slave = -1

    def plug(self) -> None:
        self.line, self._slave = os.openpty()
        self.path.symlink_to(os.ttyname(self._slave))

    def unplug(self) -> None:
        self.path.unlink()
        os.close(self._slave)
        os.close(self.line)
        self.line = -1


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    board = Board(tmp_path / "ttyUSB0")
    board.plug()
    yield board
    if board.line >= 0:
        board.unplug()


def port(board: Board, **options: Any) -> SerialChardev:  # noqa: ANN401 - its fields' types
    return SerialChardev("com", SerialOptions(path=str(board.path), **options))


def line_speed(fd: int) -> int:
    attributes = fcntl.ioctl(fd, TCGETS2, bytes(44))
    return int(struct.unpack("4I 20x 2I", attributes)[5])
