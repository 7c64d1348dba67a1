"""The peers of a console: how they come and go, and what they report (`peer_hub.Hub`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muxcore import events
from muxcore.answers.arbiter import Answer
from muxcore.chardev.attach import AttachChardev
from muxcore.chardev.base import Chardev, Stream
from muxcore.chardev.heard import LineValue
from muxcore.console.describe import describe_status
from muxcore.console.link import LinkGuest
from muxcore.console.openness import Openness
from muxcore.errors import MuxError
from muxcore.peers.answer_desk import AnswerDesk
from muxcore.peers.framed import FramedPeer
from muxcore.peers.line_desk import LineDesk
from muxcore.peers.peer import Peer

if TYPE_CHECKING:
    from muxcore.console.hub import Console
    from muxcore.peers.hold import Hold

LINGERING = 64
"""Peers that left before the guest took their input; what further ones typed is discarded."""


class PeerDesk:
    """See the module; one console's.

    Args:
        console: whose peers they are.
        hold: what keeps its guest waiting for them.
    """

    def __init__(self, console: Console, hold: Hold) -> None:
        self.name = console.name
        self.history = console.history
        self.hangups = console.hangups
        self.line: LineDesk | None = None
        """There from the first wish on: hardly any console ever hears one."""
        self.answers = AnswerDesk(self)
        self._console = console
        self._hold = hold
        self._openness = Openness(console.name, console.emit)

    @property
    def guest(self) -> Chardev | None:
        """The console's guest."""
        return self._console.guest

    @property
    def peers(self) -> tuple[Peer, ...]:
        """The console's peers."""
        return self._console.peers

    def peers_of(self, id: str) -> list[Peer]:
        """The peers of the backend `id`; none where there is no such backend."""
        chardev = self._console.backends.get(id)
        return [] if chardev is None else self._console.roster.of_chardev(chardev)

    @property
    def answer(self) -> str | None:
        """The backend whose terminals answer the guest's queries."""
        return self._console.answer

    @property
    def relays(self) -> bool:
        """Whether answers go to other consoles, or to several."""
        return self._console.mux is not None or isinstance(self.guest, LinkGuest)

    def emit(self, event: events.Event) -> None:
        """See `peer_hub.Hub`."""
        self._console.emit(event)

    # Coming and going.

    def guest_opened(self) -> None:
        """The guest is there."""
        if self.line is not None:
            self.line.watch()

    def add(self, chardev: Chardev, stream: Stream) -> None:
        """`stream` is a peer of the console from now on."""
        console = self._console
        past = console.past(chardev.id)
        kind = Peer
        if isinstance(chardev, AttachChardev) and chardev.framing == "frames":
            kind = FramedPeer
        peer = kind(
            self,
            chardev,
            stream,
            f"{chardev.id}/{past.next_number()}",
            console.replay_offset(chardev.options.replay) if past.left is None else past.left,
            readonly=chardev.readonly,
        )
        self.answers.came(peer)
        peer.paused = chardev.id in console.paused
        if console.roster.add(peer):
            self._openness.opened(chardev.id)
        peer.tell_status(describe_status(console))
        self.emit(events.PeerOpened(self.name, chardev.id, peer.id, stream.who.label))
        if stream.size is not None:
            peer.size = stream.size
            self.peer_resized(peer)
        peer.begin(None if past.left is None else chardev.resume_limit, past.take_owed())

    def forget(self, peer: Peer, reason: MuxError | None = None) -> None:
        """`peer` is no longer on the console."""
        console = self._console
        self.answers.release(peer)
        self.answers.left(peer)
        peer.let_go()
        last = console.roster.remove(peer)
        console.past(peer.chardev.id).add(peer)
        console.lagging.forget(peer)
        text = str(reason) if reason else None
        self.emit(events.PeerClosed(self.name, peer.chardev.id, peer.id, text))
        if last:
            self._openness.closed(peer.chardev.id)
        self.peer_moved(peer)

    def peer_ended(self, peer: Peer, reason: MuxError | None) -> None:
        """See `peer_hub.Hub`."""
        if peer in self._console.roster:
            self._console.forget_peer(peer, reason)
            peer.chardev.lost(peer.stream, reason)
            if isinstance(peer.chardev, AttachChardev):
                self._console.forget_backend(peer.chardev.id)
                self.emit(events.BackendRemoved(self.name, peer.chardev.id))

    # Output.

    def peer_moved(self, peer: Peer) -> None:
        """See `peer_hub.Hub`."""
        self._console.lagging.note(peer)
        peer.respondent.sent(peer.cursor)
        self._hold.review()

    def resume_offset(self) -> int:
        """The oldest byte kept; under a flood near the end, or it would be overrun at once."""
        history = self.history
        if self._console.pump.flooding:
            return max(history.start, history.end - history.capacity // 16)
        return history.start

    # Input.

    def peer_input(self, peer: Peer, data: bytes) -> None:
        """See `peer_hub.Hub`."""
        if peer.size is not None and peer.size != self._console.size:
            self.peer_resized(peer)
        console = self._console
        if peer.respondent.listens or console.mux is not None:
            self.answers.take(peer, data)
        else:
            peer.type(console.pump.feed, data)

    def pass_input(self, peer: Peer, item: bytes | Answer) -> None:
        """Type what the arbiter let through."""
        if isinstance(item, Answer):
            self._pass_answer(peer, item)
        elif (mux := self._console.mux) is not None:
            mux.take(peer, item)
        else:
            peer.type(self._console.pump.feed, item)

    def _pass_answer(self, peer: Peer, answer: Answer) -> None:
        mux, guest = self._console.mux, self.guest
        if mux is None:
            peer.type(self._console.pump.feed, answer.data)
            return
        # What is typed to a mux behind other consoles passes them by.
        may = not isinstance(guest, LinkGuest) or guest.claim(answer.kind, comes=False)
        if not (may and mux.answer(peer, answer)):
            peer.respondent.removed += 1

    def peer_resized(self, peer: Peer) -> None:
        """The guest's size follows the peer that resized or typed last, as in tmux."""
        if peer.size is not None and not peer.readonly:
            self._console.resize(*peer.size)

    def peer_break(self, peer: Peer) -> None:
        """See `peer_hub.Hub`; a guest without a break refuses it by an event."""
        try:
            self._console.send_break()
        except MuxError as error:
            self.emit(events.StreamProblem(self.name, peer.chardev.id, peer.id, str(error)))

    def peer_line(self, peer: Peer, wish: LineValue) -> None:
        """See `peer_hub.Hub`."""
        self.line = self.line or LineDesk(self)
        self.line.ask(peer, wish)

    def may_linger(self, peer: Peer) -> bool:
        """See `peer_hub.Hub`; a script that types and leaves must not use up the descriptors."""
        lingering = self._console.roster.lingering
        if len(lingering) < LINGERING:
            lingering.add(peer)
        return peer in lingering

    def discard_input(self, peer: Peer) -> None:
        """See `peer_hub.Hub`."""
        self._console.pump.dropped(peer.drop_input())
