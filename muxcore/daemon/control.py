"""The server's side of the control socket: connections that speak QMP.

A connection is read only while none of its commands runs, so its commands run
in order and its memory is bounded; another connection notices nothing of it.
A client that does not read its replies and events is closed, and so is one whose
JSON oversteps a bound, once it was told.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from muxcore import version
from muxcore.chardev.base import Stream, Who
from muxcore.chardev.sockets import who_is
from muxcore.daemon.commands import COMMANDS, Call, check_arguments
from muxcore.daemon.turns import in_turns
from muxcore.errors import (
    CommandError,
    DaemonError,
    MuxError,
    ProtocolError,
    describe_os_error,
    printable,
)
from muxcore.wire import qmp

if TYPE_CHECKING:
    from muxcore.daemon.daemon import Daemon

READ_SIZE = 64 * 1024
MAX_WAITING = 1 << 20
"""Bytes of replies and events that a client may leave unread; one more reply fits on top."""
FLUSH = 0.5
"""Seconds that clients have, when the daemon ends, to read what waits for them."""
PAUSE = 0.5
"""Seconds until connections are accepted again after the daemon ran out of descriptors."""

log = logging.getLogger(__name__)


class ControlServer:
    """Accepts connections on `listener`, a listening socket that it does not own."""

    def __init__(self, daemon: Daemon, listener: socket.socket) -> None:
        self.daemon = daemon
        self._listener = listener
        self._connections: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._listen()

    @property
    def heard(self) -> bool:
        """Whether there is any client to send an event to."""
        return bool(self._connections)

    def broadcast(self, name: str, data: dict[str, Any], now: float) -> None:
        """Send an event to every client that has negotiated."""
        if self.heard:
            message = qmp.event(name, data, now)
            for connection in tuple(self._connections):
                if connection.negotiated:
                    connection.send(message)

    def forget(self, connection: Connection) -> None:
        """The connection is closed, or is a stream from now on."""
        self._connections.discard(connection)

    def stop_listening(self) -> None:
        """Accept no connection and run no command any more; events still go out."""
        if self._timer is not None:
            self._timer.cancel()
        asyncio.get_running_loop().remove_reader(self._listener)
        for connection in tuple(self._connections):
            connection.stop_listening()

    async def aclose(self) -> None:
        """End every connection once it has its last words; `stop_listening` came before."""
        await asyncio.gather(*(connection.aclose() for connection in tuple(self._connections)))

    def _listen(self) -> None:
        self._timer = None
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            log.error("cannot accept a control client: %s", describe_os_error(error))
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._listener)
            self._timer = loop.call_later(PAUSE, self._listen)
            return
        client.setblocking(False)
        who = who_is(client)
        connection = Connection(self, Stream(client.detach(), who))
        self._connections.add(connection)
        connection.begin()


class Connection:
    """One client. It owns its stream until `hand_over` or the end."""

    def __init__(self, server: ControlServer, stream: Stream) -> None:
        self.server = server
        self.negotiated = False
        self._stream = stream
        self._parser = qmp.Parser()
        self._running: Any = None
        self._requests: deque[qmp.Value | ProtocolError] = deque()
        self._waiting = bytearray()
        self._drained = asyncio.Event()
        self._drained.set()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self._ending = False

    @property
    def who(self) -> Who:
        """The client, as the kernel tells."""
        return self._stream.who

    def begin(self) -> None:
        """Greet the client and listen to it."""
        self.send(qmp.encode({"QMP": {"version": version.qemu_version(), "capabilities": []}}))
        # A probe has left by now.
        if not self._closed:
            self._watch_input()

    def send(self, message: bytes) -> None:
        """Send `message` after what still waits; a client that leaves too much is closed."""
        if len(self._waiting) > MAX_WAITING:
            log.warning("control client %s does not read: closed", printable(self.who.label))
            self.close()
        if not self._closed:
            self._waiting += message
            self._flush()

    async def hand_over(self, result: Callable[[], Any]) -> int:
        """Answer the running command with `result()`; returns the connection's descriptor.

        From then on the descriptor is the caller's, and the connection is over.

        Raises:
            CommandError: the client sent something before it had the reply.
            DaemonError: the client is gone.
        """
        await self._drained.wait()
        if self._requests or self._parser.pending or self._sent_early():
            raise CommandError("input came before the reply to mux-attach")
        while not self._closed:
            message = qmp.reply(self._running, result())
            try:
                if self._stream.write([message]) != len(message):
                    # Whatever came after half a reply would be taken for its rest.
                    self.close()
                    raise DaemonError("the client is gone")
            except BlockingIOError:
                self._drained.clear()
                self._stream.watch_output(self._flush)
                await self._drained.wait()
            except OSError as error:
                raise DaemonError("the client is gone") from error
            else:
                self._closed = True
                self.server.forget(self)
                fd, self._stream.fd = self._stream.fd, -1
                return fd
        raise DaemonError("the client is gone")

    def close(self) -> None:
        """End the connection; a command that runs goes on without it. Idempotent."""
        if not self._closed:
            self._closed = True
            self._stream.watch_input(None)
            self._stream.watch_output(None)
            self._stream.close()
            self._drained.set()
            self.server.forget(self)

    def stop_listening(self) -> None:
        """Run no command any more; one that runs is cancelled."""
        self._ending = True
        self._stream.watch_input(None)
        if self._task is not None:
            self._task.cancel()

    async def aclose(self) -> None:
        """End the connection, after `FLUSH` seconds for its last words."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        await self._finish()

    async def _finish(self) -> None:
        try:
            async with asyncio.timeout(FLUSH):
                await self._drained.wait()
        except TimeoutError:
            pass
        self.close()

    def _watch_input(self) -> None:
        self._stream.watch_input(self._readable)

    def _readable(self) -> None:
        try:
            data = self._stream.read(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._requests.extend(self._parser.feed(data))
        if self._requests and self._task is None:
            self._stream.watch_input(None)
            self._task = asyncio.create_task(self._serve(), name="control client")

    async def _serve(self) -> None:
        try:
            while self._requests:
                await self._answer(self._requests.popleft())
            if self._parser.over:
                await self._finish()
        finally:
            self._task = None
        if not self._closed and not self._ending:
            self._watch_input()

    async def _answer(self, item: qmp.Value | ProtocolError) -> None:
        self._running = value = item.value if isinstance(item, qmp.Value) else None
        try:
            if isinstance(item, ProtocolError):
                raise item
            result = await self._run(qmp.request(value))
        except MuxError as error:
            self.send(qmp.error_reply(value, str(error), error.qmp_class))
        except Exception as error:
            log.exception("a command failed")
            self.send(qmp.error_reply(value, f"internal error: {error!r}"))
        else:
            self.send(await _reply(value, result))

    async def _run(self, request: qmp.Request) -> Any:  # noqa: ANN401 - JSON
        if not self.negotiated and request.command != "qmp_capabilities":
            raise CommandError(
                "Expecting capabilities negotiation with 'qmp_capabilities'", "CommandNotFound"
            )
        command = COMMANDS.get(request.command)
        if command is None:
            raise CommandError(
                f"The command {request.command} has not been found", "CommandNotFound"
            )
        check_arguments(command, request.arguments)
        return await command.run(Call(self.server.daemon, self, request.arguments))

    def _sent_early(self) -> bool:
        try:
            return bool(self._stream.read(READ_SIZE).strip())
        except OSError:
            return False

    def _flush(self) -> None:
        try:
            if self._waiting:
                with memoryview(self._waiting) as waiting:
                    count = self._stream.write([waiting])
                del self._waiting[:count]
        except BlockingIOError:
            pass
        except OSError:
            # The client is gone; whatever command runs for it goes on.
            self.close()
            return
        if self._waiting:
            self._drained.clear()
            self._stream.watch_output(self._flush)
        else:
            self._drained.set()
            self._stream.watch_output(None)


async def _reply(value: Any, result: Any) -> bytes:  # noqa: ANN401 - JSON
    """The answer to the request `value`; others have their turns while a long one is made."""
    if not isinstance(result, list):
        return qmp.reply(value, result)
    elements = [json.dumps(element) async for element in in_turns(result)]
    return qmp.reply_with_list(value, elements)
