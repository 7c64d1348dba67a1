"""Writing to a terminal that may take its time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest

from tests.support import TIMEOUT, eventually, raw_pty, read_some
from tui import writer
from tui.writer import Writer

Pty = tuple[int, int]


@pytest.fixture
def pty() -> Iterator[Pty]:
    with raw_pty() as ends:
        yield ends


def make(slave: int) -> tuple[Writer, list[str]]:
    calls: list[str] = []
    return Writer(asyncio.get_running_loop(), slave, lambda: calls.append("written")), calls


def fill(out: Writer) -> int:
    """Write until the terminal takes no more; returns how many letters."""
    count = 0
    while not out.busy:
        out.write("x" * 4096)
        count += 4096
    return count


async def drain(out: Writer, master: int) -> bytes:
    got = b""

    def drained() -> bool:
        nonlocal got
        got += read_some(master)
        return not out.busy

    await eventually(drained)
    return got


async def test_what_the_terminal_takes_is_written_at_once(pty: Pty) -> None:
    out, calls = make(pty[1])
    out.write("é")
    assert read_some(pty[0]) == "é".encode()
    assert not out.busy
    assert calls == []
    out.close()


async def test_the_rest_is_written_in_order_when_there_is_room(pty: Pty) -> None:
    master, slave = pty
    out, calls = make(slave)
    count = fill(out)
    out.write("end")
    got = await drain(out, master)
    out.close()
    while not got.endswith(b"end"):
        got += read_some(master)
    assert got == b"x" * count + b"end"
    assert calls == ["written"]


async def test_others_with_the_terminal_still_wait_for_it(pty: Pty) -> None:
    out, _ = make(pty[1])
    assert os.get_blocking(pty[1])
    out.close()


async def test_what_waits_is_bounded(pty: Pty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MAX_PENDING", 1 << 16)
    monkeypatch.setattr(writer, "PATIENCE", 0)
    out, _ = make(pty[1])
    fill(out)
    for _ in range(100):
        out.write("y" * 4096)
    assert len(out._pending) <= 1 << 16
    out.close()


async def test_closing_writes_what_is_left_if_that_is_possible(
    pty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "PATIENCE", TIMEOUT)
    master, slave = pty
    out, _ = make(slave)
    count = fill(out)
    left = count - len(out._pending)
    while left > 0:
        left -= len(read_some(master))
    out.close()
    assert b"x" in read_some(master)


async def test_a_terminal_that_is_gone_is_no_error() -> None:
    master, slave = os.openpty()
    out, _ = make(slave)
    os.close(master)
    out.write("x")
    assert not out.busy
    os.close(slave)
    out.close()
