from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.chardev import file_writer
from muxcore.chardev.base import Chardev
from muxcore.chardev.log import LogChardev, Stamper
from muxcore.chardev.memory import MemoryChardev
from muxcore.console.hub import Console
from muxcore.daemon.origin import Origin
from muxcore.options.grammar import parse_chardev
from muxcore.options.sets import ChardevOptions, MemoryOptions
from tests.muxcore.consoles import Bench, ScriptedChardev, bench, turns
from tests.muxcore.daemons import raw_client, running
from tests.support import eventually

STAMP = b"2026-11-22T08:00:00.000042Z "


def stamper() -> Stamper:
    return Stamper(lambda: datetime(2026, 11, 22, 8, 0, 0, 42, UTC))


def logged(path: Path | str, **options: object) -> ScriptedChardev:
    """A backend with a log."""
    chardev = ScriptedChardev("b")
    wanted = MemoryOptions(logfile=str(path), **options)  # type: ignore[arg-type]
    chardev.log = LogChardev("b", wanted)
    return chardev


async def holds(made: Bench, path: Path, expected: bytes) -> None:
    await eventually(lambda: path.read_bytes() == expected, what=f"{expected!r} in the log")
    await eventually(lambda: made.describe("b/log")["lag"] == 0)


async def test_it_gets_what_the_guest_prints_and_nothing_else(tmp_path: Path) -> None:
    async with bench(chardev := logged(tmp_path / "log")) as made:
        end = chardev.connect()
        end.feed(b"typed\r")
        await made.print(b"\x00printed\xff\r\n")
        await holds(made, tmp_path / "log", b"\x00printed\xff\r\n")
        assert bytes(end.got) == b"\x00printed\xff\r\n"
        await eventually(lambda: made.guest.take() == b"typed\r")


async def test_nobody_needs_to_be_connected(tmp_path: Path) -> None:
    async with bench(logged(tmp_path / "log")) as made:
        await made.print(b"unseen")
        await holds(made, tmp_path / "log", b"unseen")


@pytest.mark.parametrize(("append", "expected"), [(True, b"old new"), (False, b" new")])
async def test_it_is_truncated_unless_told_otherwise(
    tmp_path: Path, append: bool, expected: bytes
) -> None:
    (tmp_path / "log").write_bytes(b"old")
    async with bench(logged(tmp_path / "log", logappend=append)) as made:
        await made.print(b" new")
        await holds(made, tmp_path / "log", expected)


