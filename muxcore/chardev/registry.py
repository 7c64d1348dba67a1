"""Which class does what an options class says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from muxcore.chardev.base import Chardev
from muxcore.chardev.file import FileChardev
from muxcore.chardev.memory import MemoryChardev
from muxcore.chardev.null import NullChardev
from muxcore.chardev.pipe import PipeChardev
from muxcore.chardev.process import ProcessChardev
from muxcore.chardev.pty import PtyChardev
from muxcore.chardev.ringbuf import RingbufChardev
from muxcore.chardev.serial import SerialChardev
from muxcore.chardev.serial_remote import RemoteSerial
from muxcore.chardev.socket_client import SocketClient
from muxcore.chardev.socket_server import SocketServer
from muxcore.chardev.udp import UdpChardev
from muxcore.chardev.vc import VcChardev
from muxcore.errors import ChardevError
from muxcore.options.sets import (
    ChardevOptions,
    FileOptions,
    MemoryOptions,
    NullOptions,
    PipeOptions,
    ProcessOptions,
    PtyOptions,
    RingbufOptions,
    SerialOptions,
    SocketOptions,
    StdioOptions,
    UdpOptions,
    VcOptions,
)
from muxcore.options.values import rfc2217_address
from muxcore.tls.objects import Objects


def make_socket(id: str, options: SocketOptions, objects: Objects | None = None) -> Chardev:
    """A socket; `objects` holds the TLS credentials it may name."""
    kind = SocketServer if options.server else SocketClient
    return kind(id, options, objects)


def _make_serial(id: str, options: SerialOptions) -> Chardev:
    address = rfc2217_address(options.path)
    return RemoteSerial(id, options, *address) if address else SerialChardev(id, options)


def _refuse_stdio(_id: str, _options: StdioOptions) -> Chardev:
    raise ChardevError("cannot use stdio with -daemonize: the daemon has no terminal")


CHARDEVS: dict[type[ChardevOptions], Callable[[str, Any], Chardev]] = {
    FileOptions: FileChardev,
    MemoryOptions: MemoryChardev,
    NullOptions: NullChardev,
    PipeOptions: PipeChardev,
    ProcessOptions: ProcessChardev,
    PtyOptions: PtyChardev,
    RingbufOptions: RingbufChardev,
    SerialOptions: _make_serial,
    SocketOptions: make_socket,
    StdioOptions: _refuse_stdio,
    UdpOptions: UdpChardev,
    VcOptions: VcChardev,
}


def make(id: str, options: ChardevOptions) -> Chardev:
    """A chardev that is not started yet.

    Raises:
        KeyError: nothing is configured by such options (an attach stream).
        ChardevError: a terminal is asked for.
    """
    return CHARDEVS[type(options)](id, options)
