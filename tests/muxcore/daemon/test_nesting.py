"""Hubs, muxes and links over the control socket, and out of a configuration file."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from muxcore.console.mux import TERMINATED
from muxcore.console.mux_keys import help_text
from tests.muxcore.daemons import Raw, raw_client, running
from tests.support import connect_unix, eventually

CAT = "process,command=stty raw -echo; printf up; exec cat"


def server(path: Path, **options: str) -> str:
    """A socket chardev that serves on `path`."""
    more = "".join(f",{name}={value}" for name, value in options.items())
    return f"socket,path={path},server=on,wait=off{more}"


def ringbuf(**data: object) -> dict[str, Any]:
    return {"type": "ringbuf", "data": data}


class User:
    """Somebody at a socket; what comes is kept in `got`."""

    def __init__(self, path: Path) -> None:
        self.socket = connect_unix(path)
        self.socket.setblocking(False)
        self.got = b""

    async def until(self, text: bytes) -> None:
        """Read until `text` has come."""
        await eventually(lambda: text in self._read(), what=f"{text!r}")

    def send(self, data: bytes) -> None:
        self.socket.send(data)

    def close(self) -> None:
        self.socket.close()

    def _read(self) -> bytes:
        try:
            while data := self.socket.recv(1 << 16):
                self.got += data
        except BlockingIOError:
            pass
        return self.got


async def shown(client: Raw, name: str) -> dict[str, Any]:
    """A console as mux-query-consoles shows it."""
    (console,) = await client.execute("mux-query-consoles", console=name)
    return dict(console)


async def until_up(client: Raw, *consoles: str) -> None:
    """Wait until the guests are ready to be typed to."""
    for name in consoles:
        while "up" not in (await shown_text(client, name)):
            pass


async def shown_text(client: Raw, name: str) -> str:
    """What a console's guest printed."""
    reply = await client.execute("mux-read-history", console=name, format="utf8")
    return str(reply["data"])


async def names(client: Raw) -> list[str]:
    return [console["name"] for console in await client.execute("mux-query-consoles")]


async def test_two_consoles_share_a_socket_and_ctrl_a_c_goes_from_one_to_the_other(
    client: Raw, tmp_path: Path
) -> None:
    mux = server(tmp_path / "both", id="mux0", mux="on")
    added = await client.execute("mux-add-console", console="vm1", guest=CAT, backends=[mux])
    assert added == {"console": "vm1"}
    await client.execute("mux-add-console", console="vm2", guest=CAT)
    reply = await client.execute("mux-add-backend", console="vm2", chardev="chardev:mux0")
    assert reply == {"id": "vm2.mux0"}
    await until_up(client, "vm1", "vm2")
    user, other = User(tmp_path / "both"), User(tmp_path / "both")
    user.send(b"one")
    await user.until(b"one")
    user.send(b"\x01c")
    focus = await client.event("MUX_FOCUS")
    assert focus == {"mux": "mux0", "console": "vm2", "by": "mux0-base/1"}
    user.send(b"two")
    await other.until(b"onetwo")
    assert await shown_text(client, "vm1") == "upone"
    assert await shown_text(client, "vm2") == "uptwo"
    user.close()
    other.close()


async def test_a_mux_is_shown_as_a_console_of_its_own(client: Raw, tmp_path: Path) -> None:
    mux = server(tmp_path / "both", id="mux0", mux="on")
    await client.execute("mux-add-console", console="vm1", guest="null", backends=[mux])
    console = await shown(client, "mux0")
    assert console["kind"] == "mux"
    assert console["mux"] == {
        "focus": "vm1",
        "frontends": ["vm1"],
        "escape": 1,
        "timestamps": False,
    }
    assert console["guest"]["id"] == "mux0.guest"
    assert console["guest"]["type"] == "mux"
    assert console["guest"]["address"] == "vm1"
    assert console["guest"]["state"] == "open"
    assert [backend["id"] for backend in console["backends"]] == ["mux0-base"]
    (link,) = (await shown(client, "vm1"))["backends"]
    assert (link["id"], link["type"], link["address"]) == ("vm1.mux0", "link", "mux0")
    labels = {item["label"]: item for item in await client.execute("query-chardev")}
    assert set(labels) == {"vm1", "vm1.guest", "mux0", "mux0-base"}
    assert labels["mux0"]["filename"] == "mux"


