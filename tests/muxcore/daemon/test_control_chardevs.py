"""chardev-add and its kin over the control socket, in QEMU's words."""

import base64
import os
import stat

import pytest

from tests.muxcore.daemons import Json, Raw, backend

pytestmark = pytest.mark.usefixtures("task_factory")


# chardev-add and its kin.


async def test_a_loose_chardev_is_made_shown_and_removed(client: Raw) -> None:
    assert await client.execute("chardev-add", id="n0", backend=backend("null")) == {}
    assert await client.execute("query-chardev") == [
        {"label": "n0", "filename": "null", "frontend-open": False}
    ]
    assert await client.execute("chardev-remove", id="n0") == {}
    assert await client.execute("query-chardev") == []
    assert await client.execute("chardev-remove", id="n0") == "Chardev 'n0' not found"


async def test_a_pty_is_told_by_its_device(client: Raw) -> None:
    result = await client.execute("chardev-add", id="p0", backend=backend("pty"))
    assert stat.S_ISCHR(os.stat(result["pty"]).st_mode)


async def test_an_id_is_taken_whatever_bears_it(client: Raw) -> None:
    await client.execute("chardev-add", id="n0", backend=backend("null"))
    await client.execute(
        "mux-add-console", console="vm1", guest="null,id=g0", backends=["null,id=b0"]
    )
    for id in ("n0", "vm1", "g0", "b0"):
        error = await client.execute("chardev-add", id=id, backend=backend("null"))
        assert error == f"Chardev with id '{id}' already exists"
    assert await client.execute("mux-add-console", console="vm1") == (
        "Console 'vm1' already exists"
    )
    assert await client.execute("mux-add-console", console="vm2", backends=["null,id=n0"]) == (
        "Chardev with id 'n0' already exists"
    )
    assert len(await client.execute("mux-query-consoles")) == 1


async def test_a_chardev_that_cannot_be_opened_is_an_error_and_is_gone(client: Raw) -> None:
    data = {"out": "/nonexistent/f"}
    error = await client.execute("chardev-add", id="f2", backend=backend("file", **data))
    assert error.startswith("Failed to add chardev 'f2': ")
    assert "No such file or directory" in error
    assert await client.execute("query-chardev") == []


async def test_a_daemon_has_no_terminal_for_stdio(client: Raw) -> None:
    reason = "cannot use stdio with -daemonize: the daemon has no terminal"
    assert await client.execute("chardev-add", id="st", backend=backend("stdio")) == (
        f"Failed to add chardev 'st': {reason}"
    )
    assert await client.execute("mux-add-console", console="vm1", backends=["stdio"]) == reason
    assert await client.execute("mux-query-consoles") == []
    assert await client.execute("query-chardev") == []


async def test_a_hub_of_loose_chardevs_is_a_console_without_a_guest(client: Raw) -> None:
    for id in ("r1", "r2"):
        await client.execute("chardev-add", id=id, backend=backend("ringbuf"))
    members = backend("hub", chardevs=["r1", "r2"])
    assert await client.execute("chardev-add", id="h1", backend=members) == {}
    (console,) = await client.execute("mux-query-consoles")
    assert console["name"] == "h1"
    assert console["guest"] is None
    assert [backend["id"] for backend in console["backends"]] == ["r1", "r2"]
    chardevs = await client.execute("query-chardev")
    assert {"label": "h1", "filename": "hub", "frontend-open": False} in chardevs
    assert await client.execute("chardev-remove", id="r1") == "Chardev 'r1' is busy"
    assert await client.execute("mux-set-guest", console="h1", guest="null") == {}
    assert await client.execute("chardev-remove", id="h1") == "Chardev 'h1' is busy"
    assert await client.execute("mux-set-guest", console="h1", guest=None) == {}
    assert await client.execute("chardev-remove", id="h1") == {}
    assert await client.execute("chardev-remove", id="r1") == {}


async def test_what_a_hub_cannot_be_made_of_is_told_in_qemus_words(client: Raw) -> None:
    for id in ("n1", "n2"):
        await client.execute("chardev-add", id=id, backend=backend("null"))
    await client.execute("chardev-add", id="h1", backend=backend("hub", chardevs=["n1"]))
    for members, why in (
        ([], "hub: 'chardevs' list is not defined"),
        (["nope"], "hub: chardev can't be found by id 'nope'"),
        (["n1"], "chardev 'n1' is already in use"),
        (["n2", "n2"], "chardev 'n2' is already in use"),
    ):
        error = await client.execute(
            "chardev-add", id="h2", backend=backend("hub", chardevs=members)
        )
        assert error == f"Failed to add chardev 'h2': {why}"
    assert await client.execute("chardev-remove", id="n2") == {}


async def test_a_break_for_what_has_none_is_an_error(client: Raw) -> None:
    await client.execute("mux-add-console", console="vm1", guest="null,id=g0")
    for command, arguments in (
        ("chardev-send-break", {"id": "g0"}),
        ("chardev-send-break", {"id": "vm1"}),
        ("mux-send-break", {"console": "vm1"}),
    ):
        error = await client.execute(command, **arguments)
        assert error == "chardev 'g0' (null) has no break to send"
    assert await client.execute("chardev-send-break", id="x") == "Chardev 'x' not found"


async def test_a_ringbuf_is_read_and_written_as_qemus(client: Raw) -> None:
    await client.execute("chardev-add", id="rb", backend=backend("ringbuf"))
    await client.execute("chardev-add", id="n0", backend=backend("null"))

    async def write(data: str, **more: str) -> Json:
        return await client.execute("ringbuf-write", device="rb", data=data, **more)

    async def read(size: Json, device: str = "rb", **more: str) -> Json:
        return await client.execute("ringbuf-read", device=device, size=size, **more)

    assert await write("é hello\n") == {}
    assert await read(3) == "é "
    assert await read(100) == "hello\n"
    assert await write(base64.b64encode(b"\xe4\xb8\xad").decode(), format="base64") == {}
    assert await read(2) == "\ufffd"
    assert await read(2, format="base64") == base64.b64encode(b"\xad").decode()
    assert await write("***", format="base64") == "Base64 data contains invalid characters"
    assert await read(0) == "size must be greater than zero"
    assert await read(1, "nope") == "Device 'nope' not found"
    assert await read(1, "n0") == "n0 is not a ringbuf device"
