"""What the peers do under the faults that muxtui is tested with, each seen for real.

    python -m tests.faults.peers [--only T1,T7] [--peers qemu,tio]

run from the checkout; takes about ten minutes for everything. The outcomes are written to
peers.json beside this file, of which the README's table of faults is made: {"date", "machine",
"versions", "T1": {PEER: outcome, ...}, ...}, "n/a" where a peer has nothing of the kind. Those of
a run with --only or --peers replace only theirs. The packages are those of `tests.bench.peers` with
`tio` and `strace`; a peer that is not there is left out, with a line that says so. `muxtui` can be
named too, to see that the scenarios are fair; its column of the table is made by tests.

QEMU's guest is a Linux with a virtconsole, as QEMU's manual has it for hubs; for T6 (`logfile=`),
T13 and T16 (U-Boot) it has a 16550.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.bench.peers import machine
from tests.faults import peer_break, peer_clients, peer_input, peer_output, peer_pty, peer_variants
from tests.peers import processes
from tests.peers.conserver import Conserver
from tests.peers.obmc import Obmc
from tests.peers.own import Muxtui
from tests.peers.ser2net import Ser2net
from tests.peers.socat import SocatTee
from tests.peers.tio import Tio

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.peers.peer import Peer

RESULTS = Path(__file__).with_name("peers.json")
NOTHING = "n/a"

Qemu = peer_variants.QemuConsole
PEERS: tuple[type[Peer], ...] = (Qemu, Conserver, Ser2net, Tio, Obmc, SocatTee, Muxtui)
Scenario: TypeAlias = "Callable[[], dict[str, str]]"
"""Runs, and returns outcomes by the fault's number."""


def scenarios(kind: type[Peer]) -> dict[tuple[str, ...], Scenario]:
    """What a peer is put through, by the numbers of the faults; a number left out is n/a."""
    found: dict[tuple[str, ...], Scenario] = {
        ("T1",): _one("T1", peer_output.full_log, kind),
        ("T2", "T8", "T9"): functools.partial(peer_output.stuck_client, kind),
        ("T3", "T6"): functools.partial(_slow, kind),
        ("T7",): _one("T7", peer_clients.second_client, kind),
        ("T14",): _one("T14", peer_clients.many_clients, kind),
    }
    if kind is SocatTee:
        found["T15",] = _one("T15", peer_pty.bare_pty, peer_pty.SocatPty)
        found["T13",] = _one("T13", peer_clients.one_byte_prints, peer_variants.SocatTcp)
        return found
    found["T11",] = _one("T11", peer_input.answers, kind)
    found["T10",] = _one("T10", peer_input.half_escapes, *ESCAPES[kind])
    found["T16",] = _one("T16", peer_input.paste, kind)
    return found | _special(kind)


def _special(kind: type[Peer]) -> dict[tuple[str, ...], Scenario]:
    """What only this peer has, or has in its own way."""
    clients, typed, variants = peer_clients, peer_input, peer_variants
    special: dict[type[Peer], dict[tuple[str, ...], Scenario]] = {
        Qemu: {
            ("T1",): _hubs_with_full_log,
            ("T4",): _one("T4", peer_break.open_events),
            ("T5",): _one("T5", peer_break.break_by_qmp),
            ("T12",): _one("T12", typed.byte_ff, variants.QemuTelnet),
            ("T13",): _one("T13", clients.one_byte_prints, variants.QemuTcp),
            ("T15",): _one("T15", peer_pty.bare_pty, peer_pty.QemuPty),
            ("T16",): _one("T16", typed.paste_to_uboot),
            ("T3", "T6"): _hub_and_logfile,
        },
        Conserver: {
            ("T5",): _one("T5", peer_break.sent_break, Conserver, b"\x05cl0"),
            ("T12",): _one("T12", typed.byte_ff, Conserver),
            ("T13",): _one("T13", clients.one_byte_prints, Conserver),
            ("T16",): _one("T16", typed.paste, Conserver, b"\x05cf"),
        },
        Ser2net: {
            ("T5",): _one(
                "T5", peer_break.sent_break, variants.Ser2netTelnet, peer_break.IAC_BREAK
            ),
            ("T12",): _one("T12", typed.byte_ff, variants.Ser2netTelnet),
            ("T13",): _one("T13", clients.one_byte_prints, variants.Ser2netTcp),
        },
        Tio: {("T13",): _one("T13", clients.one_byte_prints, variants.TioTcp)},
        Muxtui: {
            ("T15",): _one("T15", peer_pty.bare_pty, peer_pty.MuxtuiPty),
        },
    }
    return special.get(kind, {})