async def test_the_focus_is_set_by_a_command_too(client: Raw) -> None:
    await client.execute(
        "mux-add-console", console="vm1", guest="null", backends=["null,id=m,mux=on"]
    )
    await client.execute("mux-add-console", console="vm2", guest="null", backends=["chardev:m"])
    assert await client.execute("mux-set-focus", mux="m", console="vm2") == {}
    assert await client.event("MUX_FOCUS") == {"mux": "m", "console": "vm2"}
    assert await client.execute("mux-set-focus", mux="vm1", console="m") == "vm1 is not a mux"
    assert await client.execute("mux-set-focus", mux="m", console="x") == (
        "console 'x' is not on mux 'm'"
    )


async def test_ctrl_a_x_ends_the_focused_guest_when_it_is_confirmed(
    client: Raw, tmp_path: Path
) -> None:
    mux = server(tmp_path / "both", id="mux0", mux="on")
    await client.execute("mux-add-console", console="vm1", guest=CAT, backends=[mux])
    user = User(tmp_path / "both")
    user.send(b"\x01x")
    await user.until(b"end the guest of 'vm1'? (y/n) ")
    user.send(b"y")
    await user.until(TERMINATED)
    await client.event("MUX_GUEST_CHANGED")
    await eventually_guestless(client, "vm1")
    user.close()


async def eventually_guestless(client: Raw, name: str) -> None:
    while (await shown(client, name))["guest"] is not None:
        pass


async def test_qmp_makes_a_mux_of_a_chardev_that_is_there(client: Raw) -> None:
    await client.execute("chardev-add", id="r", backend=ringbuf())
    mux = {"type": "mux", "data": {"chardev": "r", "escape": 0x14}}
    assert await client.execute("chardev-add", id="m", backend=mux) == {}
    console = await shown(client, "m")
    assert [backend["id"] for backend in console["backends"]] == ["r"]
    assert (console["mux"]["escape"], console["mux"]["focus"]) == (0x14, None)
    await client.execute("mux-add-console", console="vm1", guest="null")
    assert await client.execute("mux-add-backend", console="vm1", id="m") == {"id": "vm1.m"}
    assert await client.execute("chardev-remove", id="m") == "Chardev 'm' is busy"
    assert await client.execute("mux-set-guest", console="m", guest="null") == (
        "Chardev 'm' is busy"
    )
    assert await client.execute("mux-detach-backend", id="vm1.m") == (
        "'vm1.m' is a link: it can be removed, not detached"
    )
    assert await client.execute("chardev-change", id="vm1.m", backend=ringbuf()) == (
        "Chardev user does not support chardev hotswap"
    )
    assert await client.execute("chardev-change", id="m", backend=ringbuf()) == (
        "For mux or hub device hotswap is not supported yet"
    )
    assert await client.execute("mux-remove-backend", id="vm1.m") == {}
    assert await client.execute("chardev-remove", id="m") == {}
    assert await client.execute("chardev-remove", id="r") == {}


async def test_qmp_makes_a_mux_of_a_new_chardev(client: Raw) -> None:
    assert await client.execute("chardev-add", id="m", backend=ringbuf(mux=True)) == {}
    assert [b["id"] for b in (await shown(client, "m"))["backends"]] == ["m-base"]
    assert await client.execute("chardev-remove", id="m-base") == "Chardev 'm-base' is busy"
    assert await client.execute("chardev-add", id="m-base", backend=ringbuf()) == (
        "Chardev with id 'm-base' already exists"
    )
    assert await client.execute("chardev-remove", id="m") == {}
    assert await client.execute("chardev-remove", id="m-base") == {}


