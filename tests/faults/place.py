"""A daemon whose console `vm1` is shared by whoever a test brings, and its flood."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
from typing import TYPE_CHECKING, Any

from tests import support
from tests.control import Control
from tests.faults import ends
from tests.faults.ends import KINDS, WAIT, End
from tests.numbered import RECORD, RawStream, flood, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

LINES = 1 << 19
SIZE = LINES * RECORD
"""Bytes that the guest prints: 8 MiB, twice what the kernel holds for a TCP client at most."""


UP = "up"
"""What a guest says that otherwise only repeats what is typed."""


class Place:
    """What a test needs of the daemon on `path`.

    Attributes:
        directory: where its sockets and files are.
        pki: certificates, where the daemon knows them as `tls0`.
        control: a connection, which has heard every event since the place was made.
    """

    def __init__(
        self, path: str, process: subprocess.Popen[bytes] | None, directory: Path, pki: Path
    ) -> None:
        self.path = path
        self.directory: Path = directory
        self.pki: Path = pki
        self._process = process
        self.control = Control(path)
        self._addresses: dict[str, str] = {}

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The daemon, where it is a process of its own."""
        assert self._process is not None
        return self._process

    def know_certificates(self) -> None:
        """Let the daemon have them as `tls0`."""
        members = {"qom-type": "tls-creds-x509", "id": "tls0", "dir": str(self.pki)}
        added = self.control.execute("object-add", **members, endpoint="server")
        assert added == {}, added

    def add_console(self, *backends: str, guest: str | None = None, history: str = "64K") -> None:
        """Make `vm1`, with a flood for a guest unless another is given; then line one is there."""
        asked = {"guest": guest or f"process,command={flood(LINES)}", "backends": list(backends)}
        added = self.control.execute(
            "mux-add-console", console="vm1", settings={"history": history}, **asked
        )
        assert added == {"console": "vm1"}, added
        if guest is None:
            support.eventually_sync(lambda: self.end == RECORD, WAIT, "the guest's first line")

    @contextlib.contextmanager
    def console(
        self, *backends: str, guest: str | None = None, history: str = "64K"
    ) -> Iterator[None]:
        """See `add_console`; it ends with the block."""
        try:
            self.add_console(*backends, guest=guest, history=history)
            yield
        finally:
            self.control.execute("mux-remove-console", console="vm1")

    @contextlib.contextmanager
    def echo(self, *backends: str) -> Iterator[None]:
        """The console `vm1` with a guest that says UP, and then repeats what is typed."""
        guest = f"process,command=stty raw -echo; echo {UP}; exec cat"
        with self.console(*backends, guest=guest):
            # Before that its terminal echoes, too.
            support.eventually_sync(lambda: self.end == len(UP) + 1, WAIT, "the guest")
            yield

    @property
    def end(self) -> int:
        """Bytes that the guest has printed, and the daemon has read."""
        return int(self.control.console("vm1")["history"]["end"])

    def backend(self, id: str) -> dict[str, Any]:
        """How a backend is."""
        return self.control.backend("vm1", id)

    def address(self, id: str) -> str:
        """Where a backend is; asked once, so that threads may."""
        if id not in self._addresses:
            self._addresses[id] = str(self.backend(id)["address"])
        return self._addresses[id]

    def know_address(self, id: str, address: str) -> None:
        """Take `address` for that of `id`, which is no backend."""
        self._addresses[id] = address

    def peers(self) -> dict[str, dict[str, Any]]:
        """Every peer of the console, by its id."""
        backends = self.control.console("vm1")["backends"]
        return {peer["id"]: peer for backend in backends for peer in backend["peers"]}

    @contextlib.contextmanager
    def end_of(self, kind: str, id: str) -> Iterator[tuple[End, str]]:
        """A far end of a kind at the backend `id`, and the id of the peer that it is."""
        known = set(self.peers())
        if not KINDS[kind].noticed:
            known.discard(f"{id}/1")
        with contextlib.closing(KINDS[kind].open(self, id)) as made:
            support.eventually_sync(lambda: set(self.peers()) - known, WAIT, f"a peer of {kind}")
            (peer,) = set(self.peers()) - known
            if kind == "pty":
                # Output waits until whoever opened it may have flushed it.
                support.eventually_sync(lambda: self.peers()[peer]["state"] == "live")
            yield made, peer

    @contextlib.contextmanager
    def reader(self) -> Iterator[subprocess.Popen[bytes]]:
        """A socat at the backend `block` that writes what it reads to a file of its own."""
        known = len(self.peers())
        command = ["socat", "-u", f"UNIX-CONNECT:{self.directory}/block"]
        command.append(f"CREATE:{self.directory}/read")
        process = subprocess.Popen(command)
        try:
            support.eventually_sync(lambda: len(self.peers()) > known, WAIT, "socat")
            yield process
        finally:
            process.kill()
            process.wait()

    def flood(self) -> None:
        """Let the guest print, and wait until the daemon has read all of it."""
        self.begin()
        support.eventually_sync(lambda: self.end == SIZE, WAIT, "the guest's last line")

    def begin(self) -> None:
        """Let the guest print."""
        with support.connect_unix(self.directory / "block") as sock:
            sock.send(b"g")

    def whole(self, name: str, start: int = 0, end: int = SIZE) -> None:
        """Wait until the file `name` is complete, and compare it with the flood."""
        path = self.directory / name
        support.eventually_sync(
            lambda: os.path.getsize(path) >= end - start, WAIT, f"all of {name}"
        )
        wanted = hashlib.sha256(numbered(start, end)).hexdigest()
        assert hashlib.sha256(path.read_bytes()).hexdigest() == wanted, name

    def events(self, name: str) -> list[dict[str, Any]]:
        """The data of every event called `name` so far."""
        # What came before a reply has been read with it.
        self.control.console("vm1")
        return [event["data"] for event in self.control.events if event["event"] == name]

    def declared(self, peer: str) -> list[tuple[int, int]]:
        """What the events so far said that a peer did not get."""
        self.control.console("vm1")
        return self.control.gaps(peer)

    def shared(self, *more: str) -> Sequence[str]:
        """The backends that every fault leaves alone: a lossless socket `block`, a file `log`."""
        return [
            *more,
            f"socket,id=block,path={self.directory}/block,server=on,wait=off,policy=block",
            f"file,id=log,path={self.directory}/log",
        ]

    def others_have_all(self) -> None:
        """The file and the socat have every byte, and none twice; nothing of theirs was skipped."""
        self.whole("log")
        self.whole("read", RECORD)
        for id in ("log", "block"):
            assert not self.backend(id)["gaps"]


def stuck_kind(place: Place, kind: str, more: str = "") -> list[str]:
    """The backend `stuck` of a kind, where the kind has one."""
    ends.make_fifos(place.directory, "stuck")
    return [KINDS[kind].chardev(place, "stuck", more)] if KINDS[kind].options else []


def gaps_of(text: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """What `text` declares to lack; it must be the flood from `start` up to `end` otherwise."""
    check = RawStream("text", start)
    check.feed(text)
    assert check.at == end
    return check.gaps
