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


UNWRITTEN = 64 * 1024
"""Bytes a log file may have before it is said to lag: it is written apart, a moment later."""


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
    if backend.state == "waiting" and backend.reason:
        return Status("◌", "waiting", "warning")
    return _peers_status(backend)


def _peers_status(backend: BackendState) -> Status:
    states = {peer.state for peer in backend.peers}
    if "skipped" in states:
        behind = max(peer.skipped for peer in backend.peers if peer.state == "skipped")
        return Status("◑", f"skipped {byte_count(behind)}", "warning")
    # What a log still has to write is on its way: a disk that hangs is a failed one.
    if "lagging" in states and not (backend.type == "file" and backend.lag < UNWRITTEN):
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
    bad = backend.state in ("failed", "retrying", "closed", "waiting")
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


def surplus(backend: BackendState, room: int) -> str:
    """How many surplus answers of a backend were removed, in at most `room` columns.

    Empty when none were; the number is said even where there is no room for it.
    """
    if not backend.surplus:
        return ""
    shortest = f"{backend.surplus} surplus"
    answers = plural(backend.surplus, "surplus answer")
    return next((text for text in (f"{answers} removed", answers) if len(text) <= room), shortest)


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
        why = f": {guest.reason}" if guest.reason else ""
        return Status("◌", f"guest {guest.state} since {when}{why}", "warning")
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
        by_signal = guest.exit_status < 0 and guest.reason
        return f"guest ended {when}, {by_signal or f'exit status {guest.exit_status}'}"
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
    if mark.bells:
        return f"♪{mark.bells}" if mark.bells < MANY else "♪+", "warning"
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

MANY = 100
"""Bells that are not counted any more."""


@dataclass(frozen=True)
class ViewFacts:
    """What there is to say about the view itself.

    `lines_back` is None while it follows the output, `new_lines` are those that came since it does
    not. `note` is a line of what was done for the guest, `title` the one that it gave itself.
    """

    problem: str = ""
    trouble: str = ""
    bell: bool = False
    lines_back: int | None = None
    new_lines: int = 0
    fetching: bool = False
    at_start: bool = False
    skipped: int = 0
    doubtful: bool = False
    note: str = ""
    title: str = ""


def view_notes(facts: ViewFacts) -> list[tuple[str, Tone]]:
    """What a user should know about the view itself, most important first."""
    found: list[tuple[str, Tone]] = []
    if facts.problem:
        found.append((facts.problem, "error"))
    if facts.trouble:
        found.append((facts.trouble, "error"))
    if facts.bell:
        found.append(("♪ bell", "warning"))
    if place := _place(facts):
        found.append((place, "accent"))
    if facts.doubtful:
        lost = f"{byte_count(facts.skipped)} skipped, " if facts.skipped else ""
        found.append((f"{lost}state may be wrong since the gap", "warning"))
    elif facts.skipped:
        found.append((f"{byte_count(facts.skipped)} skipped", "warning"))
    if facts.note:
        found.append((facts.note, "accent"))
    if facts.title:
        found.append((facts.title, "muted"))
    return found


def _place(facts: ViewFacts) -> str:
    """Where a view is that does not follow the output; panned, it is said with the size."""
    if facts.lines_back is None or (facts.lines_back < 0 and not facts.new_lines):
        return ""
    back = f"▲ {plural(facts.lines_back, 'line')} back" if facts.lines_back > 0 else "‖ held"
    if facts.fetching:
        back += ", fetching older lines"
    elif facts.at_start:
        back += ", start of history"
    return f"{back}, {plural(facts.new_lines, 'new line')}" if facts.new_lines else back


def size_words(
    drawn: Size,
    told: Size | None,
    guest: GuestState | None,
    room: Size,
    *,
    top: int = 0,
    left: int = 0,
) -> str:
    """What size the guest believes its terminal to have, or what of it is seen.

    Args:
        drawn: the size of its screen.
        told: the size it was told, if it was.
        guest: the guest.
        room: the size of the view.
        top: the first row of the screen that is seen.
        left: the first column that is seen.
    """
    if guest is None:
        return ""
    if part := _part(drawn, room, top, left):
        return part
    if told is not None:
        return str(told) if guest.can_resize else f"guest believes {told}"
    return str(drawn) if guest.can_resize else f"guest knows no size, drawn {drawn}"


def _part(drawn: Size, room: Size, top: int, left: int) -> str:
    parts = []
    if drawn.rows > room.rows:
        parts.append(f"rows {top + 1}-{top + room.rows}/{drawn.rows}")
    if drawn.cols > room.cols:
        parts.append(f"columns {left + 1}-{left + room.cols}/{drawn.cols}")
    return ", ".join(parts)


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
