"""What a viewer needs of whoever keeps its screen, in this process or another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Worker(Protocol):
    """Keeps one screen and answers requests (`muxcore.screen.service`), one at a time."""

    def begin(self, answered: Callable[[bytes], None], ended: Callable[[str], None]) -> None:
        """Answer from now on, in the running loop.

        Args:
            answered: called with the answer to each request.
            ended: called once, with the reason, when there will be no further answer.
        """

    def ask(self, request: bytes) -> None:
        """Pass a request on; the one before must have been answered."""

    def close(self) -> None:
        """End it; nothing is called any more. Idempotent."""
