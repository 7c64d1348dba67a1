"""Scenarios of output: a full disk, a client that never reads, a slow one beside a log."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.peer_scene import Scene, after_mark, amount, directory, faults_of
from tests.numbered import RECORD

if TYPE_CHECKING:
    from tests.peers.peer import Peer

FULL_SECONDS = 40.0
"""Far more than a virtual machine takes to boot and all take to print."""

FULL_RATE = 200e3
FULL_SIZE = 1_000_000
"""More than the guest's socket holds: a peer that has taken it all has read it."""

STUCK_RATE = 10e6
STUCK_SECONDS = 3.0
MEMORY_SECONDS = 30.0
DEAD = 15.0
"""Seconds that the others get to come back when the stuck client has left."""

SLOW_RATE = 80e3
SLOW_SIZE = 1 << 20
SLOW_SECONDS = 45.0
"""Several times what SLOW_SIZE takes at SLOW_RATE."""


def full_log(kind: type[Peer]) -> str:
    """T1: a log on /dev/full beside a client that reads."""
    with directory() as path, kind(path, 1, log="/dev/full") as peer:
        scene = Scene(peer)
        scene.meet(1)
        start = time.monotonic()
        while scene.printed < FULL_SIZE and time.monotonic() < start + FULL_SECONDS:
            scene.play(0.5, FULL_RATE, until=FULL_SIZE)
        scene.play(2, until=FULL_SIZE)
        (client,) = scene.clients
        told = "told" if "space left" in peer.said() else "not told"
        if peer.process.poll() is not None:
            return f"ends with status {peer.process.returncode}"
    if client.whole and client.got == FULL_SIZE:
        return f"client unharmed; error {told}"
    holes = "" if client.whole else ", with holes"
    held = "" if scene.printed == FULL_SIZE else f"; guest held after {amount(scene.printed)}"
    return f"client gets {client.got} of {FULL_SIZE} B{holes}{held}; error {told}"


def stuck_client(kind: type[Peer]) -> dict[str, str]:
    """T2, T8 and T9: the last of two clients reads nothing for 30 s at 10 MB/s, then leaves."""
    with directory() as path, kind(path, 2, drop=True) as peer:
        scene = Scene(peer).join(2)
        good, idle = scene.clients
        scene.play(1, STUCK_RATE)
        memory, got, printed = peer.resident(), good.got, scene.printed
        good.settle()
        scene.play(STUCK_SECONDS, STUCK_RATE, stuck=(idle,))
        result = {"T2": _beside(good.got - got, scene.printed - printed, good.whole, good.silence)}
        scene.play(MEMORY_SECONDS - STUCK_SECONDS, STUCK_RATE, stuck=(idle,))
        flows = "" if good.got - got > STUCK_RATE else ", but nothing flows"
        more = peer.resident() - memory
        result["T8"] = f"{amount(max(0, more))} more after {MEMORY_SECONDS:.0f} s{flows}"
        idle.sock.close()
        scene.clients = [good]
        got, start = good.got, time.monotonic()
        while good.got == got and not scene.gone and time.monotonic() < start + DEAD:
            scene.play(0.05, STUCK_RATE)
        waited = time.monotonic() - start
        # What was on its way may come; whether more does, another second tells.
        got = good.got
        scene.play(1, STUCK_RATE)
        if scene.gone:
            result["T9"] = "it all ends: the guest is hung up on"
        elif good.got == got:
            result["T9"] = f"still dead after {max(DEAD, waited):.0f} s"
        else:
            result["T9"] = f"live in {waited:.1f} s{'' if good.whole else ', with holes'}"
    return result


def _beside(got: int, printed: int, whole: bool, silence: float) -> str:
    holes = "" if whole else ", with holes"
    held = ""
    if printed < STUCK_RATE * STUCK_SECONDS / 2:
        held = f"; guest held after {amount(printed)}"
    pause = f"; silent for {silence:.2f} s" if silence > 0.2 else ""
    if got > printed * 0.99 and whole and not held:
        return f"the other gets all{pause}"
    return f"the other gets {amount(got)} in {STUCK_SECONDS:.0f} s{holes}{held}{pause}"


def slow_client(kind: type[Peer]) -> tuple[str, str]:
    """T3 and T6: a client at 80 KB/s beside a log: how guest and client fare, and the log."""
    with directory() as path:
        log = str(path / "out.log")
        with kind(path, 1, log=log) as peer:
            scene = Scene(peer).join(1)
            (client,) = scene.clients
            client.rate = SLOW_RATE
            start = time.monotonic()
            scene.play(SLOW_SECONDS, until=SLOW_SIZE)
            speed = scene.printed / ((scene.ended or time.monotonic()) - start)
            got, whole = client.got, client.whole
        # conserver notes there when it comes and goes.
        lines = after_mark(Path(log).read_bytes()).split(b"\n")
        data = b"\n".join(line for line in lines if not line.startswith(b"[--"))
    held = f"; guest held to {speed / 1e3:.0f} KB/s" if speed < 3 * SLOW_RATE else ""
    lost = (
        "" if whole and got == scene.printed else f"; the slow one gets {amount(got)}, with holes"
    )
    size = scene.printed // RECORD * RECORD
    return f"{held}{lost}".removeprefix("; "), faults_of(data, size)
