"""What a peer needs of the console it is on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from muxcore import events
from muxcore.chardev.heard import LineValue
from muxcore.errors import MuxError
from muxcore.flow.hangup import HangupWatch
from muxcore.ring import History

if TYPE_CHECKING:
    from muxcore.peers.answer_desk import AnswerDesk
    from muxcore.peers.peer import Peer


class Hub(Protocol):
    """What a peer needs of its console."""

    name: str
    history: History
    hangups: HangupWatch
    answers: AnswerDesk

    def emit(self, event: events.Event) -> None:
        """Tell the world."""

    def peer_ended(self, peer: Peer, reason: MuxError | None) -> None:
        """The peer's stream is at its end and all its input was taken."""

    def peer_moved(self, peer: Peer) -> None:
        """The peer began to lag, sent some of what it lacked, or caught up."""

    def peer_input(self, peer: Peer, data: bytes) -> None:
        """The peer typed `data`."""

    def peer_resized(self, peer: Peer) -> None:
        """The peer told the size of its view."""

    def peer_break(self, peer: Peer) -> None:
        """The peer asks for a break."""

    def peer_line(self, peer: Peer, wish: LineValue) -> None:
        """The peer asks for something about the guest's serial line."""

    def may_linger(self, peer: Peer) -> bool:
        """Whether `peer` too may stay only because the guest has not taken its input."""

    def discard_input(self, peer: Peer) -> None:
        """Drop what the peer typed and nobody took, and count it."""

    def resume_offset(self) -> int:
        """Where a peer that fell out of the history goes on."""
