"""The attach stream of the console on view: kept up, read within bounds, written within bounds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import struct
from collections import deque
from collections.abc import Callable

from muxcore.client import AttachStream, attach
from muxcore.errors import MuxError, ProtocolError, printable
from muxcore.screen.items import Attached, Gap, Item, Output
from tui.model import BUFFER, REPLAY, ViewStatus
from tui.state import GuestState, Size

MAX_TYPED = 1 << 20
"""Bytes of input that wait for the daemon at most: a paste of a megabyte passes, in its time."""

RETRY = 1.0
"""Seconds between attempts to attach."""

MAX_NOTICES = 8
"""What a mux said to this client that nobody looked at yet, at most; the newest are kept."""

_OFFSET = struct.Struct(">Q")
_SPAN = struct.Struct(">QQ")


class ViewStream:
    """Follows one console for a view.

    Args:
        path: the control socket.
        output: called when `take` has something, not again before it returned None.
        changed: called when `status`, `id` or `problem` changed.
    """

    def __init__(self, path: str, output: Callable[[], None], changed: Callable[[], None]) -> None:
        self.id = ""
        self.status: ViewStatus | None = None
        self.problem = ""
        self._notices: deque[str] = deque(maxlen=MAX_NOTICES)
        self._path = path
        self._output = output
        self._changed = changed
        self._size: Size | None = None
        self._items: deque[Item] = deque()
        self._held = 0
        self._told = False
        self._room = asyncio.Event()
        self._more = asyncio.Event()
        self._typed = bytearray()
        self._stream: AttachStream | None = None

    # Pulled by the view.

    def take(self, limit: int) -> Item | None:
        """See `tui.model.Source`."""
        if not self._items:
            self._told = False
            return None
        item = self._items.popleft()
        if isinstance(item, Output):
            if len(item.data) > limit:
                rest = Output(item.offset + limit, item.data[limit:])
                self._items.appendleft(rest)
                item = Output(item.offset, item.data[:limit])
            self._held -= len(item.data)
            if self._held < BUFFER:
                self._room.set()
        return item

    def take_notices(self) -> list[str]:
        """See `tui.model.Session`."""
        notices = list(self._notices)
        self._notices.clear()
        return notices

    # Told by the view.

    def send(self, data: bytes) -> bool:
        """Type into the guest; False, and nothing is typed, when too much waits already."""
        if self._stream is None or len(self._typed) + len(data) > MAX_TYPED:
            return False
        self._typed += data
        self._type(self._stream)
        if self._typed:
            self._more.set()
        return True

    def resize(self, size: Size) -> None:
        """Tell the size of the view, now and at every attach."""
        if size != self._size:
            self._size = size
            if self._stream is not None:
                self._stream.resize(size.rows, size.cols)

    def send_break(self) -> bool:
        """Ask for a break; False when there is no stream or it is full."""
        return self._stream is not None and self._stream.send_break()

    # The stream's life.

    async def follow(self, console: str) -> None:
        """Attach to `console`, again and again, until cancelled."""
        while True:
            try:
                await self._follow_once(console)
            except* MuxError as group:
                self.problem = str(first_of(group))
                self._changed()
            await asyncio.sleep(RETRY)

    async def _follow_once(self, console: str) -> None:
        size = self._size
        stream = await attach(
            self._path,
            console,
            replay=REPLAY,
            rows=size.rows if size else None,
            cols=size.cols if size else None,
            label=f"muxtui[{os.getpid()}]",
        )
        with contextlib.closing(stream):
            self._begin(console, stream)
            if self._size != size and self._size is not None:
                stream.resize(self._size.rows, self._size.cols)
            try:
                await self._pump(stream)
            finally:
                self._lost(stream)

    async def _pump(self, stream: AttachStream) -> None:
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(self._write(stream), name="view input")
            try:
                await self._read(stream)
            finally:
                writer.cancel()

    def _begin(self, console: str, stream: AttachStream) -> None:
        self._items.clear()
        self._held = 0
        self._typed.clear()
        self._stream = stream
        self.id = stream.id
        self.problem = ""
        self._put(Attached(console, stream.id, stream.offset, stream.end))
        self._changed()

    def _lost(self, stream: AttachStream) -> None:
        if self._stream is not stream:
            # Another console was shown, and its stream began before the end of this one.
            return
        self._stream = None
        self.id = ""
        self.status = None
        self._changed()

    async def _read(self, stream: AttachStream) -> None:
        while True:
            for kind, payload in await stream.read():
                self._obey(kind, payload)
            self._room.clear()
            while self._held >= BUFFER:
                await self._room.wait()
                self._room.clear()

    def _obey(self, kind: bytes, payload: bytes) -> None:
        try:
            if kind == b"D":
                data = payload[_OFFSET.size :]
                self._held += len(data)
                (offset,) = _OFFSET.unpack_from(payload)
                self._put(Output(offset, data))
            elif kind == b"G":
                self._put(Gap(*_SPAN.unpack(payload)))
            elif kind == b"S":
                self.status = read_status(payload)
                self._changed()
            elif kind == b"N":
                self._notices.append(read_notice(payload))
                self._changed()
        except (struct.error, ValueError, KeyError, TypeError) as error:
            raise ProtocolError(f"the daemon sent a bad frame: {error}") from error

    def _put(self, item: Item) -> None:
        self._items.append(item)
        if not self._told:
            self._told = True
            self._output()

    async def _write(self, stream: AttachStream) -> None:
        """Pass on what was typed faster than the daemon took it."""
        while True:
            self._more.clear()
            self._type(stream)
            await (stream.drain() if self._typed else self._more.wait())

    def _type(self, stream: AttachStream) -> None:
        taken = stream.send(bytes(self._typed))
        del self._typed[:taken]


def first_of(group: BaseExceptionGroup[MuxError]) -> MuxError:
    """The first error of a group, however deep."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, MuxError)
    return error


def read_status(payload: bytes) -> ViewStatus:
    """Read an `S` frame. Raises ValueError, KeyError or TypeError for what is none."""
    data = json.loads(payload)
    guest = data.get("guest")
    return ViewStatus(
        guest=None if guest is None else GuestState.from_json(guest),
        size=Size.from_json(data.get("size")),
        readonly=data.get("readonly", False),
        held=data.get("held", False),
        discarded=data.get("discarded", 0),
    )


def read_notice(payload: bytes) -> str:
    """The lines of an `N` frame, each harmless to show."""
    lines = payload.replace(b"\r", b"").strip(b"\n").split(b"\n")
    return "\n".join(map(printable, lines))
