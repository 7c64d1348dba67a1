"""When a console's chardevs start: a backend at once, the guest when no `wait=on` backend waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muxcore.chardev.base import Chardev, State

if TYPE_CHECKING:
    from muxcore.console.hub import Console

ATTEMPT = 0.5
"""Seconds that a chardev's first attempt is waited for; it goes on after that."""


class Start:
    """See the module; one console's."""

    def __init__(self, console: Console) -> None:
        self.waiting_for: str | None = None
        """The id of the backend without whose client the guest is not started, if there is one."""
        self._console = console

    async def begin(self, chardev: Chardev) -> None:
        """Start a chardev, and wait for its first attempt unless that takes its time."""
        await chardev.start(self._console, ATTEMPT)

    async def guest(self) -> None:
        """Start the guest, unless it is started or a backend waits for its client."""
        guest, backends = self._console.guest, self._console.backends.values()
        self.waiting_for = next((each.id for each in backends if not each.ready), None)
        if guest is not None and self.waiting_for is None and guest.state is State.CLOSED:
            await self.begin(guest)

    def wait_no_more(self, id: str) -> None:
        """The backend `id` has its client or is gone: a guest that waits for it goes on."""
        guest = self._console.guest
        if id == self.waiting_for and guest is not None:
            guest.spawn(self.guest(), "start")
