"""Keeping the guest waiting, for whom and for how long.

A peer that was keeping up is owed something before bytes it lacks are
overwritten: under `drop` its patience, under `block` its timeout. While one is
waited for, the guest is not read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from muxcore.peers.patience import Patience
from muxcore.peers.peer import Peer
from muxcore.ring import History

CLOCK_GRAIN = 0.001
"""Seconds by which an event loop may call a timer early."""


TELL = 0.5
"""Seconds of waiting after which it is news; shorter ones come and go with any flood."""


class Guest(Protocol):
    """What a hold needs of its console."""

    history: History

    @property
    def lagging(self) -> Iterable[Peer]:
        """The peers that lack output."""

    def pause_guest(self, paused: bool) -> None:
        """Stop or resume reading the guest."""

    def hold_changed(self) -> None:
        """The guest has waited for `TELL` seconds, or goes on after that."""


class Hold:
    """See the module. All times are seconds of the loop's clock.

    Args:
        console: whose guest is held.
        clock: the loop's clock; None to ask the running loop.
    """

    def __init__(self, console: Guest, clock: Callable[[], float] | None = None) -> None:
        self._console = console
        self._clock = clock
        self._patience = Patience()
        # For each peer that is waited for: until when, and where it stood when the wait began.
        self._deadlines: dict[Peer, tuple[float, int]] = {}
        # Those of them that may still block; who does no more is not looked at again.
        self._blocking: list[Peer] = []
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._expired = False
        self._tell: asyncio.TimerHandle | None = None
        self._told = False
        # Below this much room it is better to wait for more than to read in driblets.
        self._threshold = min(console.history.burst, console.history.capacity // 16)

    @property
    def active(self) -> bool:
        """Whether the guest waits."""
        return bool(self._deadlines)

    def room(self) -> int:
        """Bytes that may be read now; 0 means that the guest is held from now on."""
        threshold, self._expired = (1 if self._expired else self._threshold), False
        return self._room(threshold)

    def review(self) -> None:
        """A peer moved: let the guest go on if nobody is waited for any more."""
        blocking = self._blocking
        while blocking and not self._blocks(blocking[-1]):
            blocking.pop()
        if not blocking:
            self.release()

    def release(self) -> None:
        """Let the guest go on. Idempotent."""
        if not self.active:
            return
        if any(peer.chardev.options.policy == "drop" for peer in self._deadlines):
            self._patience.spend(self._since, self._now())
        self._deadlines = {}
        self._blocking = []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._tell is not None:
            self._tell.cancel()
            self._tell = None
        self._console.pause_guest(False)
        if self._told:
            self._told = False
            self._console.hold_changed()

    def _room(self, threshold: int) -> int:
        room = self._console.history.burst
        deadlines: dict[Peer, tuple[float, int]] = {}
        for peer in self._console.lagging:
            if not peer.holds:
                continue
            free = self._free(peer)
            if free < threshold:
                deadline = self._deadline(peer)
                if deadline is None:
                    continue
                deadlines[peer] = deadline, peer.cursor
            room = min(room, free)
        if not deadlines:
            return room
        self._hold(deadlines)
        return 0

    def _hold(self, deadlines: dict[Peer, tuple[float, int]]) -> None:
        self._deadlines = deadlines
        self._blocking = list(deadlines)
        self._since = self._now()
        self._console.pause_guest(True)
        loop = asyncio.get_running_loop()
        self._tell = loop.call_later(TELL, self._say)
        first = min(deadline for deadline, _ in deadlines.values())
        if first != float("inf"):
            self._timer = loop.call_at(first, self._expire)

    def _say(self) -> None:
        self._tell = None
        self._told = True
        self._console.hold_changed()

    def _expire(self) -> None:
        """Waited long enough: who took nothing meanwhile loses the right to be waited for.

        Were it kept while there is a little room, a guest that prints a line now
        and then would wait anew for every line.
        """
        self._timer = None
        now = self._now()
        for peer, (deadline, cursor) in list(self._deadlines.items()):
            if deadline <= now + CLOCK_GRAIN and peer.cursor == cursor:
                peer.give_up()
        self.release()
        # Whatever is free is read next, however little: the guest has waited its time.
        self._expired = True

    def _deadline(self, peer: Peer) -> float | None:
        options = peer.chardev.options
        now = self._now()
        if options.policy == "block":
            return now + options.block_timeout / 1000 if options.block_timeout else float("inf")
        left = self._patience.left(now, options.patience / 1000)
        return now + left if left > 0 else None

    def _blocks(self, peer: Peer) -> bool:
        return peer.holds and self._free(peer) < self._threshold

    def _free(self, peer: Peer) -> int:
        history = self._console.history
        return peer.cursor + history.capacity - history.end

    def _now(self) -> float:
        return self._clock() if self._clock else asyncio.get_running_loop().time()
