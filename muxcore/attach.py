"""An attach stream, seen from the client: a console's output with offsets, and input to it.

Nothing here is on the daemon's side. The stream is a plain non-blocking socket:
the caller decides when it is read, so that a slow view makes the daemon wait or
skip, and never grows this process.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable
from typing import Any, Literal

from muxcore.errors import CommandError, DaemonError, ProtocolError, describe_os_error
from muxcore.wire import frames
from muxcore.wire.frames import Frame, FrameDecoder

READ_SIZE = 64 * 1024
MAX_RECEIVE = 256 * 1024
"""Bytes taken by one `receive` at most, so that a flood leaves the caller its turn."""
MAX_WAITING = 64 * 1024
"""Bytes of input that wait for a daemon that does not take them, at most."""
MAX_INPUT = 4096
"""Bytes of input in one frame: what the daemon keeps for a peer."""
MAX_LINE = 1 << 20


async def attach(
    path: str,
    console: str,
    *,
    mode: Literal["rw", "ro"] = "rw",
    replay: int = 0,
    rows: int | None = None,
    cols: int | None = None,
    label: str | None = None,
) -> AttachStream:
    """Attach to `console` of the daemon on the control socket `path`.

    Args:
        mode: `ro` never passes input to the guest.
        replay: bytes of history wanted before live output, as far as they are retained.
        rows: height of the client's view; goes with `cols`.
        cols: width of the client's view.
        label: what others see this client as; the daemon asks the kernel by default.

    Raises:
        DaemonError: nobody answers, or not in QMP.
        CommandError: the daemon refuses, with its words and its error class.
    """
    wanted = {
        "console": console,
        "mode": mode,
        "framing": "frames",
        "replay": replay,
        "rows": rows,
        "cols": cols,
        "label": label,
    }
    arguments = {name: value for name, value in wanted.items() if value is not None}
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        handshake = _Handshake(sock)
        await asyncio.get_running_loop().sock_connect(sock, path)
        await handshake.message()
        await handshake.execute("qmp_capabilities", {})
        result = await handshake.execute("mux-attach", arguments)
        return AttachStream(sock, result, bytes(handshake.rest))
    except BaseException as error:
        sock.close()
        if isinstance(error, FileNotFoundError | ConnectionRefusedError):
            raise DaemonError(
                f"no daemon answers on {path}: start one with 'muxtui serve'"
            ) from error
        if isinstance(error, OSError):
            raise DaemonError(f"cannot attach: {describe_os_error(error)}") from error
        raise


class _Handshake:
    """The few lines of QMP that come before the stream."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.rest = bytearray()

    async def execute(self, command: str, arguments: dict[str, Any]) -> dict[str, Any]:
        request = json.dumps({"execute": command, "arguments": arguments}).encode()
        await asyncio.get_running_loop().sock_sendall(self._sock, request)
        while True:
            message = await self.message()
            if "error" in message:
                error = message["error"]
                raise CommandError(error["desc"], error["class"])
            if "return" in message:
                result: dict[str, Any] = message["return"]
                return result

    async def message(self) -> dict[str, Any]:
        """The next line; what came behind it stays in `rest`."""
        while (at := self.rest.find(b"\n")) < 0:
            chunk = await asyncio.get_running_loop().sock_recv(self._sock, READ_SIZE)
            if not chunk:
                raise DaemonError("the daemon ended the connection")
            self.rest += chunk
            if len(self.rest) > MAX_LINE:
                raise DaemonError("the daemon does not speak QMP")
        line = bytes(self.rest[: at + 1])
        del self.rest[: at + 1]
        try:
            message = json.loads(line)
        except ValueError as error:
            raise DaemonError("the daemon does not speak QMP") from error
        if not isinstance(message, dict):
            raise DaemonError("the daemon does not speak QMP")
        return message


