"""What a comparison starts ends with it, however it is ended."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests import support
from tests.peers import processes

WAIT = 20.0
PROGRAM = """
import subprocess
from tests.peers import processes
processes.end_on_sigterm()
child = subprocess.Popen(["sh", "-c", "sleep 600 & wait"])
try:
    print(child.pid, flush=True)
    child.wait()
finally:
    processes.stop(child)
"""


def test_a_family_is_all_below_a_process_and_ends_with_it() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 600 & wait"]) as process:
        support.eventually_sync(lambda: len(processes.family(process.pid)) == 2, WAIT)
        first, second = processes.family(process.pid)
        assert first == process.pid
        assert processes.resident(second) > 0
        processes.stop(process)
        assert processes.resident(second) == 0


def test_sigterm_ends_what_was_started() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        child = int(process.stdout.readline())
        support.eventually_sync(lambda: len(processes.family(child)) == 2, WAIT)
        family = processes.family(child)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT) == 128 + signal.SIGTERM
    support.eventually_sync(lambda: not any(map(processes.runs, family)), WAIT)


def test_what_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "STOP_TIMEOUT", 0.2)
    command = ["sh", "-c", "trap '' TERM; echo; while :; do sleep 600; done"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        processes.stop(process)
        assert process.returncode == -signal.SIGKILL
