"""The session on a real daemon, in this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muxcore.attach import AttachStream
from muxcore.config import console_config
from muxcore.daemon.daemon import Daemon
from muxcore.daemon.origin import Origin
from muxcore.errors import CommandError, DaemonError
from muxcore.screen.items import Attached, Gap, Item, Output
from tests.muxcore.daemons import running
from tests.support import eventually, unix_path
from tui.model import BUFFER, REPLAY
from tui.session import DaemonSession
from tui.state import Link, Size
from tui.stream import ViewStream

pytestmark = pytest.mark.usefixtures("task_factory")

ECHO = "process,command=stty raw -echo; echo ready; cat"
MARGIN = 1 << 19
"""What one read of the stream may bring over the bound."""


async def add(daemon: Daemon, name: str, guest: str = ECHO) -> None:
    """Add a console and wait until its guest has printed."""
    await daemon.add_console(console_config(name, guest, [], {}), Origin())
    await eventually(lambda: daemon.consoles[name].history.end)


@contextlib.asynccontextmanager
async def session_on(path: str, console: str | None = None) -> AsyncIterator[DaemonSession]:
    """A session that was started, and is closed at the end."""
    session = DaemonSession(path, console)
    try:
        await session.start()
        yield session
    finally:
        await session.close()


def taken(session: DaemonSession) -> list[Item]:
    """All there is on the stream."""
    items = []
    while (item := session.take(BUFFER)) is not None:
        items.append(item)
    return items


async def output(session: DaemonSession, wanted: bytes) -> list[Item]:
    """Items up to the output that completes `wanted`."""
    items: list[Item] = []

    def complete() -> bool:
        items.extend(taken(session))
        return wanted in b"".join(item.data for item in items if isinstance(item, Output))

    await eventually(complete, what=f"output {wanted!r}")
    return items


async def test_a_console_is_attached_with_its_replay_and_typed_into(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        await add(daemon, "vm1")
        async with session_on(daemon.path, "vm1") as session:
            attached, *_ = await output(session, b"ready")
            assert isinstance(attached, Attached)
            assert (attached.console, attached.offset) == ("vm1", 0)
            assert attached.end == len(b"ready\r\n") or attached.end == len(b"ready\n")
            assert session.send(b"hello")
            await output(session, b"hello")
            await eventually(lambda: session.view_id == "vm1.attach0")


async def test_a_stream_that_is_slow_to_end_leaves_the_next_one_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, write = asyncio.Event(), ViewStream._write

    async def lingering(self: ViewStream, stream: AttachStream) -> None:
        try:
            await write(self, stream)
        finally:
            await ended.wait()

    monkeypatch.setattr(ViewStream, "_write", lingering)
    async with running(tmp_path) as daemon:
        await add(daemon, "vm1")
        await add(daemon, "vm2")
        async with session_on(daemon.path, "vm1") as session:
            await output(session, b"ready")
            session.show("vm2")
            await output(session, b"ready")
            ended.set()
            names = {"view of vm1", "view of vm2"}
            await eventually(
                lambda: names & {task.get_name() for task in asyncio.all_tasks()} != names
            )
            assert session.view_id == "vm2.attach0"
            assert session.send(b"typed")
            await output(session, b"typed")


async def test_state_is_queried_and_follows_events(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, session_on(daemon.path) as session:
        changes: list[Link] = []
        session.watch(lambda: changes.append(session.link.link), lambda: None)
        await eventually(lambda: session.link.link is Link.LIVE)
        assert changes
        assert "path" in [option.name for option in session.forms()["socket"]]
        await session.add_console("sh", "process,id=sh.guest,command=cat")
        await eventually(lambda: [console.name for console in session.consoles] == ["sh"])
        path = unix_path(tmp_path, "s0.sock")
        await session.add_backend("sh", f"socket,id=s0,path={path},server=on,wait=off")
        await eventually(lambda: session.consoles[0].backends)
        await session.set_backend("s0", readonly=True)
        await eventually(lambda: session.consoles[0].backends[0].readonly)
        await session.remove_backend("s0")
        await eventually(lambda: not session.consoles[0].backends)
        await session.remove_console("sh")
        await eventually(lambda: not session.consoles)


async def test_what_is_on_no_console_is_loose_and_can_be_put_back(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, session_on(daemon.path) as session:
        await eventually(lambda: session.link.link is Link.LIVE)
        await session.add_console("sh", "process,id=sh.guest,command=cat")
        path = unix_path(tmp_path, "s0.sock")
        await session.add_backend("sh", f"socket,id=s0,path={path},server=on,wait=off")
        await session.add_backend("sh", "null,id=n0")
        await eventually(lambda: session.consoles and len(session.consoles[0].backends) == 2)
        ids = [chardev.id for chardev in session.loose]
        assert ids == []
        await session.detach_backend("s0")
        await eventually(lambda: session.loose)
        assert [chardev.id for chardev in session.loose] == ["s0"]
        assert path in session.loose[0].filename
        await session.adopt_backend("sh", "s0")
        await eventually(lambda: not session.loose)
        assert [backend.id for backend in session.consoles[0].backends] == ["n0", "s0"]
        with pytest.raises(CommandError, match="'s0' is already in use"):
            await session.adopt_backend("sh", "s0")


async def test_a_refusal_comes_with_the_daemons_words(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, session_on(daemon.path) as session:
        await eventually(lambda: session.link.link is Link.LIVE)
        with pytest.raises(CommandError, match="no device path given"):
            await session.add_console("x", "serial,id=x.guest")


async def test_a_guest_without_a_break_is_refused_one_by_name(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, session_on(daemon.path) as session:
        await eventually(lambda: session.link.link is Link.LIVE)
        await session.add_console("sh", "null,id=sh.guest")
        session.show("sh")
        with pytest.raises(CommandError, match=r"'sh\.guest' \(null\) has no break to send"):
            await session.send_break()


async def test_what_a_mux_says_to_this_view_is_told_once(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        await add(daemon, "vm1")
        async with session_on(daemon.path, "vm1") as session:
            await eventually(lambda: session.link.link is Link.LIVE)
            await session.add_backend("vm1", "ringbuf,id=m,mux=on")
            session.show("m")
            await eventually(lambda: session.view_id.startswith("m."))
            assert session.send(b"\x01h")
            said = await eventually(session.take_notices)
            assert "C-a h    print this help" in said[0].split("\n")
            assert session.take_notices() == []


async def test_the_guest_is_told_the_views_size(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        await add(daemon, "vm1")
        async with session_on(daemon.path, "vm1") as session:
            session.resize(30, 100)
            await eventually(lambda: session.status and session.status.size == Size(30, 100))
            session.resize(31, 101)
            await eventually(lambda: session.status and session.status.size == Size(31, 101))


async def test_another_console_takes_the_place_of_the_first(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        await add(daemon, "a")
        await add(daemon, "b")
        async with session_on(daemon.path, "a") as session:
            await output(session, b"ready")
            session.show("b")
            items = await output(session, b"ready")
            assert [item.console for item in items if isinstance(item, Attached)] == ["b"]
            await eventually(lambda: not daemon.consoles["a"].backends)


async def test_a_daemon_that_ends_is_noticed_and_found_again(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        await add(daemon, "vm1")
        path = daemon.path
        session = DaemonSession(path, "vm1")
        await session.start()
        await output(session, b"ready")
        await eventually(lambda: session.link.link is Link.LIVE)
    try:
        await eventually(lambda: session.link.link is Link.LOST)
        assert session.link.reason
        assert session.link.retry_at is not None
        assert not session.send(b"x")
        with pytest.raises(DaemonError):
            await session.send_break()
        again = Daemon(path)
        await again.start()
        try:
            await add(again, "vm1")
            items = await output(session, b"ready")
            assert any(isinstance(item, Attached) for item in items)
            await eventually(lambda: session.link.link is Link.LIVE)
        finally:
            await again.aclose()
    finally:
        await session.close()


async def test_a_view_that_takes_nothing_holds_a_bounded_amount_and_gets_a_gap(
    tmp_path: Path,
) -> None:
    flood = "process,command=stty raw -echo; echo ready; read x; head -c 8000000 /dev/zero; cat"
    async with running(tmp_path) as daemon:
        await add(daemon, "vm1", flood)
        async with session_on(daemon.path, "vm1") as session:
            await output(session, b"ready")
            history = daemon.consoles["vm1"].history
            session.send(b"\n")
            await eventually(lambda: history.end > 8_000_000, 30)
            assert session._stream._held <= BUFFER + MARGIN
            items: list[Item] = []

            def caught_up() -> bool:
                items.extend(taken(session))
                last = items[-1] if items else None
                return isinstance(last, Output) and last.offset + len(last.data) == history.end

            await eventually(caught_up)
            lost = sum(item.end - item.start for item in items if isinstance(item, Gap))
            got = sum(len(item.data) for item in items if isinstance(item, Output))
            assert lost > 0
            assert lost + got == history.end - len(b"ready\n")


async def test_only_a_tail_of_a_long_history_is_replayed(tmp_path: Path) -> None:
    long = "process,command=stty raw -echo; head -c 600000 /dev/zero; echo ready; cat"
    async with running(tmp_path) as daemon:
        await add(daemon, "vm1", long)
        await eventually(lambda: daemon.consoles["vm1"].history.end == 600_006)
        async with session_on(daemon.path, "vm1") as session:
            attached, *_ = await output(session, b"ready")
            assert isinstance(attached, Attached)
            assert (attached.offset, attached.end) == (600_006 - REPLAY, 600_006)


async def test_a_console_that_is_not_there_is_a_problem_said(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, session_on(daemon.path, "nowhere") as session:
        await eventually(lambda: "nowhere" in session.view_problem)
        assert session.view_id == ""


async def test_without_a_daemon_the_session_says_so_and_keeps_trying(tmp_path: Path) -> None:
    async with session_on(unix_path(tmp_path, "control.sock")) as session:
        await eventually(lambda: session.link.link is Link.LOST)
        assert "no daemon answers" in session.link.reason