async def test_what_a_mux_cannot_be_made_of_is_told_in_qemus_words(client: Raw) -> None:
    async def error(chardev: str) -> Any:  # noqa: ANN401 - JSON
        mux = {"type": "mux", "data": {"chardev": chardev}}
        return await client.execute("chardev-add", id="m", backend=mux)

    await client.execute("mux-add-console", console="vm1", guest="null", backends=["null,id=n"])
    failed = "Failed to add chardev 'm': "
    assert await error("x") == failed + "mux: base chardev x not found"
    assert await error("n") == failed + "chardev 'n' is already in use"
    assert await error("vm1") == failed + "chardev 'vm1' is already in use"
    assert await client.execute(
        "chardev-add", id="m", backend={"type": "link", "data": {"chardev": "vm1"}}
    ) == (failed + "a link is a backend of a console, see mux-add-backend")
    assert await client.execute("chardev-add", id="vm1", backend=ringbuf(mux=True)) == (
        "Chardev with id 'vm1' already exists"
    )
    file = {"type": "file", "data": {"out": "/nonexistent/x", "mux": True}}
    assert "Failed to add chardev 'm-base'" in await client.execute(
        "chardev-add", id="m", backend=file
    )
    assert await names(client) == ["vm1"]
    assert await client.execute("chardev-add", id="m", backend=ringbuf(mux=True)) == {}


async def test_a_hub_over_a_mux_and_a_mux_over_a_hub(client: Raw, tmp_path: Path) -> None:
    # The wish: a copy of a port's output while the keys go on working.
    for id in ("s", "t"):
        socket = {"addr": {"type": "unix", "data": {"path": str(tmp_path / id)}}}
        await client.execute("chardev-add", id=id, backend={"type": "socket", "data": socket})
    await client.execute("chardev-add", id="copy", backend=ringbuf())
    hub = {"type": "hub", "data": {"chardevs": ["s", "t"]}}
    assert await client.execute("chardev-add", id="hub0", backend=hub) == {}
    mux = {"type": "mux", "data": {"chardev": "hub0"}}
    assert await client.execute("chardev-add", id="mux0", backend=mux) == {}
    over = {"type": "hub", "data": {"chardevs": ["mux0", "copy"]}}
    assert await client.execute("chardev-add", id="hub1", backend=over) == {}
    for name, backend in (("vm1", "hub1"), ("vm2", "mux0")):
        await client.execute(
            "mux-add-console", console=name, guest=CAT, backends=[f"chardev:{backend}"]
        )
    await until_up(client, "vm1", "vm2")
    users = [User(tmp_path / "s"), User(tmp_path / "t")]
    users[0].send(b"\x01")
    users[1].send(b"xy")
    await users[0].until(b"xy")
    users[0].send(b"h")
    await users[0].until(help_text())
    users[0].send(b"\x01c")
    await users[0].until(b"[muxtui: vm2]")
    users[1].send(b"second")
    await users[1].until(b"second")
    assert help_text() not in users[1].got
    kept = await client.execute("ringbuf-read", device="copy", size=100)
    assert kept == "upxy"
    assert (await shown(client, "hub0"))["kind"] == "hub"
    for user in users:
        user.close()


async def test_cycles_are_refused_with_one_line(client: Raw) -> None:
    for name in "abc":
        await client.execute("mux-add-console", console=name)
    await client.execute("mux-add-backend", console="a", chardev="chardev:b")
    await client.execute("mux-add-backend", console="b", chardev="chardev:c")
    for console, target in (("c", "a"), ("b", "a"), ("a", "a")):
        error = await client.execute("mux-add-backend", console=console, id=target)
        circle = f"chardev '{target}' cannot be a backend of '{console}': it leads back to it"
        busy = f"chardev '{target}' is already in use"
        assert error in (circle, busy)
    assert await client.execute("mux-add-backend", console="c", chardev="chardev:a") == (
        "chardev 'a' cannot be a backend of 'c': it leads back to it"
    )
    mux = {"type": "mux", "data": {"chardev": "a"}}
    assert await client.execute("chardev-add", id="m", backend=mux) == {}
    assert await client.execute("mux-add-backend", console="c", chardev="chardev:m") == (
        "chardev 'm' cannot be a backend of 'c': it leads back to it"
    )


