"""A client that stopped reading costs the daemon its history and no more, however long."""

from __future__ import annotations

import contextlib
import os
import select
import time
from typing import TYPE_CHECKING

import pytest

from tests import support
from tests.control import Control
from tests.numbered import FramedStream, RawStream
from tests.soak.rig import Rig, rig

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

RATE = 12e6
"""Bytes a second that the guest prints where the machine keeps up."""

GROWTH = 1024
"""KiB that the daemon may have more, at any time, than when the history was full."""

READ = 256 * 1024
SILENCE = 20.0


def test_a_stuck_client_costs_no_memory(tmp_path: Path) -> None:
    _stuck(tmp_path, 50 << 20)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_stuck_client_costs_no_memory_for_minutes(tmp_path: Path) -> None:
    _stuck(tmp_path, int(300 * RATE))


def _stuck(directory: Path, count: int) -> None:
    """Read `count` bytes beside two clients that read nothing, and look at the memory."""
    backends = [
        f"socket,id=stuck,path={directory}/stuck,server=on,wait=off",
        f"socket,id=reader,path={directory}/reader,server=on,wait=off,policy=block",
    ]
    with rig(directory, RATE, "1M", backends) as made, contextlib.ExitStack() as stack:
        framed = Control(made.path).attach("vm1", framing="frames")
        stack.enter_context(framed.sock)
        stuck = stack.enter_context(support.connect_unix(directory / "stuck"))
        reader = stack.enter_context(support.connect_unix(directory / "reader"))
        check = RawStream("reader")
        _read(reader, check, lambda: (check.at or 0) > 8 << 20)
        warm = made.resident()
        started, first = time.monotonic(), check.at or 0
        samples = _sample(made, reader, check, first + count)
        rate = ((check.at or 0) - first) / (time.monotonic() - started) / 1e6
        print(f"{count} bytes at {rate:.1f} MB/s; RSS {warm} KiB, then {samples}")
        assert max(samples) < warm + GROWTH
        assert not check.gaps

        reader.send(b"!")
        late, frames = RawStream("stuck"), FramedStream("frames", framed.offset)
        frames.feed(framed.first)
        end = _end(made, reader, check)
        for sock, stream in ((stuck, late), (framed.sock, frames)):
            _read(sock, stream, lambda stream=stream: stream.at == end)  # type: ignore[misc]
            print(f"{stream.name}: {stream.skipped} bytes in {len(stream.gaps)} gaps")
            assert stream.skipped > count // 2
        assert made.resident() < warm + GROWTH


def _sample(made: Rig, sock: socket.socket, check: RawStream, end: int) -> list[int]:
    """Read up to offset `end`; the daemon's RSS at every tenth of the way."""
    step = (end - (check.at or 0)) // 10
    samples = []
    for n in range(9, -1, -1):
        _read(sock, check, lambda n=n: (check.at or 0) >= end - n * step)  # type: ignore[misc]
        samples.append(made.resident())
    return samples


def _end(made: Rig, sock: socket.socket, check: RawStream) -> int:
    """Read all that the guest still prints; returns where that ends."""
    with Control(made.path) as control:

        def quiet() -> bool:
            poller = select.poll()
            poller.register(sock, select.POLLIN)
            return not poller.poll(500) and control.console("vm1")["history"]["end"] == check.at

        while not quiet():
            check.feed(os.read(sock.fileno(), READ))
    assert check.at is not None
    return check.at


def _read(sock: socket.socket, check: RawStream | FramedStream, enough: Callable[[], bool]) -> None:
    while not enough():
        data = support.read_some(sock, SILENCE, READ)
        assert data, f"{check.name} ended at {check.at}"
        check.feed(data)
