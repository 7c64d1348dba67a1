"""A console as a backend of another: two streams back to back, inside the process.

::

    console A ──► LinkBackend ══ link ══ door ──► console B
    (its guest)   one of A's             B's guest, or one of a
                  backends               switch's frontends

What A's guest prints goes through the link to B's history, and from there to
B's backends; what they type goes the other way. The buffers between are
bounded: while B is not read, A's peer lags and meets its policy like any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from muxcore.answers.queries import Kind
from muxcore.chardev.base import Chardev, State, Stream, Who
from muxcore.chardev.heard import Break, Heard, WindowSize
from muxcore.chardev.soft import SoftStream
from muxcore.errors import BreakUnsupported, ChardevError, MuxError
from muxcore.options.sets import LinkOptions

if TYPE_CHECKING:
    from muxcore.console.mux import Mux

OUTPUT = 64 * 1024
"""Bytes of output on their way through a link at most."""

INPUT = 1024
"""Bytes of input on their way through a link at most."""

RETRY = 1.0
"""Seconds after which a link that was cut is joined again."""


class Upstream(Protocol):
    """The console whose guest is behind a link, as far as the other end asks."""

    name: str
    guest: Chardev | None
    size: tuple[int, int] | None

    @property
    def mux(self) -> Mux | None:
        """The mux that its peers type to."""

    def claim(self, chardev: Chardev, kind: Kind, *, comes: bool) -> bool:
        """Whether those behind its backend `chardev` may answer a query of `kind`, once.

        `comes`: the answer is on its way through the link, and not past it.
        """


class Door(Protocol):
    """Where a link leads.

    `link` is the end that leads here; it is told when the door is `ready`.
    """

    link: LinkBackend | None

    @property
    def ready(self) -> bool:
        """Whether nobody is waited for at the other console (`wait=on`)."""

    def enter(self, stream: LinkStream) -> None:
        """`stream` is the far end of a link that is live from now on. Raises ChardevError."""


class LinkStream(SoftStream):
    """One end of a link.

    Args:
        who: who is at the other end.
        limit: bytes at most that wait to be read here.
    """

    terminals = 2

    def __init__(self, who: Who, limit: int) -> None:
        super().__init__(who)
        self.arrived: Callable[[], None] = self.input_watch.poke
        """Called when there is something to read."""
        self.waiting = bytearray()
        """What is to be read here."""
        self.far: LinkStream | None = None
        """The other end; None once the link is cut."""
        self._limit = limit
        self._read_there = asyncio.Event()

    def join(self, far: LinkStream) -> None:
        """Make this and `far` the two ends of one link."""
        self.far, far.far = far, self

    def tell(self, heard: Heard) -> None:
        """Say something beside the bytes to the other end."""
        if self.far is not None and self.far.heard is not None:
            self.far.heard(heard)

    def readable(self) -> bool:
        """Whether there are bytes, or the other end is gone."""
        return bool(self.waiting) or self.far is None

    def writable(self) -> bool:
        """Whether the other end has room, or is gone."""
        return self.far is None or self.far.room > 0

    @property
    def room(self) -> int:
        """Bytes that may still be sent to this end."""
        return self._limit - len(self.waiting)

    @property
    def held(self) -> int:
        """See `Stream.held`."""
        return len(self.far.waiting) if self.far is not None else 0

    def read(self, limit: int) -> bytes:
        """See `Stream.read`."""
        if not self.waiting:
            if self.far is None:
                return b""
            raise BlockingIOError
        data = bytes(self.waiting[:limit])
        del self.waiting[:limit]
        if self.far is not None:
            self.far.moved()
        return data

    def write(self, buffers: Sequence[memoryview | bytes]) -> int:
        """See `Stream.write`."""
        far = self.far
        if far is None:
            raise BrokenPipeError
        taken = 0
        for data in buffers:
            part = data[: far.room]
            far.waiting += part
            taken += len(part)
        if not taken:
            raise BlockingIOError
        far.arrived()
        return taken

    def close(self) -> None:
        """End the link; the other end still reads what was sent before."""
        super().close()
        far, self.far = self.far, None
        if far is not None:
            far.far = None
            far.arrived()
            far.moved()

    async def flush(self) -> None:
        """See `Stream.flush`."""
        while self.held:
            self._read_there.clear()
            await self._read_there.wait()

    def moved(self) -> None:
        """The other end read some, or is gone."""
        self._read_there.set()
        self.output_watch.poke()


class LinkBackend(Chardev):
    """A console's backend that is the way to another console.

    Args:
        id: the chardev's id.
        options: `chardev` names the other console.
        upstream: the console whose backend this is.
        door: where it leads.
    """

    options: LinkOptions

    def __init__(self, id: str, options: LinkOptions, upstream: str, door: Door) -> None:
        super().__init__(id, options)
        self._upstream = upstream
        self.door = door
        door.link = self

    @property
    def target(self) -> str:
        """The name of the console that this leads to."""
        return self.options.chardev

    @property
    def address(self) -> str:
        """The name of the console that this leads to."""
        return self.target

    @property
    def ready(self) -> bool:
        """See `Door.ready`."""
        return self.door.ready

    async def open(self) -> None:
        """Join the other console, or join it again."""
        near = LinkStream(Who(self.target), INPUT)
        far = LinkStream(Who(self._upstream), OUTPUT)
        near.join(far)
        try:
            self.door.enter(far)
        except ChardevError as error:
            self.set_state(State.RETRYING, str(error), retry_in=RETRY)
        else:
            self.add_stream(near)

    def after_lost(self, stream: Stream, reason: MuxError | None) -> None:
        """Whoever cut the link, it is whole again in a moment."""
        self.set_state(State.RETRYING, str(reason) if reason else None, retry_in=RETRY)


class LinkGuest(Chardev):
    """A console's guest that is another console.

    Args:
        id: the chardev's id.
        upstream: the other console.
    """

    options: LinkOptions

    def __init__(self, id: str, upstream: Upstream) -> None:
        super().__init__(id, LinkOptions(chardev=upstream.name))
        self.upstream = upstream
        self.size = upstream.size
        self.link: LinkBackend | None = None
        self._started = False
        self._early: LinkStream | None = None

    @property
    def address(self) -> str:
        """The name of the other console."""
        return self.upstream.name

    @property
    def mux(self) -> Mux | None:
        """The other console's, unless this way to it is for reading alone."""
        return None if self.link is None or self.link.readonly else self.upstream.mux

    def claim(self, kind: Kind, *, comes: bool) -> bool:
        """See `Upstream.claim`."""
        return self.link is not None and self.upstream.claim(self.link, kind, comes=comes)

    @property
    def can_break(self) -> bool:
        """As the other console's guest can."""
        guest = self.upstream.guest
        return guest is not None and guest.can_break

    @property
    def can_resize(self) -> bool:
        """As the other console's guest can."""
        guest = self.upstream.guest
        return guest is not None and guest.can_resize

    @property
    def ready(self) -> bool:
        """See `Door`: whether the console has started its guest."""
        return self._started

    async def open(self) -> None:
        """Take the link that is there, or wait for one."""
        self._started = True
        early, self._early = self._early, None
        if early is not None:
            self.add_stream(early)
        elif not self.streams:
            self.set_state(State.WAITING)
        if self.link is not None:
            self.link.owner.chardev_changed(self.link)

    def enter(self, stream: LinkStream) -> None:
        """See `Door`."""
        if self.streams or self._early:
            raise ChardevError(f"chardev '{self.id}' is already in use")
        if self._started:
            self.add_stream(stream)
        else:
            self._early = stream

    def close(self) -> None:
        """See `Chardev.close`."""
        if self._early is not None:
            self._early.close()
            self._early = None

    def after_lost(self, stream: Stream, reason: MuxError | None) -> None:
        """The link was cut; it may come again."""
        self.set_state(State.WAITING, str(reason) if reason else None)

    def send_break(self) -> None:
        """See `Chardev.send_break`; the other console passes it on."""
        if not self.can_break:
            raise BreakUnsupported(f"chardev '{self.id}' ({self.type}) has no break to send")
        self._tell(Break())

    def resize(self, rows: int, cols: int) -> None:
        """Tell the other console, whose rules on sizes apply."""
        self._tell(WindowSize(rows, cols))

    def _tell(self, heard: Heard) -> None:
        for stream in self.streams:
            if isinstance(stream, LinkStream):
                stream.tell(heard)
