"""The process that keeps a screen: it serves, it dies alone, it leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import marshal
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from muxcore.errors import ScreenError
from muxcore.screen.items import Attached, Output
from muxcore.screen.process import COMMAND, EngineProcess
from muxcore.screen.service import pack_item
from muxcore.vt.choice import engine_name
from tests.support import TIMEOUT, eventually, eventually_sync

SLOW = 20.0
"""Seconds a process may take to start on a busy machine."""


class Asked:
    """A worker process, and its answers."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self.process = EngineProcess(command=command)
        self.answers: list[Any] = []
        self.reason: str | None = None

    def begin(self) -> None:
        self.process.begin(lambda answer: self.answers.append(marshal.loads(answer)), self.end)

    def end(self, reason: str) -> None:
        assert self.reason is None
        self.reason = reason

    async def ask(self, *request: Any) -> Any:  # noqa: ANN401 - what marshal takes
        known = len(self.answers)
        self.process.ask(marshal.dumps(request))
        await eventually(lambda: len(self.answers) > known or self.reason, SLOW)
        return self.answers[-1] if len(self.answers) > known else None

    async def ended(self) -> str:
        await eventually(lambda: self.reason is not None, SLOW)
        assert self.reason is not None
        return self.reason


@contextlib.contextmanager
def asked(command: Sequence[str] = COMMAND) -> Iterator[Asked]:
    made = Asked(command)
    try:
        made.begin()
        yield made
    finally:
        made.process.close()


def script(text: str) -> list[str]:
    """A command that runs Python in place of the worker."""
    return [sys.executable, "-c", text]


def alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def state(pid: int) -> str:
    """A process's state as proc(5) has it; X when it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "X"


async def test_it_answers_as_a_screen_in_this_process_does() -> None:
    with asked() as it:
        assert await it.ask("start", 5, 20, 100) == engine_name()
        items = [pack_item(item) for item in (Attached("a", "b", 0, 0), Output(0, b"hi\x1b[6n"))]
        progress, left, held, frame = await it.ask("work", True, items)
        assert progress[0] == b"\x1b[1;3R"
        assert (left, held) == (False, False)
        _, rows, *_ = frame
        assert rows[0][1][0].rstrip() == "hi"


async def test_a_request_larger_than_a_socket_holds_is_sent_in_parts() -> None:
    with asked() as it:
        await it.ask("start", 24, 80, 100)
        big = b"x" * (8 << 20)
        items = [pack_item(item) for item in (Attached("a", "b", 0, 0), Output(0, big))]
        progress, left, _, _ = await it.ask("work", True, items)
        while left:
            progress, left, _, _ = await it.ask("work", True, [])
        assert progress[2] == len(big)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
async def test_how_it_was_ended_is_said(number: signal.Signals) -> None:
    with asked() as it:
        await it.ask("start", 24, 80, 100)
        os.kill(it.process.pid, number)
        assert await it.ended() == f"it was ended by {number.name}"
    assert not alive(it.process.pid)


async def test_a_request_to_one_that_is_gone_is_no_error() -> None:
    with asked() as it:
        os.kill(it.process.pid, signal.SIGKILL)
        eventually_sync(lambda: state(it.process.pid) == "Z")
        it.process.ask(b"x" * (1 << 20))
        await it.ended()


async def test_what_the_users_terminal_sends_does_not_reach_it() -> None:
    with asked() as it:
        await it.ask("start", 24, 80, 100)
        pid = it.process.pid
        assert os.getsid(pid) == os.getpgid(pid) == pid
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTSTP, signal.SIGQUIT):
            os.kill(pid, number)
        assert await it.ask("junction") is None
        assert it.reason is None


async def test_one_that_is_stopped_is_ended_all_the_same() -> None:
    with asked() as it:
        os.kill(it.process.pid, signal.SIGSTOP)
    assert not alive(it.process.pid)


async def test_nothing_it_writes_reaches_the_users_terminal(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with asked(script("import os; os.write(1, b'out'); os.write(2, b'err')")) as it:
        assert await it.ended() == "it ended with status 0"
    assert capfd.readouterr() == ("", "")


async def test_an_answer_that_claims_to_be_huge_is_nonsense() -> None:
    with asked(script("import os; os.write(0, b'\\xff' * 8); os.read(0, 1)")) as it:
        assert await it.ended() == "it answers nonsense"


async def test_it_has_no_more_memory_than_it_is_granted() -> None:
    text = (
        "import sys, muxcore.screen.__main__ as worker\n"
        "worker.Service.answer = lambda *_: bytes(2 * worker.MEMORY)\n"
        "worker.main()"
    )
    with asked(script(text)) as it:
        assert await it.ask("start", 24, 80, 100) is None
        assert await it.ended() == "it ran out of memory"


def test_one_that_cannot_be_started_is_an_error() -> None:
    with pytest.raises(ScreenError, match="No such file"):
        EngineProcess(command=["/nonexistent/program"])


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "hung"])
def test_it_ends_with_its_parent_whatever_ends_that(busy: bool) -> None:
    text = (
        "import os, signal, sys, muxcore.screen.process as p\n"
        "worker = p.EngineProcess()\n"
        "print(worker.pid, flush=True)\n"
        "worker._socket.setblocking(True)\n"
        "import marshal; request = marshal.dumps(('start', 24, 80, 10))\n"
        "worker._socket.sendall(p.HEADER.pack(len(request)) + request)\n"
        "worker._socket.recv(4)\n"
        f"if {busy}: os.kill(worker.pid, signal.SIGSTOP)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(script(text), stdout=subprocess.PIPE, timeout=SLOW, check=False)
    assert done.returncode == -signal.SIGKILL
    pid = int(done.stdout)

    # Without a parent it is for init to clear away.
    eventually_sync(lambda: state(pid) in "ZX", TIMEOUT, "the end of the worker")


async def test_it_is_not_there_after_the_loop_that_asked_it() -> None:
    with asked() as it:
        answer = asyncio.ensure_future(it.ask("start", 24, 80, 100))
        await asyncio.sleep(0)
        answer.cancel()
    assert not alive(it.process.pid)
