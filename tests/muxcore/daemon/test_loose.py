"""chardev-change, and the events of what is open."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from muxcore.daemon.daemon import Daemon
from muxcore.options.grammar import parse_chardev
from muxcore.options.qmp import to_qmp
from muxcore.options.sets import CONFIGURABLE
from tests.muxcore.daemons import Json, Raw, backend
from tests.support import eventually, raw_pty, unix_path

pytestmark = pytest.mark.usefixtures("task_factory")


def _server(path: str) -> dict[str, Json]:
    return backend("socket", addr={"type": "unix", "path": path})


async def change(client: Raw, id: str, backend: Json) -> Json:
    return await client.execute("chardev-change", id=id, backend=backend)


async def test_a_loose_chardev_is_swapped_and_keeps_its_id(
    client: Raw, daemon: Daemon, tmp_path: Path
) -> None:
    await client.execute("chardev-add", id="c0", backend=_server(unix_path(tmp_path, "s")))
    result = await change(client, "c0", backend("pty"))
    assert os.path.exists(result["pty"])
    assert not (tmp_path / "s").exists()
    assert [item["filename"] for item in await client.execute("query-chardev")] == [
        f"pty:{result['pty']}"
    ]
    assert list(daemon.loose) == ["c0"]


@pytest.mark.parametrize("tcp", [False, True])
async def test_clients_that_left_a_loose_socket_are_forgotten(
    client: Raw, daemon: Daemon, tmp_path: Path, tcp: bool
) -> None:
    path = unix_path(tmp_path, "s")
    address = {"type": "inet", "host": "127.0.0.1", "port": "0"} if tcp else _server(path)["data"]
    data = {"addr": address} if tcp else address
    await client.execute("chardev-add", id="c0", backend={"type": "socket", "data": data})
    chardev = daemon.loose["c0"]
    for number in range(20):
        with socket.socket(socket.AF_INET if tcp else socket.AF_UNIX) as caller:
            host, _, port = chardev.address.rpartition(":")
            caller.connect((host, int(port)) if tcp else path)
            await eventually(lambda: chardev.streams)
            # The one before this one is gone.
            await eventually(lambda: len(chardev.streams) == 1, what=str(number))
            shown = (await client.execute("query-chardev"))[0]["filename"]
            assert not shown.startswith("disconnected:")
    shown = (await client.execute("query-chardev"))[0]["filename"]
    assert shown.startswith("disconnected:")
    assert not chardev.streams


async def test_a_backend_is_swapped_under_a_running_console(
    client: Raw, daemon: Daemon, tmp_path: Path
) -> None:
    first, second = unix_path(tmp_path, "a"), unix_path(tmp_path, "b")
    await client.execute(
        "mux-add-console",
        console="vm1",
        guest="process,command=cat",
        backends=[f"socket,id=s0,path={first},server=on,wait=off", "null,id=n0"],
    )
    reader, writer = await asyncio.open_unix_connection(first)
    writer.write(b"one\n")
    assert await reader.readuntil(b"one\r\n")
    assert await change(client, "s0", _server(second)) == {}
    async with asyncio.timeout(5):
        await reader.read()
    writer.close()
    reader, writer = await asyncio.open_unix_connection(second)
    writer.write(b"two\n")
    assert await reader.readuntil(b"two\r\n")
    writer.close()
    assert set(daemon.consoles["vm1"].backends) == {"s0", "n0"}
    assert not os.path.exists(first)


async def test_within_a_flood_one_file_ends_and_another_begins(client: Raw, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    await client.execute(
        "mux-add-console",
        console="vm1",
        guest="process,command=yes",
        backends=[f"file,id=f0,path={old}"],
    )
    await eventually(lambda: old.stat().st_size > 100_000)
    assert await change(client, "f0", backend("file", out=str(new))) == {}
    size = old.stat().st_size
    await eventually(lambda: new.stat().st_size > 100_000)
    assert old.stat().st_size == size
    assert set(old.read_bytes()) == set(b"y\r\n")


async def test_a_guest_is_swapped_too(client: Raw) -> None:
    await client.execute("mux-add-console", console="vm1", guest="null,id=g0")
    assert "pty" in await change(client, "g0", backend("pty"))
    (console,) = await client.execute("mux-query-consoles")
    assert (console["guest"]["id"], console["guest"]["type"]) == ("g0", "pty")


async def test_one_that_cannot_be_had_leaves_the_old_one(client: Raw, daemon: Daemon) -> None:
    why = "Could not open '/nonexistent/x': No such file or directory"
    bad = backend("file", out="/nonexistent/x")
    await client.execute("chardev-add", id="c0", backend=backend("null"))
    await client.execute("mux-add-console", console="vm1", backends=["null,id=b0"])
    for id in ("c0", "b0"):
        assert await change(client, id, bad) == why
    assert daemon.loose["c0"].state == "open"
    assert daemon.consoles["vm1"].backends["b0"].state == "open"


async def test_what_cannot_be_swapped_is_told_in_qemus_words(client: Raw, tmp_path: Path) -> None:
    log = tmp_path / "log"
    await client.execute("mux-add-console", console="vm1", backends=[f"null,id=b0,logfile={log}"])
    hub = backend("hub", chardevs=["b0"])
    hub_or_mux = "For mux or hub device hotswap is not supported yet"
    for id, new, why in (
        ("nope", backend("null"), "Chardev 'nope' does not exist"),
        ("vm1", backend("null"), hub_or_mux),
        ("b0", hub, hub_or_mux),
    ):
        assert await change(client, id, new) == why
    assert await change(client, "b0/log", backend("null")) == (
        "Parameter 'id' expects an identifier"
    )
    assert await client.execute("chardev-change", id="b0") == "Parameter 'backend' is missing"


async def test_a_log_is_swapped_with_its_chardev(
    client: Raw, daemon: Daemon, tmp_path: Path
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    await client.execute("mux-add-console", console="vm1", backends=[f"null,id=b0,logfile={old}"])
    assert await change(client, "b0", backend("null", logfile=str(new))) == {}
    assert set(daemon.consoles["vm1"].backends) == {"b0", "b0/log"}
    assert daemon.consoles["vm1"].backends["b0/log"].address == str(new)


async def events(client: Raw, *names: str) -> list[tuple[str, Json]]:
    """The events of these names that came before the answer to a command."""
    await client.execute("query-version")
    kept, client.events = client.events, []
    return [(event["event"], event["data"]) for event in kept if event["event"] in names]


async def test_a_guest_that_comes_and_goes_is_told_as_qemu_tells_it(client: Raw) -> None:
    await client.execute("mux-add-console", console="vm1", guest="null,id=g0")
    assert await events(client, "VSERPORT_CHANGE") == [
        ("VSERPORT_CHANGE", {"id": "g0", "open": True})
    ]
    await client.execute("mux-set-guest", console="vm1", guest=None)
    assert await events(client, "VSERPORT_CHANGE") == [
        ("VSERPORT_CHANGE", {"id": "g0", "open": False})
    ]
    await client.execute("mux-set-guest", console="vm1", guest="process,id=g1,command=true")
    assert await client.event("VSERPORT_CHANGE") == {"id": "g1", "open": True}
    assert await client.event("VSERPORT_CHANGE") == {"id": "g1", "open": False}


async def test_a_hub_is_open_while_any_member_is(
    client: Raw, daemon: Daemon, tmp_path: Path
) -> None:
    opened, closed = "MUX_CHARDEV_OPENED", "MUX_CHARDEV_CLOSED"
    path = unix_path(tmp_path, "s")
    await client.execute("chardev-add", id="s0", backend=_server(path))
    await client.execute("chardev-add", id="h0", backend=backend("hub", chardevs=["s0"]))
    assert await events(client, opened, closed) == []
    writers = []
    for _ in range(2):
        _, writer = await asyncio.open_unix_connection(path)
        writers.append(writer)
        await eventually(lambda: len(daemon.consoles["h0"].peers) == len(writers))
    assert await events(client, opened, closed) == [
        (opened, {"console": "h0", "id": "h0"}),
        (opened, {"console": "h0", "id": "s0"}),
    ]
    for writer in writers:
        writer.close()
    await eventually(lambda: not daemon.consoles["h0"].peers)
    assert await events(client, opened, closed) == [
        (closed, {"console": "h0", "id": "h0"}),
        (closed, {"console": "h0", "id": "s0"}),
    ]


async def test_a_member_that_was_open_before_counts(client: Raw) -> None:
    await client.execute("chardev-add", id="n0", backend=backend("null"))
    await client.execute("chardev-add", id="h0", backend=backend("hub", chardevs=["n0"]))
    assert [data["id"] for _, data in await events(client, "MUX_CHARDEV_OPENED")] == ["h0", "n0"]
    await client.execute("chardev-remove", id="h0")
    assert [data["id"] for _, data in await events(client, "MUX_CHARDEV_CLOSED")] == ["h0", "n0"]


MEMBERS = {
    "file": "file,path={0}/f",
    "null": "null",
    "pipe": "pipe,path={0}/p",
    "process": "process,command=cat",
    "pty": "pty,path={0}/pty",
    "ringbuf": "ringbuf",
    "serial": "serial,path={1}",
    "socket": "socket,path={0}/s,server=on,wait=off",
    "udp": "udp,host=127.0.0.1,port=9",
    "vc": "vc",
    "hub": "hub,chardevs.0=below",
    "mux": "mux,chardev=below",
}
"""Every type of backend; {0} is a directory, {1} a terminal's name."""


