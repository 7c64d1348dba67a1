"""The scenario's client of the control socket: it never blocks, and calls again when it is lost."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

Until = Callable[[Callable[[], bool], str], Awaitable[None]]
"""Lets everybody go on until a condition is true; what that means, for messages."""


class ControlEnd:
    """See the module.

    Args:
        path: the control socket.
        until: see `Until`.

    Attributes:
        lost: how often the daemon ended the connection.
        rest: what was read behind the last reply.
    """

    def __init__(self, path: str, until: Until) -> None:
        self.lost = 0
        self.rest = b""
        self._path = path
        self._until = until
        self._sock: socket.socket | None = None
        self._number = 0
        self._greeted = False
        self._replies: dict[int, Any] = {}

    async def execute(self, command: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON
        """The result of a command, QEMU's text if it is refused."""
        while True:
            sock = await self._connected()
            reply = await self._ask(sock, command, arguments)
            if reply is not None:
                return reply["error"]["desc"] if "error" in reply else reply["return"]

    def take(self) -> socket.socket | None:
        """The connection, which is a stream now; None if it is gone already."""
        sock, self._sock = self._sock, None
        return sock

    def step(self) -> None:
        """Read what is there."""
        if self._sock is None:
            return
        try:
            while data := self._sock.recv(65536):
                self.rest += data
        except BlockingIOError:
            pass
        except ConnectionResetError:
            self._lose()
        else:
            self._lose()
        while b"\n" in self.rest:
            line, _, rest = self.rest.partition(b"\n")
            message = json.loads(line)
            self.rest = rest
            self._greeted = self._greeted or "QMP" in message
            if "id" in message:
                self._replies[message["id"]] = message
            if "offset" in message.get("return", {}):
                # Of mux-attach: what follows is stream.
                return

    def close(self) -> None:
        """Leave."""
        if (sock := self.take()) is not None:
            sock.close()

    async def _connected(self) -> socket.socket:
        """A connection that is past its negotiation."""
        while self._sock is None:
            self._sock = sock = socket.socket(socket.AF_UNIX)
            sock.connect(self._path)
            sock.setblocking(False)
            self.rest, self._greeted = b"", False
            await self._until(lambda: self._greeted or self._sock is None, "a greeting")
            if self._sock is not None:
                await self._ask(self._sock, "qmp_capabilities", {})
        return self._sock

    async def _ask(self, sock: socket.socket, command: str, arguments: dict[str, object]) -> Any:  # noqa: ANN401 - JSON
        """The reply to a command; None if the connection was lost before it."""
        self._number += 1
        number = self._number
        request = {"execute": command, "arguments": arguments, "id": number}
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sock.send(json.dumps(request).encode())
        await self._until(
            lambda: number in self._replies or self._sock is not sock, f"a reply to {command}"
        )
        return self._replies.pop(number, None)

    def _lose(self) -> None:
        self.close()
        self.lost += 1
