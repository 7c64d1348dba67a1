"""How close muxtui's data path comes to a plain C epoll loop (fanc.c), run in turn with it.

    python -m tests.bench.fanout [--seconds S] [--repeat N] [--backends 1,4,16,64]

run from the checkout; needs gcc and two CPUs, one for the system measured and one for the guest
and the readers. Two measures:

    throughput  a guest that prints flat out, to each number of unix-socket backends
    keystroke   from a key typed at one of four backends to its echo there

Every byte is compared; one that is lost or wrong where none may be ends the run. Prints a line of
JSON per run and, at the end, a table of medians with the ratio of muxtui to C. Compare ratios of
one run, never figures of two: MB/s swing by 40 % on a shared machine. Where harness_cpu is near 1
the harness was the limit, and the CPU seconds per GB tell more than the MB/s.
"""

from __future__ import annotations

import argparse
import select
import sys
import time
from typing import TYPE_CHECKING

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
from tests.bench.rig import GuestWriter, Rig

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def throughput(rig: Rig, seconds: float) -> Result:
    """Let the guest print flat out for `seconds`, and every reader have all of it."""
    readers = {reader.sock.fileno(): reader for reader in rig.readers}
    epoll = select.epoll()
    with epoll:
        for fd in readers:
            epoll.register(fd, select.EPOLLIN)
        epoll.register(rig.guest, select.EPOLLOUT)
        writer = GuestWriter(rig.guest)
        used, mine, start = rig.cpu_seconds(), time.process_time(), time.monotonic()
        printing = True
        while printing or any(reader.got < writer.sent for reader in rig.readers):
            ready = epoll.poll(SILENCE)
            if not ready:
                raise TimeoutError(f"{rig.system.NAME}: no byte for {SILENCE:g} s")
            for fd, _ in ready:
                if fd in readers:
                    readers[fd].check()
                else:
                    writer.write()
            if printing and time.monotonic() - start > seconds:
                printing = False
                epoll.unregister(rig.guest)
        elapsed = time.monotonic() - start
        gigabytes = writer.sent / 1e9
        return {
            "mb_per_s": gigabytes * 1e3 / elapsed,
            "cpu_s_per_gb": (rig.cpu_seconds() - used) / gigabytes,
            "harness_cpu": (time.process_time() - mine) / elapsed,
        }


def keystroke(rig: Rig, keys: int) -> Result:
    """Type `keys` letters one by one at the first backend, which the guest echoes to all."""
    samples = []
    for number in range(keys):
        key = bytes((97 + number % 26,))
        start = time.perf_counter()
        rig.readers[0].sock.send(key)
        _wait(rig.guest.fileno())
        echoed = rig.guest.recv(16)
        rig.guest.send(echoed)
        for reader in rig.readers:
            _wait(reader.sock.fileno())
            if reader is rig.readers[0]:
                samples.append(time.perf_counter() - start)
            got = bytes(reader.read())
            assert got == echoed == key, f"{reader.name} got {got!r} for {key!r}"
        pause = time.perf_counter() + KEY_PAUSE
        while time.perf_counter() < pause:
            # Spinning keeps this CPU awake: waking it up is none of the system's time.
            pass
    return quantiles(samples)


def _wait(fd: int) -> None:
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    if not poller.poll(SILENCE * 1000):
        raise TimeoutError(f"no byte for {SILENCE:g} s")


def runs(options: argparse.Namespace, cpu: int) -> Iterator[Run]:
    """Run each measure of both systems, on `cpu`, in turn."""
    for _ in range(options.repeat):
        for backends in options.backends:
            for system in SYSTEMS:
                with Rig(system, backends, cpu=cpu) as rig:
                    result = throughput(rig, options.seconds)
                    yield Run("throughput", backends, system.NAME, result)
        for system in SYSTEMS:
            with Rig(system, 4, cpu=cpu) as rig:
                yield Run("keystroke", 4, system.NAME, keystroke(rig, options.keys))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the bench; see the module."""
    parser = make_parser(__doc__)
    add_repeat(parser)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one run")
    parser.add_argument("--keys", type=int, default=2000, help="keystrokes of one run")
    parser.add_argument(
        "--backends",
        type=lambda text: [int(number) for number in text.split(",")],
        default=[1, 4, 16, 64],
        help="numbers of backends for throughput",
    )
    options = parser.parse_args(argv)
    report(runs(options, cpu_apart()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
