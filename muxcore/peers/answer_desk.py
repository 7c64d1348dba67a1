"""One answer per query on a console: its arbiter, with peers and time around it."""

from __future__ import annotations

import asyncio
from typing import Protocol

from muxcore.answers.arbiter import HOLD, Answer, Arbiter, Respondent
from muxcore.answers.queries import Kind
from muxcore.chardev.attach import AttachChardev
from muxcore.chardev.base import Chardev
from muxcore.peers.peer import Peer
from muxcore.ring import History

FLOOD = 32 * 1024
"""Bytes printed at once that are not looked at while there is only one who could answer: no answer
is one too many then, and in a flood nothing costs as much as the look."""

FIRST = "first"
"""Instead of a backend's id: whoever answers first."""


class Hub(Protocol):
    """What is needed of the console."""

    history: History

    @property
    def peers(self) -> tuple[Peer, ...]:
        """The console's peers."""

    def peers_of(self, id: str) -> list[Peer]:
        """The peers of the backend `id`."""

    @property
    def answer(self) -> str | None:
        """The backend whose terminals answer, `FIRST` or None for any."""

    @property
    def relays(self) -> bool:
        """Whether answers go to other consoles, or to several."""

    def pass_input(self, peer: Peer, item: bytes | Answer) -> None:
        """The guest is to get `item`."""


class AnswerDesk:
    """See the module; one console's."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._arbiter = Arbiter(hub.history, _now)
        self._timers: dict[Peer, asyncio.TimerHandle] = {}
        self._terminals = 0
        self._missed = False

    def respondent(self, peer: Peer) -> Respondent:
        """What `peer`, whose output is to begin at its cursor, answers through."""
        chardev = peer.chardev
        # Who is told offsets answers nothing that is replayed.
        framed = isinstance(chardev, AttachChardev) and chardev.framing == "frames"
        return Respondent(
            self._arbiter, peer.cursor, replays=not framed, may_answer=lambda: self._has_turn(peer)
        )

    def came(self, peer: Peer) -> None:
        """`peer` is on the console from now on."""
        self._terminals += peer.stream.terminals

    def left(self, peer: Peer) -> None:
        """`peer` is no longer there."""
        self._terminals -= peer.stream.terminals

    def printed(self, begin: int, count: int) -> None:
        """The guest printed `count` bytes, in the history from `begin` on, and peers got them."""
        if count >= FLOOD and self._terminals <= 1 and not self._hub.relays:
            self._missed = True
            return
        if self._missed:
            self._missed = False
            self._arbiter.missed(begin)
        if self._arbiter.printed(begin):
            for peer in self._hub.peers:
                peer.respondent.sent(peer.cursor)

    def guest_gone(self) -> None:
        """What is still answered was not asked by the next guest."""
        self._arbiter.settle_all()

    def take(self, peer: Peer, data: bytes) -> None:
        """`peer` typed `data`: what passes is passed on, the beginning of an answer waits."""
        respondent = peer.respondent
        waited = bool(respondent.held)
        items = respondent.take(data)
        if not respondent.held:
            self._stop(peer)
        elif not waited or items:
            self._stop(peer)
            loop = asyncio.get_running_loop()
            self._timers[peer] = loop.call_later(HOLD, self.release, peer)
        for item in items:
            self._hub.pass_input(peer, item)

    def release(self, peer: Peer) -> None:
        """Pass on what is held of what `peer` typed; it has waited for long enough, or is all."""
        self._stop(peer)
        held = peer.respondent.release()
        if not held:
            return
        if peer.readonly:
            peer.refused += len(held)
        else:
            self._hub.pass_input(peer, held)

    def claim(self, chardev: Chardev, kind: Kind, *, comes: bool) -> bool:
        """Whether those behind `chardev` may answer; see `Respondent.claim`."""
        peers = self._hub.peers_of(chardev.id)
        return any(peer.respondent.claim(kind, comes=comes) for peer in peers)

    def _has_turn(self, peer: Peer) -> bool:
        chosen = self._hub.answer
        if chosen is None or chosen in (FIRST, peer.chardev.id):
            return True
        # One who cannot answer must not silence everybody else.
        return not any(other.takes and not other.readonly for other in self._hub.peers_of(chosen))

    def _stop(self, peer: Peer) -> None:
        if timer := self._timers.pop(peer, None):
            timer.cancel()


def _now() -> float:
    return asyncio.get_running_loop().time()
