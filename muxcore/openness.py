"""Which chardevs of a console are open, as QEMU's CHR_EVENT_OPENED and CLOSED have it. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from muxcore import events
from muxcore.peer import Peer


class Openness:
    """Tells when a backend gets its first peer and when it loses its last.

    The hub, which has the console's name, is open while any backend is, one
    that was open before it came to the console included.

    Args:
        console: the console's name.
        emit: called with every change.
    """

    def __init__(self, console: str, emit: Callable[[events.Event], None]) -> None:
        self._console = console
        self._emit = emit
        self._open: set[str] = set()

    def note(self, peers: Iterable[Peer]) -> None:
        """These are the peers from now on."""
        now = {peer.chardev.id for peer in peers}
        if now:
            now.add(self._console)
        before, self._open = self._open, now
        for id in sorted(now - before):
            self._emit(events.ChardevOpened(self._console, id))
        for id in sorted(before - now):
            self._emit(events.ChardevClosed(self._console, id))
