"""Each measure runs for a moment; what it takes is nobody's business here."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.bench import fanout, pressure, scale
from tests.bench.compare import SYSTEMS
from tests.bench.load import load
from tests.bench.rig import MismatchError, Rig
from tests.peers.peer import Peer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.needs("gcc")


@pytest.mark.parametrize("system", SYSTEMS)
def test_small_writes_reach_every_backend(system: type[Peer]) -> None:
    with Rig(system, 2) as rig:
        figures = pressure.small(rig, 0.1, 10_000)
    assert set(figures) == {"writes_per_s", "cpu", "cpu_s_per_gb"}


def _relay(source: socket.socket, sink: socket.socket, spoil: Callable[[bytes], bytes]) -> None:
    """Pass on what comes until it ends; what comes first is spoilt."""
    data = spoil(source.recv(1 << 16))
    while data:
        sink.sendall(data)
        data = source.recv(1 << 16)
    sink.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (bytes, None),
        (lambda data: data[1:], "differs"),
        (lambda data: data[:-1] + b"\0", "differs"),
        (lambda data: b"", "closed"),
    ],
)
def test_the_load_sees_a_byte_that_is_lost_or_wrong(
    tmp_path: Path, spoil: Callable[[bytes], bytes], message: str | None
) -> None:
    guest, source = socket.socketpair()
    sink, reader = socket.socketpair()
    with guest, source, sink, reader:
        guest.setblocking(False)
        reader.setblocking(False)
        thread = threading.Thread(target=_relay, args=(source, sink, spoil))
        thread.start()
        try:
            ends = (guest.fileno(), [reader.fileno()])
            with (
                contextlib.nullcontext()
                if message is None
                else pytest.raises(MismatchError, match=message)
            ):
                delivered = load(tmp_path, *ends, rate=10_000, size=80, seconds=0.05)
                assert delivered.size > 0
        finally:
            guest.shutdown(socket.SHUT_WR)
            thread.join()


@pytest.mark.parametrize("system", SYSTEMS)
def test_keys_are_echoed_in_a_flood(system: type[Peer]) -> None:
    with Rig(system, 2) as rig:
        assert set(pressure.flood(rig, 10)) == {"p50_us", "p99_us"}


@pytest.mark.parametrize("system", [pressure.CTwice, pressure.MuxtuiTwice])
def test_keys_are_echoed_beside_another_consoles_flood(system: type[Peer]) -> None:
    with Rig(system, 2) as rig:
        assert set(fanout.keystroke(rig, 10)) == {"p50_us", "p99_us"}


def test_a_farm_of_consoles_says_what_it_costs() -> None:
    assert [what for what, _ in scale.peers(20)] == [
        "CPU of a client that comes",
        "CPU of a client that goes",
        "memory with 20 clients",
    ]
    with scale.Farm(3) as farm:
        assert len(farm.guests) == len(farm.clients) == 3
