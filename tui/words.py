"""The words and marks for the states of guests, backends and consoles. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tui.format import ago, byte_count, clock, plural, until
from tui.model import ViewStatus
from tui.state import (
    BackendState,
    ConsoleMark,
    ConsoleState,
    GuestState,
    Link,
    LinkState,
    PeerState,
    Size,
)

Tone = Literal["success", "warning", "error", "muted", "accent"]

STYLES: dict[Tone, str] = {
    "success": "$text-success",
    "warning": "$text-warning",
    "error": "$text-error",
    "muted": "$foreground-muted",
    "accent": "$text-primary",
}


@dataclass(frozen=True)
class Status:
    """A state in a word or two, with its mark and how good it is."""

    mark: str
    word: str
    tone: Tone


def backend_status(backend: BackendState, now: float) -> Status:
    """How a backend is: what hinders it comes before who uses it."""
    if backend.state == "failed":
        return Status("✕", "failed", "error")
    if backend.state == "retrying":
        return Status("✕", f"retrying {until(backend.retry_at or now, now)}", "error")
    if backend.paused:
        return Status("‖", "paused", "warning")
    if backend.state == "connecting":
        return Status("◌", "connecting", "warning")
    if backend.state == "closed":
        return Status("○", "closed", "muted")
    return _peers_status(backend)


def _peers_status(backend: BackendState) -> Status:
    states = {peer.state for peer in backend.peers}
    if "skipped" in states:
        behind = max(peer.skipped for peer in backend.peers if peer.state == "skipped")
        return Status("◑", f"skipped {byte_count(behind)}", "warning")
    if "lagging" in states:
        return Status("◑", "lagging", "warning")
    if not backend.peers:
        word = {"socket": "listening", "pty": "nobody there"}.get(backend.type, "open")
        idle = backend.type in ("socket", "pty")
        return Status("○" if idle else "●", word, "muted" if idle else "success")
    if backend.type in ("file", "null", "ringbuf"):
        return Status("●", "open", "success")
    count = len(backend.peers)
    return Status("●", "connected" if count == 1 else f"{count} connected", "success")


def backend_trouble(backend: BackendState) -> str:
    """What went wrong with a backend, or what it lost; empty when nothing did."""
    lost = ""
    if backend.skipped:
        lost = f"skipped {byte_count(backend.skipped)} in {plural(backend.gaps, 'gap')}"
    bad = backend.state in ("failed", "retrying", "closed")
    return "; ".join(filter(None, (backend.reason if bad else "", lost)))


def peer_name(peer: PeerState) -> str:
    """Who a peer is."""
    name = peer.label or peer.id
    return f"{name} {peer.user}" if peer.user else name


def peer_words(peer: PeerState) -> str:
    """What is special about a peer; empty when it is simply there."""
    if peer.state == "live":
        return ""
    if peer.state == "lagging":
        return f"lags {byte_count(peer.lag)}"
    if peer.state == "skipped":
        return f"skipped {byte_count(peer.skipped)}"
    return peer.state


def activity(backend: BackendState, now: float) -> str:
    """When bytes last went to or from a backend."""
    return "no traffic yet" if backend.last_activity is None else ago(backend.last_activity, now)


def guest_status(guest: GuestState | None, now: float) -> Status:
    """How the guest is, with the time: `guest closed 12:03:07, retrying in 4 s`."""
    if guest is None:
        return Status("○", "no guest", "muted")
    when = clock(guest.since)
    if guest.waiting_for:
        return Status("◌", f"guest waits for a client of {guest.waiting_for}", "warning")
    if guest.state == "open":
        return Status("●", f"open since {when}", "success")
    if guest.state in ("connecting", "waiting"):
        return Status("◌", f"guest {guest.state} since {when}", "warning")
    ended = _ending(guest, when)
    if guest.retry_at is not None:
        ended += f", retrying {until(guest.retry_at, now)}"
    if guest.reason and guest.exit_status is None:
        # Last, because it is the longest and a narrow bar cuts it off.
        ended += f": {guest.reason}"
    tone: Tone = "error" if guest.state == "failed" or guest.exit_status else "warning"
    return Status("○", ended, tone)


def _ending(guest: GuestState, when: str) -> str:
    if guest.exit_status is not None:
        return f"guest ended {when}, exit status {guest.exit_status}"
    return f"guest {'failed' if guest.state == 'failed' else 'closed'} {when}"


def notes(console: ConsoleState, status: ViewStatus | None) -> list[tuple[str, Tone]]:
    """What a user should know before typing, most important first."""
    found: list[tuple[str, Tone]] = []
    if status and status.readonly:
        found.append(("read-only", "warning"))
    if status.held if status else console.held:
        found.append(("held: a slow peer", "warning"))
    discarded = status.discarded if status else console.discarded
    if discarded:
        found.append((f"{byte_count(discarded)} typed in vain", "warning"))
    return found


def console_mark(console: ConsoleState, mark: ConsoleMark) -> tuple[str, Tone]:
    """The one mark of a console in a list: trouble, bell, new output, or simply open."""
    if console.guest is None or console.guest.state != "open":
        return "○", "warning"
    if mark.bell:
        return "♪", "warning"
    if mark.output:
        return "◆", "accent"
    return "●", "success"


def link_words(link: LinkState, now: float) -> tuple[str, str]:
    """What happened to the daemon, and why with what happens next."""
    if link.link is Link.CONNECTING:
        return "Connecting to the daemon", ""
    again = f"; trying again {until(link.retry_at, now)}" if link.retry_at is not None else ""
    return (
        f"The daemon is gone since {clock(link.since)}",
        f"{link.reason or 'no reason given'}{again}",
    )


LOSS = (
    "What its consoles kept in memory is lost; programs it ran were hung up.",
    "VMs, boards and log files do not notice. Below is the last that was seen.",
)
"""What the end of a daemon costs, in two lines."""


def view_notes(problem: str, lines_back: int, skipped: int) -> list[tuple[str, Tone]]:
    """What a user should know about the view itself, most important first."""
    found: list[tuple[str, Tone]] = []
    if problem:
        found.append((problem, "error"))
    if lines_back:
        found.append((f"▲ {lines_back} lines back", "accent"))
    if skipped:
        found.append((f"{byte_count(skipped)} skipped, the screen may be wrong", "warning"))
    return found


def size_words(drawn: Size, told: Size | None, guest: GuestState | None, room: Size) -> str:
    """What size the guest believes its terminal to have, or what of it has no room."""
    if guest is None:
        return ""
    if hidden := _hidden(drawn, room):
        return f"drawn {drawn}, {hidden} hidden"
    if told is not None:
        return str(told) if guest.can_resize else f"guest believes {told}"
    return str(drawn) if guest.can_resize else f"guest knows no size, drawn {drawn}"


def _hidden(drawn: Size, room: Size) -> str:
    rows, cols = max(0, drawn.rows - room.rows), max(0, drawn.cols - room.cols)
    found = (plural(rows, "row") if rows else "", plural(cols, "column") if cols else "")
    return ", ".join(filter(None, found))


def endings(consoles: Iterable[ConsoleState], own: str) -> list[str]:
    """What stopping the daemon ends, a line each."""
    lines = []
    others = 0
    for console in consoles:
        others += sum(
            len(item.peers)
            for item in console.backends
            if item.id != own and item.type in ("attach", "socket", "pty")
        )
        lines.append(f"{console.name}: {_end_of(console.guest)}")
    if others:
        lines.append(f"{plural(others, 'other client')} will be disconnected")
    return lines


def _end_of(guest: GuestState | None) -> str:
    if guest is None:
        return "the console is removed"
    if guest.type == "process" and guest.state == "open":
        return "its program is hung up (SIGHUP)"
    where = f" at {guest.address}" if guest.address else ""
    return f"the console is removed; its guest{where} goes on"
