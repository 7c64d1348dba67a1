"""Nothing a guest prints may hang or blind the view, nor make its processes grow."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import AsyncIterator

import pytest

from muxcore.screen.process import EngineProcess
from muxcore.screen.query import Query
from tests.soak.grammar import Grammar
from tests.support import eventually
from tests.tui.fakes import FakeSession, console
from tui.state import Size
from tui.terminal import Terminal

MINUTE = 60.0
MB = 1 << 20
MAX_RSS = 300 * MB
"""Bytes a worker may hold: its scrollback of 64 MB, the interpreter, and room."""

PIECE = 40_000


class View:
    """A terminal over a worker process, and how often that ended."""

    def __init__(self) -> None:
        self.session = FakeSession(console())
        self.ends: list[str] = []
        self.process = EngineProcess()
        self.terminal = Terminal(self.session, self.start, self.process)
        self.session.watch(lambda: None, self.terminal.wake)

    def start(self, engine: str) -> EngineProcess:
        self.ends.append(self.terminal.trouble)
        self.process = EngineProcess(engine)
        self.session.attach(self.session.offset, self.session.offset)
        return self.process

    async def print(self, data: bytes) -> None:
        self.session.print(data)
        await eventually(lambda: not self.session.items and not self.terminal.busy, MINUTE)

    def check(self) -> None:
        """Look at every row: cells that add up, nothing that is no text."""
        terminal = self.terminal
        for y in range(terminal.rows):
            row = terminal.row(y)
            assert sum(run.width for run in row) == terminal.cols
            for run in row:
                assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in run.text)

    async def usable(self) -> None:
        """See that what is printed now is shown, and that the worker has not grown."""
        self.terminal.resize(Size(24, 80))
        await self.print(b"\x18\x1bcusable\r\n")
        self.check()
        assert "".join(run.text for run in self.terminal.row(0)).rstrip() == "usable"
        assert self.rss() < MAX_RSS

    def rss(self) -> int:
        with open(f"/proc/{self.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * 4096


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[View]:
    view = View()
    view.terminal.open()
    view.session.attach()
    try:
        yield view
    finally:
        view.terminal.close()


async def fuzz(view: View, seed: int) -> int:
    """Some output of a seed, resized in between, and some questions; how many bytes it was."""
    grammar, chance = Grammar(seed), random.Random(seed)
    terminal = view.terminal
    fed = 0
    for _ in range(8):
        data = grammar.output(chance.randrange(1, PIECE))
        fed += len(data)
        await view.print(data)
        view.check()
        if chance.random() < 0.6:
            terminal.resize(Size(*grammar.size()))
        if chance.random() < 0.1:
            terminal.reset()
        if chance.random() < 0.3:
            await terminal.lines(terminal.oldest_line, terminal.oldest_line + 300)
            await terminal.search(Query("text|plain"))
            await terminal.dump("ansi", terminal.end_line - 10, terminal.end_line)
            await terminal.offsets(terminal.oldest_line, terminal.end_line)
    return fed


@pytest.mark.timeout(120)
async def test_a_short_run_of_what_no_program_prints_leaves_the_view_usable() -> None:
    async with opened() as view:
        for seed in range(10):
            await fuzz(view, seed)
        await view.usable()
        assert view.ends == []


@pytest.mark.soak
@pytest.mark.timeout(45 * MINUTE)
async def test_half_an_hour_of_what_no_program_prints_leaves_the_view_usable() -> None:
    first = seed = time.time_ns() % (1 << 40)
    fed, end = 0, time.monotonic() + 30 * MINUTE
    async with opened() as view:
        while time.monotonic() < end:
            seed += 1
            ends = len(view.ends)
            fed += await fuzz(view, seed)
            if len(view.ends) > ends:
                print(f"seed {seed} ended an engine: {view.terminal.trouble}")
        print(f"seeds {first + 1} to {seed}, {fed / MB:.0f} MB, worker {view.rss() / MB:.0f} MB")
        await view.usable()


@pytest.mark.parametrize(
    "size", [5 * MB, pytest.param(100 * MB, marks=pytest.mark.soak)], ids=["short", "long"]
)
async def test_random_bytes_leave_the_view_usable(size: int) -> None:
    noise = random.Random(7)
    async with opened() as view:
        for _ in range(size // MB):
            await view.print(noise.randbytes(MB))
            view.check()
        await view.usable()
        assert view.ends == []
        assert view.ends == []


@pytest.mark.parametrize(
    "size", [MB, pytest.param(20 * MB, marks=pytest.mark.soak)], ids=["short", "long"]
)
@pytest.mark.parametrize(
    "begin", [b"\x1b]0;", b"\x1b]52;c;", b"\x1bP", b"\x1b[", b"\x1b_", b"\x1b^", b"\x1bX"]
)
@pytest.mark.parametrize("filling", [b"1;", b"\xe4\xb8\xad"], ids=["ascii", "wide"])
async def test_a_string_that_does_not_end_leaves_the_view_usable(
    begin: bytes, filling: bytes, size: int
) -> None:
    async with opened() as view:
        await view.print(begin + filling * (size // len(filling)))
        view.check()
        await view.usable()
        assert view.ends == []