async def test_a_hub_has_one_guest(client: Raw) -> None:
    for name in ("a", "b", "h"):
        await client.execute("mux-add-console", console=name)
    await client.execute("mux-add-backend", console="a", chardev="chardev:h")
    assert await client.execute("mux-add-backend", console="b", chardev="chardev:h") == (
        "chardev 'h' is already in use"
    )
    assert await client.execute("mux-set-guest", console="h", guest="null") == "Chardev 'h' is busy"
    assert await client.execute("mux-add-backend", console="a", chardev="chardev:x") == (
        "Chardev 'x' not found"
    )
    assert await client.execute("mux-remove-backend", id="a.h") == {}
    assert (await shown(client, "h"))["guest"] is None
    assert await client.execute("mux-add-backend", console="b", chardev="chardev:h") == {
        "id": "b.h"
    }


async def test_chardev_colon_id_takes_a_loose_chardev_too(client: Raw) -> None:
    await client.execute("chardev-add", id="r", backend=ringbuf())
    await client.execute("mux-add-console", console="vm1", guest="null", backends=["chardev:r"])
    assert [b["id"] for b in (await shown(client, "vm1"))["backends"]] == ["r"]


async def test_a_console_that_cannot_have_its_backend_is_not_made(client: Raw) -> None:
    assert await client.execute(
        "mux-add-console", console="vm1", guest="null", backends=["chardev:nope"]
    ) == ("Chardev 'nope' not found")
    assert await names(client) == []
    added = await client.execute("mux-add-console", console="vm1", guest="null,id=vm1.guest")
    assert added == {"console": "vm1"}


async def test_a_console_that_cannot_have_its_guest_is_not_made_and_its_mux_is_not_left(
    client: Raw,
) -> None:
    guest = "socket,id=g,path=/run/x,server=on,mux=on"
    assert "can't be stacked" in await client.execute(
        "mux-add-console", console="vm1", guest=guest, backends=["null,id=m,mux=on"]
    )
    await client.execute("chardev-add", id="m-base", backend=ringbuf())
    assert await client.execute(
        "mux-add-console", console="vm1", guest="null", backends=["null,id=m,mux=on"]
    ) == ("Chardev with id 'm-base' already exists")
    assert await names(client) == []
    assert await client.execute("mux-add-console", console="vm1", guest="null") == {
        "console": "vm1"
    }


async def test_a_mux_that_a_console_brought_ends_with_the_last_that_uses_it(client: Raw) -> None:
    await client.execute(
        "mux-add-console", console="vm1", guest="null", backends=["null,id=m,mux=on"]
    )
    await client.execute("mux-add-console", console="vm2", guest="null", backends=["chardev:m"])
    await client.execute("mux-remove-console", console="vm1")
    assert (await shown(client, "m"))["mux"]["frontends"] == ["vm2"]
    assert (await shown(client, "m"))["mux"]["focus"] == "vm2"
    await client.execute("mux-remove-backend", id="vm2.m")
    assert await names(client) == ["vm2"]
    again = await client.execute("mux-add-backend", console="vm2", chardev="null,id=m,mux=on")
    assert again == {"id": "vm2.m"}


async def test_a_mux_that_is_removed_takes_its_links_along(client: Raw) -> None:
    await client.execute(
        "mux-add-console", console="vm1", guest="null", backends=["null,id=m,mux=on"]
    )
    await client.execute("mux-remove-console", console="m")
    assert (await shown(client, "vm1"))["backends"] == []
    assert await names(client) == ["vm1"]


async def test_everything_has_mux_on(client: Raw) -> None:
    await client.execute("chardev-add", id="r", backend=ringbuf())
    hub = "hub,id=h,chardevs.0=r,mux=on"
    await client.execute("mux-add-console", console="vm1", guest="null", backends=[hub])
    assert await names(client) == ["vm1", "h-base", "h"]
    await client.execute("mux-remove-console", console="vm1")
    assert await names(client) == []