ESCAPES: dict[type[Peer], tuple[type[Peer], bytes, bytes]] = {
    Qemu: (peer_variants.QemuMux, b"\x01", b"x"),
    Conserver: (Conserver, b"\x05c", b"."),
    Ser2net: (peer_variants.Ser2netTelnet, b"\xff", b"\xf3"),
    Tio: (Tio, b"\x14", b"q"),
    Obmc: (Obmc, b"~", b"."),
    Muxtui: (Muxtui, b"\x1d", b"d"),
}
"""Halves of an escape: of the mux, ^Ec. (down), IAC BRK, ^T q (quit), ~. (down)."""


def _one(number: str, run: Callable[..., str], *args: Any, **named: Any) -> Scenario:  # noqa: ANN401
    """A scenario of one outcome."""
    return lambda: {number: run(*args, **named)}


def _slow(kind: type[Peer]) -> dict[str, str]:
    others, log = peer_output.slow_client(kind)
    return {"T3": "; ".join(filter(None, [f"file has {log}", others])), "T6": f"log has {log}"}


def _hub_and_logfile() -> dict[str, str]:
    others, file = peer_output.slow_client(Qemu)
    _, log = peer_output.slow_client(peer_variants.QemuLogfile)
    return {
        "T3": f"file beside it: {file}; {others}",
        "T6": f"logfile= of a 16550's slow socket: {log}",
    }


def _hubs_with_full_log() -> dict[str, str]:
    first = peer_output.full_log(peer_variants.QemuLogFirst)
    last = peer_output.full_log(Qemu)
    return {"T1": f"first member: {first}; last: {last}"}


NUMBERS = [f"T{number}" for number in range(1, 17)]


def run(kind: type[Peer], only: Sequence[str]) -> dict[str, str]:
    """Put a peer through what is asked for; outcomes by number."""
    outcomes = {} if only != NUMBERS else dict.fromkeys(NUMBERS, NOTHING)
    found = scenarios(kind)
    for numbers, scenario in found.items():
        if not set(numbers) & set(only):
            continue
        try:
            result = scenario()
        except (AssertionError, OSError, TimeoutError) as error:
            # The scenario could not be played: to be looked at, never to be shown as an outcome.
            print(f"{kind.NAME} {'/'.join(numbers)}: {error!r}", file=sys.stderr)
            continue
        for number, outcome in result.items():
            print(f"{kind.NAME} {number}: {outcome}", flush=True)
        outcomes.update(result)
    played = {number for numbers in found for number in numbers}
    return outcomes | {number: NOTHING for number in only if number not in played}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the scenarios; see the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [kind.NAME for kind in PEERS]
    listed = functools.partial(str.split, sep=",")
    parser.add_argument("--only", type=listed, default=NUMBERS, help="numbers of faults")
    parser.add_argument("--peers", type=listed, default=names[:-1], help=f"of {', '.join(names)}")
    parser.add_argument("--file", type=Path, default=RESULTS, help="where outcomes are kept")
    options = parser.parse_args(argv)
    results = json.loads(options.file.read_text()) if options.file.exists() else {"versions": {}}
    results["date"] = datetime.datetime.now(datetime.UTC).date().isoformat()
    results["machine"] = machine()
    for kind in PEERS:
        if kind.NAME not in options.peers:
            continue
        if missing := kind.missing():
            print(f"no {kind.NAME}: {missing[0]} is missing", file=sys.stderr)
            continue
        results["versions"][kind.NAME] = kind.version()
        for number, outcome in run(kind, options.only).items():
            results.setdefault(number, {})[kind.NAME] = outcome
        options.file.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    processes.end_on_sigterm()
    sys.exit(main())
