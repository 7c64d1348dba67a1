"""How a peer is, in one word."""

from __future__ import annotations

from enum import StrEnum


class PeerState(StrEnum):
    """How a peer is; the values are what QMP and the TUI show."""

    LIVE = "live"
    LAGGING = "lagging"
    SKIPPED = "skipped"
    PAUSED = "paused"
    CLOSING = "closing"
