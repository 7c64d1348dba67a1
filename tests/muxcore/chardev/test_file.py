from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from muxcore.chardev import base, file, file_writer
from muxcore.chardev.base import Stream
from muxcore.chardev.file import CHUNK, FileChardev
from muxcore.options.sets import FileOptions
from tests.muxcore.chardev.owner import running
from tests.support import eventually


def log(path: Path | str, *, append: bool = False) -> FileChardev:
    return FileChardev("log0", FileOptions(path=str(path), append=append))


async def write_all(stream: Stream, data: bytes) -> None:
    """Write as a console does: when the stream says it takes something."""
    done = asyncio.Event()
    rest = memoryview(data)

    def writable() -> None:
        nonlocal rest
        rest = rest[stream.write([rest[:100], rest[100:]]) :]
        if not rest:
            stream.watch_output(None)
            done.set()

    stream.watch_output(writable)
    async with asyncio.timeout(10):
        await done.wait()
        await stream.flush()


async def test_output_reaches_the_file_in_order(tmp_path: Path) -> None:
    data = os.urandom(CHUNK) * 3 + b"end"
    async with running(log(tmp_path / "log")) as owner:
        await write_all(owner.live[0], data)
        assert owner.live[0].held == 0
        assert (tmp_path / "log").read_bytes() == data


async def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    async with running(log(tmp_path / "log")):
        assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("append", "expected"), [(True, b"old new"), (False, b" new")])
async def test_append_keeps_what_the_file_holds(
    tmp_path: Path, append: bool, expected: bytes
) -> None:
    (tmp_path / "log").write_bytes(b"old")
    async with running(log(tmp_path / "log", append=append)) as owner:
        await write_all(owner.live[0], b" new")
    assert (tmp_path / "log").read_bytes() == expected


async def test_opening_again_does_not_truncate_what_was_logged(tmp_path: Path) -> None:
    chardev = log(tmp_path / "log")
    async with running(chardev) as owner:
        await write_all(owner.live[0], b"first ")
        owner.lose(chardev, owner.live[0])
        assert chardev.state == "closed"
        await chardev.open()
        await write_all(await owner.stream(), b"second")
    assert (tmp_path / "log").read_bytes() == b"first second"


async def test_closing_writes_what_was_taken(tmp_path: Path) -> None:
    async with running(log(tmp_path / "log")) as owner:
        assert owner.live[0].write([b"last words"]) == 10
    assert (tmp_path / "log").read_bytes() == b"last words"


async def test_nothing_is_taken_while_a_write_is_outstanding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    real = os.write

    def slow(fd: int, data: memoryview) -> int:
        gate.wait(10)
        return real(fd, data)

    async with running(log(tmp_path / "log")) as owner:
        stream = owner.live[0]
        monkeypatch.setattr("os.write", slow)
        assert stream.write([b"first"]) == 5
        assert stream.held == 5
        with pytest.raises(BlockingIOError):
            stream.write([b"second"])
        gate.set()
        await stream.flush()
        monkeypatch.undo()
        assert stream.write([b"second"]) == 6


async def test_a_full_device_fails_alone_and_says_so() -> None:
    chardev = log("/dev/full")
    async with running(chardev) as owner:
        stream = owner.live[0]
        stream.write([b"x" * 10])
        await stream.flush()
        assert chardev.state == "failed"
        assert chardev.reason == "Could not write '/dev/full': No space left on device"
        assert (stream.failed, stream.held) == (chardev.reason, 10)
        with pytest.raises(BlockingIOError):
            stream.write([b"y"])
        assert owner.live == [stream]


async def test_no_byte_is_lost_or_doubled_when_a_disk_fails_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_writer, "RETRY", 0.01)
    real = os.write
    script: list[Callable[[int, memoryview], int]] = []

    def full(fd: int, data: memoryview) -> int:
        raise OSError(errno.ENOSPC, "full")

    def partial(fd: int, data: memoryview) -> int:
        return real(fd, data[:3])

    def faulty(fd: int, data: memoryview) -> int:
        return (script.pop(0) if script else real)(fd, data)

    script += [partial, full, full, partial, full]
    chardev = log(tmp_path / "log")
    async with running(chardev) as owner:
        monkeypatch.setattr("os.write", faulty)
        stream = owner.live[0]
        assert stream.write([b"0123456789"]) == 10
        await eventually(lambda: not stream.held)
        monkeypatch.undo()
        assert owner.states == ["connecting", "open", "failed", "open", "failed", "open"]
        await write_all(stream, b"abc")
    assert (tmp_path / "log").read_bytes() == b"0123456789abc"


async def test_a_symlink_is_refused(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"precious")
    (tmp_path / "log").symlink_to(tmp_path / "target")
    chardev = log(tmp_path / "log")
    async with running(chardev):
        assert chardev.state == "failed"
        assert "symbolic link" in (chardev.reason or "")
        assert chardev.retry_at is not None
    assert (tmp_path / "target").read_bytes() == b"precious"


async def test_a_directory_and_a_fifo_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    for name in ("fifo", "."):
        chardev = log(tmp_path / name)
        async with running(chardev):
            assert chardev.state == "failed"
            assert "Could not open" in (chardev.reason or "")
    os.close(reader)
    chardev = log(tmp_path / "fifo")
    async with running(chardev):
        assert "not a regular file" in (chardev.reason or "")


async def test_a_directory_that_appears_later_is_noticed(tmp_path: Path) -> None:
    chardev = log(tmp_path / "later" / "log")
    async with running(chardev) as owner:
        assert chardev.reason == f"Could not open '{tmp_path}/later/log': No such file or directory"
        (tmp_path / "later").mkdir()
        await write_all(await owner.stream(), b"now")
    assert (tmp_path / "later" / "log").read_bytes() == b"now"


async def test_an_open_that_hangs_holds_up_nobody_and_leaks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    real = file_writer.open_log

    def hang(path: str, *, truncate: bool) -> int:
        gate.wait(10)
        return real(path, truncate=truncate)

    monkeypatch.setattr(file, "open_log", hang)
    monkeypatch.setattr(base, "START_WAIT", 0.01)
    chardev = log(tmp_path / "log")
    async with running(chardev):
        assert chardev.state == "connecting"
    gate.set()
    name = f"open {tmp_path / 'log'}"
    await eventually(lambda: not [t for t in threading.enumerate() if t.name == name])


async def test_a_write_that_hangs_does_not_hold_up_closing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def hang(fd: int, data: memoryview) -> int:
        gate.wait(10)
        return len(data)

    monkeypatch.setattr(file, "CLOSE_WAIT", 0.01)
    chardev = log(tmp_path / "log")
    async with running(chardev) as owner:
        monkeypatch.setattr("os.write", hang)
        owner.live[0].write([b"x"])
    monkeypatch.undo()
    gate.set()
    name = f"write {tmp_path / 'log'}"
    await eventually(lambda: not [t for t in threading.enumerate() if t.name == name])


async def test_the_command_to_follow_it_is_quoted(tmp_path: Path) -> None:
    assert log("/var/log/my vm.log").connect_command == "tail -c +1 -F '/var/log/my vm.log'"
