"""A console under the kill soak: its readers of every kind, and what each of them got, compared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests import support
from tests.control import Control
from tests.muxcore.daemons import ROOT, SLOW
from tests.numbered import MARKER
from tests.soak.readers import Reader, Stored

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

MOST = 6
"""Clients at once."""


class Shared:
    """A console whose guest listens at the socket NAME; its backends are called `NAME-...`.

    Its guest is not called before `reference` is there, a reader that may hold it: that one has
    every byte of a daemon's history.

    Args:
        name: of the console.
        control: the daemon's control socket.
        directory: where everything is.
        draw: what decides.
        programs: whether some of its clients are programs, which take a second to start.
    """

    def __init__(
        self, name: str, control: str, directory: Path, draw: random.Random, *, programs: bool
    ) -> None:
        self.name = name
        self.readers: list[Reader] = []
        self._finished: list[Reader] = []
        self._control = control
        self._directory = directory
        self._draw = draw
        self._logged = 0
        self._openers: list[Callable[[], Reader | None]] = [
            self._open_socket,
            self._open_attach,
            self._open_frames,
            self._open_pty,
        ]
        if programs:
            self._openers += [self._open_socat, self._open_app]

    # A daemon's life.

    def table(self) -> str:
        """The console in a daemon's configuration."""
        name, at = self.name, f"{self._directory}/{self.name}"
        server = "server=on,policy=block,block-timeout=0"
        backends = [
            f"socket,id={name}-reference,path={at}-reference,wait=on,{server}",
            f"socket,id={name}-shared,path={at}-shared,server=on,wait=off",
            f"pty,id={name}-pty,path={at}-pty,replay=0",
            f"file,id={name}-log,path={at}-log,append=on",
        ]
        return (
            f"[console.{name}]\nhistory = '256K'\n"
            f"guest = {json.dumps(f'socket,path={at},reconnect-ms=50')}\n"
            f"backends = {json.dumps(backends)}\n"
        )

    def begin(self) -> None:
        """A daemon has started: be there for its first byte."""
        sock = support.connect_unix(self._path("reference"), SLOW)
        self.reference = Reader("reference", sock.detach(), start=0)

    def check_state(self, control: Control) -> None:
        """See that all of it is there."""
        for id, state in (("shared", "waiting"), ("pty", "waiting"), ("log", "open")):
            backend = control.backend(self.name, f"{self.name}-{id}")
            assert backend["state"] == state, backend
        assert os.readlink(self._path("pty")).startswith("/dev/pts/")

    @property
    def printed(self) -> int:
        """Bytes of this daemon's history, as far as they were read."""
        return len(self.reference.data)

    @property
    def everybody(self) -> list[Reader]:
        """All that are live."""
        return [*self.readers, self.reference]

    def judge(self, *, whole: bool) -> int:
        """Compare what everybody got of a daemon that has ended; the number of bytes compared.

        `whole` says that it had the time to give everybody everything.
        """
        source = bytes(self.reference.data)
        assert not MARKER.search(source), "the reference has a gap"
        compared = sum(reader.check(source) for reader in (*self.readers, *self._finished))
        compared += self._check_log(source, whole=whole)
        self.close()
        self.readers.clear()
        self._finished.clear()
        return compared

    def _check_log(self, source: bytes, *, whole: bool) -> int:
        with open(self._path("log"), "rb") as log:
            log.seek(self._logged)
            data = log.read()
        self._logged += len(data)
        if whole:
            assert len(data) == len(source), f"the log got {len(data)} of {len(source)} bytes"
        return Stored("log", data).check(source)

    def left_behind(self) -> list[str]:
        """What a daemon that ended in order should have removed."""
        return [
            name for name in ("shared", "reference", "pty") if os.path.lexists(self._path(name))
        ]

    def close(self) -> None:
        """End all readers."""
        for reader in self.everybody:
            reader.kill()

    # Clients.

    def kill_one(self) -> bool:
        """Kill a client; False if there is none."""
        if not self.readers:
            return False
        reader = self.readers.pop(self._draw.randrange(len(self.readers)))
        reader.read()
        reader.kill()
        self._finished.append(reader)
        return True

    def open_some(self) -> None:
        """Let clients come."""
        while len(self.readers) < MOST and self._draw.random() < 0.8:
            reader = self._draw.choice(self._openers)()
            if reader is not None:
                self.readers.append(reader)

    def _path(self, what: str) -> str:
        return f"{self._directory}/{self.name}-{what}"

    def _open_socket(self) -> Reader:
        sock = support.connect_unix(self._path("shared"))
        return Reader("socket", sock.detach())

    def _open_socat(self) -> Reader:
        return self._run("socat", "socat", "-u", f"UNIX-CONNECT:{self._path('shared')}", "STDOUT")

    def _open_app(self) -> Reader | None:
        if any(reader.name == "muxtui" for reader in self.readers):
            # It takes a second of this machine to start one.
            return None
        words = ("--socket", self._control, "attach", self.name, "--ro", "--raw")
        return self._run("muxtui", sys.executable, "-m", "muxcore", *words)

    def _open_frames(self) -> Reader:
        stream = Control(self._control).attach(self.name, framing="frames", replay=4096)
        reader = Reader("frames", stream.sock.detach(), start=stream.offset, framed=True)
        reader.data += stream.first
        return reader

    def _open_attach(self) -> Reader:
        stream = Control(self._control).attach(self.name, framing="raw", replay=4096)
        reader = Reader("raw", stream.sock.detach(), start=stream.offset)
        reader.data += stream.first
        return reader

    def _open_pty(self) -> Reader | None:
        if any(reader.name == "pty" for reader in (*self.readers, *self._finished)):
            # Another opener goes on where the first one left, which is nobody's start.
            return None
        flags = os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK
        return Reader("pty", os.open(self._path("pty"), flags))

    def _run(self, name: str, *command: str) -> Reader:
        reader, writer = os.pipe()
        try:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=subprocess.DEVNULL,
            )
        finally:
            os.close(writer)
        return Reader(name, reader, process=process)
