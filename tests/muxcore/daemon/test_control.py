from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from muxcore.daemon import control
from muxcore.daemon.commands import COMMANDS, Call, Command
from muxcore.daemon.daemon import Daemon
from tests.muxcore.daemons import SLOW, Json, Raw, backend, print_from, raw_client
from tests.support import eventually, open_fds

PACKAGES = Path(sys.executable).parent

pytestmark = pytest.mark.usefixtures("task_factory")


# Negotiation and requests; the texts are those QEMU 10.0.2 gave.


async def test_nothing_is_done_before_negotiation(daemon: Daemon) -> None:
    async with raw_client(daemon.path, negotiate=False) as client:
        client.send(b'{"execute":"query-version"}')
        assert (await client.reply())["error"] == {
            "class": "CommandNotFound",
            "desc": "Expecting capabilities negotiation with 'qmp_capabilities'",
        }
        assert await client.execute("qmp_capabilities", enable=["nonsense"]) == (
            "Parameter 'null' does not accept value 'nonsense'"
        )
        assert await client.execute("qmp_capabilities") == {}
        client.send(b'{"execute":"qmp_capabilities"}')
        assert (await client.reply())["error"] == {
            "class": "CommandNotFound",
            "desc": "Capabilities negotiation is already complete, command ignored",
        }


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ({"execute": "no-such", "id": 5}, "The command no-such has not been found"),
        ({"execute": "query-version", "arguments": {"b": 1}}, "Parameter 'b' is unexpected"),
        ({"execute": "chardev-remove"}, "Parameter 'id' is missing"),
        (
            {"execute": "chardev-remove", "arguments": {"id": 5}},
            "Invalid parameter type for 'id', expected: string",
        ),
        (
            {"execute": "ringbuf-read", "arguments": {"device": "r", "size": True}},
            "Invalid parameter type for 'size', expected: integer",
        ),
        (
            {"execute": "ringbuf-read", "arguments": {"device": "r", "size": 1, "format": "hex"}},
            "Parameter 'format' does not accept value 'hex'",
        ),
        ([], "QMP input must be a JSON object"),
    ],
)
async def test_a_wrong_request_is_refused_in_qemus_words(
    client: Raw, sent: Json, error: str
) -> None:
    client.send(json.dumps(sent).encode())
    reply = await client.reply()
    assert reply["error"]["desc"] == error
    assert reply.get("id") == (sent.get("id") if isinstance(sent, dict) else None)


async def test_bad_json_is_told_and_the_connection_goes_on(client: Raw) -> None:
    client.send(b'{"a": ]\n')
    assert (await client.reply())["error"]["desc"] == "JSON parse error, expecting value"
    assert await client.execute("query-version")


async def test_commands_run_in_order_whatever_lies_between_them(client: Raw) -> None:
    client.send(b'{"execute":"query-version","id":1}{"execute":"nope","id":2} ')
    client.send(b'{"execute":"query-commands","id":{"a":[3]}}')
    assert [(await client.reply())["id"] for _ in range(3)] == [1, 2, {"a": [3]}]


async def test_query_commands_lists_every_command(client: Raw) -> None:
    names = {item["name"] for item in await client.execute("query-commands")}
    assert names == set(COMMANDS)
    assert {"qmp_capabilities", "quit", "mux-attach", "ringbuf-read"} <= names


async def test_query_version_has_qemus_shape(client: Raw) -> None:
    version = await client.execute("query-version")
    assert set(version["qemu"]) == {"major", "minor", "micro"}
    assert version["package"].startswith("muxtui ")


