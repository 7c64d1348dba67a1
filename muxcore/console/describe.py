"""A console in the words of mux-query-consoles and of a stream's `S` frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from muxcore.console.link import LinkGuest

if TYPE_CHECKING:
    from muxcore.chardev.base import Chardev
    from muxcore.console.hub import Console
    from muxcore.console.mux import Mux
    from muxcore.peers.peer import Peer


def describe_console(console: Console) -> dict[str, Any]:
    """An element of mux-query-consoles."""
    history = console.history
    return {
        "name": console.name,
        "kind": _kind(console),
        "mux": _mux(console.own_mux) if console.own_mux else None,
        "since": console.since,
        "guest": _guest(console) if console.guest else None,
        "history": {"start": history.start, "end": history.end, "capacity": history.capacity},
        "size": _size(console.size),
        "discarded": console.pump.discarded,
        "held": console.held,
        "bells": console.bell.count,
        "settings": console.settings.to_json(),
        "backends": [_backend(console, chardev) for chardev in console.backends.values()],
    }


def brief_console(console: Console) -> dict[str, Any]:
    """The same, as far as a table of all consoles shows it."""
    guest = console.guest
    return {
        "name": console.name,
        "guest": _place(guest) | {"waiting-for": console.starting.waiting_for} if guest else None,
        "backends": [_brief_backend(console, chardev) for chardev in console.backends.values()],
    }


def _kind(console: Console) -> str:
    """What it is to QEMU: `mux`, `hub` (with no guest of its own), or `console`."""
    if console.own_mux is not None:
        return "mux"
    return "hub" if console.guest is None or isinstance(console.guest, LinkGuest) else "console"


def _mux(mux: Mux) -> dict[str, Any]:
    switch = mux.switch
    return {
        "focus": mux.focus,
        "frontends": [frontend.name for frontend in switch.frontends],
        "escape": switch.options.escape,
        "timestamps": switch.stamps.on,
    }


def describe_status(console: Console) -> dict[str, Any]:
    """What an `S` frame says, but for what only the peer itself knows."""
    guest = console.guest
    return {
        "guest": _state(guest) | {"exit-status": guest.exit_status} if guest else None,
        "focus": console.own_mux.focus if console.own_mux else None,
        "size": _size(console.size),
        "peers": len(console.roster),
        "held": console.held,
        "discarded": console.pump.discarded,
    }


def _state(chardev: Chardev) -> dict[str, Any]:
    return {
        "state": chardev.state.value,
        "reason": chardev.reason,
        "since": chardev.since,
        "retry-at": chardev.retry_at,
    }


def _size(size: tuple[int, int] | None) -> dict[str, int] | None:
    return {"rows": size[0], "cols": size[1]} if size else None


def _place(chardev: Chardev) -> dict[str, Any]:
    return {
        "id": chardev.id,
        "type": chardev.type,
        "address": chardev.address,
        **_state(chardev),
    }


def _chardev(chardev: Chardev) -> dict[str, Any]:
    return {**_place(chardev), "filename": chardev.filename}


def _guest(console: Console) -> dict[str, Any]:
    assert console.guest is not None
    return {
        **_chardev(console.guest),
        "exit-status": console.guest.exit_status,
        "can-break": console.guest.can_break,
        "can-resize": console.guest.can_resize,
        "waiting-for": console.starting.waiting_for,
        "received": console.pump.received,
        "sent": console.pump.sent,
    }


def _backend(console: Console, chardev: Chardev) -> dict[str, Any]:
    peers = [_peer(console, peer) for peer in console.roster.of_chardev(chardev)]
    past = console.past(chardev.id)
    options = chardev.options
    return {
        **_chardev(chardev),
        "connect": chardev.connect_command,
        "policy": options.policy,
        "patience": options.patience,
        "block-timeout": options.block_timeout,
        "readonly": chardev.readonly,
        "paused": chardev.id in console.paused,
        "sent": past.sent + sum(peer["sent"] for peer in peers),
        "received": past.received + sum(peer["received"] for peer in peers),
        "surplus": past.surplus + sum(peer["surplus"] for peer in peers),
        "skipped": past.skipped + sum(peer["skipped"] for peer in peers),
        "gaps": past.gaps + sum(peer["gaps"] for peer in peers),
        "lag": max((peer["lag"] for peer in peers), default=0),
        "last-activity": max(
            (peer["last-activity"] for peer in peers), default=past.last_activity or None
        ),
        "peers": peers,
    }


def _brief_backend(console: Console, chardev: Chardev) -> dict[str, Any]:
    peers = console.roster.of_chardev(chardev)
    past = console.past(chardev.id)
    return {
        **_place(chardev),
        "paused": chardev.id in console.paused,
        "skipped": past.skipped + sum(peer.skipped + _missed(peer) for peer in peers),
        "gaps": past.gaps + sum(peer.gaps + bool(_missed(peer)) for peer in peers),
        "lag": max((_lag(peer) for peer in peers), default=0),
        "peers": [{"id": peer.id} for peer in peers],
    }


def _lag(peer: Peer) -> int:
    # What it did not read counts too; never more than it was sent, see `Stream.queued`.
    return peer.lag - _missed(peer) + min(peer.stream.queued, peer.sent)


def _missed(peer: Peer) -> int:
    """Bytes a peer lacks that are no longer retained; it is told of the gap when it goes on."""
    return max(0, peer.hub.history.start - peer.cursor) if peer.lag else 0


def _peer(console: Console, peer: Peer) -> dict[str, Any]:
    who, missed = peer.stream.who, _missed(peer)
    # A peer that is caught up got what the guest printed last when it was printed.
    activity = max(peer.last_activity, console.pump.last_output if peer.ready and peer.sent else 0)
    return {
        "id": peer.id,
        "label": who.label,
        "pid": who.pid,
        "user": who.user,
        "address": who.address,
        "state": peer.state.value,
        "sent": peer.sent,
        "received": peer.received,
        "refused": peer.refused,
        "surplus": peer.respondent.removed,
        "lag": _lag(peer),
        "skipped": peer.skipped + missed,
        "gaps": peer.gaps + bool(missed),
        "since": peer.since,
        "last-activity": activity,
        "rows": peer.size[0] if peer.size else None,
        "cols": peer.size[1] if peer.size else None,
    }
