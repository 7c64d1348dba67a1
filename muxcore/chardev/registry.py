"""Which class does what an options class says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from muxcore.chardev.base import Chardev
from muxcore.chardev.file import FileChardev
from muxcore.chardev.memory import MemoryChardev
from muxcore.chardev.null import NullChardev
from muxcore.chardev.process import ProcessChardev
from muxcore.chardev.pty import PtyChardev
from muxcore.chardev.ringbuf import RingbufChardev
from muxcore.chardev.serial import SerialChardev
from muxcore.chardev.socket_client import SocketClient
from muxcore.chardev.socket_server import SocketServer
from muxcore.options.sets import (
    ChardevOptions,
    FileOptions,
    MemoryOptions,
    NullOptions,
    ProcessOptions,
    PtyOptions,
    RingbufOptions,
    SerialOptions,
    SocketOptions,
)


def _make_socket(id: str, options: SocketOptions) -> Chardev:
    return SocketServer(id, options) if options.server else SocketClient(id, options)


CHARDEVS: dict[type[ChardevOptions], Callable[[str, Any], Chardev]] = {
    FileOptions: FileChardev,
    MemoryOptions: MemoryChardev,
    NullOptions: NullChardev,
    ProcessOptions: ProcessChardev,
    PtyOptions: PtyChardev,
    RingbufOptions: RingbufChardev,
    SerialOptions: SerialChardev,
    SocketOptions: _make_socket,
}


def make(id: str, options: ChardevOptions) -> Chardev:
    """A chardev that is not started yet.

    Raises:
        KeyError: nothing is configured by such options (an attach stream).
    """
    return CHARDEVS[type(options)](id, options)
