"""What a backend's former peers left behind. No I/O."""

from __future__ import annotations

from muxcore.peers.peer import Peer


class Past:
    """Counts in bytes, gaps and surplus answers; where a backend that resumes goes on.

    `number` is how many peers there have been, `left` the offset at which the
    last one stopped (None: nobody did, or it does not resume), `owed` the rest
    of a gap's marker that the next one is to get first.
    """

    def __init__(self) -> None:
        self.number = 0
        self.left: int | None = None
        self.owed = b""
        self.sent = 0
        self.received = 0
        self.surplus = 0
        self.skipped = 0
        self.gaps = 0
        self.last_activity = 0.0

    def next_number(self) -> int:
        """The number of a new peer, from 1."""
        self.number += 1
        return self.number

    def take_owed(self) -> bytes:
        """What the new peer is to get first; nobody else gets it."""
        owed, self.owed = self.owed, b""
        return owed

    def add(self, peer: Peer) -> None:
        """`peer` is one of the past now."""
        self.sent += peer.sent
        self.received += peer.received
        self.surplus += peer.respondent.removed
        self.skipped += peer.skipped
        self.gaps += peer.gaps
        self.last_activity = max(self.last_activity, peer.last_activity)
        if peer.chardev.resumes:
            self.left, self.owed = peer.cursor, peer.owed
