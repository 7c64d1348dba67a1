"""The far end is a mux of QEMU's (`mux=on`), typed to by its escape character (`-echr`).

A byte that happens to be that character is doubled, so that no user of ours ends
the virtual machine with C-a x; a break is the character and a `b`
(chardev/char-mux.c, `mux_proc_byte`). Of a socket chardev QEMU has no other way
to a break but telnet's, with which the first bytes of a guest can be lost: QEMU
drops them until its own telnet greeting is sent. The guest's output is as it is.
"""

from __future__ import annotations

from muxcore.chardev.heard import Break, Heard
from muxcore.chardev.layers.base import Layer


class Escape(Layer):
    """One connection.

    Args:
        code: the escape character's code, 0 to 255.
    """

    def __init__(self, code: int) -> None:
        super().__init__()
        self._escape = bytes([code])
        self.ready = True

    def receive(self, data: bytes) -> bytes:
        """See `Layer.receive`."""
        return data

    def send(self, data: bytes) -> None:
        """See `Layer.send`."""
        self._outgoing += data.replace(self._escape, self._escape * 2)

    def tell(self, what: Heard) -> None:
        """See `Layer.tell`; a mux knows no size."""
        if isinstance(what, Break):
            self._outgoing += self._escape + b"b"