async def test_a_slow_command_holds_only_its_own_client(
    daemon: Daemon, client: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = asyncio.Event()

    async def slow(_: Call) -> Json:
        await release.wait()
        return "slow"

    monkeypatch.setitem(COMMANDS, "slow", Command(slow))
    client.send(b'{"execute":"slow"}{"execute":"query-version"}')
    async with raw_client(daemon.path) as other:
        assert await other.execute("query-version")
    release.set()
    assert (await client.reply())["return"] == "slow"
    assert "qemu" in (await client.reply())["return"]


async def test_a_command_that_fails_by_a_mistake_of_ours_ends_nothing(
    client: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: Call) -> Json:
        raise ValueError("oops")

    monkeypatch.setitem(COMMANDS, "broken", Command(broken))
    assert await client.execute("broken") == "internal error: ValueError('oops')"
    assert await client.execute("query-version")


async def test_a_client_that_never_reads_is_closed_and_others_are_not(
    daemon: Daemon, client: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "MAX_WAITING", 4096)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(daemon.path)
        silent.setblocking(False)
        silent.send(b'{"execute":"qmp_capabilities"}')
        assert daemon._server is not None
        connections = daemon._server._connections
        await eventually(lambda: sum(c.negotiated for c in connections) == 2)
        while len(connections) == 2:
            daemon._broadcast("FLOOD", {"data": "x" * 4000})
            await asyncio.sleep(0)
            client.events.clear()
            while (await client.line())["event"] != "FLOOD":
                pass
        assert await client.execute("query-version")


async def test_a_client_that_leaves_in_the_middle_of_a_command_is_forgotten(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = asyncio.Event()
    done = []

    async def slow(_: Call) -> Json:
        await release.wait()
        done.append(1)
        return {}

    monkeypatch.setitem(COMMANDS, "slow", Command(slow))
    async with raw_client(daemon.path) as client:
        client.send(b'{"execute":"slow"}')
        await client.writer.drain()
    release.set()
    await eventually(lambda: done)
    assert daemon._server is not None
    await eventually(lambda: not (daemon._server and daemon._server._connections))


async def test_events_reach_every_negotiated_client_with_their_time(
    daemon: Daemon, client: Raw
) -> None:
    async with raw_client(daemon.path) as other, raw_client(daemon.path, negotiate=False) as deaf:
        await client.execute("mux-add-console", console="vm1")
        event = await other.line()
        assert event["event"] == "MUX_CONSOLE_ADDED"
        assert event["data"] == {"console": "vm1"}
        assert set(event["timestamp"]) == {"seconds", "microseconds"}
        assert await client.event("MUX_CONSOLE_ADDED") == {"console": "vm1"}
        assert await deaf.execute("qmp_capabilities") == {}
        assert not deaf.events


# Consoles.


async def test_a_console_is_made_with_names_for_what_has_none(client: Raw) -> None:
    await client.execute(
        "mux-add-console",
        console="vm1",
        guest="null",
        backends=["null", {"backend": backend("null")}],
    )
    (console,) = await client.execute("mux-query-consoles", console="vm1")
    assert console["guest"]["id"] == "vm1.guest"
    assert [item["id"] for item in console["backends"]] == ["vm1.null0", "vm1.null1"]
    assert await client.execute("mux-remove-console", console="vm1") == {}
    assert await client.execute("mux-query-consoles") == []
    client.send(b'{"execute":"mux-query-consoles","arguments":{"console":"vm1"}}')
    assert (await client.reply())["error"] == {
        "class": "DeviceNotFound",
        "desc": "Console 'vm1' not found",
    }


async def test_every_mistake_in_a_console_is_told_at_once(client: Raw) -> None:
    error = await client.execute(
        "mux-add-console", console="vm1", guest="foo", settings={"history": "7", "bogus": "x"}
    )
    for words in ("'foo' is not a valid char driver name", "history", "bogus"):
        assert words in error
    assert await client.execute("mux-query-consoles") == []


async def test_a_process_gets_the_asking_clients_directory_and_environment(
    daemon: Daemon, client: Raw, tmp_path: Path
) -> None:
    await client.execute(
        "mux-add-console",
        console="vm1",
        guest='process,command=pwd; echo "$COLOUR"',
        cwd=str(tmp_path),
        environment={"COLOUR": "blue", "PATH": os.environ["PATH"]},
    )
    history = daemon.consoles["vm1"].history
    await eventually(lambda: b"blue" in history.read(0, 4096))
    assert history.read(0, 4096) == f"{tmp_path}\r\nblue\r\n".encode()


async def test_backends_come_go_and_change(client: Raw) -> None:
    await client.execute("mux-add-console", console="vm1")
    added = await client.execute("mux-add-backend", console="vm1", chardev="ringbuf")
    assert added == {"id": "vm1.ringbuf0"}
    assert await client.execute("mux-set-backend", id="vm1.ringbuf0", paused=True) == {}
    (console,) = await client.execute("mux-query-consoles")
    assert console["backends"][0]["paused"]
    assert await client.execute("mux-detach-backend", id="vm1.ringbuf0") == {}
    assert await client.execute("mux-detach-backend", id="vm1.ringbuf0") == (
        "Chardev 'vm1.ringbuf0' not found"
    )
    adopted = await client.execute("mux-add-backend", console="vm1", id="vm1.ringbuf0")
    assert adopted == {"id": "vm1.ringbuf0"}
    assert await client.execute("mux-remove-backend", id="vm1.ringbuf0") == {}
    assert await client.execute("query-chardev") == [
        {"label": "vm1", "filename": "hub", "frontend-open": False}
    ]
    assert await client.execute("mux-add-backend", console="vm1") == (
        "exactly one of 'chardev' and 'id' is needed"
    )


async def test_history_is_read_in_parts_and_with_its_times(daemon: Daemon, client: Raw) -> None:
    await client.execute("mux-add-console", console="vm1")
    print_from(daemon, "vm1", b"0123456789")
    part = await client.execute("mux-read-history", console="vm1", offset=2, size=3)
    assert part == {
        "start": 0,
        "end": 10,
        "offset": 2,
        "data": base64.b64encode(b"234").decode(),
        "times": [[0, 1.0]],
    }
    part = await client.execute("mux-read-history", console="vm1", offset=99, format="utf8")
    assert (part["offset"], part["data"]) == (10, "")
    assert await client.execute("mux-read-history", console="vm1", size=1 << 20) == (
        "Parameter 'size' expects a number from 1 to 65536"
    )


async def test_the_options_of_every_type_are_described(client: Raw) -> None:
    options = await client.execute("mux-query-chardev-options")
    assert "path" in [item["name"] for item in options["socket"]]


# Programs that others wrote.


@pytest.mark.skipif(not (PACKAGES / "qmp-shell").exists(), reason="needs qmp-shell of qemu.qmp")
async def test_qmp_shell_drives_the_daemon(daemon: Daemon) -> None:
    process = await asyncio.create_subprocess_exec(
        PACKAGES / "qmp-shell",
        daemon.path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    typed = (
        b'chardev-add id=n0 backend={"type":"null","data":{}}\nquery-chardev\nchardev-remove id=x\n'
    )
    try:
        async with asyncio.timeout(SLOW):
            output = (await process.communicate(typed))[0].decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert "Connected to QEMU" in output
    assert '"label": "n0"' in output
    assert "Chardev 'x' not found" in output
    assert "n0" in daemon.loose


@pytest.mark.skipif(not (PACKAGES / "qmp-tui").exists(), reason="needs qmp-tui of qemu.qmp")
async def test_qmp_tui_connects(daemon: Daemon) -> None:
    master, slave = os.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            PACKAGES / "qmp-tui", daemon.path, stdin=slave, stdout=slave, stderr=slave
        )
        assert daemon._server is not None
        connections = daemon._server._connections
        try:
            await eventually(lambda: any(c.negotiated for c in connections), 20)
        finally:
            process.kill()
            await process.wait()
    finally:
        os.close(master)
        os.close(slave)


async def test_a_probe_that_leaves_at_once_costs_nothing(daemon: Daemon) -> None:
    before = open_fds()
    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(daemon.path)
    async with raw_client(daemon.path):
        assert daemon._server is not None
    assert daemon._server is not None
    await eventually(lambda: not (daemon._server and daemon._server._connections))
    assert open_fds() == before
