"""A stack of layers on a connected socket: the stream that a console reads and writes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Sequence

from muxcore.chardev.base import NO_MEMORY, Who, hung_up
from muxcore.chardev.heard import Heard
from muxcore.chardev.layers.base import Layer
from muxcore.chardev.soft import SoftStream
from muxcore.errors import StreamError, describe_os_error

HANDSHAKE_TIME = 10.0
"""Seconds from the connection to the end of the handshake."""

HANDSHAKE_BYTES = 64 * 1024
"""Bytes that a far end may send before the handshake is over."""

LEAST_READ = 4096
MOST_READ = 64 * 1024
"""Bytes read from the wire at a time: as many as are asked for, within these."""

PIECE = 64 * 1024
"""Plain bytes encoded at a time, so much of which may be held when the wire takes no more."""

MAX_WAITING = 64 * 1024
"""Wire bytes that wait for a far end that does not read; it is not read either meanwhile."""

MAX_UNHEARD = 64
"""What was said beside the bytes and nobody listens to yet, or ever; the last is kept."""


class LayeredStream(SoftStream):
    """A stream over a connected, non-blocking socket, which it owns.

    It is readable when the socket is, or when bytes are left that were decoded
    and not asked for. What the wire did not take of an encoded piece is `held`
    and sent by the stream itself.
    """

    def __init__(self, sock: socket.socket, who: Who, layer: Layer) -> None:
        super().__init__(who)
        self._unix = sock.family == socket.AF_UNIX
        self.fd = sock.detach()
        self._layer = layer
        self._plain = bytearray()
        self._waiting = bytearray()
        self._at_end = False
        self._broken: OSError | None = None
        self._received = 0
        self._unheard: list[Heard] = []
        self._on_input: Callable[[], None] | None = None
        self._on_output: Callable[[], None] | None = None
        self._reading = False
        self._writing = False
        self._drained = asyncio.Event()
        self._failed_at_once: StreamError | None = None
        try:
            layer.begin()
        except StreamError as error:
            self._failed_at_once = error
        self._send_layers_words()

    # The handshake.

    @property
    def ready(self) -> bool:
        """Whether the handshake is over."""
        return self._layer.ready

    async def shake_hands(self) -> None:
        """Bring the handshake to its end, within `HANDSHAKE_TIME` and `HANDSHAKE_BYTES`.

        Raises:
            StreamError: it failed; the stream is still to be closed.
        """
        if self._failed_at_once is not None:
            raise self._failed_at_once
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(HANDSHAKE_TIME):
                self.watch_input(lambda: self._step(done))
                self._step(done)
                await done
        except TimeoutError:
            raise StreamError(f"no handshake within {HANDSHAKE_TIME:g} s") from None
        except OSError as error:
            raise StreamError(describe_os_error(error)) from error
        finally:
            if self.fd >= 0:
                self.watch_input(None)

    def _step(self, done: asyncio.Future[None]) -> None:
        """Go on with the handshake as far as it goes now."""
        if done.done():
            return
        try:
            if not self.ready:
                self._fill(LEAST_READ)
        except BlockingIOError:
            return
        except OSError as error:
            done.set_exception(error)
            return
        if self._broken is not None:
            done.set_exception(self._broken)
        elif self.ready:
            done.set_result(None)
        elif self._at_end:
            done.set_exception(OSError("the far end left during the handshake"))
        elif self._received > HANDSHAKE_BYTES:
            done.set_exception(OSError(f"more than {HANDSHAKE_BYTES} bytes and no handshake"))

    # Input.

    def readable(self) -> bool:
        """See `SoftStream.readable`; the socket itself is watched beside it."""
        return bool(self._plain) or self._at_end

    def read(self, limit: int) -> bytes:
        """See `Stream.read`."""
        if not self._plain and not self._at_end:
            self._fill(limit)
        data = bytes(self._plain[:limit])
        del self._plain[:limit]
        if not data and not self._at_end:
            raise BlockingIOError
        if self._plain or self._at_end:
            self.input_watch.poke()
        return data

    def _fill(self, wanted: int) -> None:
        """Read from the wire once. Raises BlockingIOError, OSError."""
        if len(self._waiting) >= MAX_WAITING:
            raise BlockingIOError
        data = os.read(self.fd, min(max(wanted, LEAST_READ), MOST_READ))
        if not data:
            self._at_end = True
            return
        self._received += len(data)
        try:
            self._plain += self._layer.receive(data)
        except StreamError as error:
            raise OSError(str(error)) from error
        finally:
            self._send_layers_words()
        self._at_end = self._layer.closed
        self._unheard += self._layer.hear()
        if self.heard is None:
            del self._unheard[:-MAX_UNHEARD]
            return
        heard, self._unheard = self._unheard, []
        for each in heard:
            self.heard(each)

    def ended(self) -> bool:
        """See `Stream.ended`; only bare telnet on a unix socket can be half closed."""
        return self._layer.closed or not self._unix or hung_up(self.fd)

    def watch_input(self, callback: Callable[[], None] | None) -> None:
        """See `Stream.watch_input`."""
        self._on_input = callback
        self.input_watch.set(callback)
        # Whatever was watched calls another callback.
        self._read_on(False)
        self._arm()

    # Output.

    @property
    def held(self) -> int:
        """See `Stream.held`; as they are on the wire."""
        return len(self._waiting)

    def writable(self) -> bool:
        """See `SoftStream.writable`; here the socket tells."""
        return False

    def write(self, buffers: Sequence[memoryview | bytes]) -> int:
        """See `Stream.write`."""
        self._flush()
        if self._waiting or self._layer.suspended:
            raise BlockingIOError
        taken = 0
        for buffer in buffers:
            view = memoryview(buffer)
            for at in range(0, len(view), PIECE):
                piece = bytes(view[at : at + PIECE])
                self._layer.send(piece)
                taken += len(piece)
                self._put(self._layer.take())
                if self._waiting:
                    self._arm()
                    return taken
        return taken

    def tell(self, what: Heard) -> None:
        """Tell the far end of a break or a size.

        Raises:
            StreamError: it takes nothing, and as much as may waits for it.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise StreamError("the far end takes nothing")
        self._layer.tell(what)
        self._send_layers_words()

    def watch_output(self, callback: Callable[[], None] | None) -> None:
        """See `Stream.watch_output`."""
        self._on_output = callback
        self._arm()

    async def flush(self) -> None:
        """See `Stream.flush`."""
        while self._waiting and self._broken is None and self.fd >= 0:
            self._drained.clear()
            await self._drained.wait()

    def _send_layers_words(self) -> None:
        """Send what the layers say by themselves; that it cannot be is told by the next write."""
        with contextlib.suppress(OSError):
            self._put(self._layer.take())
        self._arm()

    def _put(self, data: bytes) -> None:
        """Send `data` behind what waits, as far as the wire takes it. Raises OSError."""
        if not self._waiting and data and self._broken is None:
            data = data[self._write_once(data) :]
        self._waiting += data
        if self._broken is not None:
            self._waiting.clear()
            raise self._broken

    def _flush(self) -> None:
        """Send what waits, as far as the wire takes it. Raises OSError."""
        if self._waiting and self._broken is None:
            del self._waiting[: self._write_once(self._waiting)]
        if self._broken is not None:
            self._waiting.clear()
            raise self._broken

    def _write_once(self, data: bytes | bytearray) -> int:
        try:
            return os.write(self.fd, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno not in NO_MEMORY:
                self._broken = error
            return 0

    def _writable(self) -> None:
        # Whoever writes next is told.
        with contextlib.suppress(OSError):
            self._flush()
        if not self._waiting:
            self._drained.set()
            if self._on_output is not None and not self._layer.suspended:
                self._on_output()
        if self.fd >= 0:
            self._arm()

    # What is watched.

    def _arm(self) -> None:
        self._read_on(
            self._on_input is not None and not self._at_end and len(self._waiting) < MAX_WAITING
        )
        wanted = self._on_output is not None and not self._layer.suspended
        self._write_on(bool(self._waiting) or wanted)

    def _read_on(self, wanted: bool) -> None:
        if wanted != self._reading:
            self._reading = wanted
            loop = asyncio.get_running_loop()
            if wanted and self._on_input is not None:
                loop.add_reader(self.fd, self._on_input)
            else:
                loop.remove_reader(self.fd)

    def _write_on(self, wanted: bool) -> None:
        if wanted != self._writing:
            self._writing = wanted
            loop = asyncio.get_running_loop()
            if wanted:
                loop.add_writer(self.fd, self._writable)
            else:
                loop.remove_writer(self.fd)

    def close(self) -> None:
        """See `Stream.close`; the far end is told in order, if it takes that at once."""
        if self.fd < 0:
            return
        super().close()
        self._on_input = self._on_output = None
        self._layer.end()
        with contextlib.suppress(OSError):
            self._put(self._layer.take())
        self._waiting.clear()
        self._drained.set()
        self._read_on(False)
        self._write_on(False)
        fd, self.fd = self.fd, -1
        with contextlib.suppress(OSError):
            os.close(fd)
