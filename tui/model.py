"""What the screens need of the world: the `Session` protocol.

`tui.session` implements it over the daemon; tests implement it in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from muxcore.screen.items import Item
    from tui.state import (
        BackendRate,
        ConsoleMark,
        ConsoleState,
        FormOption,
        GuestState,
        LinkState,
        LooseChardev,
        SerialPort,
        Size,
    )

BUFFER = 1 << 20
"""Bytes of output a session holds for its view; it reads no further while that much is unread."""

REPLAY = 256 * 1024
"""Bytes of history asked for when a console comes on view: enough to rebuild its screen."""


@dataclass(frozen=True)
class ViewStatus:
    """What the stream itself last said about its console; newer than any query's answer."""

    guest: GuestState | None
    size: Size | None
    readonly: bool = False
    held: bool = False
    discarded: int = 0


HistoryPiece: TypeAlias = tuple[int, bytes, list[tuple[int, float]]]
"""The offset it begins at, the bytes, and marks: an offset, when it was printed (epoch seconds)."""


class Source(Protocol):
    """Where a view pulls the console's output from."""

    def take(self, limit: int) -> Item | None:
        """The next item, an `Output` of at most `limit` bytes; None when nothing is there."""

    def reattach(self) -> None:
        """Begin the stream of the console on view anew, with its replay."""

    async def read_history(self, console: str, offset: int, size: int) -> HistoryPiece:
        """The console's output from `offset` on, at most `size` bytes or 64 KiB.

        It begins later where that has gone already, and is empty at the end.
        """


class Session(Source, Protocol):
    """The daemon as one user interface sees it.

    Everything read from it is a plain value that was true at the last answer.
    The asynchronous methods raise `MuxError` with the daemon's words.
    """

    @property
    def link(self) -> LinkState:
        """How the daemon is."""

    @property
    def consoles(self) -> Sequence[ConsoleState]:
        """All consoles, in the daemon's order; the last known ones when the link is not live."""

    @property
    def loose(self) -> Sequence[LooseChardev]:
        """The chardevs that are on no console."""

    @property
    def on_view(self) -> str | None:
        """The console that is shown, or is to be shown as soon as it can be attached to."""

    @property
    def view_id(self) -> str:
        """The id of this view's own backend; empty while there is no stream."""

    @property
    def status(self) -> ViewStatus | None:
        """What the stream last said; None while there is no stream."""

    @property
    def view_problem(self) -> str:
        """Why there is no stream, when there should be one."""

    def take_notices(self) -> Sequence[str]:
        """What a mux said to this view alone since the last call; each may have several lines."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def watch(self, changed: Callable[[], None], output: Callable[[], None]) -> None:
        """Set what is called when the state changed, and when `take` has something again.

        `output` is not called again before `take` has returned None.
        """

    def rate(self, backend: str) -> BackendRate:
        """How fast a backend's bytes go."""

    def mark(self, console: str) -> ConsoleMark:
        """What happened on a console that is not on view."""

    async def start(self) -> None:
        """Begin: connect, query, follow events. Returns at once."""

    async def close(self) -> None:
        """End all of it."""

    def show(self, console: str | None) -> None:
        """Put a console on view; the one already there is attached to again."""

    def send(self, data: bytes) -> bool:
        """Type into the guest; False, and nothing is typed, without a stream or room in it."""

    def resize(self, rows: int, cols: int) -> None:
        """Tell the size of the view."""

    async def send_break(self) -> None:
        """Send a break to the guest of the console on view."""

    async def add_console(self, name: str, guest: str) -> None:
        """Make a console with a guest in QEMU's option syntax."""

    async def remove_console(self, name: str) -> None:
        """End a console, its guest and its backends."""

    async def add_backend(self, console: str, chardev: str) -> None:
        """Give a console a backend in QEMU's option syntax."""

    async def adopt_backend(self, console: str, id: str) -> None:
        """Give a console a loose chardev as a backend."""

    async def set_backend(
        self, id: str, *, paused: bool | None = None, readonly: bool | None = None
    ) -> None:
        """Change a backend's switches."""

    async def detach_backend(self, id: str) -> None:
        """Take a backend off its console; it lives on loose."""

    async def remove_backend(self, id: str) -> None:
        """Close a backend."""

    async def disconnect_peer(self, peer: str) -> None:
        """End one peer's stream."""

    async def stop_daemon(self) -> None:
        """End the daemon and all its consoles."""

    async def start_daemon(self) -> None:
        """Start a daemon where none answers."""

    def forms(self) -> Mapping[str, Sequence[FormOption]]:
        """The options of each chardev type a user may add."""

    def shell(self) -> str:
        """The user's shell, a command line."""

    def serial_ports(self) -> Sequence[SerialPort]:
        """The serial ports of this machine."""
