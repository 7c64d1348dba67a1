"""What a daemon at rest costs: no CPU with a hundred consoles, little memory with ten."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from muxcore.chardev.file import CHUNK
from muxcore.ring import SEGMENT
from tests import support
from tests.control import Control
from tests.guest import sharing
from tests.muxcore.daemons import served

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)

REST = 3.0
"""Seconds that a daemon is looked at."""

MOST_MEMORY = 40_000
"""KiB of RSS with ten consoles, each with the log of a boot."""

LOG = 32 * 1024
HISTORY = 1 << 20
MORE = 2 * HISTORY
THEN_MORE = f"head -c 1 >/dev/null; head -c {MORE} /dev/zero"
SLACK = 10 * (CHUNK // 1024 + 64)
"""KiB for what is being written to ten files, and for the threads that write it."""


def _config(directory: Path, count: int, guest: str) -> str:
    consoles: dict[str, tuple[str, Sequence[str]]] = {}
    for n in range(count):
        backends = [
            f"socket,path={directory}/sock{n},server=on,wait=off",
            f"pty,path={directory}/tty{n}",
            f"file,path={directory}/log{n}",
        ]
        consoles[f"vm{n}"] = (guest, backends)
    return sharing.write_config(directory, consoles)


def _ticks(pid: int) -> int:
    """CPU time of all threads, in clock ticks: utime and stime of proc(5)."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def resident(pid: int) -> int:
    """VmRSS in KiB."""
    with open(f"/proc/{pid}/status") as status:
        match = re.search(r"VmRSS:\s+(\d+) kB", status.read())
    assert match
    return int(match[1])


def _states(control: Control) -> set[tuple[str, ...]]:
    return {
        (console["guest"]["state"], *(backend["state"] for backend in console["backends"]))
        for console in control.execute("mux-query-consoles")
        if console["guest"]
    } or {("none",)}


def test_a_hundred_idle_consoles_use_no_cpu_that_can_be_measured(tmp_path: Path) -> None:
    control_path = support.unix_path(tmp_path, "control")
    with served(control_path, "-c", _config(tmp_path, 100, "process,command=cat")) as daemon:
        with Control(control_path) as control:
            support.eventually_sync(
                lambda: (
                    len(control.execute("mux-query-consoles")) == 100
                    and _states(control) == {("open", "waiting", "waiting", "open")}
                ),
                sharing.WAIT,
                "a hundred consoles at rest",
            )
        # Somebody is there, who is told nothing either.
        with support.connect_unix(tmp_path / "sock0") as sock:
            sock.send(b"hello\n")
            support.read_until(sock, b"hello\r\nhello\r\n")
            before = _ticks(daemon.pid)
            support.assert_silent(sock, REST)
            assert _ticks(daemon.pid) - before <= 1


def test_ten_consoles_fit_in_40_mb_and_their_output_takes_no_more_than_their_histories(
    tmp_path: Path,
) -> None:
    control_path = support.unix_path(tmp_path, "control")
    guest = f"process,command=stty raw -echo; head -c {LOG} /dev/zero; {THEN_MORE}; exec cat"
    with (
        served(control_path, "-c", _config(tmp_path, 10, guest)) as daemon,
        Control(control_path) as control,
    ):
        _printed(control, LOG)
        with_logs = resident(daemon.pid)
        assert with_logs < MOST_MEMORY
        for n in range(10):
            with support.connect_unix(tmp_path / f"sock{n}") as sock:
                sock.send(b"g")
                _printed_by(control, f"vm{n}", LOG + MORE)
        histories = 10 * (HISTORY + SEGMENT - LOG) // 1024
        assert resident(daemon.pid) < with_logs + histories + SLACK


def _printed(control: Control, count: int) -> None:
    for n in range(10):
        _printed_by(control, f"vm{n}", count)


def _printed_by(control: Control, name: str, count: int) -> None:
    """Wait until a guest has printed `count` bytes, and its log file has them."""
    support.eventually_sync(
        lambda: (
            (console := control.console(name))["history"]["end"] == count
            and console["backends"][2]["lag"] == 0
        ),
        sharing.WAIT,
        f"{count} bytes of {name}",
    )
