"""What a guest prints ends the engine, or something else does: the view goes on."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from muxcore.screen.items import Attached, Output
from muxcore.screen.process import COMMAND, EngineProcess
from muxcore.screen.query import Query
from muxcore.vt.choice import engine_name, make_engine
from tests.support import eventually
from tests.tui.fakes import FakeSession, console
from tui import keeper
from tui.recovery import PIECE
from tui.state import Size
from tui.terminal import Terminal

SLOW = 30.0
"""Seconds for some processes to start on a busy machine."""

PATIENCE = 1.5
"""Seconds after which an engine that is to be given up is: others have to answer in them, too."""

SCRIPT = "import os, signal, time\nimport muxcore.screen.__main__ as worker\n{}\nworker.main()"

CRASHING = """
import ctypes
from muxcore.vt.guard import Guard
old = Guard.filter
def filter(self, data):
    if b"CRASH" in data: ctypes.string_at(0)
    if b"HANG" in data: time.sleep(1000)
    return old(self, data)
Guard.filter = filter
"""
"""A worker whose engine ends at one word and hangs at another."""

UNGUARDED = "import muxcore.vt.guard as guard\nguard._REFUSED_MODES = frozenset()"
"""A worker whose guard lets through the modes that crash libghostty-vt."""

CRASH = Path(__file__).parents[1] / "fidelity" / "streams" / "engine-crash.bin"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is well is not given up because the machine is busy."""
    monkeypatch.setattr(keeper, "SILENCE", SLOW)
    monkeypatch.setattr(keeper, "START", SLOW)


class Replayed(FakeSession):
    """A session that attaches again with the whole history."""

    def __init__(self) -> None:
        super().__init__(console())
        self.attach()

    def print(self, data: bytes, *, offset: int = 0, end: int = 0) -> None:
        self.history += data
        super().print(data)

    def reattach(self) -> None:
        super().reattach()
        self.items.clear()
        end = len(self.history)
        self.items.append(Attached("vm1", "vm1.attach1", 0, end))
        self.items.append(Output(0, self.history))
        self.offset = end
        self._output()

    @property
    def attaches(self) -> int:
        return self.calls.count(("reattach",))


class Faulty:
    """A terminal whose engine is in a process that can be harmed."""

    def __init__(self, prepare: str) -> None:
        command = [sys.executable, "-c", SCRIPT.format(prepare)] if prepare else COMMAND
        self.processes: list[EngineProcess] = []
        self.engines: list[str] = []
        self.session = Replayed()
        self.terminal = Terminal(self.session, lambda engine: self.start(engine, command))
        self.session.watch(lambda: None, self.terminal.wake)
        self.replies = b""
        self.terminal.on_reply = self.reply

    def start(self, engine: str, command: Sequence[str]) -> EngineProcess:
        self.engines.append(engine)
        self.processes.append(EngineProcess(engine, command))
        return self.processes[-1]

    def reply(self, data: bytes) -> None:
        self.replies += data

    def harm(self, number: signal.Signals) -> None:
        os.kill(self.processes[-1].pid, number)

    async def shown(self, text: str) -> None:
        await eventually(lambda: text in self.text(), SLOW, text)

    async def settled(self) -> None:
        await eventually(lambda: not self.terminal.busy, SLOW, "rest")

    def text(self) -> str:
        terminal = self.terminal
        rows = [terminal.row(y) for y in range(terminal.rows)]
        return "\n".join("".join(run.text for run in row).rstrip() for row in rows).rstrip()


@contextlib.asynccontextmanager
async def faulty(prepare: str = "") -> AsyncIterator[Faulty]:
    made = Faulty(prepare)
    made.terminal.open()
    try:
        yield made
    finally:
        made.terminal.close()


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


LOG = b"".join(b"\x1b[3%dmline %d\x1b[m\r\n" % (n % 8, n) for n in range(3000)) + b"\x1b[5;3Hhere"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
async def test_an_engine_that_is_ended_in_mid_stream_is_replaced_and_shows_the_same(
    number: signal.Signals,
) -> None:
    async with faulty() as it:
        for index, piece in enumerate(pieces(LOG, 9000)):
            it.session.print(piece)
            if index == 3:
                await it.settled()
                it.harm(number)
        await it.shown("here")
        await eventually(lambda: it.session.attaches == 1, SLOW)
        await it.settled()
        await it.shown("here")
        engine = make_engine(24, 80)
        engine.feed(LOG)
        assert [it.terminal.row(y) for y in range(24)] == [engine.row(y) for y in range(24)]
        assert it.terminal.cursor == engine.cursor
        assert it.terminal.trouble == f"terminal engine restarted: it was ended by {number.name}"
        assert it.terminal.skipped == 0
        assert it.replies == b""
        engine.close()


async def test_an_engine_that_is_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "SILENCE", PATIENCE)
    async with faulty() as it:
        it.session.print(b"before")
        await it.shown("before")
        it.harm(signal.SIGSTOP)
        it.session.print(b" after")
        await it.shown("before after")
        assert it.terminal.trouble == "terminal engine restarted: it no longer answers"


