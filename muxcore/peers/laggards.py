"""The peers of a console that lack output."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from muxcore.errors import StreamError
from muxcore.peers.peer import Peer
from muxcore.peers.peer_state import PeerState

_OVERRUN = "disconnected: it lagged by the whole history"


class Laggards:
    """See the module."""

    def __init__(self) -> None:
        self.peers: set[Peer] = set()
        self._moved: asyncio.Event | None = None
        """There from the first time that somebody waits: most consoles never need it."""

    def __iter__(self) -> Iterator[Peer]:
        return iter(self.peers)

    def note(self, peer: Peer) -> None:
        """`peer` began to lag, sent some of what it lacked, or caught up."""
        if peer.ready or peer.state is PeerState.CLOSING:
            self.peers.discard(peer)
        else:
            self.peers.add(peer)
        if self._moved is not None:
            self._moved.set()

    def forget(self, peer: Peer) -> None:
        """`peer` is gone."""
        self.peers.discard(peer)

    def meet_policies(self) -> list[tuple[Peer, StreamError]]:
        """The overrun peers that are to be disconnected, and why; the others fall out."""
        ended = []
        for peer in list(self.peers):
            if peer.overrun:
                if peer.chardev.options.policy == "disconnect" and not peer.paused:
                    ended.append((peer, StreamError(_OVERRUN)))
                else:
                    peer.fall_out()
        return ended

    async def drain(self, peers: list[Peer], seconds: float) -> None:
        """Wait until `peers` have all there is, at most `seconds`."""
        moved = self._moved = self._moved or asyncio.Event()
        try:
            async with asyncio.timeout(seconds):
                while any(peer in self.peers and peer.takes for peer in peers):
                    moved.clear()
                    await moved.wait()
                await asyncio.gather(*(peer.stream.flush() for peer in peers))
        except TimeoutError:
            pass
