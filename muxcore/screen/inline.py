"""A screen in this very process, asked as a worker is: for tests and pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from muxcore.screen.service import Service


class InlineWorker:
    """`muxcore.screen.worker.Worker` without a process; it answers in the loop's next turn."""

    def __init__(self) -> None:
        self.service = Service()
        self._answered: Callable[[bytes], None] = lambda _: None
        self._turn: asyncio.Handle | None = None

    def begin(self, answered: Callable[[bytes], None], ended: Callable[[str], None]) -> None:
        """See `Worker.begin`."""
        self._answered = answered

    def ask(self, request: bytes) -> None:
        """See `Worker.ask`."""
        self._turn = asyncio.get_running_loop().call_soon(self._answer, request)

    def _answer(self, request: bytes) -> None:
        self._answered(self.service.answer(request))

    def close(self) -> None:
        """See `Worker.close`."""
        if self._turn is not None:
            self._turn.cancel()
        self.service.close()
