"""Scenarios of a break (T5), and of the events that a hub tells its frontend (T4)."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
from typing import TYPE_CHECKING

from tests import support
from tests.control import Control
from tests.faults.peer_scene import Scene, directory
from tests.guest.qemu import MACHINE
from tests.peers import processes
from tests.peers.qemu import hub

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.peers.peer import Peer

SOON = 2.0
BREAKS = re.compile(r"TCSBRKP?|TIOCSBRK")
IAC_BREAK = b"\xff\xf3"
"""RFC 854."""


def sent_break(kind: type[Peer], keys: bytes) -> str:
    """Type what asks for a break; does the program give one to its terminal (tty_ioctl(4))?"""
    with directory() as path, kind(path, 1, guest="tty") as peer:
        scene = Scene(peer).join(1)
        trace = path / "trace"
        pids = ",".join(map(str, peer.pids()))
        tracer = subprocess.Popen(
            ["strace", "-f", "-q", "-e", "trace=ioctl", "-o", str(trace), "-p", pids],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            support.eventually_sync(lambda: _traced(peer.process.pid), what="strace")
            scene.clients[0].sock.send(keys)
            with contextlib.suppress(TimeoutError):
                support.eventually_sync(lambda: BREAKS.search(trace.read_text()), SOON)
        finally:
            processes.stop(tracer)
        call = BREAKS.search(trace.read_text())
    return f"reaches the guest's tty ({call[0]})" if call else "does not reach the guest's tty"


def _traced(pid: int) -> bool:
    with open(f"/proc/{pid}/status") as status:
        return "TracerPid:\t0\n" not in status.read()


@contextlib.contextmanager
def machine(
    path: Path, arguments: Sequence[str], *, runs: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """A QEMU that stands still unless it `runs`, with a QMP socket `qmp` in `path`."""
    still = [] if runs else ["-S"]
    qmp = f"unix:{path}/qmp,server=on,wait=off"
    process = subprocess.Popen(
        ["qemu-system-x86_64", *MACHINE, *still, "-qmp", qmp, *arguments],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        processes.stop(process)


def break_by_qmp() -> str:
    """chardev-send-break at a hub that a 16550 has."""
    with directory() as path:
        members = ["a", "b"]
        chardevs = [f"socket,id={name},path={path}/{name},server=on,wait=off" for name in members]
        arguments = [word for each in (*chardevs, hub(members)) for word in ("-chardev", each)]
        with machine(path, [*arguments, "-serial", "chardev:hub"]) as process:
            try:
                with Control(str(path / "qmp")) as control:
                    answer = control.execute("chardev-send-break", id="hub")
            except (AssertionError, ConnectionError):
                status = process.wait(SOON)
                return (
                    f"QEMU dies of {signal.Signals(-status).name}"
                    if status < 0
                    else f"ends with {status}"
                )
    return f"answered {answer!r}"


def open_events() -> str:
    """T4: does a virtserialport hear that somebody is there, of a ringbuf alone and in a hub?"""
    alone = _host(["ringbuf,id=a"], "a")
    shared = _host(["ringbuf,id=a", hub(["a"])], "hub")
    return f"ringbuf alone: host {alone}; in a hub: host {shared}"


def _host(chardevs: Sequence[str], frontend: str) -> str:
    with directory() as path:
        arguments = [word for each in chardevs for word in ("-chardev", each)]
        device = ["-device", "virtio-serial-pci", "-device", f"virtserialport,chardev={frontend}"]
        with (
            machine(path, [*arguments, *device]),
            Control(str(path / "qmp")) as control,
        ):
            tree = control.execute("human-monitor-command", command_line="info qtree")
    found = re.search(r"host (on|off)", tree)
    return found[1] if found else "unknown"