def _opened(id: str, directory: Path, keep: contextlib.ExitStack) -> None:
    """Be the far end of those that have one."""
    if id == "pty":
        device = os.open(directory / "pty", os.O_RDWR | os.O_NOCTTY)
        keep.callback(os.close, device)
    elif id == "socket":
        caller = keep.enter_context(socket.socket(socket.AF_UNIX))
        caller.connect(str(directory / "s"))


@pytest.mark.parametrize("type", sorted(MEMBERS))
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_a_hub_is_open_while_a_member_of_any_type_is(
    client: Raw, daemon: Daemon, tmp_path: Path, type: str, before: bool
) -> None:
    """A member that was open before it came to the hub counts, which in QEMU it does not."""
    unix_path(tmp_path, "s")
    os.mkfifo(tmp_path / "p")
    with contextlib.ExitStack() as keep, raw_pty() as (_, slave):
        await client.execute("chardev-add", id="below", backend=backend("null"))
        text = MEMBERS[type].format(tmp_path, os.ttyname(slave))
        added = to_qmp(replace(parse_chardev(text), id="m"))
        assert isinstance(await client.execute("chardev-add", **added), dict)
        if before:
            _opened(type, tmp_path, keep)
            if type in ("pty", "socket"):
                await eventually(lambda: daemon.loose["m"].streams)
        await events(client)
        await client.execute("chardev-add", id="h", backend=backend("hub", chardevs=["m"]))
        if not before:
            _opened(type, tmp_path, keep)
        await eventually(lambda: daemon.consoles["h"].peers)
        told = [data["id"] for _, data in await events(client, "MUX_CHARDEV_OPENED")]
        assert [id for id in told if id in ("h", "m", "h.m")] in (["h", "m"], ["h", "h.m"])
        await client.execute("chardev-remove", id="h")
        told = [data["id"] for _, data in await events(client, "MUX_CHARDEV_CLOSED")]
        assert "h" in told


def test_every_type_is_tried() -> None:
    # A link leads to a hub or a mux; a daemon has no terminal for stdio.
    assert MEMBERS.keys() == CONFIGURABLE.keys() - {"link", "stdio"}
