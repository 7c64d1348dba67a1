"""The peers of a console that lack output."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from muxcore.errors import StreamError
from muxcore.peer import Peer
from muxcore.peer_state import PeerState

_OVERRUN = "disconnected: it lagged by the whole history"


class Laggards:
    """See the module."""

    def __init__(self) -> None:
        self._peers: set[Peer] = set()
        self._moved: asyncio.Event | None = None
        """There from the first time that somebody waits: most consoles never need it."""

    def __iter__(self) -> Iterator[Peer]:
        return iter(self._peers)

    def __bool__(self) -> bool:
        return bool(self._peers)

    def note(self, peer: Peer) -> None:
        """`peer` began to lag, sent some of what it lacked, or caught up."""
        if peer.ready or peer.state is PeerState.CLOSING:
            self._peers.discard(peer)
        else:
            self._peers.add(peer)
        if self._moved is not None:
            self._moved.set()

    def forget(self, peer: Peer) -> None:
        """`peer` is gone."""
        self._peers.discard(peer)

    def meet_policies(self) -> list[tuple[Peer, StreamError]]:
        """The overrun peers that are to be disconnected, and why; the others fall out."""
        ended = []
        for peer in list(self._peers):
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
                while any(peer in self._peers and peer.takes for peer in peers):
                    moved.clear()
                    await moved.wait()
                await asyncio.gather(*(peer.stream.flush() for peer in peers))
        except TimeoutError:
            pass
