"""What a flood, and very small writes, do to muxtui and to a plain C epoll loop, run in turn.

    python -m tests.bench.pressure [--repeat N] [--keys N] [--seconds S]

run from the checkout; needs gcc and two CPUs. Three measures, all to unix-socket backends:

    small  a guest that prints 80 bytes at a time to 16 backends, 25,000 and 100,000 times a second
           and as often as it can; `cpu` is the part of its CPU that the system uses: a system that
           has no more takes several writes at once
    flood  a key's way to the guest and back to its typist, one of four who are all sent as much
           as they take: the guest prints whenever it can and echoes in between
    other  the same for a guest that only echoes, while another console of the same daemon (C:
           another process on the same CPU) floods its one backend

Every byte of `small` is compared. Prints a line of JSON per run and a table of medians.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

from tests import support
from tests.bench.compare import (
    KEY_PAUSE,
    SILENCE,
    SYSTEMS,
    Result,
    Run,
    add_repeat,
    cpu_apart,
    make_parser,
    quantiles,
    report,
)
from tests.bench.fanout import keystroke
from tests.bench.load import load
from tests.bench.rig import Rig
from tests.peers.own import C, Muxtui

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SMALL = 80
"""Bytes of a write."""

SMALL_RATES = {"small-25k": 25_000.0, "small-100k": 100_000.0, "small-most": 0.0}
"""Writes a second by the name of the measure; 0: as many as are taken."""

FILLER = b"." * 65536


def small(rig: Rig, seconds: float, rate: float) -> Result:
    """Print SMALL bytes at a time, `rate` times a second, every reader reading all of it."""
    readers = [reader.sock.fileno() for reader in rig.readers]
    used = rig.cpu_seconds()
    sent = load(rig.directory, rig.guest.fileno(), readers, rate=rate, size=SMALL, seconds=seconds)
    used = rig.cpu_seconds() - used
    return {
        "writes_per_s": sent.size / SMALL / sent.seconds,
        "cpu": used / sent.seconds,
        "cpu_s_per_gb": used / sent.size * 1e9,
    }


def flood(rig: Rig, keys: int) -> Result:
    """Type `keys` letters one by one while the guest prints whenever it can."""
    typist = rig.readers[0]
    samples: list[float] = []
    poller = select.epoll()
    with poller:
        for reader in rig.readers:
            poller.register(reader.sock, select.EPOLLIN)
        poller.register(rig.guest, select.EPOLLIN | select.EPOLLOUT)
        ends = {reader.sock.fileno(): reader for reader in rig.readers}
        echo, typed, due = b"", 0.0, time.perf_counter()
        while len(samples) < keys:
            if not typed and time.perf_counter() >= due:
                typed = time.perf_counter()
                typist.sock.send(b"k")
            for fd, told in poller.poll(SILENCE):
                if fd not in ends:
                    if told & select.EPOLLIN:
                        echo += rig.guest.recv(16)
                    with contextlib.suppress(BlockingIOError):
                        # An echo that is not taken whole is one byte, and so is taken or not.
                        sent = rig.guest.send(echo or FILLER)
                        echo = echo[sent:]
                elif b"k" in bytes(ends[fd].read()) and ends[fd] is typist:
                    samples.append(time.perf_counter() - typed)
                    typed, due = 0.0, time.perf_counter() + KEY_PAUSE
    return quantiles(samples)


class MuxtuiTwice(Muxtui):
    """A daemon with a second console, whose guest and one backend are not the rig's."""

    def command(self) -> list[str]:
        """Add it to the plan."""
        self._stack.enter_context(OtherFlood(str(self.directory)))
        command = super().command()
        with (self.directory / "plan.toml").open("a") as plan:
            plan.write(
                f'[console.other]\nguest = "socket,path={self.directory}/other"\nbackends = ['
                f'"socket,path={self.directory}/other0,server=on,wait=off,policy=block"]\n'
            )
        return command


class CTwice(C):
    """Two of the loops, on one CPU."""

    def command(self) -> list[str]:
        """Start the other one by the way."""
        self._stack.enter_context(OtherFlood(str(self.directory)))
        command = super().command()
        self.run([command[0], str(self.directory / "other"), str(self.directory / "other0")])
        return command


class OtherFlood:
    """A child process that is the other console's guest and reader, at full speed."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def __enter__(self) -> None:
        ready, child = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            try:
                self._run(child)
            finally:
                os._exit(1)
        os.close(child)
        os.read(ready, 1)
        os.close(ready)

    def __exit__(self, *_: object) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def _run(self, ready: int) -> None:
        # Whoever types shares the CPU with it, and goes first.
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.nice(10)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"{self._directory}/other")
            server.listen()
            os.write(ready, b".")
            guest = server.accept()[0]
        guest.setblocking(False)
        reader = support.connect_unix(f"{self._directory}/other0", 60.0)
        reader.setblocking(False)
        poller = select.epoll()
        poller.register(guest, select.EPOLLOUT)
        poller.register(reader, select.EPOLLIN)
        buffer = bytearray(1 << 18)
        while True:
            for fd, _ in poller.poll():
                with contextlib.suppress(BlockingIOError):
                    if fd == guest.fileno():
                        guest.send(FILLER)
                    elif not reader.recv_into(buffer):
                        return


def runs(options: argparse.Namespace, cpu: int) -> Iterator[Run]:
    """Run each measure of both systems, on `cpu`, in turn."""
    for _ in range(options.repeat):
        for measure, rate in SMALL_RATES.items():
            for system in SYSTEMS:
                with Rig(system, 16, cpu=cpu) as rig:
                    result = small(rig, options.seconds, rate)
                    yield Run(measure, 16, system.NAME, result)
        for system in SYSTEMS:
            with Rig(system, 4, cpu=cpu) as rig:
                yield Run("flood", 4, system.NAME, flood(rig, options.keys))
        for twice in (CTwice, MuxtuiTwice):
            with Rig(twice, 4, cpu=cpu) as rig:
                yield Run("other", 4, twice.NAME, keystroke(rig, options.keys))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the bench; see the module."""
    parser = make_parser(__doc__)
    add_repeat(parser)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one run of `small`")
    parser.add_argument("--keys", type=int, default=1000, help="keystrokes of one run")
    report(runs(parser.parse_args(argv), cpu_apart()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
