"""Which chardevs of a console are open, as QEMU's CHR_EVENT_OPENED and CLOSED have it. No I/O."""

from __future__ import annotations

from collections.abc import Callable

from muxcore import events


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
        self._open = 0

    def opened(self, id: str) -> None:
        """The backend `id` has its first peer."""
        self._open += 1
        ids = [id, self._console] if self._open == 1 else [id]
        for each in sorted(ids):
            self._emit(events.ChardevOpened(self._console, each))

    def closed(self, id: str) -> None:
        """The backend `id` has lost its last peer."""
        self._open -= 1
        ids = [id] if self._open else [id, self._console]
        for each in sorted(ids):
            self._emit(events.ChardevClosed(self._console, each))
