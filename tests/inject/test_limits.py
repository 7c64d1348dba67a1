"""A real daemon at its limits: out of descriptors, out of memory, in a storm of signals.

It says so, goes on when it can, and whoever was there before lost nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests import support
from tests.control import Control
from tests.muxcore.daemons import SLOW, served
from tests.numbered import FramedStream, RawStream
from tests.soak.rig import GUEST

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

RATE = 2_000_000
"""Bytes a second that a guest prints."""

DESCRIPTORS = 40
"""What the daemon may have: some twenty clients beside its own."""

STORM = 120
"""Clients that come at once."""

ROOM = 16 << 20
"""Bytes of memory that a daemon may still take."""


class Watched:
    """A daemon with a flooding console `vm1`, and two clients that read all the time."""

    def __init__(self, process: subprocess.Popen[bytes], directory: Path) -> None:
        self.process = process
        self.path = str(directory / "control")
        self.directory = directory
        self.control = Control(self.path)
        stream = Control(self.path).attach("vm1", framing="frames")
        self._frames, self.frames = stream.sock, FramedStream("frames", stream.offset)
        self.frames.feed(stream.first)
        self._raw, self.raw = support.connect_unix(directory / "shared"), RawStream("raw")

    def read(self, seconds: float = 0.0) -> None:
        """Read for a while, and check."""
        deadline = time.monotonic() + seconds
        while True:
            left = max(0.0, deadline - time.monotonic())
            for sock in select.select([self._raw, self._frames], [], [], left)[0]:
                data = sock.recv(1 << 18)
                assert data, "a client that did nothing was ended"
                (self.raw if sock is self._raw else self.frames).feed(data)
            if not left:
                return

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Read until something is so."""
        deadline = time.monotonic() + SLOW
        while not condition():
            assert time.monotonic() < deadline, f"never: {what}"
            self.read(0.02)

    def flows(self) -> None:
        """Everybody goes on getting what the guest prints."""
        at = self.frames.at
        self.until(
            lambda: self.frames.at > at + 100_000 and (self.raw.at or 0) > at, "the guest's output"
        )

    def close(self) -> None:
        """Leave, having lost nothing."""
        self._raw.close()
        self._frames.close()
        self.control.__exit__(None, None, None)


@contextlib.contextmanager
def watched(
    directory: Path, *, limit: int | None = None, extra: Sequence[str] = ()
) -> Iterator[Watched]:
    """A daemon that floods two clients, at most `limit` descriptors; it must end in order."""
    guest = f"process,command=stty raw -echo; exec {sys.executable} {GUEST} {RATE}"
    backends = [f"socket,id=shared,path={directory}/shared,server=on,wait=off", *extra]
    (directory / "config.toml").write_text(
        f"[console.vm1]\nhistory = '1M'\nguest = {json.dumps(guest)}\n"
        f"backends = {json.dumps(backends)}\n"
    )
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as stack:
        config = str(directory / "config.toml")
        process = stack.enter_context(served(str(directory / "control"), "-c", config))
        if limit is not None:
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (limit, before[1]))
        made = Watched(process, directory)
        stack.callback(made.close)
        made.flows()
        yield made
        assert not made.frames.gaps
        assert not made.raw.gaps
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=SLOW)
        assert process.returncode == 0, told.decode()
        assert b"Traceback" not in told, told.decode()
        assert b"internal error" not in told, told.decode()


def test_a_storm_of_clients_leaves_a_daemon_without_descriptors_standing(tmp_path: Path) -> None:
    with watched(tmp_path, limit=DESCRIPTORS) as made, contextlib.ExitStack() as storm:
        for _ in range(STORM):
            storm.enter_context(_call(tmp_path / "shared"))

        def reason() -> str:
            return str(made.control.backend("vm1", "shared")["reason"])

        made.until(lambda: "Too many open files" in reason(), "a shortage that is told")
        assert reason() == "cannot accept: Too many open files"
        late = _call(made.path)
        added = made.control.execute(
            "mux-add-backend",
            console="vm1",
            chardev=f"socket,id=more,path={tmp_path}/more,server=on,wait=off",
        )
        assert added == {"id": "more"}
        more = made.control.backend("vm1", "more")
        assert (more["state"], more["reason"]) == (
            "failed",
            f"Failed to bind socket to {tmp_path}/more: Too many open files",
        )
        made.flows()

        storm.close()
        made.until(lambda: reason() == "None", "an end of the shortage")
        made.until(
            lambda: made.control.backend("vm1", "more")["state"] == "waiting", "another attempt"
        )
        made.until(lambda: select.select([late], [], [], 0)[0], "a greeting")
        assert late.recv(100).startswith(b'{"QMP"')
        late.close()
        with support.connect_unix(tmp_path / "shared") as client:
            made.until(lambda: select.select([client], [], [], 0)[0], "output for who comes now")


@pytest.mark.soak
def test_a_guest_waits_for_memory_and_goes_on_when_there_is_some(tmp_path: Path) -> None:
    with watched(tmp_path) as made:
        guest = f"process,command=stty raw -echo; exec {sys.executable} {GUEST} 1e9"
        _, hard = resource.prlimit(made.process.pid, resource.RLIMIT_AS)
        limit = _virtual(made.process.pid) + ROOM
        resource.prlimit(made.process.pid, resource.RLIMIT_AS, (limit, hard))
        made.control.execute(
            "mux-add-console", console="vm2", guest=guest, settings={"history": "256M"}
        )

        def printed() -> int:
            return int(made.control.console("vm2")["history"]["end"])

        def stands() -> bool:
            before = printed()
            made.read(1.0)
            return ROOM // 4 < printed() == before

        made.until(stands, "a guest that waits")
        stood = printed()
        made.flows()
        resource.prlimit(made.process.pid, resource.RLIMIT_AS, (hard, hard))
        made.until(lambda: printed() > stood + ROOM, "a guest that goes on")
        check = RawStream("vm2", 0)
        stream = Control(made.path).attach("vm2", framing="raw", replay=1 << 30)
        check.feed(stream.first)
        with stream.sock:
            while (check.at or 0) < stood + ROOM:
                made.read()
                check.feed(stream.sock.recv(1 << 18))
        made.control.execute("mux-remove-console", console="vm2")


@pytest.mark.parametrize("seconds", [1.0, pytest.param(60.0, marks=pytest.mark.soak)])
def test_a_storm_of_signals_costs_nobody_a_byte(tmp_path: Path, seconds: float) -> None:
    log = f"file,id=log,path={tmp_path}/log"
    with watched(tmp_path, extra=[log]) as made:
        sent = 0
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for number in (signal.SIGWINCH, signal.SIGCHLD, signal.SIGHUP, signal.SIGCONT):
                made.process.send_signal(number)
                sent += 1
            made.read(0.001)
        made.flows()
        print(f"{sent} signals")
        check = RawStream("log", 0)
        made.until(lambda: os.path.getsize(tmp_path / "log") > (made.frames.at or 0), "the log")
        with open(tmp_path / "log", "rb") as file:
            check.feed(file.read())
        assert not check.gaps
        # Who did not read the events of twenty thousand reloads was left behind.
        with Control(made.path) as control:
            assert control.execute("mux-reload")["failed"] == []


def _call(path: str | Path) -> socket.socket:
    """A client that may have to wait until it is accepted."""
    sock = socket.socket(socket.AF_UNIX)
    sock.setblocking(False)
    sock.connect(str(path))
    return sock


def _virtual(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()
