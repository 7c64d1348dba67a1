"""The one file that knows both worlds: the daemon's client, and what the screens show.

Three tasks: the link (connect, again and again), under it the queries (paced by
change) and the events, and beside it the stream of the console on view. All
state is replaced whole, then `changed` is called.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from serial.tools import list_ports

from muxcore.client import Client, ensure_daemon
from muxcore.errors import CommandError, DaemonError, MuxError, printable
from tui.activity import Activity
from tui.model import HistoryPiece, ViewStatus
from tui.state import (
    BackendRate,
    ConsoleMark,
    ConsoleState,
    FormOption,
    Link,
    LinkState,
    LooseChardev,
    SerialPort,
    Size,
    loose_chardevs,
)
from tui.stream import ViewStream, first_of

if TYPE_CHECKING:
    from muxcore.screen.items import Item

QUICK = 0.25
"""Seconds between queries while events come."""

COUNTING = 0.5
"""Seconds between queries while bytes flow: whoever types sees an echo, and a count of it later."""

SLOW = 2.0
"""Seconds between queries when nothing happens; the way there doubles."""

RETRIES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before the attempts to reach a daemon that is gone; the last one repeats."""


class DaemonSession:
    """`tui.model.Session` over the control socket at `path`."""

    def __init__(self, path: str, console: str | None = None) -> None:
        self.link = LinkState(since=time.time())
        self.consoles: tuple[ConsoleState, ...] = ()
        self.loose: tuple[LooseChardev, ...] = ()
        self.on_view = console
        self._path = path
        self._client: Client | None = None
        self._activity = Activity()
        self._forms: dict[str, tuple[FormOption, ...]] = {}
        self._changed: Callable[[], None] = lambda: None
        self._output: Callable[[], None] = lambda: None
        self._stream = ViewStream(path, lambda: self._output(), self._status_changed)
        self._tasks: list[asyncio.Task[None]] = []
        self._following: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._reconnect = asyncio.Event()

    # State.

    @property
    def view_id(self) -> str:
        """See `tui.model.Session`."""
        return self._stream.id

    @property
    def status(self) -> ViewStatus | None:
        """See `tui.model.Session`."""
        return self._stream.status

    @property
    def view_problem(self) -> str:
        """See `tui.model.Session`."""
        return self._stream.problem

    def take_notices(self) -> Sequence[str]:
        """See `tui.model.Session`."""
        return self._stream.take_notices()

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def watch(self, changed: Callable[[], None], output: Callable[[], None]) -> None:
        """See `tui.model.Session`."""
        self._changed = changed
        self._output = output

    def rate(self, backend: str) -> BackendRate:
        """How fast a backend's bytes go."""
        return self._activity.rate(backend)

    def mark(self, console: str) -> ConsoleMark:
        """What happened on a console since it was last on view."""
        return self._activity.mark(console)

    def forms(self) -> Mapping[str, Sequence[FormOption]]:
        """The options of each chardev type, as the daemon told them."""
        return self._forms

    def shell(self) -> str:
        """The user's shell."""
        return os.environ.get("SHELL") or "/bin/sh"

    def serial_ports(self) -> Sequence[SerialPort]:
        """The serial ports of this machine, by pyserial."""
        return [
            SerialPort(port.device, printable(port.description or ""))
            for port in sorted(list_ports.comports())
        ]

    # Life.

    async def start(self) -> None:
        """Begin to connect; returns at once."""
        self._tasks.append(self._own(self._keep_link(), "daemon link"))
        if self.on_view is not None:
            self.show(self.on_view)

    async def close(self) -> None:
        """End all tasks and connections; nothing is told any more."""
        self.watch(lambda: None, lambda: None)
        tasks = [*self._tasks, *filter(None, [self._following])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        self._following = None

    def _own(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Say that a task failed that never ends by itself: what is shown is live no more."""
        if not task.cancelled() and (error := task.exception()) is not None:
            reason = f"internal error in {task.get_name()}: {error!r}"
            self.link = LinkState(Link.LOST, self.now(), printable(reason))
            self._changed()

    async def _keep_link(self) -> None:
        attempt = 0
        while True:
            try:
                async with await Client.connect(self._path) as client:
                    attempt = 0
                    await self._live(client)
            except* MuxError as group:
                delay = RETRIES[min(attempt, len(RETRIES) - 1)]
                self._lost(first_of(group), delay)
            attempt += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._reconnect.wait(), delay)
            self._reconnect.clear()

    async def _live(self, client: Client) -> None:
        self._forms = _read_forms(await client.execute("mux-query-chardev-options"))
        self._client = client
        await self._ask(client)
        self.link = LinkState(Link.LIVE, self.now())
        self._changed()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._query(client), name="daemon queries")
            group.create_task(self._events(client), name="daemon events")

    def _lost(self, error: MuxError, delay: float) -> None:
        self._client = None
        first = self.link.link is not Link.LOST
        since = self.now() if first else self.link.since
        reason = str(error) if first or not self.link.reason else self.link.reason
        self.link = LinkState(Link.LOST, since, reason, self.now() + delay)
        self._changed()

    async def _query(self, client: Client) -> None:
        pause = QUICK
        while True:
            before = self.consoles
            await self._ask(client)
            pause = COUNTING if self.consoles != before else min(pause * 2, SLOW)
            self._changed()
            self._hurry.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), pause)
                # What hurries may come in hundreds; queries may not.
                await asyncio.sleep(QUICK)
                pause = QUICK

    async def _events(self, client: Client) -> None:
        async for _ in client.events():
            self._hurry.set()

    async def _ask(self, client: Client) -> None:
        # In this order a backend that is added between the two answers is never taken for loose.
        chardevs = await client.execute("query-chardev")
        self._take(await client.consoles(), chardevs)

    def _take(self, consoles: list[dict[str, Any]], chardevs: list[dict[str, Any]]) -> None:
        try:
            self.consoles = tuple(ConsoleState.from_json(item) for item in consoles)
            self.loose = loose_chardevs(chardevs, self.consoles)
        except (KeyError, TypeError, ValueError) as error:
            raise DaemonError(f"the daemon's answer is not understood: {error!r}") from error
        self._activity.update(self.now(), self.consoles, self.on_view)

    def _status_changed(self) -> None:
        self._hurry.set()
        self._changed()

    # The console on view.

    def show(self, console: str | None) -> None:
        """See `tui.model.Session`."""
        self.on_view = console
        if self._following is not None:
            self._following.cancel()
            self._following = None
        if console is not None:
            self._following = self._own(self._stream.follow(console), f"view of {console}")
        self._activity.update(self.now(), self.consoles, console)

    def take(self, limit: int) -> Item | None:
        """See `tui.model.Source`."""
        return self._stream.take(limit)

    def reattach(self) -> None:
        """See `tui.model.Source`."""
        self.show(self.on_view)

    async def read_history(self, console: str, offset: int, size: int) -> HistoryPiece:
        """See `tui.model.Source`. Raises DaemonError, and CommandError for an unknown console."""
        answer = await self._ask_for("mux-read-history", console=console, offset=offset, size=size)
        try:
            times = [(int(at), float(when)) for at, when in answer["times"]]
            return int(answer["offset"]), base64.b64decode(answer["data"]), times
        except (KeyError, TypeError, ValueError) as error:
            raise DaemonError(f"the daemon's answer is not understood: {error!r}") from error

    def send(self, data: bytes) -> bool:
        """Type into the guest; False when it was not taken."""
        return self._stream.send(data)

    def resize(self, rows: int, cols: int) -> None:
        """Tell the size of the view."""
        self._stream.resize(Size(rows, cols))

    # Commands.

    async def send_break(self) -> None:
        """Send a break to the guest of the console on view."""
        await self._execute("mux-send-break", console=self.on_view)

    async def add_console(self, name: str, guest: str) -> None:
        """Make a console; a program that is its guest gets this process's surroundings."""
        await self._execute(
            "mux-add-console",
            console=name,
            guest=guest,
            cwd=os.getcwd(),
            environment=dict(os.environ),
        )

    async def remove_console(self, name: str) -> None:
        """End a console."""
        await self._execute("mux-remove-console", console=name)

    async def add_backend(self, console: str, chardev: str) -> None:
        """Give a console a backend."""
        await self._execute("mux-add-backend", console=console, chardev=chardev)

    async def adopt_backend(self, console: str, id: str) -> None:
        """Give a console a loose chardev."""
        await self._execute("mux-add-backend", console=console, id=id)

    async def set_backend(
        self, id: str, *, paused: bool | None = None, readonly: bool | None = None
    ) -> None:
        """Change a backend's switches."""
        switches = {"paused": paused, "readonly": readonly}
        given = {name: value for name, value in switches.items() if value is not None}
        await self._execute("mux-set-backend", id=id, **given)

    async def detach_backend(self, id: str) -> None:
        """Take a backend off its console."""
        await self._execute("mux-detach-backend", id=id)

    async def remove_backend(self, id: str) -> None:
        """Close a backend."""
        await self._execute("mux-remove-backend", id=id)

    async def disconnect_peer(self, peer: str) -> None:
        """End one peer's stream."""
        await self._execute("mux-disconnect-peer", peer=peer)

    async def stop_daemon(self) -> None:
        """End the daemon."""
        await self._execute("quit")

    async def start_daemon(self) -> None:
        """Start a daemon, and connect to it without waiting for the next attempt."""
        await asyncio.to_thread(ensure_daemon, self._path)
        self._reconnect.set()

    async def _execute(self, command: str, **arguments: Any) -> None:  # noqa: ANN401 - JSON
        await self._ask_for(command, **arguments)
        self._hurry.set()

    async def _ask_for(self, command: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        if self._client is None:
            raise DaemonError("the daemon is gone")
        try:
            return await self._client.execute(command, **arguments)
        except CommandError as error:
            raise CommandError(printable(str(error)), error.qmp_class) from error


def _read_forms(
    types: Mapping[str, Sequence[Mapping[str, Any]]],
) -> dict[str, tuple[FormOption, ...]]:
    """Read the answer to `mux-query-chardev-options`."""
    common = set.intersection(*({item["name"] for item in options} for options in types.values()))
    return {
        type: tuple(_read_option(item, item["name"] in common) for item in options)
        for type, options in types.items()
    }


def _read_option(item: Mapping[str, Any], common: bool) -> FormOption:
    default = item.get("default")
    if isinstance(default, bool):
        default = "on" if default else "off"
    unit = item.get("unit") or ""
    help = item.get("help") or ""
    return FormOption(
        name=item["name"],
        kind=item.get("kind", "str"),
        default="" if default is None else str(default),
        help=f"{help} ({unit})" if unit and item.get("kind") != "size" else help,
        required=item.get("required", False),
        choices=tuple(str(choice) for choice in item.get("choices") or ()),
        common=common,
    )
