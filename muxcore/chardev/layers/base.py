"""A wire protocol without its wire, and a stack of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from muxcore.chardev.heard import Heard


class Layer(ABC):
    """One protocol: wire bytes in, plain bytes out, and back; it does no I/O.

    What is to go to the wire, its own answers included, gathers until it is
    taken; whoever feeds a layer bounds that by feeding no more meanwhile.

    `ready` is true once the handshake is over: before that nothing plain goes
    either way. `closed` is true once the far end has ended the protocol in
    order.
    """

    def __init__(self) -> None:
        self.ready = False
        self.closed = False
        self._outgoing = bytearray()
        self._heard: list[Heard] = []

    @property
    def suspended(self) -> bool:
        """Whether the far end asked for no bytes for now, by the protocol's own flow control."""
        return False

    def begin(self) -> None:
        """The wire is up: say what is to be said first."""

    @abstractmethod
    def receive(self, data: bytes) -> bytes:
        """The plain bytes in what the far end sent.

        Raises:
            StreamError: it broke the protocol; what is to be taken tells it so.
        """

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Put plain bytes on their way; only when `ready`."""

    def tell(self, what: Heard) -> None:
        """Tell the far end of a break or a size, if the protocol can."""

    def end(self) -> None:
        """Say goodbye, if the protocol has a word for it."""

    def take(self) -> bytes:
        """What is to go to the wire now."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def hear(self) -> list[Heard]:
        """What the far end said beside the bytes since the last call."""
        heard, self._heard = self._heard, []
        return heard


class Stack(Layer):
    """Layers on top of each other, the one at the wire first.

    Each begins when the one below it is ready.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        super().__init__()
        self._layers = layers
        self._begun = 0

    def begin(self) -> None:
        """See `Layer.begin`."""
        self._advance()
        self._collect()

    @property
    def suspended(self) -> bool:
        """See `Layer.suspended`."""
        return any(layer.suspended for layer in self._layers)

    def receive(self, data: bytes) -> bytes:
        """See `Layer.receive`."""
        try:
            for index, layer in enumerate(self._layers):
                if index == self._begun:
                    break
                data = layer.receive(data)
                self.closed = self.closed or layer.closed
                self._advance()
        finally:
            self._collect()
        return data if self.ready else b""

    def send(self, data: bytes) -> None:
        """See `Layer.send`."""
        for layer in reversed(self._layers):
            layer.send(data)
            data = layer.take()
        self._outgoing += data

    def tell(self, what: Heard) -> None:
        """See `Layer.tell`."""
        for layer in self._layers:
            layer.tell(what)
        self._collect()

    def end(self) -> None:
        """See `Layer.end`; the top layer first."""
        for layer in reversed(self._layers[: self._begun]):
            layer.end()
            self._collect()

    def hear(self) -> list[Heard]:
        """See `Layer.hear`."""
        return [heard for layer in self._layers for heard in layer.hear()]

    def _advance(self) -> None:
        while self._begun < len(self._layers):
            if self._begun and not self._layers[self._begun - 1].ready:
                return
            self._layers[self._begun].begin()
            self._begun += 1
        self.ready = self._layers[-1].ready

    def _collect(self) -> None:
        """Pass what the layers say by themselves down to the wire."""
        data = b""
        for layer in reversed(self._layers[: self._begun]):
            if data:
                layer.send(data)
            data = layer.take()
        self._outgoing += data
