"""kill -9 of everybody in turn: a daemon, its guests, its clients; and what each got is compared.

What the guest printed is known from a reader without which the daemon does not start the guest and
that may hold it (`wait=on`, `policy=block`): it has every byte of the history, from offset 0.
Whatever any other client read while the same daemon lived must be a stretch of that, with holes
only where markers or `G` frames say so; and the log file is what the histories of all daemons begin
with, one behind the other.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import random
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests import support
from tests.control import Control
from tests.muxcore.daemons import ROOT, SLOW, listens, serve
from tests.numbered import MARKER
from tests.soak.readers import Reader, Stored

if TYPE_CHECKING:
    from collections.abc import Callable

GUEST = Path(__file__).with_name("kill_guest.py")
MOST = 8
"""Clients at once."""

STEADY = 1.2
"""Seconds after which a program that ended is started again at once."""

PID = re.compile(rb"pid (\d+)\n")


class Kills:
    """See the module.

    Attributes:
        did: how often each was killed.
        compared: bytes.
        printed: bytes of all histories.
    """

    def __init__(self, directory: Path, seed: int) -> None:
        self.did: collections.Counter[str] = collections.Counter()
        self.compared = 0
        self.printed = 0
        self._directory = directory
        self._draw = random.Random(seed)
        self._socket = str(directory / "control")
        self._readers: list[Reader] = []
        self._logged = 0
        self._lines = 0
        self._program_since = 0.0
        self._write_config()
        self._start_guest()
        self._start_daemon()
        self._victims: list[tuple[int, Callable[[], bool]]] = [
            (6, self._kill_client),
            (3, self._kill_guest),
            (3, self._kill_program),
            (2, self._kill_daemon),
            (1, self._stop_daemon),
        ]

    def run(self, kills: int) -> None:
        """Kill so many, and look at what is left after each daemon's end."""
        weights = [weight for weight, _ in self._victims]
        while self.did.total() < kills:
            while len(self._readers) < MOST and self._draw.random() < 0.8:
                self._open()
            self._read(self._draw.random() * 0.1)
            ((_, victim),) = self._draw.choices(self._victims, weights)
            if victim():
                self.did[victim.__name__.strip("_")] += 1
        self._stop_daemon()
        self._end_daemon_of_nobody()

    def close(self) -> None:
        """End what is left."""
        for reader in (*self._readers, self._reference, self._program):
            with contextlib.suppress(OSError):
                reader.kill()
        for process in (self._daemon, self._guest):
            process.kill()
            process.wait()
            if process.stderr is not None:
                process.stderr.close()

    # Who is killed.

    def _kill_client(self) -> bool:
        if not self._readers:
            return False
        reader = self._readers.pop(self._draw.randrange(len(self._readers)))
        reader.read()
        reader.kill()
        self._finished.append(reader)
        return True

    def _kill_guest(self) -> bool:
        self._guest.kill()
        self._guest.communicate()
        self._start_guest()
        self._wait_for_output("a guest that was killed and started again")
        return True

    def _kill_program(self) -> bool:
        pids = PID.findall(self._program.data)
        if not pids or time.monotonic() - self._program_since < STEADY:
            return False
        os.kill(int(pids[-1]), signal.SIGKILL)
        self._until(
            lambda: len(PID.findall(self._program.data)) > len(pids), "the program's next life"
        )
        self._program_since = time.monotonic()
        return True

    def _kill_daemon(self) -> bool:
        program = PID.findall(self._program.data)
        self._daemon.kill()
        self._daemon.communicate()
        self._judge(whole=False)
        for pid in program[-1:]:
            self._until(lambda pid=pid: not _lives(int(pid)), "a program without its terminal")  # type: ignore[misc]
        self._start_daemon()
        return True

    def _stop_daemon(self) -> bool:
        self._daemon.send_signal(signal.SIGTERM)
        self._until(lambda: self._daemon.poll() is not None, "the daemon's end")
        _, told = self._daemon.communicate()
        assert self._daemon.returncode == 0, told
        assert b"Traceback" not in told, told.decode()
        assert b"internal error" not in told, told.decode()
        self._judge(whole=True)
        for name in ("control", "shared", "reference", "program", "tty"):
            assert not os.path.lexists(self._directory / name), f"{name} was left behind"
        self._start_daemon()
        return True

    # Lives.

    def _write_config(self) -> None:
        at = self._directory
        reference = f"socket,id=reference,path={at}/reference,server=on,wait=on"
        backends = [
            f"{reference},policy=block,block-timeout=0",
            f"socket,id=shared,path={at}/shared,server=on,wait=off",
            f"pty,id=pty,path={at}/tty,replay=0",
            f"file,id=log,path={at}/log,append=on",
        ]
        program = 'process,command=echo "pid $$"; exec sleep 1000,restart=always'
        config = {
            "vm1": (f"socket,path={at}/guest,reconnect-ms=50", backends),
            "vm2": (program, [f"socket,id=program,path={at}/program,server=on,wait=on"]),
        }
        tables = [
            f"[console.{name}]\nhistory = '256K'\nguest = {json.dumps(guest)}\n"
            f"backends = {json.dumps(backends)}\n"
            for name, (guest, backends) in config.items()
        ]
        (at / "config.toml").write_text("\n".join(tables))

    def _start_guest(self) -> None:
        # No number comes twice, whoever prints it.
        self._lines += 10**9
        command = [sys.executable, str(GUEST), str(self._directory / "guest")]
        self._guest = subprocess.Popen([*command, str(10**14 + self._lines)])

    def _start_daemon(self) -> None:
        """Start one on whatever the last one left, and wait until everything is there."""
        self._daemon = serve(self._socket, "-c", str(self._directory / "config.toml"))
        support.eventually_sync(
            lambda: listens(self._socket) or self._daemon.poll() is not None, SLOW
        )
        assert self._daemon.poll() is None, self._daemon.communicate()[1].decode()
        self._finished: list[Reader] = []
        reference = support.connect_unix(self._directory / "reference", SLOW)
        self._reference = Reader("reference", reference.detach(), start=0)
        program = support.connect_unix(self._directory / "program", SLOW)
        self._program = Reader("program", program.detach())
        self._program_since = time.monotonic()
        self._wait_for_output("a daemon on what another one left")
        with Control(self._socket) as control:
            for id, state in (("shared", "waiting"), ("pty", "waiting"), ("log", "open")):
                backend = control.backend("vm1", id)
                assert backend["state"] == state, backend
        assert os.readlink(self._directory / "tty").startswith("/dev/pts/")

    def _judge(self, *, whole: bool) -> None:
        """A daemon has ended: everybody reads to the end, and is compared.

        `whole` says that it had the time to give everybody everything.
        """
        everybody = [*self._readers, self._reference, self._program]
        self._until(lambda: all(reader.ended for reader in everybody), "the end of every stream")
        source = bytes(self._reference.data)
        assert not MARKER.search(source), "the reference has a gap"
        self.printed += len(source)
        for reader in (*self._readers, *self._finished):
            self.compared += reader.check(source)
        self._check_log(source, whole=whole)
        for reader in everybody:
            reader.kill()
        self._readers.clear()

    def _check_log(self, source: bytes, *, whole: bool) -> None:
        with open(self._directory / "log", "rb") as log:
            log.seek(self._logged)
            data = log.read()
        self._logged += len(data)
        self.compared += Stored("log", data).check(source)
        if whole:
            assert len(data) == len(source), f"the log got {len(data)} of {len(source)} bytes"

    def _end_daemon_of_nobody(self) -> None:
        self._daemon.send_signal(signal.SIGTERM)
        self._until(lambda: self._daemon.poll() is not None, "the last daemon's end")

    # Clients.

    def _open(self) -> None:
        openers: tuple[Callable[[], Reader | None], ...] = (
            self._open_socket,
            self._open_socat,
            self._open_attach,
            self._open_frames,
            self._open_raw,
            self._open_pty,
        )
        reader = self._draw.choice(openers)()
        if reader is not None:
            self._readers.append(reader)

    def _open_socket(self) -> Reader:
        sock = support.connect_unix(self._directory / "shared")
        return Reader("socket", sock.detach())

    def _open_socat(self) -> Reader:
        return self._run("socat", "socat", "-u", f"UNIX-CONNECT:{self._directory}/shared", "STDOUT")

    def _open_attach(self) -> Reader | None:
        if any(reader.name == "muxtui" for reader in self._readers):
            # It takes a second of this machine to start one.
            return None
        words = ("--socket", self._socket, "attach", "vm1", "--ro", "--raw")
        return self._run("muxtui", sys.executable, "-m", "muxcore", *words)

    def _open_frames(self) -> Reader:
        stream = Control(self._socket).attach("vm1", framing="frames", replay=4096)
        reader = Reader("frames", stream.sock.detach(), start=stream.offset, framed=True)
        reader.data += stream.first
        return reader

    def _open_raw(self) -> Reader:
        stream = Control(self._socket).attach("vm1", framing="raw", replay=4096)
        reader = Reader("raw", stream.sock.detach(), start=stream.offset)
        reader.data += stream.first
        return reader

    def _open_pty(self) -> Reader | None:
        if any(reader.name == "pty" for reader in (*self._readers, *self._finished)):
            # Another opener goes on where the first one left, which is nobody's start.
            return None
        flags = os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK
        return Reader("pty", os.open(self._directory / "tty", flags))

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

    # Time.

    def _wait_for_output(self, who: str) -> None:
        before = len(self._reference.data)
        self._until(lambda: len(self._reference.data) > before + 4096, f"output of {who}")

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + SLOW
        while not condition():
            assert time.monotonic() < deadline, f"never: {what}; {self.did}"
            self._read(0.01)

    def _read(self, seconds: float) -> None:
        """Let time pass, and everybody read."""
        deadline = time.monotonic() + seconds
        while True:
            reading = [
                reader
                for reader in (*self._readers, self._reference, self._program)
                if not reader.ended
            ]
            left = max(0.0, deadline - time.monotonic())
            ready, _, _ = select.select([reader.fd for reader in reading], [], [], left)
            for reader in reading:
                if reader.fd in ready:
                    reader.read()
            if not left:
                return


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
