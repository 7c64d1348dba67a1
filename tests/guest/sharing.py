"""A real daemon that shares a console, and everybody who can be at it: socat, tio, a stream."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import termios
from typing import TYPE_CHECKING, Any

from muxcore.wire import frames
from tests import support
from tests.control import Attached, Control
from tests.guest.console import Console
from tests.muxcore.daemons import ROOT, cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

WAIT = 60.0
"""Seconds for what takes a moment on a machine that is busy."""


def write_config(directory: Path, consoles: dict[str, tuple[str, Sequence[str]]]) -> str:
    """Write a configuration of name: (guest, backends) and return its path.

    Every console has a history of 1 MiB.
    """
    tables = [
        f"[console.{name}]\nguest = {json.dumps(guest)}\nbackends = {json.dumps(list(backends))}\n"
        for name, (guest, backends) in consoles.items()
    ]
    path = directory / "config.toml"
    path.write_text("\n".join(tables))
    return str(path)


def history(path: str, name: str) -> bytes:
    """What `muxtui log` prints."""
    done = cli("--socket", path, "log", name)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.encode()


class StreamView(Console):
    """An attach stream in frames, from the console's first byte on.

    Attributes:
        statuses: the `S` frames that came, oldest first.
        gaps: the `G` frames that came, as (from, to).
    """

    def __init__(self, attached: Attached) -> None:
        """Take over a stream; everything it will bring must be without a seam."""
        super().__init__(attached.sock)
        self.statuses: list[dict[str, Any]] = []
        self.gaps: list[tuple[int, int]] = []
        self._at = attached.offset
        self._decoder = frames.FrameDecoder(frames.TO_CLIENT)
        self._take(attached.first)

    def send(self, data: bytes, timeout: float = support.TIMEOUT) -> None:
        """Type `data`."""
        super().send(frames.encode(b"I", data), timeout)

    def send_break(self) -> None:
        """Send a break, as the TUI does."""
        super().send(frames.encode(b"K"))

    def wait_for_status(self, wanted: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The first status, from the newest that is here on, that `wanted` is true of."""
        seen = max(0, len(self.statuses) - 1)
        while True:
            for status in self.statuses[seen:]:
                if wanted(status):
                    return status
            seen = len(self.statuses)
            chunk = support.read_some(self._fd, WAIT)
            assert chunk, f"the stream ended after {self.statuses[-1:]}"
            self._take(chunk)

    def _received(self, chunk: bytes) -> None:
        self._take(chunk)

    def _take(self, chunk: bytes) -> None:
        for kind, payload in self._decoder.feed(chunk):
            if kind == b"S":
                self.statuses.append(json.loads(payload))
                continue
            if kind == b"G":
                start, self._at = frames.SPAN.unpack(payload)
                self.gaps.append((start, self._at))
                continue
            (offset,) = frames.OFFSET.unpack_from(payload)
            assert offset == self._at
            data = payload[frames.OFFSET.size :]
            self._at += len(data)
            self.everything += data


def stream(path: str, console: str, **arguments: object) -> StreamView:
    """Attach to `console` of the daemon on `path`, in frames."""
    return StreamView(Control(path).attach(console, framing="frames", **arguments))


@contextlib.contextmanager
def socat(path: str) -> Iterator[tuple[Console, subprocess.Popen[bytes]]]:
    """A socat on the unix socket at `path`: what it prints and is typed, and its process."""
    near, far = socket.socketpair()
    with far:
        command = ["socat", "-", f"UNIX-CONNECT:{path}"]
        process = subprocess.Popen(command, stdin=far.fileno(), stdout=far.fileno())
    with ended(process), Console(near) as console:
        yield console, process


@contextlib.contextmanager
def on_a_terminal(*command: str) -> Iterator[tuple[Console, subprocess.Popen[bytes]]]:
    """A program on a terminal of its own, 100 columns wide: tio, or `muxtui attach`."""
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (30, 100))
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    with ended(process), Console(master) as console:
        yield console, process


def muxtui(path: str, *words: str) -> tuple[str, ...]:
    """The command line of the headless command line."""
    return (sys.executable, "-m", "muxcore", "--socket", path, *words)


@contextlib.contextmanager
def tio(device: str) -> Iterator[Console]:
    """A tio that is connected to `device`."""
    with on_a_terminal("tio", "-n", device) as (console, _):
        console.expect(b"Connected")
        yield console


@contextlib.contextmanager
def open_pty(path: str) -> Iterator[Console]:
    """The slave at `path`, opened by a program that changes and flushes nothing."""
    with Console(os.open(path, os.O_RDWR | os.O_NOCTTY)) as console:
        yield console


@contextlib.contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kill `process` at the end, if it still runs."""
    try:
        yield
    finally:
        process.kill()
        process.wait()
