"""What a program with its children uses, and its end: all from proc(5), Linux's own account."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests import support

STOP_TIMEOUT = 5.0
"""Seconds a program gets to end when asked to."""


def family(pid: int) -> list[int]:
    """A process and every process below it, by the parent that stat of proc(5) names."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            children.setdefault(int(parent), []).append(int(entry.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a process, from the scheduler: schedstat of proc(5)."""
    used = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        # A thread may end meanwhile.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            used += int((task / "schedstat").read_text().split()[0])
    return used / 1e9


def resident(pid: int) -> int:
    """Bytes of memory a process has now: VmRSS of proc(5); 0 if it has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(match[1]) * 1024 if match else 0
    return 0


def end_on_sigterm() -> None:
    """Let SIGTERM end this process as an exception does: what it started ends with it."""
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and all below it: asked first, then killed; none is left on return."""
    pids = family(process.pid)
    _signal(pids, signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT)
        support.eventually_sync(lambda: not any(map(runs, pids)), STOP_TIMEOUT)
    except (subprocess.TimeoutExpired, TimeoutError):
        pids = sorted({*pids, *family(process.pid)})
        _signal(pids, signal.SIGKILL)
        process.wait()
        support.eventually_sync(lambda: not any(map(runs, pids)), STOP_TIMEOUT)


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie, which only its new parent can remove."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
