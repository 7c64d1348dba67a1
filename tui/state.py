"""What the screens show, as plain frozen dataclasses.

`ConsoleState.from_json` reads one element of `mux-query-consoles`; everything
in here is text and numbers, times are seconds since the epoch. Texts come from
guests' and peers' names and from the operating system: they are hostile, and
cleaned of control characters here, once.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from muxcore.errors import printable
from muxcore.settings import DEFAULTS, Settings

Json = Mapping[str, Any]


def _text(value: object) -> str:
    return printable(str(value)) if value is not None else ""


@dataclass(frozen=True)
class PeerState:
    """One live stream of a backend."""

    id: str
    label: str = ""
    """Who it is: a program with its pid, or an address."""
    user: str = ""
    state: str = "live"
    """`live`, `lagging`, `skipped`, `paused` or `closing`."""
    sent: int = 0
    received: int = 0
    lag: int = 0
    skipped: int = 0
    gaps: int = 0
    rows: int | None = None
    cols: int | None = None

    @classmethod
    def from_json(cls, data: Json) -> PeerState:
        """Read one element of a backend's `peers`."""
        return cls(
            id=_text(data["id"]),
            label=_text(data.get("label")),
            user=_text(data.get("user")),
            state=_text(data.get("state", "live")),
            sent=data.get("sent", 0),
            received=data.get("received", 0),
            lag=data.get("lag", 0),
            skipped=data.get("skipped", 0),
            gaps=data.get("gaps", 0),
            rows=data.get("rows"),
            cols=data.get("cols"),
        )


@dataclass(frozen=True)
class BackendState:
    """One backend of a console, as the daemon sees it: `sent` is towards the backend, in bytes."""

    id: str
    type: str
    address: str = ""
    connect: str = ""
    """A command line that reaches it, empty when there is none."""
    state: str = "open"
    reason: str = ""
    since: float = 0.0
    retry_at: float | None = None
    policy: str = "drop"
    readonly: bool = False
    paused: bool = False
    sent: int = 0
    received: int = 0
    lag: int = 0
    skipped: int = 0
    gaps: int = 0
    surplus: int = 0
    """Answers to the guest's queries that were taken out of its input."""
    last_activity: float | None = None
    peers: tuple[PeerState, ...] = ()

    @classmethod
    def from_json(cls, data: Json) -> BackendState:
        """Read one element of a console's `backends`."""
        return cls(
            id=_text(data["id"]),
            type=_text(data["type"]),
            address=_text(data.get("address")),
            connect=_text(data.get("connect")),
            state=_text(data["state"]),
            reason=_text(data.get("reason")),
            since=data.get("since", 0.0),
            retry_at=data.get("retry-at"),
            policy=_text(data.get("policy", "drop")),
            readonly=data.get("readonly", False),
            paused=data.get("paused", False),
            sent=data.get("sent", 0),
            received=data.get("received", 0),
            lag=data.get("lag", 0),
            skipped=data.get("skipped", 0),
            gaps=data.get("gaps", 0),
            surplus=data.get("surplus", 0),
            last_activity=data.get("last-activity"),
            peers=tuple(PeerState.from_json(peer) for peer in data.get("peers", ())),
        )


@dataclass(frozen=True)
class GuestState:
    """The guest's end of a console."""

    id: str = ""
    type: str = ""
    address: str = ""
    state: str = "open"
    """`closed`, `connecting`, `waiting`, `open`, `retrying` or `failed`."""
    reason: str = ""
    since: float = 0.0
    retry_at: float | None = None
    exit_status: int | None = None
    can_break: bool = False
    can_resize: bool = False
    waiting_for: str = ""

    @classmethod
    def from_json(cls, data: Json) -> GuestState:
        """Read a console's `guest`."""
        return cls(
            id=_text(data.get("id")),
            type=_text(data.get("type")),
            address=_text(data.get("address")),
            state=_text(data["state"]),
            reason=_text(data.get("reason")),
            since=data.get("since") or 0.0,
            retry_at=data.get("retry-at"),
            exit_status=data.get("exit-status"),
            can_break=data.get("can-break", False),
            can_resize=data.get("can-resize", False),
            waiting_for=_text(data.get("waiting-for")),
        )

    def renewed(self, newer: GuestState) -> GuestState:
        """This guest in the state a stream told later; a stream tells no more than the state."""
        return replace(
            self,
            state=newer.state,
            reason=newer.reason,
            since=newer.since,
            retry_at=newer.retry_at,
            exit_status=newer.exit_status,
        )


