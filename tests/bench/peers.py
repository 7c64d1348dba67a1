r"""How fast muxtui is beside the programs that it can take the place of, all run in turn.

    python -m tests.bench.peers [--sweeps N] [--measures unix,tty,keys,vm] [--add]

run from the checkout, on two CPUs: one for the system measured, one for the guest and the readers.
It takes about three minutes a sweep. The peers, from Debian:

    apt-get install gcc conserver-server ser2net socat qemu-system-x86 dbus

QEMU must be 10 or newer (bookworm-backports). obmc-console has no package: its server, from the
sources at github.com/openbmc/obmc-console, must be on the PATH. With Debian's libsystemd-dev,
libiniparser-dev and libgpiod-dev it is built in their directory by

    gcc -O2 -D_GNU_SOURCE -DSYSCONFDIR='"/etc"' -DLOCALSTATEDIR='"/var"' -I/usr/include/iniparser \
        -o obmc-console-server $(ls *.c | grep -v client) -lsystemd -liniparser -lgpiod

What is not there is left out, with a line that says so.

Measures:

    unix  throughput of a guest on a unix socket to N readers, on unix sockets if the system has
          them (conserver: TCP)
    tty   the same of a guest on a tty, a pty here
    keys  from a key typed by one of four readers to its echo there, idle and while all four are
          sent 10 MB/s, of a guest on a unix socket and on a tty
    vm    both for a virtual machine's virtserialport: QEMU's own hub, and muxtui on the one socket
          that QEMU has in the hub's place; the emulated machine is the limit

All systems keep every byte (muxtui by policy=block) and every byte is compared. Every figure is
kept in peers.json beside this file, --add adds to those that are there, and `python -m
tests.readme` makes the README's tables of it: medians of all sweeps.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import os
import platform
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.bench.compare import cpu_apart, make_parser
from tests.bench.fanout import keystroke, throughput
from tests.bench.keys import keystroke_beside
from tests.bench.peers_table import RESULTS, tables
from tests.bench.rig import Rig
from tests.peers import processes
from tests.peers.conserver import Conserver
from tests.peers.obmc import Obmc
from tests.peers.own import C, Muxtui, Streams
from tests.peers.qemu import Qemu, QemuWithMuxtui
from tests.peers.ser2net import Ser2net
from tests.peers.socat import SocatTee

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.bench.compare import Result
    from tests.peers.peer import GuestKind, Peer

KEYS = 500
BESIDE = 10e6
"""Bytes a second that the guest prints beside the keys."""

BESIDE_SECONDS = 2.0
"""Longest time for keys beside output: some peers take milliseconds for one."""


class Run(NamedTuple):
    """One thing to measure, of several systems in turn."""

    measure: str
    table: str
    """The table that it belongs to."""
    systems: tuple[type[Peer], ...]
    guest: GuestKind
    backends: int
    take: Callable[[Rig], Result]


def runs(seconds: float) -> Iterator[Run]:
    """Everything that one sweep measures; `seconds` is the length of a flood."""
    unix = (C, Muxtui, Streams, Conserver, Ser2net, SocatTee)
    tty = (C, Muxtui, Streams, Conserver, Ser2net, Obmc)
    vm = (Qemu, QemuWithMuxtui)
    flood = functools.partial(throughput, seconds=seconds)
    for backends in (1, 4, 16, 64):
        yield Run("unix", f"unix {backends}", unix, "unix", backends, flood)
    for backends in (1, 4, 16):
        yield Run("tty", f"tty {backends}", tty, "tty", backends, flood)
    idle = functools.partial(keystroke, keys=KEYS)
    beside = functools.partial(
        keystroke_beside, keys=KEYS, rate=BESIDE, seconds=min(seconds * 2, BESIDE_SECONDS)
    )
    ways: dict[GuestKind, tuple[type[Peer], ...]] = {"unix": unix[:-1], "tty": tty}
    for guest, systems in ways.items():
        yield Run("keys", f"keys {guest} idle", systems, guest, 4, idle)
        yield Run("keys", f"keys {guest} beside", systems, guest, 4, beside)
    for backends in (1, 4):
        yield Run("vm", f"vm {backends}", vm, "unix", backends, flood)
    yield Run("vm", "vm idle", vm, "unix", 4, idle)
    yield Run("vm", "vm beside", vm, "unix", 4, beside)


def measured(run: Run, system: type[Peer], cpu: int | None) -> dict[str, float | str]:
    """Take one measure of one system; what it does wrong, if it is a peer, is its result."""
    try:
        with Rig(system, run.backends, guest=run.guest, cpu=cpu) as rig:
            return {name: round(value, 3) for name, value in run.take(rig).items()}
    except (AssertionError, EOFError, OSError) as error:
        if system.NAME in ("c", "muxtui"):
            raise
        return {"failed": str(error)}


def sweep(results: dict[str, Any], options: argparse.Namespace, cpu: int) -> None:
    """Take every measure once, and add it to the results."""
    for run in runs(options.seconds):
        if run.measure not in options.measures:
            continue
        for system in run.systems:
            if options.systems and system.NAME not in options.systems:
                continue
            if missing := system.missing():
                print(f"{run.table}: no {system.NAME}: {missing[0]} is missing", file=sys.stderr)
                continue
            # A virtual machine and what is beside it are processes of their own, with all CPUs.
            figures = measured(run, system, None if run.measure == "vm" else cpu)
            print(json.dumps({"table": run.table, "system": system.NAME, **figures}), flush=True)
            results["versions"][system.NAME] = system.version()
            by_system = results["tables"].setdefault(run.table, {})
            by_system.setdefault(system.NAME, []).append(figures)


def machine() -> str:
    """The machine in a few words."""
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    model = " ".join(found[1].split()) if found else platform.machine()
    cpus = len(os.sched_getaffinity(0))
    kernel = platform.release().partition("-")[0]
    return f"{cpus} CPUs of {model}, Linux {kernel}, Python {platform.python_version()}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the bench; see the module."""
    parser = make_parser(__doc__)
    parser.add_argument("--sweeps", type=int, default=3, help="times that everything is measured")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one flood")
    parser.add_argument(
        "--measures",
        type=lambda text: text.split(","),
        default=["unix", "tty", "keys", "vm"],
        help="those to take, of unix, tty, keys and vm",
    )
    parser.add_argument("--systems", type=lambda text: text.split(","), help="only these")
    parser.add_argument("--add", action="store_true", help="add to the figures in the file")
    parser.add_argument("--file", type=Path, default=RESULTS, help="where the figures are kept")
    options = parser.parse_args(argv)
    about = {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "machine": machine()}
    results: dict[str, Any] = {"versions": {}, "tables": {}}
    if options.add and options.file.exists():
        results = json.loads(options.file.read_text())
    results.update(about)
    cpu = cpu_apart()
    for _ in range(options.sweeps):
        sweep(results, options, cpu)
        if not results["tables"]:
            print("nothing was measured: see --measures and --systems", file=sys.stderr)
            return 1
        options.file.write_text(json.dumps(results, indent=1) + "\n")
    print(tables(results))
    return 0


if __name__ == "__main__":
    processes.end_on_sigterm()
    sys.exit(main())
