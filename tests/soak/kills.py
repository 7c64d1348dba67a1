"""kill -9 of everybody in turn: daemon, guests, clients, the app; and what each got is compared.

What a guest printed is known from a reader without which the daemon does not start the guest and
that may hold it (`wait=on`, `policy=block`): it has every byte of the history, from offset 0.
Whatever any other client read while the same daemon lived must be a stretch of that, with holes
only where markers or `G` frames say so; and the log file is what the histories of all daemons begin
with, one behind the other. What the app shows is in it too, whatever was killed under it.
"""

from __future__ import annotations

import collections
import contextlib
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
from tests.muxcore.daemons import SLOW, listens, serve
from tests.soak import machine
from tests.soak.readers import Reader
from tests.soak.shared import Shared
from tests.soak.view import View

if TYPE_CHECKING:
    from collections.abc import Callable

GUEST = Path(__file__).with_name("kill_guest.py")

STEADY = 1.2
"""Seconds after which a program that ended is started again at once."""

SELDOM = 10.0
"""Seconds from a screen's end to the next one: of eight in a minute the app thinks they are the
engine's own fault, takes the other engine, and at last none."""

PID = re.compile(rb"pid (\d+)\n")

PROGRAM = """
[console.own]
guest = 'process,command=echo "pid $$"; exec sleep 1000,restart=always'
backends = ["socket,id=program,path=%s/program,server=on,wait=on"]
"""