async def test_it_is_made_as_qemu_makes_it(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        async with bench(logged(tmp_path / "log")):
            assert (tmp_path / "log").stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(mask)


async def test_it_has_what_was_printed_before_its_end(tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    async with bench(logged(tmp_path / "log")) as made:
        for at in range(0, len(data), 40_000):
            await made.print(data[at : at + 40_000])
            await eventually(lambda: not made.guest.fed)
    assert (tmp_path / "log").read_bytes() == data


async def test_lines_may_begin_with_the_time(tmp_path: Path) -> None:
    chardev = logged(tmp_path / "log", logtimestamp=True)
    assert isinstance(chardev.log, LogChardev)
    chardev.log._stamp = stamper()
    async with bench(chardev) as made:
        await made.print(b"one\r\ntw")
        await holds(made, tmp_path / "log", STAMP + b"one\r\n" + STAMP + b"tw")
        await made.print(b"o\r\n")
        await made.print(b"\nthree")
        expected = [b"one\r\n", b"two\r\n", b"\n", b"three"]
        await holds(made, tmp_path / "log", b"".join(STAMP + line for line in expected))


@given(st.lists(st.binary(max_size=20).map(lambda data: data.replace(b"n", b"\n"))))
def test_stamps_stand_where_lines_begin_however_they_come(parts: list[bytes]) -> None:
    stamp = stamper()
    got = b"".join(map(stamp, filter(None, parts)))
    assert got == b"".join(STAMP + line for line in _lines(b"".join(parts)))


def _lines(data: bytes) -> list[bytes]:
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


async def test_a_full_disk_is_shown_and_ends_nobodys_connection() -> None:
    async with bench(chardev := logged("/dev/full")) as made:
        end = chardev.connect()
        await made.print(b"x" * 500_000)
        await eventually(lambda: made.describe("b/log")["state"] == "failed")
        assert made.describe("b/log")["reason"] == (
            "Could not write '/dev/full': No space left on device"
        )
        await eventually(lambda: len(end.got) == 500_000)
        assert made.describe("b")["skipped"] == 0


async def test_what_could_not_be_written_is_written_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_writer, "RETRY", 0.01)
    real = os.write
    full = True

    def faulty(fd: int, data: memoryview) -> int:
        if full:
            raise OSError(28, "full")
        return real(fd, data)

    async with bench(logged(tmp_path / "log")) as made:
        monkeypatch.setattr("os.write", faulty)
        await made.print(b"kept")
        await eventually(lambda: made.describe("b/log")["state"] == "failed")
        full = False
        await holds(made, tmp_path / "log", b"kept")
        monkeypatch.undo()


async def test_a_log_that_cannot_be_made_is_tried_again(tmp_path: Path) -> None:
    async with bench(chardev := logged(tmp_path / "later" / "log")) as made:
        end = chardev.connect()
        path = tmp_path / "later" / "log"
        assert made.describe("b/log")["reason"] == (
            f"Could not create '{path}': No such file or directory"
        )
        await made.print(b"seen")
        assert bytes(end.got) == b"seen"
        path.parent.mkdir()
        await eventually(path.exists)
        await holds(made, path, b"seen")


async def test_it_goes_where_its_chardev_goes(tmp_path: Path) -> None:
    async with bench(logged(tmp_path / "log")) as made:
        await made.print(b"one ")
        await holds(made, tmp_path / "log", b"one ")
        chardev = made.console.detach_backend("b")
        assert not made.console.backends
        await made.print(b"two ")
        await made.console.add_backend(chardev)
        await made.print(b"three")
        await holds(made, tmp_path / "log", b"one three")
        await made.console.remove_backend("b")
        assert not made.console.backends
        assert chardev.log is not None
        assert chardev.log.state == "closed"


async def test_a_guest_has_one_too(tmp_path: Path) -> None:
    console = Console("vm")
    guest = MemoryChardev("g")
    guest.log = LogChardev("g", MemoryOptions(logfile=str(tmp_path / "log")))
    await console.start(guest, [])
    guest.feed(b"last words")
    await turns()
    await console.set_guest(None)
    assert (tmp_path / "log").read_bytes() == b"last words"
    assert not console.backends
    await console.aclose()


def test_only_who_asks_has_one(tmp_path: Path) -> None:
    def make(text: str) -> Chardev:
        return Origin().make(parse_chardev(text))

    assert make("null,id=a").log is None
    log = make(f"null,id=a,logfile={tmp_path}/log,logappend=on").log
    assert isinstance(log, LogChardev)
    assert (log.id, log.of, log.options.append) == ("a/log", "a", True)
    assert not (tmp_path / "log").exists()
    assert ChardevOptions().logfile == ""


# Over the control socket.


async def test_a_loose_chardevs_log_is_made_at_once_and_is_no_chardev_of_its_own(
    tmp_path: Path,
) -> None:
    (tmp_path / "log").write_bytes(b"old")
    data = {"logfile": str(tmp_path / "log")}
    async with running(tmp_path) as daemon, raw_client(daemon.path) as client:
        backend = {"type": "null", "data": data}
        assert await client.execute("chardev-add", id="lg", backend=backend) == {}
        assert (tmp_path / "log").read_bytes() == b""
        assert [item["label"] for item in await client.execute("query-chardev")] == ["lg"]
        await client.execute("mux-add-console", console="vm1", guest="null,id=g0")
        await client.execute("mux-add-backend", console="vm1", id="lg")
        (console,) = await client.execute("mux-query-consoles")
        assert [item["id"] for item in console["backends"]] == ["lg/log", "lg"]
        labels = [item["label"] for item in await client.execute("query-chardev")]
        assert labels == ["vm1", "lg", "g0"]
        assert await client.execute("mux-detach-backend", id="lg/log") == (
            "'lg/log' is the log of 'lg': it can be removed, not detached"
        )
        assert await client.execute("mux-detach-backend", id="lg") == {}
        assert await client.execute("chardev-remove", id="lg") == {}


async def test_a_loose_chardev_whose_log_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    backend = {"type": "null", "data": {"logfile": "/nonexistent/l"}}
    async with running(tmp_path) as daemon, raw_client(daemon.path) as client:
        assert await client.execute("chardev-add", id="lg", backend=backend) == (
            "Failed to add chardev 'lg': Could not create '/nonexistent/l': "
            "No such file or directory"
        )
        assert await client.execute("query-chardev") == []


async def test_a_hubs_log_is_its_consoles(tmp_path: Path) -> None:
    path = tmp_path / "log"
    async with running(tmp_path) as daemon, raw_client(daemon.path) as client:
        await client.execute("chardev-add", id="n0", backend={"type": "null", "data": {}})
        hub = {"type": "hub", "data": {"chardevs": ["n0"], "logfile": str(path)}}
        assert await client.execute("chardev-add", id="h", backend=hub) == {}
        await client.execute("mux-set-guest", console="h", guest="process,command=printf done")
        await eventually(lambda: path.read_bytes() == b"done")
        await client.execute("mux-set-guest", console="h", guest=None)
        assert await client.execute("chardev-remove", id="h") == {}
        assert await client.execute("chardev-remove", id="n0") == {}
