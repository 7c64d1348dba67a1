"""The peers of a console, found by stream and by chardev. No I/O.

What is done for every peer that comes or goes costs the same however many
there are: ten thousand would wait for ever for anything that looks at all.
"""

from __future__ import annotations

from muxcore.chardev.base import Chardev, Stream
from muxcore.peers.peer import Peer


class Roster:
    """See the module; in the order in which they came."""

    def __init__(self) -> None:
        self.by_stream: dict[Stream, Peer] = {}
        self._by_chardev: dict[Chardev, dict[Peer, None]] = {}
        self._all: tuple[Peer, ...] | None = ()
        self.viewers: dict[Peer, None] = {}
        """Those that show the console's status."""
        self.lingering: set[Peer] = set()
        """Those that are there only for what they typed."""

    def __len__(self) -> int:
        return len(self.by_stream)

    def __contains__(self, peer: Peer) -> bool:
        return self.by_stream.get(peer.stream) is peer

    @property
    def all(self) -> tuple[Peer, ...]:
        """Everybody, unharmed by who comes or goes meanwhile."""
        if self._all is None:
            self._all = tuple(self.by_stream.values())
        return self._all

    def of_stream(self, stream: Stream) -> Peer | None:
        """The peer whose stream this is."""
        return self.by_stream.get(stream)

    def of_chardev(self, chardev: Chardev) -> list[Peer]:
        """The peers of a backend."""
        return list(self._by_chardev.get(chardev, ()))

    def add(self, peer: Peer) -> bool:
        """`peer` is there from now on; returns whether it is its backend's first."""
        self._all = None
        self.by_stream[peer.stream] = peer
        if peer.shows_status:
            self.viewers[peer] = None
        mates = self._by_chardev.setdefault(peer.chardev, {})
        mates[peer] = None
        return len(mates) == 1

    def remove(self, peer: Peer) -> bool:
        """`peer`, who was there, is gone; returns whether it was its backend's last."""
        self._all = None
        del self.by_stream[peer.stream]
        self.viewers.pop(peer, None)
        self.lingering.discard(peer)
        mates = self._by_chardev[peer.chardev]
        del mates[peer]
        if not mates:
            del self._by_chardev[peer.chardev]
        return not mates