@dataclass(frozen=True)
class Size:
    """Character cells."""

    rows: int
    cols: int

    def __str__(self) -> str:
        return f"{self.cols}x{self.rows}"

    @classmethod
    def from_json(cls, data: Json | None) -> Size | None:
        """Read a size that may be null."""
        return None if data is None else cls(data["rows"], data["cols"])


@dataclass(frozen=True)
class ConsoleState:
    """One console."""

    name: str
    guest: GuestState | None = None
    backends: tuple[BackendState, ...] = ()
    size: Size | None = None
    """What the guest was told; None when it cannot be told."""
    end: int = 0
    """Bytes the guest ever printed: the end of the history."""
    discarded: int = 0
    held: bool = False
    bells: int = 0
    settings: Settings = DEFAULTS

    @classmethod
    def from_json(cls, data: Json) -> ConsoleState:
        """Read one element of `mux-query-consoles`."""
        guest = data.get("guest")
        return cls(
            name=_text(data["name"]),
            guest=None if guest is None else GuestState.from_json(guest),
            backends=tuple(BackendState.from_json(item) for item in data.get("backends", ())),
            size=Size.from_json(data.get("size")),
            end=data.get("history", {}).get("end", 0),
            discarded=data.get("discarded", 0),
            held=data.get("held", False),
            bells=data.get("bells", 0),
            settings=Settings.from_json(data.get("settings", {})),
        )


@dataclass(frozen=True)
class LooseChardev:
    """A chardev that is on no console: one that was detached, or made for later."""

    id: str
    filename: str = ""
    """Where it leads, as QEMU writes it: `unix:/run/vm1.sock,server=on`."""


def loose_chardevs(
    chardevs: Iterable[Json], consoles: Iterable[ConsoleState]
) -> tuple[LooseChardev, ...]:
    """Those of `query-chardev` that are no console, no guest and no backend of one."""
    busy = set()
    for console in consoles:
        busy |= {console.name, *(backend.id for backend in console.backends)}
        if console.guest is not None:
            busy.add(console.guest.id)
    found = (LooseChardev(_text(item["label"]), _text(item["filename"])) for item in chardevs)
    return tuple(chardev for chardev in found if chardev.id not in busy)


class Link(enum.Enum):
    """How the TUI stands with the daemon."""

    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "lost"
    """It was live and is not any more."""


@dataclass(frozen=True)
class LinkState:
    """The connection to the daemon: since when, why, and when it is tried again."""

    link: Link = Link.CONNECTING
    since: float = 0.0
    reason: str = ""
    retry_at: float | None = None


@dataclass(frozen=True)
class FormOption:
    """One option of a chardev type, as a form asks for it."""

    name: str
    kind: str
    """`str`, `int`, `size`, `bool`, `choice` or `list`."""
    default: str = ""
    help: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    common: bool = False
    """Every type has it: a form shows it last."""


@dataclass(frozen=True)
class SerialPort:
    """A serial port of this machine."""

    device: str
    description: str = ""


@dataclass(frozen=True)
class ConsoleMark:
    """What happened on a console since it was last looked at."""

    output: bool = False
    bells: int = 0


@dataclass(frozen=True)
class BackendRate:
    """How fast bytes go to and from a backend."""

    per_second: float = 0.0
    recent: tuple[float, ...] = field(default=())
    """Bytes a second of the last samples, oldest first."""
