"""A system without threads to spare: what needs one says so, and goes on when there is one."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from muxcore.chardev import child, file_writer, serial, source
from muxcore.chardev.file import FileChardev
from muxcore.chardev.process import ProcessChardev
from muxcore.chardev.thread import in_thread
from muxcore.errors import OpenError
from muxcore.options.sets import FileOptions, ProcessOptions, SerialOptions
from tests.muxcore.chardev.owner import running
from tests.muxcore.consoles import ScriptedChardev, bench
from tests.support import eventually


class Threads:
    """Whether there are any."""

    def __init__(self) -> None:
        self.there = True
        self.refused = 0
        self._real = threading.Thread.start

    def start(self, thread: threading.Thread) -> None:
        if not self.there:
            self.refused += 1
            raise RuntimeError("can't start new thread")
        self._real(thread)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Threads:
    made = Threads()
    monkeypatch.setattr(threading.Thread, "start", lambda thread: made.start(thread))
    for module in (file_writer, source):
        monkeypatch.setattr(module, "RETRY", 0.01)
    monkeypatch.setattr(child, "REAP_RETRY", 0.01)
    return made


async def test_work_that_needs_a_thread_is_refused_in_words(threads: Threads) -> None:
    threads.there = False
    with pytest.raises(OpenError, match=r"^Could not open it: no thread can be started$"):
        await in_thread(lambda: None, "open it")


async def test_a_file_that_cannot_be_opened_for_want_of_a_thread_is_tried_again(
    threads: Threads, tmp_path: Path
) -> None:
    threads.there = False
    log = FileChardev("log", FileOptions(path=str(tmp_path / "log")))
    async with running(log) as owner:
        assert log.state == "failed"
        assert log.reason == f"Could not open {tmp_path}/log: no thread can be started"
        threads.there = True
        await owner.stream()


async def test_a_file_without_a_thread_to_write_with_hurts_nobody_and_lacks_nothing(
    threads: Threads, tmp_path: Path
) -> None:
    """The exception left the loop over the peers: whoever came after lost the chunk, silently."""
    backend = ScriptedChardev("b")
    log = FileChardev("log", FileOptions(path=str(tmp_path / "log")))
    async with bench(log, backend) as made:
        await eventually(lambda: made.console.peers)
        client = backend.connect()
        threads.there = False
        await made.print(b"one ")
        await made.print(b"two ")
        assert client.got == b"one two "
        described = made.describe("log")
        assert described["state"] == "failed"
        assert described["reason"].endswith("no thread can be started")
        threads.there = True
        await made.print(b"three")
        await eventually(lambda: (tmp_path / "log").read_bytes() == b"one two three")
        await eventually(lambda: made.describe("log")["state"] == "open")
        assert client.got == b"one two three"


async def test_a_file_is_closed_without_a_thread(threads: Threads, tmp_path: Path) -> None:
    log = FileChardev("log", FileOptions(path=str(tmp_path / "log")))
    async with running(log) as owner:
        threads.there = False
        owner.live[0].write([b"never written"])
        await eventually(lambda: threads.refused >= 2)


async def test_what_a_file_holds_is_typed_once_there_is_a_thread(
    threads: Threads, tmp_path: Path
) -> None:
    (tmp_path / "keys").write_bytes(b"hello")
    fd = os.open(tmp_path / "keys", os.O_RDONLY)
    threads.there = False
    read = source.FileSource(fd, "keys")
    ready: list[bool] = []
    read.begin(lambda: ready.append(True))
    await eventually(lambda: threads.refused >= 2)
    threads.there = True
    await eventually(lambda: ready)
    assert read.take(10) == b"hello"
    await eventually(lambda: read._closed)


async def test_a_program_is_reaped_with_neither_pidfd_nor_thread(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(pid: int) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", missing)
    threads.there = False
    program = ProcessChardev("guest", ProcessOptions(command="exit 7"))
    async with running(program):
        await eventually(lambda: program.exit_status == 7)


async def test_a_break_that_cannot_be_sent_for_want_of_a_thread_is_told(
    threads: Threads,
) -> None:
    master, slave = os.openpty()
    try:
        port = serial.SerialChardev("port", SerialOptions(path=os.ttyname(slave)))
        async with running(port) as owner:
            await owner.stream()
            threads.there = False
            port.send_break()
            await eventually(lambda: owner.failed)
            assert "no thread can be started" in owner.failed[0]
            assert port.state == "open"
            threads.there = True
    finally:
        os.close(master)
        os.close(slave)
