"""What one reader that is stuck costs the others: muxtui and a plain C epoll loop, run in turn.

    python -m tests.bench.isolation [--rate MB] [--seconds S] [--repeat N]

run from the checkout; needs gcc and two CPUs. A guest prints RATE to four unix-socket backends,
all of which read; then one of them reads nothing for S seconds; then it reads again. Both systems
let it lose bytes. Figures:

    calm_silence_ms   the longest time without a byte at any of the other three before that
    silence_ms        the same from when it was stuck to the end
    guest_held_ms     the longest time for which the guest could not print, likewise; muxtui's
                      patience, 50 ms, bounds both
    resident_kb       memory that the system had more at any time while it was stuck
    lacks_mb          what the stuck one did not get
    told_mb           what it was told that it did not get

Every byte of the three is compared; of muxtui every byte of the stuck one too, which must lack what
it is told to lack, at that place, and what `mux-query-consoles` says. Prints a line of JSON per run
and a table of medians.
"""

from __future__ import annotations

import argparse
import select
import sys
import time
from typing import TYPE_CHECKING

from tests import support
from tests.bench.compare import (
    SILENCE,
    SYSTEMS,
    Result,
    Run,
    add_repeat,
    cpu_apart,
    make_parser,
    report,
)
from tests.bench.rig import READ_SIZE, GuestWriter, Rig
from tests.control import Control
from tests.numbered import RawStream, numbered
from tests.peers import processes
from tests.peers.own import Muxtui

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

CALM = 2.0
"""Seconds for which all read before one is stuck, and again after it was."""

WRITE = 4096
BURST = 8
"""Writes between two looks at the readers: what is owed after a wait keeps nobody waiting."""

SAMPLES = 10
"""Looks at the memory while one is stuck."""


class Ear:
    """A reader that compares what it hears and knows how long it has heard nothing.

    Attributes:
        got: bytes read.
        check: what they were; None if they are only counted.
    """

    def __init__(self, sock: socket.socket, name: str, *, counted: bool = False) -> None:
        self.sock = sock
        self.got = 0
        self.check = None if counted else RawStream(name, 0)
        self.rest()

    def rest(self) -> None:
        """Begin to count silence anew."""
        self._heard = time.monotonic()
        self._silence = 0.0

    @property
    def silence(self) -> float:
        """The longest time in seconds without a byte; the present one counts."""
        return max(self._silence, time.monotonic() - self._heard)

    def hear(self) -> None:
        """Read once."""
        data = support.read_some(self.sock, SILENCE, READ_SIZE)
        if not data:
            raise EOFError(f"a reader was closed after {self.got} bytes")
        self._silence = self.silence
        self._heard = time.monotonic()
        self.got += len(data)
        if self.check is not None:
            self.check.feed(data)


class Scene:
    """The guest and its four readers, the last of which is to be stuck."""

    def __init__(self, rig: Rig, rate: float) -> None:
        self._name = rig.system.NAME
        self._pids = rig.pids()
        last = rig.readers[-1]
        self.ears = [
            Ear(reader.sock, reader.name, counted=reader is last and rig.system is not Muxtui)
            for reader in rig.readers
        ]
        self.good, self.stuck = self.ears[:-1], self.ears[-1]
        self.writer = GuestWriter(rig.guest, rate, size=WRITE, text=numbered)
        self.resident = 0

    def silence(self) -> float:
        """The longest time that any of the good ones heard nothing."""
        return max(ear.silence for ear in self.good)

    def play(self, seconds: float, listening: Sequence[Ear]) -> None:
        """Print for `seconds` while those read."""
        start = time.monotonic()
        looks = [start + seconds * (n + 1) / (SAMPLES + 1) for n in range(SAMPLES)]
        poller = _poller(listening)
        by_fd = {ear.sock.fileno(): ear for ear in listening}
        while (now := time.monotonic()) < start + seconds:
            for _ in range(BURST):
                self.writer.write()
            for fd, _ in poller.poll(1):
                by_fd[fd].hear()
            if looks and now > looks[0]:
                looks.pop(0)
                self.resident = max(self.resident, sum(map(processes.resident, self._pids)))

    def finish(self) -> None:
        """Have all read what is left."""
        poller = _poller(self.ears)
        by_fd = {ear.sock.fileno(): ear for ear in self.ears}
        while any(ear.check and ear.check.at != self.writer.sent for ear in self.ears):
            ready = poller.poll(SILENCE * 1000)
            if not ready:
                raise TimeoutError(f"{self._name}: no byte for {SILENCE:g} s")
            for fd, _ in ready:
                by_fd[fd].hear()
        # Of one that is only counted nobody knows when it has everything.
        while _poller([self.stuck]).poll(100):
            self.stuck.hear()


def _poller(ears: Sequence[Ear]) -> select.poll:
    poller = select.poll()
    for ear in ears:
        poller.register(ear.sock, select.POLLIN)
    return poller


def isolation(rig: Rig, seconds: float, rate: float) -> Result:
    """Print `rate` bytes a second; the last reader is stuck for `seconds`."""
    scene = Scene(rig, rate)
    scene.play(CALM, scene.ears)
    calm, before = scene.silence(), scene.resident
    for ear in scene.good:
        ear.rest()
    scene.writer.longest_wait = 0.0
    scene.resident = 0
    began, sent = time.monotonic(), scene.writer.sent
    scene.play(seconds, scene.good)
    elapsed, stuck_sent = time.monotonic() - began, scene.writer.sent - sent
    more = scene.resident - before
    scene.play(CALM, scene.ears)
    silence, held = scene.silence(), scene.writer.longest_wait
    scene.finish()
    return {
        "mb_per_s": stuck_sent / elapsed / 1e6,
        "calm_silence_ms": calm * 1e3,
        "silence_ms": silence * 1e3,
        "guest_held_ms": held * 1e3,
        "resident_kb": more / 1024,
        **_lacking(rig, scene),
    }


def _lacking(rig: Rig, scene: Scene) -> Result:
    """What the stuck one did not get, and what it was told of that."""
    check = scene.stuck.check
    if check is None:
        return {"lacks_mb": (scene.writer.sent - scene.stuck.got) / 1e6, "told_mb": 0.0}
    markers = len(b"".join(b"\r\n[muxtui: %d bytes skipped]\r\n" % (b - a) for a, b in check.gaps))
    lacks = scene.writer.sent - (scene.stuck.got - markers)
    with Control(str(rig.directory / "control")) as control:
        (peer,) = control.backend("bench", f"b{len(rig.readers) - 1}")["peers"]
    assert lacks == check.skipped == peer["skipped"], (lacks, check.gaps, peer)
    return {"lacks_mb": lacks / 1e6, "told_mb": check.skipped / 1e6}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the bench; see the module."""
    parser = make_parser(__doc__)
    add_repeat(parser)
    parser.add_argument("--rate", type=float, default=10.0, help="MB a second that are printed")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long one is stuck")
    report(_runs(parser.parse_args(argv), cpu_apart()))
    return 0


def _runs(options: argparse.Namespace, cpu: int) -> Iterator[Run]:
    for _ in range(options.repeat):
        for system in SYSTEMS:
            with Rig(system, 4, drop=True, cpu=cpu) as rig:
                result = isolation(rig, options.seconds, options.rate * 1e6)
                yield Run("isolation", 4, system.NAME, result)


if __name__ == "__main__":
    sys.exit(main())
