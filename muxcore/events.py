"""What can happen to a console, as frozen dataclasses.

The daemon turns each into a QMP event named in `NAMES`; `data` gives its
members, spelled with hyphens as QAPI does.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Event:
    """Something that happened to the console named `console`."""

    console: str

    def data(self) -> dict[str, Any]:
        """The event's members as QMP spells them; members that are None are left out."""
        members = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name.removesuffix("_").replace("_", "-"): value
            for name, value in members.items()
            if value is not None
        }


@dataclass(frozen=True)
class ConsoleAdded(Event):
    """A console exists from now on."""


@dataclass(frozen=True)
class ConsoleRemoved(Event):
    """A console, its guest and its backends are gone."""


@dataclass(frozen=True)
class GuestAdded(Event):
    """The console has a guest from now on."""

    id: str
    type: str


@dataclass(frozen=True)
class GuestRemoved(Event):
    """The console has this guest no longer, and it has ended."""

    id: str


@dataclass(frozen=True)
class GuestChanged(Event):
    """The guest's state changed: see `chardev.base.State`."""

    id: str
    state: str
    reason: str | None = None
    exit_status: int | None = None


@dataclass(frozen=True)
class VserportChange(Event):
    """The guest's end was opened or closed; QEMU's event, with its members alone."""

    id: str
    open: bool

    def data(self) -> dict[str, Any]:
        """See `Event.data`."""
        return {"id": self.id, "open": self.open}


@dataclass(frozen=True)
class ChardevOpened(Event):
    """A backend has its first peer, or the hub (the console's own id) its first open backend."""

    id: str


@dataclass(frozen=True)
class ChardevClosed(Event):
    """A backend lost its last peer, or the hub its last open backend."""

    id: str


@dataclass(frozen=True)
class BackendAdded(Event):
    """A backend is on the console from now on."""

    id: str
    type: str


@dataclass(frozen=True)
class BackendRemoved(Event):
    """A backend is no longer on the console."""

    id: str


@dataclass(frozen=True)
class BackendChanged(Event):
    """A backend's state or settings changed."""

    id: str
    state: str
    reason: str | None = None


@dataclass(frozen=True)
class PeerOpened(Event):
    """A byte stream of a backend came up: a client connected, a pty was opened."""

    id: str
    peer: str
    label: str


@dataclass(frozen=True)
class PeerClosed(Event):
    """A byte stream of a backend ended; `reason` is None when its user simply left."""

    id: str
    peer: str
    reason: str | None = None


@dataclass(frozen=True)
class PeerChanged(Event):
    """A peer fell out of the history, caught up again, was paused or let go on."""

    id: str
    peer: str
    state: str


@dataclass(frozen=True)
class Gap(Event):
    """A peer did not get the bytes from offset `from_` up to, not including, `to`."""

    id: str
    peer: str
    from_: int
    to: int


@dataclass(frozen=True)
class SizeChanged(Event):
    """The size the guest was told, in character cells."""

    rows: int
    cols: int


@dataclass(frozen=True)
class LineChanged(Event):
    """The guest's serial line was changed by a client: `item` as a `serial` option is named."""

    id: str
    item: str
    value: int | str
    by: str


@dataclass(frozen=True)
class StreamProblem(Event):
    """A peer's stream was refused something, or ended for breaking its format."""

    id: str
    peer: str
    reason: str


@dataclass(frozen=True)
class Focus(Event):
    """The console is typed to by the users of `mux` from now on; `by` is the peer that chose."""

    mux: str
    by: str | None = None


NAMES: dict[type[Event], str] = {
    ConsoleAdded: "MUX_CONSOLE_ADDED",
    ConsoleRemoved: "MUX_CONSOLE_REMOVED",
    GuestAdded: "MUX_GUEST_ADDED",
    GuestRemoved: "MUX_GUEST_REMOVED",
    GuestChanged: "MUX_GUEST_CHANGED",
    VserportChange: "VSERPORT_CHANGE",
    ChardevOpened: "MUX_CHARDEV_OPENED",
    ChardevClosed: "MUX_CHARDEV_CLOSED",
    BackendAdded: "MUX_BACKEND_ADDED",
    BackendRemoved: "MUX_BACKEND_REMOVED",
    BackendChanged: "MUX_BACKEND_CHANGED",
    PeerOpened: "MUX_PEER_OPENED",
    PeerClosed: "MUX_PEER_CLOSED",
    PeerChanged: "MUX_PEER_CHANGED",
    Gap: "MUX_GAP",
    SizeChanged: "MUX_SIZE_CHANGED",
    LineChanged: "MUX_LINE_CHANGED",
    StreamProblem: "MUX_STREAM_ERROR",
    Focus: "MUX_FOCUS",
}