async def test_an_engine_that_was_stopped_with_the_app_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a paused machine or container stops them, and goes on."""
    monkeypatch.setattr(keeper, "SILENCE", PATIENCE)
    async with faulty() as it:
        it.session.print(b"before")
        await it.shown("before")
        it.harm(signal.SIGSTOP)
        it.session.print(b" after")
        await eventually(lambda: it.terminal.busy, SLOW)
        time.sleep(PATIENCE + 2 * keeper.LATE)  # noqa: ASYNC251 - nothing runs
        it.harm(signal.SIGCONT)
        await it.shown("before after")
        assert it.terminal.trouble == ""
        assert len(it.processes) == 1


async def test_what_crashes_the_engine_is_pinned_down_left_out_and_said() -> None:
    async with faulty(CRASHING) as it:
        it.session.print(b"a" * 10_000 + b"\x1b[2J\x1b[HCRASH\r\n")
        it.session.print(b"b\r\n" * 3000 + b"the end\x1b[c")
        await it.shown("the end")
        await it.settled()
        assert len(it.processes) == 3
        assert "left out" in it.terminal.trouble
        assert (0 < it.terminal.skipped <= PIECE, it.terminal.doubtful) == (True, True)
        it.session.print(b"\x1b[2J\x1b[Halive\x1b[6n")
        await it.shown("alive")
        await it.settled()
        assert not it.terminal.doubtful
        assert it.replies == b"\x1b[1;6R"


async def test_what_hangs_the_engine_is_pinned_down_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "SILENCE", PATIENCE)
    async with faulty(CRASHING) as it:
        it.session.print(b"before HANG after\r\n")
        await eventually(lambda: it.terminal._feed._recovery._sent == 19, SLOW)
        it.session.print(b"the end")
        await it.shown("the end")
        assert "bytes 0..19 left out" in it.terminal.trouble


async def test_an_engine_that_crashes_everywhere_is_replaced_by_the_other() -> None:
    async with faulty(CRASHING) as it:
        it.session.print(b"CRASH" * 10_000)
        await eventually(lambda: it.engines[-1] == "bittty", SLOW)
        it.harm(signal.SIGKILL)
        await eventually(lambda: "given up" in it.terminal.trouble, 2 * SLOW)
        started = len(it.processes)
        assert started <= 20
        it.session.history = b"harmless"
        it.terminal.reset()
        await it.shown("harmless")
        assert len(it.processes) == started + 1


@pytest.mark.skipif("ghostty" not in engine_name(), reason="it is libghostty-vt that crashes")
async def test_a_stream_that_crashes_the_real_engine_does_not_end_the_view() -> None:
    data = CRASH.read_bytes()
    async with faulty(UNGUARDED) as it:
        it.terminal.resize(Size(40, 120))
        it.session.print(data[:40])
        await it.settled()
        it.terminal.resize(Size(40, 80))
        await it.settled()
        it.session.print(data[40:])
        await eventually(lambda: it.session.attaches, SLOW)
        assert "it was ended by SIGSEGV" in it.terminal.trouble
        it.session.print(b"\x1bcthe end")
        await it.shown("the end")


async def test_questions_to_an_engine_that_ends_are_answered_by_nothing() -> None:
    async with faulty() as it:
        it.session.print(LOG)
        await it.settled()
        it.harm(signal.SIGSTOP)
        asked = it.terminal._feed.ask("junction")
        await eventually(lambda: it.terminal._feed._asked is asked)
        it.harm(signal.SIGKILL)
        await eventually(asked.cancelled, SLOW)
        await it.settled()
        assert (await it.terminal.search(Query("line 2999"))).matches


async def test_numbers_of_lines_mean_others_with_another_engine() -> None:
    async with faulty() as it:
        it.session.print(LOG)
        await it.shown("here")
        await it.settled()
        before = it.terminal.epoch
        it.harm(signal.SIGKILL)
        await eventually(lambda: it.session.attaches == 1, SLOW)
        await it.settled()
        assert it.terminal.epoch != before


async def test_another_length_of_the_scrollback_is_had_from_the_history() -> None:
    async with faulty() as it:
        it.session.print(LOG)
        await it.shown("here")
        await it.settled()
        it.terminal.set_scrollback(500)
        it.terminal.set_scrollback(500)
        await eventually(lambda: it.terminal.end_line - it.terminal.first_line < 1000, SLOW)
        await it.shown("here")
        assert (it.session.attaches, it.terminal.trouble) == (1, "")


async def test_a_scrollback_of_fewer_bytes_has_fewer_lines() -> None:
    async with faulty() as it:
        it.terminal.resize(Size(10, 2000))
        it.terminal.set_scrollback(10_000, 1 << 20)
        it.session.print(LOG)
        await it.shown("here")
        await it.settled()
        assert it.terminal.first_line, "some were dropped"


async def test_a_size_and_colours_are_told_to_every_engine() -> None:
    async with faulty() as it:
        it.terminal.resize(Size(10, 40))
        await eventually(lambda: it.terminal.rows == 10, SLOW)
        it.harm(signal.SIGKILL)
        await eventually(lambda: it.session.attaches == 1, SLOW)
        it.session.print(b"\x1b[9;38Hcorner")
        await it.shown("cor\nner")
        assert (it.terminal.rows, it.terminal.cols) == (10, 40)
