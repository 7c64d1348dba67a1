"""A stream that the control socket handed out: the TUI, `muxtui attach`, a script.

It is a backend like any other, with an id, a cursor and a policy; it is gone
from the console when its stream ends.
"""

from __future__ import annotations

from typing import Literal

from muxcore.chardev.base import Chardev, Stream, Who, hung_up
from muxcore.options.sets import AttachOptions

Framing = Literal["raw", "frames"]


class AttachChardev(Chardev):
    """One attach stream.

    Args:
        id: the backend's id.
        options: `readonly` and `replay` say what the client asked for.
        fd: the connection, non-blocking; its control reply has been sent.
        who: the client.
        framing: `raw` bytes or `frames` (`muxcore.wire.frames`).
    """

    def __init__(
        self, id: str, options: AttachOptions, fd: int, who: Who, framing: Framing
    ) -> None:
        super().__init__(id, options)
        self.framing = framing
        self._stream = AttachStream(fd, who)

    @property
    def address(self) -> str:
        """Who attached."""
        return self._stream.who.label

    async def open(self) -> None:
        """The stream is live from the beginning."""
        self.go_live()

    def go_live(self) -> None:
        """Give the owner the stream."""
        self.add_stream(self._stream)


class AttachStream(Stream):
    """A client that shut down its sending side still sees output until it leaves."""

    splices = True

    def ended(self) -> bool:
        """False while the far end can still receive."""
        return hung_up(self.fd)
