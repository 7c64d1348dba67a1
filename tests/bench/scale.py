"""What many consoles, and many peers of one console, cost muxtui's daemon.

    python -m tests.bench.scale [--consoles N] [--peers N] [--keys N]

run from the checkout. Two measures:

    consoles  N consoles in one daemon, each with a guest and two unix-socket backends with a
              client: how long they take to start, what they cost while nobody says anything, how
              long `muxtui ls` takes, and whether one busy console's echo suffers from the rest
    peers     N clients of one backend: what the first and the last tenth of them took to
              come and to go, which is the same unless something looks at all of them each time

A console's memory is what a daemon with N of them has more than one without any: first while no
guest has said anything, so that there is no ring yet, then with what a greeting takes of each ring.
The sockets are in a file system in memory, as those in /run are, and the daemon runs from compiled
files, as an installed one does: neither a disk nor the compiler is measured.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests import support
from tests.bench.compare import KEY_PAUSE, cpu_apart, make_parser, quantiles
from tests.peers import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

REST = 2.0
"""Seconds that a daemon has to come to rest."""

IDLE = 5.0
"""Seconds for which it is watched doing nothing."""

SETTLED = 0.1
"""Seconds without any CPU time after which it has dealt with all that was done to it."""

START_TIMEOUT = 60.0

IN_MEMORY = "/dev/shm"
"""A directory in a file system in memory, tmpfs(5)."""

GREETING = b"login: "

COMPILED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""The environment of what keeps what it compiled."""


