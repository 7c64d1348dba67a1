"""A console: one guest, its history, its backends.

The pump is the console's own. What the guest prints goes into the history and
is offered to every peer that is caught up: one non-blocking send each,
straight from the ring. A peer that lags costs the
others nothing; before the ring would overwrite what it lacks, its policy says
whether the guest waits for it, and how long.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any, Literal

from muxcore import events
from muxcore.answers.queries import Kind
from muxcore.chardev.attach import AttachChardev
from muxcore.chardev.base import Chardev, State, Stream, Unowned, Who
from muxcore.console.bell import Bell
from muxcore.console.describe import brief_console, describe_console, describe_status
from muxcore.console.link import LinkGuest
from muxcore.console.mux import Mux
from muxcore.console.peer_desk import PeerDesk
from muxcore.console.start import Start
from muxcore.errors import CommandError, MuxError, NotFoundError, StreamError
from muxcore.flow.hangup import HangupWatch
from muxcore.flow.pump import Pump
from muxcore.flow.splice import Splice
from muxcore.options.sets import AttachOptions
from muxcore.peers.hold import Hold
from muxcore.peers.laggards import Laggards
from muxcore.peers.news import News
from muxcore.peers.past import Past
from muxcore.peers.peer import Peer
from muxcore.peers.roster import Roster
from muxcore.ring import History
from muxcore.settings import DEFAULTS, Settings

FLUSH = 1.0
"""Seconds that peers have, when a console ends, to take what they still lack."""


class Console:
    """See the module.

    Args:
        name: the console's id.
        history: bytes of output retained.
        size: (rows, cols) the guest is given from the start, or None.
        answer: the backend whose terminals answer the guest's queries; "first" or None for any.
        settings: what viewers make of its keys and its screen; kept for them alone.
        notify: called with every event, synchronously.
    """

    def __init__(
        self,
        name: str,
        *,
        history: int = 1 << 20,
        size: tuple[int, int] | None = None,
        answer: str | None = None,
        settings: Settings = DEFAULTS,
        notify: Callable[[events.Event], None] = lambda _: None,
    ) -> None:
        self.name = name
        self.history = History(history)
        self.guest: Chardev | None = None
        self._link: LinkGuest | None = None
        self.own_mux: Mux | None = None
        self.backends: dict[str, Chardev] = {}
        self.size = size
        self.answer = answer
        self.settings = settings
        self.hangups = HangupWatch()
        self.since = time.time()
        self.roster = Roster()
        self.paused: set[str] = set()
        self.bell = Bell()
        self._notify = notify
        self.lagging = Laggards()
        self._hold = Hold(self)
        self._news = News(self.roster.viewers, lambda: describe_status(self))
        self.pump = Pump(
            self.history,
            self._hold.room,
            self._fan_out,
            self._guest_ended,
            self._news.tell,
            self.roster.by_stream,
            self.lagging.peers,
        )
        self.desk = PeerDesk(self, self._hold)
        self.starting = Start(self)
        self._past: dict[str, Past] = {}
        self._closing = False

    @property
    def peers(self) -> tuple[Peer, ...]:
        """Everybody on the console, in the order in which they came."""
        return self.roster.all

    # Life.

    async def start(self, guest: Chardev | None, backends: Iterable[Chardev]) -> None:
        """Start the backends, then the guest; a `wait=on` backend delays only this guest."""
        await asyncio.gather(*(self.add_backend(chardev) for chardev in backends))
        await self.set_guest(guest)

    async def set_guest(self, guest: Chardev | None) -> None:
        """Give the console another guest (None: none); the present one is ended first."""
        if guest is not None:
            self._refuse_if_closing()
        if (old := self.guest) is not None:
            self.guest = self._link = None
            await old.aclose()
            old.owner = Unowned()
            self.emit(events.GuestRemoved(self.name, old.id))
            if old.log is not None:
                await self.remove_backend(old.log.id)
        self.guest = guest
        self._link = guest if isinstance(guest, LinkGuest) else None
        if guest is not None:
            self.emit(events.GuestAdded(self.name, guest.id, guest.type))
            if guest.log is not None:
                await self.add_backend(guest.log)
            guest.is_guest = True
            guest.console = self.name
            guest.owner = self
            self.size = self.size or next((p.size for p in reversed(self.peers) if p.size), None)
            if self.size and guest.can_resize:
                guest.resize(*self.size)
            self.size = guest.size or self.size
            await self.starting.guest()
        self._news.tell()

    async def add_backend(self, chardev: Chardev) -> None:
        """Put a backend on the console: a new one is started, a loose one adopted."""
        self._refuse_if_closing()
        if chardev.log is not None:
            await self.add_backend(chardev.log)
        self.backends[chardev.id] = chardev
        if chardev.resumes and chardev.resume_limit is None:
            self.past(chardev.id).left = self.replay_offset(chardev.options.replay)
        self.emit(events.BackendAdded(self.name, chardev.id, chardev.type))
        if chardev.state is State.CLOSED:
            await self.starting.begin(chardev)
        else:
            chardev.owner = self
            for stream in list(chardev.streams):
                self.stream_opened(chardev, stream)

    def detach_backend(self, id: str) -> Chardev:
        """Take a backend off the console; it goes on living, loose, as its log does."""
        chardev = self._backend(id)
        for peer in self.roster.of_chardev(chardev):
            self.forget_peer(peer)
        self.forget_backend(id)
        chardev.owner = Unowned()
        self.emit(events.BackendRemoved(self.name, id))
        self.starting.wait_no_more(id)
        if chardev.log is not None and chardev.log.id in self.backends:
            self.detach_backend(chardev.log.id)
        return chardev

    async def remove_backend(self, id: str) -> None:
        """Take a backend off the console and end it; it is given time to take what it lacks."""
        chardev = self._backend(id)
        await self._drain(chardev)
        if self.backends.get(id) is chardev:
            self.detach_backend(id)
            await asyncio.gather(*(each.aclose() for each in chardev.whole))

    async def replace_backend(self, old: Chardev, new: Chardev) -> None:
        """Put a chardev that is open in another's place, which is ended. Raises CommandError."""
        await self._drain(old)
        if self.backends.get(old.id) is not old:
            raise CommandError(f"Chardev '{old.id}' is busy")
        self.detach_backend(old.id)
        await self.add_backend(new)
        await asyncio.gather(*(each.aclose() for each in old.whole))

    async def _drain(self, chardev: Chardev) -> None:
        peers = [peer for each in chardev.whole for peer in self.roster.of_chardev(each)]
        await self.lagging.drain(peers, FLUSH)

    async def aclose(self) -> None:
        """End the console: guest first, then whoever lacks output gets it for `FLUSH` s."""
        self._closing = True
        await self.set_guest(None)
        await self.lagging.drain(list(self.peers), FLUSH)
        chardevs = list(self.backends.values())
        for id in list(self.backends):
            if id in self.backends:
                self.detach_backend(id)
        await asyncio.gather(*(chardev.aclose() for chardev in chardevs))
        self._hold.release()
        self._news.close()
        self.hangups.close()

    # What users ask for.

    def set_backend(
        self, id: str, *, paused: bool | None = None, readonly: bool | None = None
    ) -> None:
        """Pause or resume a backend's output; accept or refuse its input."""
        chardev = self._backend(id)
        if paused is not None:
            (self.paused.add if paused else self.paused.discard)(id)
        for peer in self.roster.of_chardev(chardev):
            if paused is not None:
                peer.pause(paused)
            if readonly is not None:
                peer.readonly = readonly
        if readonly is not None:
            chardev.readonly = readonly
        self.chardev_changed(chardev)
        self._news.tell()

    def disconnect_peer(self, id: str) -> None:
        """End one peer's stream.

        Raises:
            NotFoundError: there is no such peer.
        """
        for peer in self.peers:
            if peer.id == id:
                self.desk.peer_ended(peer, None)
                return
        raise NotFoundError(f"Peer '{id}' not found")

    def attach(
        self,
        fd: int,
        who: Who,
        *,
        id: str,
        mode: Literal["rw", "ro"],
        framing: Literal["raw", "frames"],
        replay: int,
        size: tuple[int, int] | None,
    ) -> None:
        """Make the connection `fd` (non-blocking, owned from now on) a backend named `id`."""
        self._refuse_if_closing()
        options = AttachOptions(readonly=mode == "ro", replay=replay)
        chardev = AttachChardev(id, options, fd, who, framing)
        self.backends[id] = chardev
        self.emit(events.BackendAdded(self.name, id, chardev.type))
        chardev.owner = self
        chardev.go_live()
        for peer in self.roster.of_chardev(chardev):
            if size:
                peer.size = size
                self.desk.peer_resized(peer)

    def replay_offset(self, replay: int) -> int:
        """Where the last `replay` retained bytes begin."""
        return max(self.history.start, self.history.end - replay)

    def send_break(self) -> None:
        """Send the guest a break.

        Raises:
            CommandError: there is no guest, or it is not open.
            BreakUnsupported: the guest has no break.
        """
        if self.guest is None:
            raise CommandError(f"console '{self.name}' has no guest")
        if self.guest.can_break and self.pump.stream is None:
            raise CommandError(f"guest '{self.guest.id}' is not open")
        self.guest.send_break()

    def resize(self, rows: int, cols: int) -> None:
        """Tell the guest its size, if it can be told."""
        if (rows, cols) == self.size or self.guest is None or not self.guest.can_resize:
            return
        self.size = (rows, cols)
        self.guest.resize(rows, cols)
        self.emit(events.SizeChanged(self.name, rows, cols))
        self._news.tell()

    def past(self, id: str) -> Past:
        """What the peers that a backend no longer has left behind."""
        return self._past.setdefault(id, Past())

    def claim(self, chardev: Chardev, kind: Kind, *, comes: bool) -> bool:
        """See `link.Upstream`."""
        may = self.desk.answers.claim(chardev, kind, comes=comes)
        if may and not comes and self._link is not None:
            return self._link.claim(kind, comes=False)
        return may

    def describe(self, *, brief: bool = False) -> dict[str, Any]:
        """The console as an element of mux-query-consoles."""
        return brief_console(self) if brief else describe_console(self)

    @property
    def held(self) -> bool:
        """Whether the guest waits for a peer."""
        return self._hold.active

    @property
    def mux(self) -> Mux | None:
        """The mux that the peers type to, if they do: this console's own, or one behind it."""
        return self._link.mux if self._link is not None else self.own_mux

    # What chardevs report.

    def stream_opened(self, chardev: Chardev, stream: Stream) -> None:
        """See `chardev.base.Owner`."""
        if chardev is self.guest:
            self.pump.open(stream)
            self._tell_guest(chardev, there=True)
            self.desk.guest_opened()
            return
        stream.guest_changed(self.pump.stream is not None)
        self.desk.add(chardev, stream)
        self._news.tell()

    def stream_held(self, chardev: Chardev, stream: Stream, seconds: float) -> None:
        """See `chardev.base.Owner`."""
        if (peer := self.roster.of_stream(stream)) is not None:
            peer.hold_back(seconds)

    def stream_closed(self, chardev: Chardev, stream: Stream, reason: MuxError | None) -> None:
        """See `chardev.base.Owner`."""
        if stream is self.pump.stream:
            self._hold.release()
            self.pump.close()
            self._tell_guest(chardev, there=False)
        if (peer := self.roster.of_stream(stream)) is not None:
            self.forget_peer(peer, reason)

    def stream_failed(self, chardev: Chardev, who: Who, reason: MuxError) -> None:
        """See `chardev.base.Owner`; as a peer that never was."""
        self.emit(events.StreamProblem(self.name, chardev.id, who.label, str(reason)))

    def chardev_changed(self, chardev: Chardev) -> None:
        """See `chardev.base.Owner`."""
        if chardev is self.guest:
            state = chardev.state.value
            self.emit(
                events.GuestChanged(
                    self.name, chardev.id, state, chardev.reason, chardev.exit_status
                )
            )
            self._news.tell()
            return
        if chardev.id not in self.backends:
            return
        self.emit(events.BackendChanged(self.name, chardev.id, chardev.state.value, chardev.reason))
        for peer in self.roster.of_chardev(chardev):
            # A file that failed no longer holds the guest; one that recovered may again.
            self.desk.peer_moved(peer)
        if chardev.ready:
            self.starting.wait_no_more(chardev.id)

    # What the console's parts report.

    def emit(self, event: events.Event) -> None:
        """Tell whoever listens to the daemon's events."""
        self._notify(event)

    def hold_changed(self) -> None:
        """The guest has been kept waiting for a while, or goes on after that."""
        self._news.tell()

    def forget_backend(self, id: str) -> None:
        """The backend `id` is no longer on the console."""
        self.backends.pop(id, None)
        self.paused.discard(id)
        self._past.pop(id, None)

    def forget_peer(self, peer: Peer, reason: MuxError | None = None) -> None:
        """`peer` is no longer on the console."""
        self.desk.forget(peer, reason)
        if not self._closing:
            self._news.tell()

    # What the pump reports.

    def pause_guest(self, paused: bool) -> None:
        """Stop or resume reading the guest; only `Hold` calls this."""
        self.pump.pause(paused)

    def _fan_out(self, begin: int, count: int, splice: Splice | None) -> None:
        views = self.history.views(begin)
        for peer in tuple(self.roster.by_stream.values()):
            if peer.ready:
                try:
                    peer.offer(views, count, splice)
                except Exception as error:  # noqa: BLE001 - the others are not to lose the chunk
                    self._peer_failed(peer, error)
        if self.lagging.peers:
            for peer, reason in self.lagging.meet_policies():
                self.desk.peer_ended(peer, reason)
        self.bell.scan(self.history, begin)
        self.desk.answers.printed(begin, count)

    def _peer_failed(self, peer: Peer, error: Exception) -> None:
        asyncio.get_running_loop().call_exception_handler(
            {"message": f"writing to {peer.id} failed", "exception": error}
        )
        self.desk.peer_ended(peer, StreamError(f"internal error: {error!r}"))

    def _guest_ended(self, stream: Stream, reason: StreamError | None) -> None:
        self._hold.release()
        if self.guest is not None:
            self._tell_guest(self.guest, there=False)
            self.guest.lost(stream, reason)

    def _tell_guest(self, guest: Chardev, *, there: bool) -> None:
        self.emit(events.VserportChange(self.name, guest.id, there))
        if not there:
            self.desk.answers.guest_gone()
        for peer in self.peers:
            peer.stream.guest_changed(there)

    # Small things.

    def _backend(self, id: str) -> Chardev:
        try:
            return self.backends[id]
        except KeyError:
            raise NotFoundError(f"Chardev '{id}' not found") from None

    def _refuse_if_closing(self) -> None:
        if self._closing:
            raise CommandError(f"console '{self.name}' is being removed")
