"""What clients of RFC 2217 ask of a console's serial line, and what they are told of it.

The last one wins, as with the window's size; who may not type may only ask. A
guest that has no serial line has one that is as it was asked to be, without
effect, and a modem that is ready: a client sets its line before all else.

Two wishes are not the whole port's to grant, because others use it too. What
the guest printed is nobody's alone to purge; of what is typed a client purges
its own. A break has one length, so that who leaves cannot leave it on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Protocol
from weakref import WeakKeyDictionary

from muxcore import events
from muxcore.chardev.base import Chardev
from muxcore.chardev.heard import Item, LineValue
from muxcore.chardev.layers.stream import LayeredStream
from muxcore.chardev.line import ALL_ON, Line
from muxcore.errors import ChardevError, StreamError
from muxcore.options.sets import SerialOptions
from muxcore.peers.peer import Peer

WAITING = 64
"""Wishes of one peer that wait at most; further ones are not answered."""

POLL = 0.25
"""Seconds between two looks at the modem's lines while a client is there to be told."""


class Hub(Protocol):
    """What is needed of the console."""

    name: str

    @property
    def guest(self) -> Chardev | None:
        """The console's guest."""

    @property
    def peers(self) -> tuple[Peer, ...]:
        """The console's peers."""

    def emit(self, event: events.Event) -> None:
        """Tell the world."""

    def peer_break(self, peer: Peer) -> None:
        """The peer asks for a break."""

    def discard_input(self, peer: Peer) -> None:
        """Drop what the peer typed and nobody took, and count it."""


class LineDesk:
    """See the module; one console's."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._wishes: WeakKeyDictionary[Peer, deque[LineValue]] = WeakKeyDictionary()
        self._none = Line(SerialOptions())
        self._turn = asyncio.Lock()
        self._polling: asyncio.Task[None] | None = None

    def ask(self, peer: Peer, wish: LineValue) -> None:
        """Grant `wish` as far as it may be, and answer it."""
        wishes = self._wishes.setdefault(peer, deque())
        self.watch()
        if wish.item is Item.BREAK:
            if wish.value and not peer.readonly:
                self._hub.peer_break(peer)
            self._tell(peer, LineValue(Item.BREAK, 0 if peer.readonly else wish.value or 0))
        elif wish.item is Item.PURGE:
            # At once: what is typed from now on is not meant.
            if int(wish.value or 0) & 2 and peer.waiting:
                self._hub.discard_input(peer)
            self._tell(peer, wish)
        elif len(wishes) < WAITING:
            wishes.append(wish)
            if len(wishes) == 1:
                peer.chardev.spawn(self._serve(peer, wishes), f"line for {peer.id}")

    def watch(self) -> None:
        """Look after the guest's modem, if there is one and anybody to be told."""
        guest = self._hub.guest
        if guest is None or guest.line is None or not self._listeners():
            return
        if self._polling is None or self._polling.done():
            self._polling = guest.spawn(self._poll(guest, guest.line), "modem")

    def _listeners(self) -> list[Peer]:
        return [peer for peer in self._hub.peers if peer in self._wishes]

    async def _serve(self, peer: Peer, wishes: deque[LineValue]) -> None:
        """Grant what a peer wishes for, one after the other; others take turns with it."""
        while wishes:
            async with self._turn:
                answer = await self._grant(peer, wishes[0])
            self._tell(peer, answer)
            wishes.popleft()

    async def _grant(self, peer: Peer, wish: LineValue) -> LineValue:
        guest = self._hub.guest
        line = guest.line if guest is not None and guest.line is not None else self._none
        try:
            if wish.item is Item.MODEM:
                return LineValue(Item.MODEM, await _modem(line))
            if wish.item is Item.ERRORS:
                return LineValue(Item.ERRORS, await line.errors())
            await self._change(peer, guest, line, wish)
        except ChardevError as error:
            problem = events.StreamProblem(self._hub.name, peer.chardev.id, peer.id, str(error))
            self._hub.emit(problem)
        if wish.item in (Item.MODEM, Item.ERRORS):
            return LineValue(wish.item, 0)
        return LineValue(wish.item, line.value(wish.item))

    async def _change(self, peer: Peer, guest: Chardev | None, line: Line, wish: LineValue) -> None:
        """Make the line as wished, if it may and can be. Raises ChardevError."""
        before = line.value(wish.item)
        if wish.value is None or wish.value == before or not line.can_be(wish) or peer.readonly:
            return
        await line.change(wish.item, wish.value)
        now = line.value(wish.item)
        if guest is not None and line is not self._none and now != before:
            self._hub.emit(
                events.LineChanged(self._hub.name, guest.id, wish.item.value, now, peer.id)
            )

    async def _poll(self, guest: Chardev, line: Line) -> None:
        while self._hub.guest is guest and (listeners := self._listeners()):
            # A port that is away has none; it is looked at again when it is back.
            with contextlib.suppress(ChardevError):
                modem, errors = await _modem(line), await line.errors()
                for peer in listeners:
                    self._tell(peer, LineValue(Item.MODEM, modem))
                    if errors:
                        self._tell(peer, LineValue(Item.ERRORS, errors))
            await asyncio.sleep(POLL)

    def _tell(self, peer: Peer, value: LineValue) -> None:
        if peer in self._hub.peers and isinstance(peer.stream, LayeredStream):
            # One that takes nothing is not told either.
            with contextlib.suppress(StreamError):
                peer.stream.tell(value)


async def _modem(line: Line) -> int:
    lines = await line.modem()
    return ALL_ON if lines is None else lines