class Kills:
    """See the module.

    The console `vm` has a fast guest, `machine` a real one, `own` one that the daemon runs.

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
        self._fast = Shared("vm", self._socket, directory, self._draw, programs=True)
        self._slow = Shared("machine", self._socket, directory, self._draw, programs=False)
        self._consoles = (self._fast, self._slow)
        self._view: View | None = None
        self._lines = 10**14
        self._program_since = 0.0
        self._screen_since = -SELDOM
        tables = [console.table() for console in self._consoles]
        text = "\n".join([*tables, PROGRAM % directory])
        (directory / "config.toml").write_text(text)
        self._start_machine()
        self._start_guest()
        self._start_daemon()
        self._victims: list[tuple[int, Callable[[], bool]]] = [
            (6, self._kill_client),
            (3, self._kill_guest),
            (2, self._kill_machine),
            (3, self._kill_program),
            (2, self._kill_screen),
            (2, self._kill_daemon),
            (1, self._kill_app),
            (1, self._stop_daemon),
        ]

    def run(self, kills: int) -> None:
        """Kill so many, each kind once before any again; look at what each daemon leaves."""
        weights = [weight for weight, _ in self._victims]
        due = [victim for _, victim in self._victims]
        while self.did.total() < kills:
            for console in self._consoles:
                console.open_some()
            self._read(self._draw.random() * 0.1)
            victim = due.pop(0) if due else self._draw.choices(self._victims, weights)[0][1]
            if victim():
                self.did[victim.__name__.strip("_")] += 1
            elif due:
                due.append(victim)
        self._stop_daemon()
        self._daemon.send_signal(signal.SIGTERM)
        self._until(lambda: self._daemon.poll() is not None, "the last daemon's end")

    def close(self) -> None:
        """End what is left."""
        for console in self._consoles:
            with contextlib.suppress(OSError):
                console.close()
        with contextlib.suppress(OSError):
            self._program.kill()
        if self._view is not None:
            self._view.kill()
        for process in (self._daemon, self._guest, self._machine):
            process.kill()
            process.wait()
            if process.stderr is not None:
                process.stderr.close()

    # Who is killed.

    def _kill_client(self) -> bool:
        return self._draw.choice(self._consoles).kill_one()

    def _kill_guest(self) -> bool:
        self._guest.kill()
        self._guest.wait()
        self._start_guest()
        self._wait_for_output("a guest that was killed and started again", self._fast)
        return True

    def _kill_machine(self) -> bool:
        self._machine.kill()
        self._machine.wait()
        self._start_machine()
        self._wait_for_output("a QEMU that was killed and started again", self._slow)
        return True

    def _kill_screen(self) -> bool:
        if time.monotonic() - self._screen_since < SELDOM:
            return False
        self._screen_since = time.monotonic()
        view = self._opened_view()
        (worker,) = view.workers()
        os.kill(worker, signal.SIGKILL)
        self._until(lambda: view.workers() not in ([], [worker]), "another worker")
        self._wait_for_view(view, "a view whose screen was killed")
        self._until(lambda: self._is_attached(view), "the view of an app whose screen was killed")
        return True

    def _kill_app(self) -> bool:
        view = self._opened_view()
        workers = view.workers()
        self._view = None
        view.kill()
        self._until(lambda: not any(map(_lives, workers)), "the end of the screens of a killed app")
        self._until(lambda: not self._is_attached(view), "the end of the view of a killed app")
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
        for pid in map(int, program[-1:]):
            self._until(lambda pid=pid: not _lives(pid), "a program without its terminal")  # type: ignore[misc]
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
        left = [name for name in ("control", "program") if os.path.lexists(self._directory / name)]
        left += [f"{each.name}'s {name}" for each in self._consoles for name in each.left_behind()]
        assert not left, f"left behind: {left}"
        self._start_daemon()
        return True

    # Lives.

    def _next_lines(self) -> int:
        """The number of a first line: no number comes twice, whoever prints it."""
        self._lines += 10**9
        return self._lines

    def _start_guest(self) -> None:
        command = [sys.executable, str(GUEST), str(self._directory / "vm")]
        self._guest = subprocess.Popen([*command, str(self._next_lines())])

    def _start_machine(self) -> None:
        self._machine = machine.start(self._directory, "machine", self._next_lines())

    def _start_daemon(self) -> None:
        """Start one on whatever the last one left, and wait until everything is there."""
        self._daemon = serve(self._socket, "-c", str(self._directory / "config.toml"))
        support.eventually_sync(
            lambda: listens(self._socket) or self._daemon.poll() is not None, SLOW
        )
        assert self._daemon.poll() is None, self._daemon.communicate()[1].decode()
        for console in self._consoles:
            console.begin()
        program = support.connect_unix(self._directory / "program", SLOW)
        self._program = Reader("program", program.detach())
        self._program_since = time.monotonic()
        self._wait_for_output("a daemon on what another one left", *self._consoles)
        with Control(self._socket) as control:
            for console in self._consoles:
                console.check_state(control)
        if self._view is not None:
            self._wait_for_view(self._view, "a view whose daemon ended and came back")

    def _judge(self, *, whole: bool) -> None:
        """A daemon has ended: everybody reads to the end, and is compared."""
        everybody = [self._program, *(r for each in self._consoles for r in each.everybody)]
        self._until(lambda: all(reader.ended for reader in everybody), "the end of every stream")
        for console in self._consoles:
            self.printed += console.printed
            self.compared += console.judge(whole=whole)
        self._program.kill()

    # The app.

    def _opened_view(self) -> View:
        if self._view is None:
            self._view = View(self._socket, self._slow.name)
            self._wait_for_view(self._view, "a view's first lines")
        return self._view

    def _wait_for_view(self, view: View, whose: str) -> None:
        """Wait for lines that came later, of this daemon; all that are shown were printed."""
        before = view.newest()

        def printed(number: object) -> bool:
            return str(number).encode() in self._slow.reference.data

        self._until(
            lambda: (newest := view.newest()) > before and printed(newest),
            f"new lines in {whose}",
        )
        # What a daemon printed last that was killed may be shown a moment longer.
        self._until(
            lambda: all(map(printed, view.numbers())), f"nothing in {whose} that was not printed"
        )

    def _is_attached(self, view: View) -> bool:
        with Control(self._socket) as control:
            backends = control.console(self._slow.name)["backends"]
        return view.pid in [peer["pid"] for backend in backends for peer in backend["peers"]]

    # Time.

    def _wait_for_output(self, who: str, *consoles: Shared) -> None:
        before = [console.printed for console in consoles]
        self._until(
            lambda: all(
                console.printed > count + 4096
                for console, count in zip(consoles, before, strict=True)
            ),
            f"output of {who}",
        )

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + SLOW
        while not condition():
            assert time.monotonic() < deadline, f"never: {what}; {self.did}"
            self._read(0.01)

    def _read(self, seconds: float) -> None:
        """Let time pass, and everybody read."""
        deadline = time.monotonic() + seconds
        while True:
            readers = [self._program, *(r for each in self._consoles for r in each.everybody)]
            reading: list[Reader | View] = [reader for reader in readers if not reader.ended]
            if self._view is not None:
                reading.append(self._view)
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
