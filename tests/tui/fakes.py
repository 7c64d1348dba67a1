"""A session in memory: what a test sets is what the screens see, what they do is noted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from muxcore.errors import MuxError
from muxcore.screen.items import Attached, Item, Output
from tui.activity import Activity
from tui.model import HistoryPiece, ViewStatus
from tui.state import (
    BackendRate,
    BackendState,
    ConsoleMark,
    ConsoleState,
    FormOption,
    GuestState,
    Link,
    LinkState,
    LooseChardev,
    PeerState,
    SerialPort,
)

NOW = 1_800_000_000.0
"""The clock of a fake session stands still: 2027-01-15 08:00:00 UTC."""

FORMS: dict[str, tuple[FormOption, ...]] = {
    "socket": (
        FormOption("path", "str", help="unix socket"),
        FormOption("host", "str", help="TCP host"),
        FormOption("port", "str", help="TCP port or service name"),
        FormOption("server", "bool", "off", "listen rather than connect"),
        FormOption("wait", "bool", "", "the guest waits for the first client (server only)"),
        FormOption(
            "policy",
            "choice",
            "drop",
            "what happens at a full lag",
            common=True,
            choices=("drop", "block", "disconnect"),
        ),
    ),
    "pty": (FormOption("path", "str", help="symlink to the slave"),),
    "file": (
        FormOption("path", "str", help="the file", required=True),
        FormOption("append", "bool", "off", "keep what the file holds"),
    ),
    "serial": (
        FormOption("path", "str", help="the device", required=True),
        FormOption("speed", "int", "115200", "line speed (baud)"),
    ),
    "process": (FormOption("command", "str", help="the command line", required=True),),
}


def backend(id: str, type: str = "socket", **more: object) -> BackendState:
    """A backend's state with sensible values."""
    return replace(BackendState(id=id, type=type, since=NOW - 60), **more)  # type: ignore[arg-type]


def console(name: str = "vm1", *backends: BackendState, **more: object) -> ConsoleState:
    """A console with an open guest on a socket."""
    guest = GuestState(
        id=f"{name}.guest", type="socket", address=f"/run/{name}.sock", since=NOW - 3600
    )
    plain = ConsoleState(name, guest, backends)
    return replace(plain, **more)  # type: ignore[arg-type]


def full_console() -> ConsoleState:
    """A console with a backend of every kind of use, all well."""
    socat = PeerState("sock0/1", "socat[4711]", "anna", sent=52_210, received=310)
    tio = PeerState("pty0/1", "tio[4720]", "ben", sent=8_120, received=12)
    return console(
        "vm1",
        backend(
            "sock0",
            address="/run/vm1/shared.sock",
            connect="socat -,raw,echo=0 UNIX:/run/vm1/shared.sock",
            peers=(socat,),
            sent=52_210,
            received=310,
            last_activity=NOW - 1,
        ),
        backend(
            "pty0",
            "pty",
            address="/run/vm1/tty -> /dev/pts/7",
            connect="tio /run/vm1/tty",
            peers=(tio,),
            sent=8_120,
            received=12,
            last_activity=NOW - 40,
        ),
        backend(
            "log0",
            "file",
            address="/var/log/vm1.log",
            connect="tail -f /var/log/vm1.log",
            policy="block",
            sent=52_210,
            last_activity=NOW - 1,
            peers=(PeerState("log0/1", "/var/log/vm1.log", sent=52_210),),
        ),
        backend(
            "vm1.attach0",
            "attach",
            peers=(PeerState("vm1.attach0/1", "muxtui[4800]", "anna", sent=52_210),),
            sent=52_210,
            received=96,
            last_activity=NOW - 1,
        ),
        end=52_210,
    )


