"""What the TUI and scripts use: commands, events and attach streams of a daemon.

Commands and events go over `QMPClient` of the `qemu.qmp` package. An attach
stream is a connection of its own (`AttachStream`), which that package knows
nothing of.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Self, TypeVar

from qemu.qmp import QMPClient, QMPError
from qemu.qmp.events import EventListener
from qemu.qmp.protocol import ConnectError, Runstate
from qemu.qmp.qmp_client import ExecuteError

from muxcore.attach import AttachStream, attach
from muxcore.errors import CommandError, DaemonError, describe_os_error
from muxcore.launch import ensure_daemon
from muxcore.paths import default_socket

__all__ = ["AttachStream", "Client", "attach", "default_socket", "ensure_daemon"]

MAX_EVENTS = 1024
"""Events kept for a reader that is slow; of more, the oldest are dropped."""

# Errors come back as exceptions; a log line on the operator's terminal helps nobody.
logging.getLogger("qemu.qmp").addHandler(logging.NullHandler())
logging.getLogger("qemu.qmp").propagate = False


T = TypeVar("T")


class _Unlogged(QMPClient):
    """The package's client, but for a text of each message that it makes for its log."""

    def _cb_outbound(self, msg: T) -> T:
        return msg

    def _cb_inbound(self, msg: T) -> T:
        return msg


class _Events(EventListener):
    """The newest events only; the package's own listener keeps all of them for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: deque[dict[str, Any]] = deque(maxlen=MAX_EVENTS)
        self.changed = asyncio.Event()

    async def put(self, event: Any) -> None:  # noqa: ANN401 - a Message, which is untyped JSON
        """Keep `event`."""
        self.waiting.append(dict(event))
        self.changed.set()


class Client:
    """A connection for commands and events; make one with `connect`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.closed: str | None = None
        """Why the connection is gone, None while it is there."""
        self._qmp = _Unlogged("muxtui")
        self._qmp.events.event_filter = lambda _: False
        self._events = _Events()
        self._qmp.register_listener(self._events)
        self._ending = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, path: str | None = None) -> Client:
        """Connect to the daemon on the control socket `path`.

        Raises:
            DaemonError: nobody answers there; the message says what to do.
        """
        client = cls(path or default_socket())
        try:
            await client._qmp.connect(client.path)
        except ConnectError as error:
            raise unreachable(client.path, error.exc) from error
        client._watch = asyncio.create_task(client._wait_for_end(), name="muxtui client")
        return client

    @property
    def daemon_version(self) -> str:
        """The version the daemon says it has."""
        greeting = self._qmp.greeting
        return str(greeting.QMP.version["package"]) if greeting else ""

    async def execute(self, command: str, /, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        """Run `command`; `_` in argument names stands for `-`.

        Raises:
            CommandError: the daemon refuses, with its words and its error class.
            DaemonError: the connection is gone.
        """
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        try:
            return await self._qmp.execute(command, named)
        except ExecuteError as error:
            raise CommandError(str(error), error.error_class) from error
        except (QMPError, OSError, EOFError) as error:
            raise DaemonError(self.closed or "the daemon is gone") from error

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Events as they come, at most the newest `MAX_EVENTS` when the reader is slow.

        Raises:
            DaemonError: the connection is gone.
        """
        while True:
            while self._events.waiting:
                yield self._events.waiting.popleft()
            if self.closed is not None:
                raise DaemonError(self.closed)
            self._events.changed.clear()
            await self._events.changed.wait()

    async def consoles(self, *, brief: bool = False) -> list[dict[str, Any]]:
        """Every console, as `mux-query-consoles` tells; `brief` as it is told there."""
        arguments = {"brief": True} if brief else {}
        consoles: list[dict[str, Any]] = await self.execute("mux-query-consoles", **arguments)
        return consoles

    async def console(self, name: str) -> dict[str, Any]:
        """The console called `name`. Raises NotFoundError's words as a CommandError."""
        (console,) = await self.execute("mux-query-consoles", console=name)
        assert isinstance(console, dict)
        return console

    async def close(self) -> None:
        """End the connection. Idempotent."""
        await self._ended("the connection was closed")
        if self._watch is not None:
            await self._watch

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _wait_for_end(self) -> None:
        while self._qmp.runstate == Runstate.RUNNING:
            await self._qmp.runstate_changed()
        await self._ended("the daemon ended the connection")

    async def _ended(self, reason: str) -> None:
        self.closed = self.closed or reason
        self._events.changed.set()
        async with self._ending:
            if self._qmp.runstate != Runstate.IDLE:
                # What ended the connection is told by `closed`; here it is only cleared away.
                with contextlib.suppress(QMPError, OSError, EOFError):
                    await self._qmp.disconnect()


def unreachable(path: str, cause: BaseException) -> DaemonError:
    """The error of a daemon that cannot be reached, with what to do about it."""
    if isinstance(cause, FileNotFoundError | ConnectionRefusedError):
        return DaemonError(f"no daemon answers on {path}: start one with 'muxtui serve'")
    words = describe_os_error(cause) if isinstance(cause, OSError) else str(cause)
    return DaemonError(f"cannot talk to the daemon on {path}: {words or type(cause).__name__}")
