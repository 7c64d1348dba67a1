"""Telling a console's viewers of its status, the more of them the more rarely."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from muxcore.peers.peer import Peer

FEW = 16
"""Viewers that are always told at once."""

PACE = 0.001
"""Seconds between two rounds for each viewer: what a round costs, and a hundred times that."""


class News:
    """See the module. With few viewers they hear of a change at once.

    Every viewer that comes or goes is news to all the others; a crowd that comes
    at once must not be told as often as it is many.

    Args:
        viewers: who is told, as it is when they are told.
        status: asked for what they are told.
    """

    def __init__(self, viewers: Collection[Peer], status: Callable[[], dict[str, Any]]) -> None:
        self._viewers = viewers
        self._status = status
        self._told = float("-inf")
        self._due: asyncio.TimerHandle | None = None

    def tell(self) -> None:
        """The status changed."""
        if not self._viewers or self._due is not None:
            return
        loop = asyncio.get_running_loop()
        again = self._told + PACE * len(self._viewers)
        if len(self._viewers) <= FEW or loop.time() >= again:
            self._tell()
        else:
            self._due = loop.call_at(again, self._tell)

    def close(self) -> None:
        """Tell nobody any more. Idempotent."""
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _tell(self) -> None:
        self._due = None
        self._told = asyncio.get_running_loop().time()
        status = self._status()
        for peer in list(self._viewers):
            peer.tell_status(status)