class FakeSession:
    """`tui.model.Session` in memory."""

    def __init__(self, *consoles: ConsoleState, live: bool = True) -> None:
        self.link = LinkState(Link.LIVE if live else Link.CONNECTING, NOW)
        self.consoles: Sequence[ConsoleState] = consoles
        self.loose: Sequence[LooseChardev] = ()
        self.on_view: str | None = consoles[0].name if consoles else None
        self.view_id = "vm1.attach0" if consoles else ""
        self.status: ViewStatus | None = None
        self.view_problem = ""
        self.notices: list[str] = []
        self.clock = NOW
        self.items: deque[Item] = deque()
        self.history = b""
        """What `read_history` reads: the console's output from offset 0 on."""
        self.times: list[tuple[int, float]] = []
        """When what `history` has was printed: offsets and seconds since the epoch."""
        self.typed = bytearray()
        self.calls: list[tuple[Any, ...]] = []
        self.sizes: list[tuple[int, int]] = []
        self.refusals: dict[str, MuxError] = {}
        """Errors that calls raise, by the call's name."""
        self.ports: Sequence[SerialPort] = ()
        self.running = False
        self._activity = Activity()
        self._rates: dict[str, BackendRate] = {}
        self._changed: Callable[[], None] = lambda: None
        self._output: Callable[[], None] = lambda: None

    # What a test does.

    def print(self, data: bytes, *, offset: int = 0, end: int = 0) -> None:
        """Have the guest print; what lies below `end` is replay of a new stream."""
        if not self.items and not self.offset:
            self.items.append(Attached(self.on_view or "", self.view_id, offset, end))
            self.offset = offset
        self.items.append(Output(self.offset, data))
        self.offset += len(data)
        self._output()

    offset = 0

    def attach(self, offset: int = 0, end: int = 0) -> None:
        """Begin a new stream."""
        self.offset = offset
        self.items.append(Attached(self.on_view or "", self.view_id, offset, end))
        self._output()

    def put(self, item: Item) -> None:
        """Put an item on the stream."""
        self.items.append(item)
        self._output()

    def change(self, *consoles: ConsoleState) -> None:
        """Have the daemon answer with other consoles."""
        self._activity.update(self.clock, self.consoles, self.on_view)
        self.clock += 1
        self.consoles = consoles
        self._activity.update(self.clock, consoles, self.on_view)
        self._changed()

    def set_rate(self, backend: str, rate: BackendRate) -> None:
        """Fix a backend's rate."""
        self._rates[backend] = rate

    def lose(self, reason: str = "the daemon ended the connection") -> None:
        """Have the daemon die."""
        self.link = LinkState(Link.LOST, self.clock, reason, self.clock + 4)
        self.view_id = ""
        self.status = None
        self._changed()

    def recover(self, *consoles: ConsoleState) -> None:
        """Have the daemon come back."""
        self.link = LinkState(Link.LIVE, self.clock)
        self.consoles = consoles
        self.view_id = "vm1.attach0" if consoles else ""
        self._changed()

    # What the screens do.

    def now(self) -> float:
        return self.clock

    def take_notices(self) -> list[str]:
        notices, self.notices = self.notices, []
        return notices

    def watch(self, changed: Callable[[], None], output: Callable[[], None]) -> None:
        self._changed = changed
        self._output = output

    def rate(self, backend: str) -> BackendRate:
        return self._rates.get(backend) or self._activity.rate(backend)

    def mark(self, console: str) -> ConsoleMark:
        return self._activity.mark(console)

    async def start(self) -> None:
        self.running = True
        if self.items:
            self._output()

    async def close(self) -> None:
        self.running = False

    def show(self, console: str | None) -> None:
        self.on_view = console
        self.calls.append(("show", console))

    def take(self, limit: int) -> Item | None:
        if not self.items:
            return None
        item = self.items.popleft()
        if isinstance(item, Output) and len(item.data) > limit:
            self.items.appendleft(Output(item.offset + limit, item.data[limit:]))
            item = replace(item, data=item.data[:limit])
        return item

    def reattach(self) -> None:
        self.calls.append(("reattach",))

    async def read_history(self, console: str, offset: int, size: int) -> HistoryPiece:
        data = self.history[offset : offset + size]
        before = [mark for mark in self.times if mark[0] <= offset]
        after = [mark for mark in self.times if offset < mark[0] < offset + len(data)]
        return offset, data, before[-1:] + after

    def send(self, data: bytes) -> bool:
        self.typed += data
        return True

    def resize(self, rows: int, cols: int) -> None:
        self.sizes.append((rows, cols))

    async def send_break(self) -> None:
        self._note("send_break")

    async def add_console(self, name: str, guest: str) -> None:
        self._note("add_console", name, guest)

    async def remove_console(self, name: str) -> None:
        self._note("remove_console", name)

    async def add_backend(self, console: str, chardev: str) -> None:
        self._note("add_backend", console, chardev)

    async def adopt_backend(self, console: str, id: str) -> None:
        self._note("adopt_backend", console, id)

    async def set_backend(
        self, id: str, *, paused: bool | None = None, readonly: bool | None = None
    ) -> None:
        self._note("set_backend", id, paused, readonly)

    async def detach_backend(self, id: str) -> None:
        self._note("detach_backend", id)

    async def remove_backend(self, id: str) -> None:
        self._note("remove_backend", id)

    async def disconnect_peer(self, peer: str) -> None:
        self._note("disconnect_peer", peer)

    async def stop_daemon(self) -> None:
        self._note("stop_daemon")

    async def start_daemon(self) -> None:
        self._note("start_daemon")

    def forms(self) -> Mapping[str, Sequence[FormOption]]:
        return FORMS

    def shell(self) -> str:
        return "/bin/sh"

    def serial_ports(self) -> Sequence[SerialPort]:
        return self.ports

    def _note(self, call: str, *arguments: object) -> None:
        self.calls.append((call, *arguments))
        if call in self.refusals:
            raise self.refusals[call]
