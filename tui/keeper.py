"""Keeps a worker answering: starts it, watches it, starts another when it ends."""

from __future__ import annotations

import asyncio
import marshal
from collections.abc import Callable
from typing import TypeAlias

from muxcore.screen.codec import Plain
from muxcore.screen.worker import Worker

SILENCE = 3.0
"""Seconds without an answer after which a worker is given up."""

START = 20.0
"""Seconds it may take to start: a busy machine is slow to load an engine."""

LATE = 0.2
"""Seconds that the end of its time may be noticed too late: after more, this process was stopped or
starved, and the worker may have been as well."""

Starter: TypeAlias = Callable[[str], Worker]
"""Starts a worker; with an engine's name, one that uses that engine."""


class Keeper:
    """Asks a worker, one request at a time.

    Args:
        start: starts a worker.
        died: called with the reason when a worker ended or was given up; the request it did
            not answer never is. `restart` then, or there is none.
    """

    def __init__(self, start: Starter, died: Callable[[str], None]) -> None:
        self._start = start
        self._died = died
        self._worker: Worker | None = None
        self._waiting: Callable[[Plain], None] | None = None
        self._watchdog: asyncio.TimerHandle | None = None

    @property
    def there(self) -> bool:
        """Whether there is a worker."""
        return self._worker is not None

    @property
    def busy(self) -> bool:
        """Whether a request waits for its answer."""
        return self._waiting is not None

    def restart(self, engine: str, worker: Worker | None = None) -> None:
        """Start a worker, or take over one that was started."""
        self.close()
        self._worker = worker or self._start(engine)
        self._worker.begin(self._answered, self._end)

    def ask(self, answered: Callable[[Plain], None], *request: Plain, first: bool = False) -> None:
        """Ask; `answered` is called with the answer. The first answer is waited for longer."""
        assert self._worker is not None
        assert self._waiting is None
        self._waiting = answered
        self._watch(START if first else SILENCE)
        self._worker.ask(marshal.dumps(request))

    def _watch(self, patience: float) -> None:
        loop = asyncio.get_running_loop()
        self._watchdog = loop.call_later(patience, self._silent, loop.time() + patience)

    def _answered(self, answer: bytes) -> None:
        self._stop_watching()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting(marshal.loads(answer))

    def _silent(self, due: float) -> None:
        if asyncio.get_running_loop().time() > due + LATE:
            self._watch(SILENCE)
        else:
            self._end("it no longer answers")

    def _end(self, reason: str) -> None:
        self.close()
        self._died(reason)

    def _stop_watching(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None

    def close(self) -> None:
        """End the worker. Idempotent."""
        self._stop_watching()
        self._waiting = None
        if self._worker is not None:
            self._worker.close()
            self._worker = None
