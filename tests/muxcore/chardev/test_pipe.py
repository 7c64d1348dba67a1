from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from muxcore.chardev.base import State
from muxcore.chardev.pipe import PipeChardev
from muxcore.options.sets import PipeOptions
from tests.muxcore.chardev.owner import running, talking
from tests.muxcore.consoles import ScriptedChardev, bench
from tests.support import eventually, expect, raw_pty, read_exactly


def pipe(path: Path | str) -> PipeChardev:
    return PipeChardev("pipe0", PipeOptions(path=str(path)))


@pytest.fixture
def fifos(tmp_path: Path) -> Path:
    for name in ("pp.in", "pp.out"):
        os.mkfifo(tmp_path / name)
    return tmp_path / "pp"


async def test_in_is_input_and_out_is_output(fifos: Path) -> None:
    async with running(pipe(fifos)) as owner:
        assert owner.states == ["connecting", "open"]
        Path(f"{fifos}.in").write_bytes(b"typed")
        await owner.has(b"typed")
        assert owner.live[0].write([b"print", b"ed"]) == 7
        reader = os.open(f"{fifos}.out", os.O_RDONLY)
        expect(reader, b"printed")
        os.close(reader)


async def test_readers_and_writers_come_and_go(fifos: Path) -> None:
    async with running(pipe(fifos)) as owner:
        for word in (b"one ", b"two "):
            Path(f"{fifos}.in").write_bytes(word)
            await owner.has(word)
            assert owner.live[0].write([word]) == 4
            reader = os.open(f"{fifos}.out", os.O_RDONLY)
            expect(reader, word)
            os.close(reader)
        assert not owner.ended


async def test_output_that_nobody_reads_is_bounded_by_the_kernel(fifos: Path) -> None:
    async with running(pipe(fifos)) as owner:
        stream = owner.live[0]
        taken = stream.write([bytes(1 << 20)])
        assert 0 < taken < 1 << 20
        with pytest.raises(BlockingIOError):
            stream.write([b"x" * 8192])
        room = asyncio.Event()
        stream.watch_output(room.set)
        reader = os.open(f"{fifos}.out", os.O_RDONLY)
        read_exactly(reader, taken)
        os.close(reader)
        async with asyncio.timeout(5):
            await room.wait()


async def test_a_single_path_goes_both_ways() -> None:
    with raw_pty() as (master, slave):
        async with running(pipe(os.ttyname(slave))) as owner:
            os.write(master, b"typed")
            await owner.has(b"typed")
            owner.live[0].write([b"printed"])
            expect(master, b"printed")


async def test_a_pair_that_is_not_whole_is_not_used(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pp.in")
    chardev = pipe(tmp_path / "pp")
    async with running(chardev) as owner:
        assert chardev.state is State.FAILED
        assert chardev.reason == f"Could not open '{tmp_path}/pp': No such file or directory"
        assert not (tmp_path / "pp").exists()
        os.mkfifo(tmp_path / "pp.out")
        await owner.stream()


async def test_a_regular_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"precious")
    chardev = pipe(tmp_path / "f")
    async with running(chardev):
        assert chardev.reason == (
            f"Could not open '{tmp_path}/f': not a FIFO or a character device"
        )


async def test_as_a_guest_the_two_are_crossed(fifos: Path) -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        await made.console.set_guest(pipe(fifos))
        end = backend.connect()
        Path(f"{fifos}.out").write_bytes(b"login: ")
        await eventually(lambda: bytes(end.got) == b"login: ")
        end.feed(b"root\r")
        await eventually(lambda: made.console.describe()["guest"]["sent"] == 5)
        reader = os.open(f"{fifos}.in", os.O_RDONLY)
        expect(reader, b"root\r")
        os.close(reader)


@pytest.mark.needs("socat")
async def test_socat_shares_a_console_over_fifos(fifos: Path) -> None:
    chardev = pipe(fifos)
    async with bench(chardev) as made:
        both = f"PIPE:{fifos}.out,rdonly!!PIPE:{fifos}.in,wronly"
        async with talking("socat", "-", both) as (typed, shown):
            typed.write(b"typed")
            await eventually(lambda: made.guest.take() == b"typed")
            await made.print(b"printed\r\n" * 20_000)
            assert await shown.readexactly(180_000) == b"printed\r\n" * 20_000