CONFIG = """
[console.vm2]
guest = "process,command=stty raw -echo; printf up; exec cat"
backends = ["chardev:mux0", "ringbuf,id=r2"]
[console.vm1]
guest = "process,command=stty raw -echo; printf up; exec cat"
backends = ["mux,id=mux0,chardev=hub0"]
[console.hub0]
backends = ["socket,path={path},server=on,wait=off", "ringbuf,id=copy"]
"""


async def test_a_file_may_name_what_comes_after(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(path=tmp_path / "s"))
    async with running(tmp_path, str(config)) as daemon, raw_client(daemon.path) as client:
        await client.execute("qmp_capabilities")
        assert sorted(await names(client)) == ["hub0", "mux0", "vm1", "vm2"]
        assert (await shown(client, "mux0"))["mux"]["frontends"] == ["vm1", "vm2"]
        await until_up(client, "vm1", "vm2")
        user = User(tmp_path / "s")
        user.send(b"to one\x01cto two")
        await user.until(b"to two")
        user.close()


async def test_a_reload_adds_and_removes_what_is_nested(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(path=tmp_path / "s"))
    async with running(tmp_path, str(config)) as daemon, raw_client(daemon.path) as client:
        await client.execute("qmp_capabilities")
        full = config.read_text()
        config.write_text(full.replace('"chardev:mux0", ', ""))
        result = await client.execute("mux-reload")
        assert result == {"added": [], "removed": [], "changed": ["vm2"], "failed": []}
        assert (await shown(client, "mux0"))["mux"]["frontends"] == ["vm1"]
        config.write_text(full.replace('"mux,id=mux0,chardev=hub0"', "").replace("mux0", "hub0"))
        result = await client.execute("mux-reload")
        assert result == {"added": [], "removed": [], "changed": ["vm1", "vm2"], "failed": []}
        assert sorted(await names(client)) == ["hub0", "vm1", "vm2"]
        assert (await shown(client, "hub0"))["guest"]["address"] == "vm2"
        config.write_text(full)
        result = await client.execute("mux-reload")
        assert result["failed"] == []
        assert sorted(await names(client)) == ["hub0", "mux0", "vm1", "vm2"]
        await until_up(client, "vm1", "vm2")
        user = User(tmp_path / "s")
        user.send(b"hello")
        await user.until(b"hello")
        user.close()


async def test_a_guest_waits_for_the_base_of_a_mux_that_waits(client: Raw, tmp_path: Path) -> None:
    mux = f"socket,id=mux0,path={tmp_path / 'both'},server=on,mux=on"
    await client.execute("mux-add-console", console="vm1", guest=CAT, backends=[mux])
    guest = (await shown(client, "vm1"))["guest"]
    assert (guest["state"], guest["waiting-for"]) == ("closed", "vm1.mux0")
    user = User(tmp_path / "both")
    await user.until(b"up")
    user.close()


async def test_a_frontend_that_is_not_read_at_the_mux_lags_there_and_nowhere_else(
    client: Raw, tmp_path: Path
) -> None:
    mux = server(tmp_path / "both", id="mux0", mux="on")
    loud = "process,command=stty raw -echo; yes; cat"
    await client.execute("mux-add-console", console="vm1", guest=loud, backends=[mux])
    await client.execute("mux-add-console", console="vm2", guest=CAT, backends=["chardev:mux0"])
    await until_up(client, "vm2")
    stuck = socket.socket(socket.AF_UNIX)
    stuck.connect(str(tmp_path / "both"))
    user = User(tmp_path / "both")
    user.send(b"\x01cquiet")
    # The flood of one goes on, and the other's few bytes are in between.
    while (await shown(client, "vm1"))["history"]["end"] < 8 << 20:
        user._read()
    assert await shown_text(client, "vm2") == "upquiet"
    stuck.close()
    user.close()
