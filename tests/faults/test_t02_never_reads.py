"""T2: a client that never reads costs itself bytes, exactly as many as it is told, nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from muxcore.options.objects import ObjectSpec, TlsX509Options
from muxcore.options.sets import ChardevOptions
from muxcore.peers.hold import Hold
from tests import support
from tests.faults.ends import KINDS, WAIT
from tests.faults.place import SIZE, Place, gaps_of, stuck_kind
from tests.guest.sharing import ended, muxtui
from tests.muxcore.consoles import expected_raw
from tests.muxcore.daemons import ROOT, running
from tests.numbered import FIRST, RECORD, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from muxcore.peers.peer import Peer

pytestmark = pytest.mark.needs("socat", "openssl")


@pytest.mark.parametrize("kind", KINDS)
def test_t2_a_client_that_never_reads_costs_the_others_nothing(place: Place, kind: str) -> None:
    with (
        place.console(*place.shared(*stuck_kind(place, kind))),
        place.end_of(kind, "stuck") as (stuck, peer),
        place.reader(),
    ):
        place.flood()
        assert place.peers()[peer]["state"] == "skipped"
        place.others_have_all()
        stuck.read_to(SIZE)
        assert stuck.check.skipped > 0
        assert stuck.check.gaps == place.declared(peer)
        now = place.peers()[peer]
        assert (now["gaps"], now["skipped"]) == (len(stuck.check.gaps), stuck.check.skipped)


@pytest.mark.parametrize("history", ["64K", "1M"])
def test_t2_a_client_beside_one_that_never_reads_is_served(place: Place, history: str) -> None:
    stuck = stuck_kind(place, "unix")
    with place.console(*place.shared(*stuck), history=history), place.end_of("unix", "stuck"):
        place.flood()
        with place.end_of("unix", "stuck") as (second, _):
            second.type(b"hello")
            second.expect(b"hello")


def test_t2_datagrams_that_nobody_takes_cost_the_others_nothing(place: Place) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        udp = f"udp,id=udp,host=127.0.0.1,port={sock.getsockname()[1]}"
        with place.console(*place.shared(udp)), place.reader():
            place.flood()
            place.others_have_all()
            assert place.backend("udp")["lag"] == 0


PROGRAMS = {
    "unix": ["socat", "-u", "UNIX-CONNECT:{directory}/stuck", "-"],
    "tcp": ["socat", "-u", "TCP:{address}", "-"],
    "telnet": ["telnet", "-E", "{host}", "{port}"],
    "websocket": ["node", str(ROOT / "tests" / "clients" / "websocket.mjs"), "{port}"],
    "tls": ["openssl", "s_client", "-quiet", "-connect", "{address}",
            "-CAfile", "{pki}/ca-cert.pem",
            "-cert", "{pki}/client-cert.pem", "-key", "{pki}/client-key.pem"],
    "pty": ["cat", "{directory}/stuck"],
    "raw": [*muxtui("{path}", "attach", "vm1", "--raw")],
    "pipe": ["cat", "{directory}/stuck.out"],
}  # fmt: skip
"""What people use for each kind."""


@contextlib.contextmanager
def program(place: Place, kind: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The program of a kind, at the backend `stuck`, and the file that gets its output."""
    address = str(place.backend("stuck")["address"]) if KINDS[kind].options else ""
    host, _, port = address.rpartition(":")
    known = set(place.peers())
    words = [
        word.format(
            directory=place.directory,
            address=address,
            host=host,
            port=port,
            pki=place.pki,
            path=place.path,
        )
        for word in PROGRAMS[kind]
    ]
    output = place.directory / "output"
    reads, writes = os.pipe()
    with open(output, "wb") as file, open(place.directory / "said", "wb") as said:
        process = subprocess.Popen(words, cwd=ROOT, stdin=reads, stdout=file, stderr=said)
    os.close(reads)
    try:
        with ended(process):
            if KINDS[kind].noticed:
                support.eventually_sync(lambda: set(place.peers()) - known, WAIT, words[0])
            else:
                support.eventually_sync(lambda: output.stat().st_size > 0, WAIT, words[0])
            # Output to who opens a pty waits until it may have flushed what was there.
            support.eventually_sync(
                lambda: all(peer["state"] == "live" for peer in place.peers().values()), WAIT
            )
            yield process, output
    finally:
        os.close(writes)


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=pytest.mark.needs(command[0])) for kind, command in PROGRAMS.items()],
)
def test_t2_a_program_that_is_stopped_gets_the_rest_when_it_goes_on(
    place: Place, kind: str
) -> None:
    with (
        place.console(*place.shared(*stuck_kind(place, kind))),
        program(place, kind) as (process, output),
        place.reader(),
    ):
        process.send_signal(signal.SIGSTOP)
        place.flood()
        place.others_have_all()
        process.send_signal(signal.SIGCONT)
        last = b"%d\n" % (FIRST + SIZE // RECORD - 1)
        support.eventually_sync(lambda: last in output.read_bytes()[-64:], WAIT, f"all of {kind}")
        text = output.read_bytes()
        # What the program says itself comes before the second line, the first after it connected.
        begin = text.index(b"%d\n" % (FIRST + 1))
        declared = [gap for peer in place.peers() for gap in place.declared(peer)]
        assert declared
        if kind == "raw":
            # To a file it writes output and nothing else; it says elsewhere what is missing.
            assert text[begin:] == expected_raw(numbered(0, SIZE), declared, RECORD, marker=False)
            said = (place.directory / "said").read_text()
            assert [f"{end - start} bytes skipped" in said for start, end in declared]
        else:
            assert gaps_of(text[begin:], RECORD, SIZE) == declared


@pytest.mark.parametrize("kind", KINDS)
async def test_t2_the_guest_waits_for_it_once_and_no_longer_than_its_patience(
    tmp_path: Path, pki: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    granted: list[float] = []
    begin = Hold._hold

    def note(self: Hold, deadlines: dict[Peer, tuple[float, int]]) -> None:
        begin(self, deadlines)
        for peer, (deadline, _) in deadlines.items():
            if peer.chardev.options.policy == "drop":
                granted.append(deadline - self._since)

    def share(path: str) -> None:
        place = Place(path, None, tmp_path, pki)
        with (
            place.control,
            place.console(*place.shared(*stuck_kind(place, kind))),
            place.end_of(kind, "stuck") as (_, peer),
        ):
            place.flood()
            assert place.peers()[peer]["state"] == "skipped"

    monkeypatch.setattr(Hold, "_hold", note)
    async with running(tmp_path) as daemon:
        options = TlsX509Options(dir=str(pki), endpoint="server")
        daemon.objects.add(ObjectSpec("tls0", options))
        await asyncio.to_thread(share, daemon.path)
    patience = ChardevOptions().patience / 1000
    assert 0 < sum(granted) <= patience + 1e-6, granted