class AttachStream:
    """A live stream; see `attach`. Closing it is detaching.

    Attributes:
        id: the backend's id, e.g. `vm1.attach0`.
        offset: offset of the first byte of output that will come.
        end: end of the history when the stream began: what lies below is replay.
    """

    def __init__(self, sock: socket.socket, result: dict[str, Any], first: bytes) -> None:
        self.id: str = result["id"]
        self.offset: int = result["offset"]
        self.end: int = result["end"]
        self._sock = sock
        self._decoder = FrameDecoder(frames.TO_CLIENT)
        self._ready = self._decoder.feed(first)
        self._error: DaemonError | None = None
        self._waiting = bytearray()
        self._size: tuple[int, int] | None = None
        self._drained = asyncio.Event()
        self._drained.set()
        self._callback: Callable[[], None] | None = None

    def fileno(self) -> int:
        """The socket's descriptor; -1 when the stream is closed."""
        return self._sock.fileno()

    # Output of the console.

    def set_callback(self, callback: Callable[[], None] | None) -> None:
        """Call `callback` whenever `receive` has something; None to stop (and hold the daemon)."""
        loop = asyncio.get_running_loop()
        self._callback = callback
        if self._sock.fileno() < 0:
            return
        if callback is None:
            loop.remove_reader(self._sock)
            return
        loop.add_reader(self._sock, callback)
        if self._ready:
            loop.call_soon(self._call)

    def receive(self) -> list[Frame]:
        """What is there now, at most about `MAX_RECEIVE` bytes; empty when nothing is.

        Raises:
            DaemonError: the stream is at its end; everything before it was given out.
        """
        ready, self._ready = self._ready, []
        taken = 0
        while self._error is None and taken < MAX_RECEIVE:
            try:
                chunk = self._sock.recv(READ_SIZE)
                if not chunk:
                    self._error = DaemonError("the daemon ended the stream")
                ready += self._decoder.feed(chunk)
            except BlockingIOError:
                break
            except (OSError, ProtocolError) as error:
                words = describe_os_error(error) if isinstance(error, OSError) else str(error)
                self._error = DaemonError(f"the stream broke: {words}")
                self._error.__cause__ = error
            else:
                taken += len(chunk)
        if not ready and self._error is not None:
            raise self._error
        return ready

    async def read(self) -> list[Frame]:
        """Wait until something is there, and `receive` it; never empty."""
        while not (ready := self.receive()):
            await _readable(self._sock)
        return ready

    # Input to the guest.

    @property
    def waiting(self) -> int:
        """Bytes that the daemon has not taken yet."""
        return len(self._waiting)

    def send(self, data: bytes) -> int:
        """Type `data`; returns how much was taken, less only while `MAX_WAITING` bytes wait.

        What an ended stream takes is lost: `receive` tells of the end.
        """
        room = max(0, MAX_WAITING - len(self._waiting))
        taken = data[:room]
        for at in range(0, len(taken), MAX_INPUT):
            self._waiting += frames.encode(b"I", taken[at : at + MAX_INPUT])
        self._flush()
        return len(taken)

    def resize(self, rows: int, cols: int) -> None:
        """Tell the size of the view; while earlier input waits only the last one counts."""
        self._size = (rows, cols)
        self._flush()

    def send_break(self) -> bool:
        """Ask for a break; False while so much input waits that it was not taken."""
        if len(self._waiting) >= MAX_WAITING:
            return False
        self._waiting += frames.encode(b"K")
        self._flush()
        return True

    async def drain(self) -> None:
        """Wait until the daemon has taken everything, or the stream has ended."""
        await self._drained.wait()

    def close(self) -> None:
        """Detach. Idempotent."""
        if self._sock.fileno() >= 0:
            self.set_callback(None)
            self._waiting.clear()
            self._watch_output()
            self._sock.close()

    def _call(self) -> None:
        if self._callback is not None and self._ready:
            self._callback()

    def _flush(self) -> None:
        self._write_some()
        if self._size is not None and not self._waiting:
            self._waiting += frames.resize(*self._size)
            self._size = None
            self._write_some()
        self._watch_output()

    def _write_some(self) -> None:
        try:
            if self._waiting:
                del self._waiting[: os.write(self._sock.fileno(), self._waiting)]
        except BlockingIOError:
            pass
        except OSError:
            # The end is seen, with its reason, by the next receive.
            self._waiting.clear()

    def _watch_output(self) -> None:
        loop = asyncio.get_running_loop()
        if self._waiting:
            self._drained.clear()
            loop.add_writer(self._sock, self._flush)
        else:
            self._drained.set()
            loop.remove_writer(self._sock)


async def _readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()
    loop.add_reader(sock, _set, waiter)
    try:
        await waiter
    finally:
        loop.remove_reader(sock)


def _set(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
