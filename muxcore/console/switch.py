"""Several consoles as one guest: all of them print, one of them is typed to.

The output of all is merged in the order in which it came, and each one's is
whole (chardev/char-mux.c, `mux_chr_write`). Input does not pass through the
stream: each frontend has a feed of its own, so that what one of them does not
read waits while another is typed to.

Time stamps are the switch's, as in QEMU, not a peer's: they become part of the
one history that every peer is a cursor into. The frontends' own consoles keep
the bytes without them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from muxcore.answers.queries import Kind
from muxcore.chardev.base import Chardev, State, Who
from muxcore.chardev.heard import Break, Heard, WindowSize
from muxcore.chardev.soft import SoftStream
from muxcore.console.link import LinkBackend, LinkStream, Upstream
from muxcore.errors import BreakUnsupported, ChardevError
from muxcore.flow.feed import Feed, Tally
from muxcore.options.sets import MuxOptions

STAMPED = 4096
"""Bytes read at once while lines are stamped; a byte may become sixteen."""

# Only LF ends a line; bytes.splitlines has more in mind.
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")


class Frontend:
    """One of the consoles behind a switch."""

    def __init__(self, switch: Switch, upstream: Upstream, tally: Tally) -> None:
        self.upstream = upstream
        self.feed = Feed(tally)
        self.stream: LinkStream | None = None
        self.link: LinkBackend | None = None
        self._switch = switch

    @property
    def name(self) -> str:
        """The console's name."""
        return self.upstream.name

    @property
    def ready(self) -> bool:
        """See `link.Door`."""
        return self._switch.state is not State.CLOSED

    def enter(self, stream: LinkStream) -> None:
        """See `link.Door`."""
        if self.stream is not None:
            raise ChardevError(f"mux '{self._switch.console}' has not read the last of it yet")
        self.stream = stream
        self.feed.open(stream)
        stream.arrived = self._switch.poke
        self._switch.poke()

    def leave(self) -> None:
        """The link is at its end."""
        stream, self.stream = self.stream, None
        if stream is not None:
            self.feed.close()
            stream.close()

    def claim(self, kind: Kind) -> bool:
        """Whether an answer of `kind` may be typed to the console, which asked for one."""
        return self.link is not None and self.upstream.claim(self.link, kind, comes=True)

    def tell(self, heard: Heard) -> None:
        """Say something beside the bytes to the console."""
        if self.stream is not None:
            self.stream.tell(heard)


class Switch(Chardev):
    """See the module.

    Args:
        id: the chardev's id.
        options: of the mux.
        clock: seconds that never go back, for the stamps.
    """

    options: MuxOptions

    def __init__(
        self, id: str, options: MuxOptions, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(id, options)
        self.frontends: list[Frontend] = []
        self.focus: Frontend | None = None
        self.stamps = Stamps(clock)

    @property
    def address(self) -> str:
        """The names of the consoles."""
        return ", ".join(frontend.name for frontend in self.frontends)

    @property
    def can_break(self) -> bool:
        """As the focused console's guest can."""
        guest = self.focus.upstream.guest if self.focus else None
        return guest is not None and guest.can_break

    @property
    def can_resize(self) -> bool:
        """Whether there is a console that may be told."""
        return bool(self.frontends)

    async def open(self) -> None:
        """Open, whether there is a frontend yet or not: one may come at any time."""
        self.add_stream(SwitchStream(self))
        for frontend in self.frontends:
            if frontend.link is not None:
                frontend.link.owner.chardev_changed(frontend.link)

    def add(self, upstream: Upstream, tally: Tally) -> Frontend:
        """Make a place for a console. The first one has the focus.

        In QEMU the last one has, but there they all come before anybody types.
        """
        frontend = Frontend(self, upstream, tally)
        self.frontends.append(frontend)
        self.focus = self.focus or frontend
        return frontend

    def remove(self, frontend: Frontend) -> None:
        """Give a console's place up; the next one has its focus."""
        frontend.leave()
        if frontend is self.focus:
            self.focus = self.after(frontend)
        self.frontends.remove(frontend)
        if frontend is self.focus:
            self.focus = None

    def after(self, frontend: Frontend) -> Frontend:
        """The next one in the order in which they came, and around."""
        return self.frontends[(self.frontends.index(frontend) + 1) % len(self.frontends)]

    def poke(self) -> None:
        """Something may have come."""
        for stream in self.streams:
            if isinstance(stream, SwitchStream):
                stream.input_watch.poke()

    def send_break(self) -> None:
        """See `Chardev.send_break`; it reaches the console that has the focus."""
        if self.focus is None or not self.can_break:
            raise BreakUnsupported(f"chardev '{self.id}' ({self.type}) has no break to send")
        self.focus.tell(Break())

    def resize(self, rows: int, cols: int) -> None:
        """Tell every console: each is looked at through the same window."""
        for frontend in self.frontends:
            frontend.tell(WindowSize(rows, cols))

    def close(self) -> None:
        """See `Chardev.close`."""
        for frontend in self.frontends:
            frontend.leave()


class SwitchStream(SoftStream):
    """The merged output of a switch's frontends."""

    def __init__(self, switch: Switch) -> None:
        super().__init__(Who("mux"))
        self._switch = switch
        self._stamped = bytearray()
        self._turn = 0

    def readable(self) -> bool:
        """Whether a frontend printed or left."""
        return bool(self._stamped) or any(map(_has_news, self._switch.frontends))

    def read(self, limit: int) -> bytes:
        """What one frontend printed; they take turns. The stream has no end of its own."""
        if not self._stamped:
            stamps = self._switch.stamps
            data = self._read_in_turn(min(limit, STAMPED) if stamps.on else limit)
            if not stamps.on:
                return data
            self._stamped += stamps.put_into(data)
        data = bytes(self._stamped[:limit])
        del self._stamped[:limit]
        return data

    def write(self, buffers: Sequence[memoryview | bytes]) -> int:
        """Nothing: input goes through the feed of a frontend."""
        raise BlockingIOError

    def writable(self) -> bool:
        """See `write`."""
        return False

    def _read_in_turn(self, limit: int) -> bytes:
        frontends = self._switch.frontends
        for step in range(len(frontends)):
            frontend = frontends[(self._turn + step) % len(frontends)]
            if frontend.stream is not None and frontend.stream.readable():
                if data := frontend.stream.read(limit):
                    self._turn += step + 1
                    return data
                frontend.leave()
        raise BlockingIOError


class Stamps:
    """Time stamps at the start of every line, `[HH:MM:SS.mmm] `.

    Times count from the first line that is stamped, which is the first one to
    begin after the stamps were turned on, as in QEMU.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.on = False
        self._clock = clock
        self._start: float | None = None
        self._at_line_start = False

    def toggle(self) -> None:
        """Turn them on, or off."""
        self.on = not self.on
        self._start = None
        self._at_line_start = False

    def put_into(self, data: bytes) -> bytes:
        """`data` with a stamp at every start of a line in it."""
        parts = []
        for line in _LINE.findall(data):
            if self._at_line_start:
                parts.append(self._stamp())
            parts.append(line)
            self._at_line_start = line.endswith(b"\n")
        return b"".join(parts)

    def _stamp(self) -> bytes:
        now = self._clock()
        if self._start is None:
            self._start = now
        ms = int((now - self._start) * 1000)
        return b"[%02d:%02d:%02d.%03d] " % (
            ms // 3_600_000,
            ms // 60_000 % 60,
            ms // 1000 % 60,
            ms % 1000,
        )


def _has_news(frontend: Frontend) -> bool:
    return frontend.stream is not None and frontend.stream.readable()
