"""What a listening and a connecting socket are alike in (chardev/char-socket.c)."""

from __future__ import annotations

from muxcore.chardev import sockets
from muxcore.chardev.base import Chardev
from muxcore.chardev.heard import Break
from muxcore.chardev.layers.stream import LayeredStream
from muxcore.options.sets import SocketOptions
from muxcore.tls.objects import Objects


class SocketChardev(Chardev):
    """A unix, TCP or vsock socket.

    Args:
        id: its id.
        options: where it is and what is spoken on it.
        objects: the TLS credentials that the options may name.
    """

    options: SocketOptions

    def __init__(self, id: str, options: SocketOptions, objects: Objects | None = None) -> None:
        super().__init__(id, options)
        self._objects = objects or Objects()

    @property
    def filename(self) -> str:
        """See `Chardev.filename`; with several clients, the first."""
        if (stream := self.first_stream) is not None:
            return sockets.qemu_connected(self.options, stream)
        return f"disconnected:{sockets.qemu_address(self.options, self.address)}"

    @property
    def can_break(self) -> bool:
        """Telnet has a break, and so has a mux of QEMU's whose escape character is not its key."""
        return self.options.telnet or self.options.echr not in (None, ord("b"))

    def send_break(self) -> None:
        """See `Chardev.send_break`."""
        if not self.can_break:
            super().send_break()
        for stream in self.streams:
            if isinstance(stream, LayeredStream):
                stream.tell(Break())
