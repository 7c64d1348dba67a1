from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from muxcore.chardev import source
from muxcore.chardev.file import FileChardev
from muxcore.chardev.memory import MemoryChardev
from muxcore.console.hub import Console
from muxcore.options.sets import FileOptions
from tests.muxcore.chardev.owner import running
from tests.muxcore.consoles import ScriptedChardev, bench, turns
from tests.support import eventually


def chardev(directory: Path, **options: object) -> FileChardev:
    wanted = FileOptions(
        path=str(directory / "out"),
        input_path=str(directory / "in"),
        **options,  # type: ignore[arg-type]
    )
    return FileChardev("f", wanted)


async def test_what_the_input_holds_is_read_once_and_its_end_ends_nothing(tmp_path: Path) -> None:
    data = os.urandom(200_000)
    (tmp_path / "in").write_bytes(data)
    async with running(chardev(tmp_path)) as owner:
        await eventually(lambda: len(owner.got) == len(data))
        assert owner.got == data
        assert owner.live[0].write([b"still open"]) == 10
        await owner.live[0].flush()
        assert not owner.ended
    assert (tmp_path / "out").read_bytes() == b"still open"


async def test_it_is_typed_once_the_guest_is_there(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"root\rls\r" * 10_000)
    console = Console("vm")
    await console.start(None, [chardev(tmp_path)])
    await turns()
    assert console.pump.discarded == 0
    guest = MemoryChardev("g")
    await console.set_guest(guest)
    await eventually(lambda: len(guest.sent) == 80_000)
    assert guest.take() == b"root\rls\r" * 10_000
    await console.aclose()


async def test_the_rest_waits_for_the_next_guest(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"x" * 80_000)
    async with bench(chardev(tmp_path)) as made:
        await eventually(lambda: made.guest.sent)
        first = len(made.guest.take())
        made.guest.stall()
        await turns()
        first += len(made.guest.take())
        made.guest.stall()
        made.guest.hang_up()
        await turns()
        discarded = made.console.pump.discarded
        assert discarded <= 8192
        await made.guest.open()
        made.guest.resume()
        await eventually(lambda: first + len(made.guest.sent) + discarded == 80_000)


async def test_as_a_guest_it_prints_the_file(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"recorded session\r\n")
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        end = backend.connect()
        await made.console.set_guest(chardev(tmp_path))
        await eventually(lambda: bytes(end.got) == b"recorded session\r\n")


@pytest.mark.parametrize(
    ("make", "why"),
    [(lambda _: None, "No such file or directory"), (os.mkfifo, "not a regular file")],
)
async def test_an_input_that_cannot_be_used_is_told(tmp_path: Path, make: object, why: str) -> None:
    make(tmp_path / "in")  # type: ignore[operator]
    file = chardev(tmp_path)
    async with running(file):
        assert (file.state, file.reason) == ("failed", f"Could not open '{tmp_path}/in': {why}")


async def test_a_read_that_hangs_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").write_bytes(b"late")
    gate = threading.Event()
    real = os.read

    def slow(fd: int, size: int) -> bytes:
        if size == source.CHUNK:
            gate.wait(10)
        return real(fd, size)

    monkeypatch.setattr("os.read", slow)
    async with running(chardev(tmp_path)) as owner:
        owner.live[0].write([b"out"])
        await owner.live[0].flush()
        assert (tmp_path / "out").read_bytes() == b"out"
    gate.set()
    name = f"read {tmp_path / 'in'}"
    await eventually(lambda: not [t for t in threading.enumerate() if t.name == name])
    await turns()
