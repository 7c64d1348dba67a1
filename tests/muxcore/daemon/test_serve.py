"""The daemon as a process: what signals make of it."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from muxcore.daemon.daemon import Daemon
from muxcore.daemon.serve import Hangups
from muxcore.errors import CommandError
from tests.muxcore.consoles import turns


class Reloading:
    """A daemon, as far as a reload goes."""

    def __init__(self) -> None:
        self.begun = 0
        self.gate = asyncio.Event()
        self.error: Exception | None = None
        self.tasks: list[asyncio.Task[None]] = []

    def spawn(self, work: object, name: str) -> None:
        """See `Daemon.spawn`."""
        self.tasks.append(asyncio.ensure_future(work))  # type: ignore[call-overload]

    async def reload(self) -> dict[str, list[str]]:
        """See `Daemon.reload`."""
        self.begun += 1
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return {}


async def test_signals_that_come_while_the_file_is_read_are_one_more_reading() -> None:
    """Each was one of its own: a storm kept the daemon busy for half a minute."""
    daemon = Reloading()
    hangups = Hangups(cast("Daemon", daemon))
    hangups.heard()
    await turns(3)
    for _ in range(1000):
        hangups.heard()
    daemon.gate.set()
    await asyncio.gather(*daemon.tasks)
    assert daemon.begun == 2
    assert len(daemon.tasks) == 1


@pytest.mark.parametrize("error", [None, CommandError("bad")])
async def test_every_signal_after_a_reading_is_a_reading(error: Exception | None) -> None:
    daemon = Reloading()
    daemon.error = error
    daemon.gate.set()
    hangups = Hangups(cast("Daemon", daemon))
    for _ in range(3):
        hangups.heard()
        await asyncio.gather(*daemon.tasks)
    assert daemon.begun == 3