class Farm:
    """A daemon with consoles, each with a guest and `clients` clients, all played by this process.

    Attributes:
        start_s: seconds from the command until the last guest was called and the last backend
            could be reached.
        silent: bytes of memory that the daemon had when all had come and nobody had said anything.
        guests: the guests' ends.
        clients: for each console its clients.
    """

    def __init__(self, consoles: int, backends: int = 2, cpu: int | None = None) -> None:
        """Describe the farm; nothing runs yet. `cpu` is the one the daemon may use."""
        self.start_s = 0.0
        self.silent = 0
        self.pid = 0
        self.guests: list[socket.socket] = []
        self.clients: list[list[socket.socket]] = []
        self._consoles = consoles
        self._backends = backends
        self._cpu = cpu
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._dir = Path(tempfile.mkdtemp(prefix="mux-farm-", dir=IN_MEMORY))
            stack.callback(shutil.rmtree, self._dir)
            listeners = [stack.enter_context(self._listen(n)) for n in range(self._consoles)]
            (self._dir / "config.toml").write_text("".join(self._config()))
            started = time.monotonic()
            process = subprocess.Popen(
                self._command(), env=COMPILED, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            stack.callback(processes.stop, process)
            self.pid = process.pid
            if self._cpu is not None:
                os.sched_setaffinity(self.pid, {self._cpu})
            self._await_guests(listeners, stack)
            with support.connect_unix(self.control, START_TIMEOUT):
                self.start_s = time.monotonic() - started
            for n in range(self._consoles):
                paths = [self.path(f"c{n}.b{m}") for m in range(self._backends)]
                mine = [stack.enter_context(support.connect_unix(p, START_TIMEOUT)) for p in paths]
                self.clients.append(mine)
            _settle(self.pid)
            self.silent = processes.resident(self.pid)
            self._greet()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def control(self) -> str:
        """The control socket."""
        return self.path("control.sock")

    def path(self, name: str) -> str:
        """Where a socket called `name` is."""
        return str(self._dir / name)

    def _listen(self, n: int) -> socket.socket:
        server = socket.socket(socket.AF_UNIX)
        server.bind(self.path(f"c{n}.guest"))
        server.listen()
        return server

    def _command(self) -> list[str]:
        config = self.path("config.toml")
        return [sys.executable, "-m", "muxcore", "serve", "-c", config, "--socket", self.control]

    def _config(self) -> Iterator[str]:
        for n in range(self._consoles):
            guest = self.path(f"c{n}.guest")
            yield f'[console.c{n}]\nguest = "socket,path={guest}"\nbackends = [\n'
            for m in range(self._backends):
                yield f'  "socket,path={self.path(f"c{n}.b{m}")},server=on,wait=off,replay=64",\n'
            yield "]\n"

    def _await_guests(self, listeners: list[socket.socket], stack: contextlib.ExitStack) -> None:
        waiting = {server.fileno(): n for n, server in enumerate(listeners)}
        guests: dict[int, socket.socket] = {}
        poller = select.poll()
        for fd in waiting:
            poller.register(fd, select.POLLIN)
        while waiting:
            ready = poller.poll(START_TIMEOUT * 1000)
            if not ready:
                raise TimeoutError(f"{len(waiting)} guests were never called")
            for fd, _ in ready:
                poller.unregister(fd)
                n = waiting.pop(fd)
                guests[n] = stack.enter_context(listeners[n].accept()[0])
        self.guests = [guests[n] for n in range(self._consoles)]

    def _greet(self) -> None:
        """Have every guest say something to every client: all of them live."""
        for guest in self.guests:
            guest.send(GREETING)
        for clients in self.clients:
            for client in clients:
                support.expect(client, GREETING, START_TIMEOUT)


def consoles(count: int, keys: int, cpu: int | None = None) -> Iterator[tuple[str, str]]:
    """Measure `count` consoles; yields what and how much."""
    with Farm(0, cpu=cpu) as farm:
        bare = farm.silent
    with Farm(1, cpu=cpu) as farm:
        alone = _echoes(farm.guests[0], farm.clients[0], keys)
    with Farm(count, cpu=cpu) as farm:
        time.sleep(REST)
        used, start = processes.cpu_seconds(farm.pid), time.monotonic()
        time.sleep(IDLE)
        idle = (processes.cpu_seconds(farm.pid) - used) / (time.monotonic() - start)
        silent = (farm.silent - bare) / count
        memory = (processes.resident(farm.pid) - bare) / count
        listing = [_list(farm.control) for _ in range(3)]
        beside = _echoes(farm.guests[0], farm.clients[0], keys)
        yield "start", f"{farm.start_s:.2f} s"
        yield "idle CPU", f"{idle * 100:.3f} % of a core"
        yield "memory of a console", f"{silent / 1024:.1f} KiB"
        yield "the same with its ring", f"{memory / 1024:.1f} KiB"
        yield "muxtui ls", f"{statistics.median(listing) * 1e3:.0f} ms"
    for name, samples in (("alone", alone), (f"beside {count - 1} idle", beside)):
        figures = quantiles(samples)
        yield f"key to echo, {name}", "p50 {p50_us:.0f} us, p99 {p99_us:.0f} us".format(**figures)


def _echoes(guest: socket.socket, clients: list[socket.socket], keys: int) -> list[float]:
    """Type `keys` letters at the first client; the seconds to each one's echo there."""
    samples = []
    for _ in range(keys):
        start = time.perf_counter()
        clients[0].send(b"k")
        support.expect(guest, b"k", START_TIMEOUT)
        guest.send(b"k")
        support.expect(clients[0], b"k", START_TIMEOUT)
        samples.append(time.perf_counter() - start)
        for other in clients[1:]:
            support.expect(other, b"k", START_TIMEOUT)
        pause = time.perf_counter() + KEY_PAUSE
        while time.perf_counter() < pause:
            # Spinning keeps this CPU awake, as in fanout.keystroke.
            pass
    return samples


def _list(path: str) -> float:
    start = time.monotonic()
    command = [sys.executable, "-m", "tui", "--socket", path, "ls"]
    # Its output is read: waiting for an end alone, with a timeout, looks for it now and then.
    subprocess.run(command, env=COMPILED, check=True, capture_output=True, timeout=START_TIMEOUT)
    return time.monotonic() - start


def peers(count: int, cpu: int | None = None) -> Iterator[tuple[str, str]]:
    """Measure `count` clients of one backend; yields what and how much."""
    tenth = max(1, count // 10)
    with Farm(1, backends=1, cpu=cpu) as farm, contextlib.ExitStack() as stack:
        path = farm.path("c0.b0")
        clients: list[socket.socket] = []

        def come() -> None:
            some = [stack.enter_context(support.connect_unix(path)) for _ in range(tenth)]
            clients.extend(some)
            for client in some:
                # What was printed before they came: each is served.
                support.expect(client, GREETING, START_TIMEOUT)

        def leave() -> None:
            for client in clients[:tenth]:
                client.close()
            del clients[:tenth]

        yield "CPU of a client that comes", _ends(_costs(farm.pid, come), tenth)
        memory = processes.resident(farm.pid)
        yield "CPU of a client that goes", _ends(_costs(farm.pid, leave)[::-1], tenth)
        yield f"memory with {count} clients", f"{memory / 2**20:.0f} MiB"


def _costs(pid: int, step: Callable[[], None]) -> list[float]:
    """CPU seconds of the process `pid` for each of ten steps."""
    costs = []
    for _ in range(10):
        used = processes.cpu_seconds(pid)
        step()
        _settle(pid)
        costs.append(processes.cpu_seconds(pid) - used)
    return costs


def _settle(pid: int) -> None:
    """Return when the process `pid` does nothing any more."""
    used = -1.0
    while used < (used := processes.cpu_seconds(pid)):
        time.sleep(SETTLED)


def _ends(costs: list[float], tenth: int) -> str:
    few, many = (cost / tenth * 1e6 for cost in (costs[0], costs[-1]))
    return f"{few:.0f} us while few are there, {many:.0f} us with all"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the bench; see the module."""
    parser = make_parser(__doc__)
    parser.add_argument("--consoles", type=int, default=1000, help="consoles in one daemon")
    parser.add_argument("--peers", type=int, default=10_000, help="clients of one console")
    parser.add_argument("--keys", type=int, default=1000, help="keystrokes of one run")
    options = parser.parse_args(argv)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    its = cpu_apart()
    print(f"{options.consoles} consoles with two backends each")
    _print(consoles(options.consoles, options.keys, its))
    print(f"{options.peers} clients of one console")
    _print(peers(options.peers, its))
    return 0


def _print(figures: Iterator[tuple[str, str]]) -> None:
    for what, how_much in figures:
        print(f"  {what:30}{how_much}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
