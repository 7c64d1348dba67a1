"""T8: clients of every kind that read nothing cost the daemon its history and no more, ever."""

from __future__ import annotations

import contextlib
import os
import select
import time
from typing import TYPE_CHECKING

import pytest

from tests import support
from tests.control import Control
from tests.faults.ends import KINDS, End, make_fifos
from tests.faults.place import Place
from tests.numbered import RawStream
from tests.soak.rig import Rig, rig

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.needs("openssl")

RATE = 12e6
"""Bytes a second that the guest prints where the machine keeps up: above 10 MB/s."""

GROWTH = 1024
"""KiB that the daemon may have more, at any time, than when the history was full."""

READ = 256 * 1024
SILENCE = 20.0


def test_t8_stuck_clients_cost_no_memory(tmp_path: Path, pki: Path) -> None:
    _stuck(tmp_path, pki, 50 << 20)


@pytest.mark.soak
@pytest.mark.timeout(1500)
def test_t8_stuck_clients_cost_no_memory_for_ten_minutes(tmp_path: Path, pki: Path) -> None:
    _stuck(tmp_path, pki, int(600 * RATE))


def _stuck(directory: Path, pki: Path, count: int) -> None:
    """Read `count` bytes beside a client of every kind that reads nothing; look at the memory."""
    reader_at = f"socket,id=reader,path={directory}/reader,server=on,wait=off,policy=block"
    with rig(directory, RATE, "1M", [reader_at]) as made, contextlib.ExitStack() as stack:
        place = Place(made.path, None, directory, pki)
        stack.enter_context(place.control)
        place.know_certificates()
        ends = {kind: stack.enter_context(_end(place, kind)) for kind in KINDS}
        reader = stack.enter_context(support.connect_unix(directory / "reader"))
        check = RawStream("reader")
        _read(reader, check, lambda: (check.at or 0) > 16 << 20)
        warm = made.resident()
        started, first = time.monotonic(), check.at or 0
        samples = _sample(made, reader, check, first + count)
        rate = ((check.at or 0) - first) / (time.monotonic() - started) / 1e6
        print(f"{count} bytes at {rate:.1f} MB/s; RSS {warm} KiB, then {samples}")
        assert max(samples) < warm + GROWTH
        assert not check.gaps
        place.control.events.clear()
        reader.send(b"!")
        end = _end_of_flood(made, reader, check)
        for kind, stuck in ends.items():
            stuck.read_to(end)
            print(f"{kind}: {stuck.check.skipped} bytes in {len(stuck.check.gaps)} gaps")
            assert stuck.check.skipped > count // 2
        assert made.resident() < warm + GROWTH


@contextlib.contextmanager
def _end(place: Place, kind: str) -> Iterator[End]:
    """A client of a kind, at a backend of its own."""
    if KINDS[kind].options:
        make_fifos(place.directory, kind)
        chardev = KINDS[kind].chardev(place, kind)
        added = place.control.execute("mux-add-backend", console="vm1", chardev=chardev)
        assert "id" in added, added
    with contextlib.closing(KINDS[kind].open(place, kind)) as end:
        yield end


def _sample(made: Rig, sock: socket.socket, check: RawStream, end: int) -> list[int]:
    """Read up to offset `end`; the daemon's RSS at every tenth of the way."""
    step = (end - (check.at or 0)) // 10
    samples = []
    for n in range(9, -1, -1):
        _read(sock, check, lambda n=n: (check.at or 0) >= end - n * step)  # type: ignore[misc]
        samples.append(made.resident())
    return samples


def _end_of_flood(made: Rig, sock: socket.socket, check: RawStream) -> int:
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


def _read(sock: socket.socket, check: RawStream, enough: Callable[[], bool]) -> None:
    while not enough():
        data = support.read_some(sock, SILENCE, READ)
        assert data, f"{check.name} ended at {check.at}"
        check.feed(data)
