"""A client that never reads, a disk that is full: each costs itself bytes, and nobody else any."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import support
from tests.control import Control
from tests.guest import sharing
from tests.muxcore.daemons import served
from tests.numbered import RECORD, FramedStream, RawStream, flood, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.needs("socat"), pytest.mark.timeout(120)]

LINES = 1 << 19
SIZE = LINES * RECORD
"""Bytes that the guest prints: 8 MiB."""

READERS = ("a", "b", "c")


class Flood:
    """A daemon with a console `vm1` whose guest prints 8 MiB when it is told to."""

    def __init__(self, directory: Path, control: Control, path: str) -> None:
        self.directory = directory
        self.control = control
        self.path = path

    def socket_path(self, id: str) -> str:
        """The path of the socket backend `id`."""
        return str(self.directory / id)

    def connect(self, id: str) -> socket.socket:
        """A client of the backend `id` that the daemon knows of."""
        known = len(self.control.backend("vm1", id)["peers"])
        sock = support.connect_unix(self.socket_path(id))
        support.eventually_sync(
            lambda: len(self.control.backend("vm1", id)["peers"]) > known, what=f"a peer of {id}"
        )
        return sock

    def begin(self) -> None:
        """Let the guest print, and wait until the daemon has read it all: nobody holds it."""
        assert self.control.console("vm1")["history"]["end"] == RECORD
        with self.connect("drop") as sock:
            sock.send(b"g")

    def printed(self) -> None:
        """Wait until the daemon has read all that the guest prints."""
        support.eventually_sync(
            lambda: self.control.console("vm1")["history"]["end"] == SIZE,
            sharing.WAIT,
            "the guest's last line",
        )


@pytest.fixture(params=["64K", "1M"])
def flooded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flood]:
    """See `Flood`; socket backends `drop` and `block` are called after their policies."""
    path = support.unix_path(tmp_path, "control")
    with served(path), Control(path) as control:
        backends = [
            f"socket,id={policy},path={tmp_path}/{policy},server=on,wait=off,policy={policy}"
            for policy in ("drop", "block")
        ]
        added = control.execute(
            "mux-add-console",
            console="vm1",
            guest=f"process,command={flood(LINES)}",
            backends=backends,
            settings={"history": request.param},
        )
        assert added == {"console": "vm1"}
        support.eventually_sync(lambda: control.console("vm1")["history"]["end"] == RECORD)
        yield Flood(tmp_path, control, path)


@contextlib.contextmanager
def _three_that_read(flooded: Flood) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Three socat on `block`, each into a file of its own, from the flood's second line on."""
    command = ["socat", "-u", f"UNIX-CONNECT:{flooded.socket_path('block')}"]
    with contextlib.ExitStack() as stack:
        processes = []
        for name in READERS:
            process = subprocess.Popen([*command, f"CREATE:{flooded.directory}/{name}"])
            stack.enter_context(sharing.ended(process))
            processes.append(process)
        support.eventually_sync(
            lambda: len(flooded.control.backend("vm1", "block")["peers"]) == len(READERS)
        )
        yield processes


def _whole(flooded: Flood, name: str) -> None:
    """Wait until the file `name` is complete, and compare it with what came after line one."""
    path = flooded.directory / name
    support.eventually_sync(
        lambda: os.path.getsize(path) >= SIZE - RECORD, sharing.WAIT, f"all of {name}"
    )
    wanted = hashlib.sha256(numbered(RECORD, SIZE)).hexdigest()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == wanted


def _read_all(sock: socket.socket, check: RawStream | FramedStream) -> None:
    while check.at != SIZE:
        chunk = support.read_some(sock, sharing.WAIT)
        assert chunk, f"{check.name} ended at {check.at}"
        check.feed(chunk)


def test_who_never_reads_costs_the_others_nothing_and_misses_what_it_is_told(
    flooded: Flood,
) -> None:
    control = flooded.control
    attached = Control(flooded.path).attach("vm1", framing="frames")
    with flooded.connect("drop") as stuck, attached.sock, _three_that_read(flooded):
        flooded.begin()
        flooded.printed()
        assert not control.console("vm1")["held"]
        for name in READERS:
            _whole(flooded, name)
        assert not control.backend("vm1", "block")["gaps"]

        (peer,) = control.backend("vm1", "drop")["peers"]
        assert peer["state"] == "skipped"
        raw = RawStream("stuck", RECORD)
        _read_all(stuck, raw)
        framed = FramedStream("stuck in frames", attached.offset)
        framed.feed(attached.first)
        _read_all(attached.sock, framed)
        for check, id in ((raw, "drop"), (framed, attached.id)):
            (peer,) = control.backend("vm1", id)["peers"]
            support.eventually_sync(
                lambda id=id: control.backend("vm1", id)["peers"][0]["state"] == "live"  # type: ignore[misc]
            )
            assert check.gaps == control.gaps(peer["id"])
            assert (peer["gaps"], peer["skipped"]) == (len(check.gaps), check.skipped)
            assert peer["sent"] == SIZE - RECORD - check.skipped
            assert check.skipped > SIZE // 2


def test_a_client_beside_a_stuck_one_is_served(flooded: Flood) -> None:
    with flooded.connect("drop"):
        flooded.begin()
        flooded.printed()
        with flooded.connect("drop") as second:
            second.send(b"hello")
            support.expect(second, b"hello")


def test_a_full_disk_fails_one_backend_alone_which_says_so(flooded: Flood) -> None:
    control = flooded.control
    for chardev in ("file,id=full,path=/dev/full", f"file,id=log,path={flooded.directory}/log"):
        assert "id" in control.execute("mux-add-backend", console="vm1", chardev=chardev)
    with _three_that_read(flooded):
        flooded.begin()
        flooded.printed()
        for name in READERS:
            _whole(flooded, name)
        _whole(flooded, "log")
        full = control.backend("vm1", "full")
        assert full["state"] == "failed"
        assert full["reason"] == "Could not write '/dev/full': No space left on device"
        assert not control.console("vm1")["held"]
        states = {backend["id"]: backend["state"] for backend in control.console("vm1")["backends"]}
        assert states == {"drop": "waiting", "block": "open", "full": "failed", "log": "open"}
        assert control.console("vm1")["guest"]["state"] == "open"
