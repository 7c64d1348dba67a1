from __future__ import annotations

import asyncio
import os
import select
import shlex
import termios
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from inotify_simple import Event, flags

from muxcore.chardev import opens
from muxcore.chardev.base import hung_up
from muxcore.chardev.pty import OPENER_DELAY, PtyChardev
from muxcore.options.sets import PtyOptions
from tests import support
from tests.muxcore.chardev.owner import RecordingOwner, running
from tests.support import eventually


class Openers:
    """Programs that have a slave open, closed at the end of the test."""

    def __init__(self) -> None:
        self.fds: list[int] = []

    def open(self, chardev: PtyChardev) -> int:
        fd = os.open(chardev._slave_name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.fds.append(fd)
        return fd

    def close(self, fd: int) -> None:
        self.fds.remove(fd)
        os.close(fd)


@pytest.fixture
def openers() -> Iterator[Openers]:
    opened = Openers()
    yield opened
    for fd in opened.fds:
        os.close(fd)


def pty(path: Path | str = "", replay: int = 65536) -> PtyChardev:
    return PtyChardev("pty0", PtyOptions(path=str(path), replay=replay))


def is_raw(fd: int) -> bool:
    iflag, oflag, _, lflag = termios.tcgetattr(fd)[:4]
    cooked = termios.ECHO | termios.ICANON | termios.ISIG
    return not (iflag & termios.ICRNL or oflag & termios.OPOST or lflag & cooked)


def links_to(path: Path) -> str | None:
    return os.readlink(path) if path.is_symlink() else None


async def test_bytes_go_both_ways_unchanged(openers: Openers) -> None:
    chardev = pty()
    async with running(chardev) as owner:
        user = openers.open(chardev)
        stream = await owner.stream()
        every = bytes(range(256))
        os.write(user, every)
        await owner.has(every)
        assert stream.write([every]) == 256
        support.expect(user, every)


async def test_presence_is_known(openers: Openers) -> None:
    chardev = pty()
    async with running(chardev) as owner:
        assert (chardev.state, owner.live) == ("waiting", [])
        user = openers.open(chardev)
        await eventually(lambda: chardev.state == "open")
        openers.close(user)
        await eventually(lambda: chardev.state == "waiting")
        openers.open(chardev)
        await eventually(lambda: len(owner.opened) == 2)
        assert owner.states == ["waiting", "open", "waiting", "open"]


async def test_output_waits_for_an_opener_to_have_flushed(openers: Openers) -> None:
    chardev = pty()
    async with running(chardev) as owner:
        openers.open(chardev)
        assert (await owner.stream()).delay == OPENER_DELAY


async def test_a_second_opener_makes_output_wait_again(openers: Openers) -> None:
    chardev = pty()
    async with running(chardev) as owner:
        openers.open(chardev)
        stream = await owner.stream()
        openers.open(chardev)
        await eventually(lambda: owner.held)
        assert owner.held == [(stream, OPENER_DELAY)]
        assert len(owner.opened) == 1


async def test_what_was_written_by_who_left_at_once_is_read(openers: Openers) -> None:
    chardev = pty()
    async with running(chardev) as owner:
        user = openers.open(chardev)
        os.write(user, b"reboot\n")
        openers.close(user)
        await owner.has(b"reboot\n")
        await eventually(lambda: chardev.state == "waiting" and owner.ended)


async def test_an_open_between_the_end_and_the_watch_is_not_missed(openers: Openers) -> None:
    chardev = pty()
    async with running(chardev, reading=False) as owner:
        user = openers.open(chardev)
        stream = await owner.stream()
        openers.close(user)
        assert stream.read(1) == b""
        # Before the owner tells of the end, the next one is there.
        openers.open(chardev)
        owner.lose(chardev, stream)
        assert len(owner.live) == 1
        assert owner.live[0] is not stream


async def test_losing_the_only_opener_makes_the_slave_raw_again(openers: Openers) -> None:
    chardev = pty()
    async with running(chardev) as owner:
        user = openers.open(chardev)
        assert is_raw(user)
        cooked = termios.tcgetattr(user)
        cooked[0] |= termios.ICRNL | termios.INLCR | termios.IGNCR
        cooked[1] |= termios.OPOST | termios.ONLCR
        cooked[3] |= termios.ECHO | termios.ICANON | termios.ISIG
        termios.tcsetattr(user, termios.TCSANOW, cooked)
        assert not is_raw(user)
        await owner.stream()
        openers.close(user)
        await eventually(lambda: chardev.state == "waiting")
        assert is_raw(openers.open(chardev))


async def test_a_closed_slave_costs_nothing() -> None:
    chardev = pty()
    async with running(chardev):
        loop = asyncio.get_running_loop()
        assert hung_up(chardev._master)
        with pytest.raises(KeyError):
            loop._selector.get_key(chardev._master)  # type: ignore[attr-defined]


async def test_many_ptys_share_one_inotify_instance(openers: Openers) -> None:
    chardevs = [PtyChardev(f"pty{n}", PtyOptions()) for n in range(20)]
    owner = RecordingOwner()
    try:
        for chardev in chardevs:
            await chardev.start(owner)
        instances = [name for name in support.open_fds().values() if "inotify" in name]
        assert len(instances) == 1
        openers.open(chardevs[7])
        await owner.stream()
        assert [chardev.id for chardev in chardevs if chardev.state == "open"] == ["pty7"]
    finally:
        for chardev in chardevs:
            await chardev.aclose()
    assert not [name for name in support.open_fds().values() if "inotify" in name]


async def test_lost_inotify_events_lose_no_opener(
    openers: Openers, monkeypatch: pytest.MonkeyPatch
) -> None:
    chardev = pty()
    async with running(chardev) as owner:
        watch = opens._watches[asyncio.get_running_loop()]
        assert watch._inotify is not None
        real = watch._inotify.read

        def overflow(timeout: int) -> list[Event]:
            list(real(timeout=timeout))
            return [Event(-1, flags.Q_OVERFLOW, 0, "")]

        monkeypatch.setattr(watch._inotify, "read", overflow)
        openers.open(chardev)
        await owner.stream()


async def test_the_symlink_points_to_the_slave_and_goes_at_the_end(tmp_path: Path) -> None:
    chardev = pty(tmp_path / "tty")
    async with running(chardev):
        assert links_to(tmp_path / "tty") == chardev._slave_name
        assert chardev.filename == f"pty:{chardev._slave_name}"
        assert chardev.address == str(tmp_path / "tty")
    assert os.listdir(tmp_path) == []


async def test_a_symlink_that_somebody_replaced_is_not_removed(tmp_path: Path) -> None:
    async with running(pty(tmp_path / "tty")):
        (tmp_path / "tty").unlink()
        (tmp_path / "tty").symlink_to("/dev/null")
    assert links_to(tmp_path / "tty") == "/dev/null"


async def test_a_symlink_that_vanished_is_no_error_at_the_end(tmp_path: Path) -> None:
    async with running(pty(tmp_path / "tty")):
        (tmp_path / "tty").unlink()


async def test_the_symlink_of_a_killed_daemon_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "tty").symlink_to("/dev/pts/999999")
    chardev = pty(tmp_path / "tty")
    async with running(chardev):
        assert links_to(tmp_path / "tty") == chardev._slave_name


async def test_a_living_symlink_is_left_alone_until_it_is_gone(tmp_path: Path) -> None:
    first, second = pty(tmp_path / "tty"), pty(tmp_path / "tty")
    async with running(second), running(first):
        assert first.state == "failed"
        assert first.reason == "Failed to create PTY symlink: File exists"
        await second.aclose()
        await eventually(lambda: first.state == "waiting")
        assert links_to(tmp_path / "tty") == first._slave_name


async def test_a_failed_symlink_leaves_no_pty(tmp_path: Path) -> None:
    (tmp_path / "tty").write_text("mine")
    chardev = pty(tmp_path / "tty")
    async with running(chardev):
        assert chardev.state == "failed"
        assert not [name for name in support.open_fds().values() if "ptmx" in name]
    assert (tmp_path / "tty").read_text() == "mine"


async def test_a_machine_out_of_ptys_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left() -> tuple[int, int]:
        raise OSError(28, "No space left on device")

    chardev = pty()
    with monkeypatch.context() as patch:
        patch.setattr(os, "openpty", none_left)
        async with running(chardev):
            assert chardev.reason == "Failed to create PTY: No space left on device"
            patch.undo()
            await eventually(lambda: chardev.state == "waiting")


def test_what_a_new_opener_is_sent_at_most_is_the_replay_option() -> None:
    assert (pty(replay=100).resume_limit, pty().resumes) == (100, True)


@pytest.mark.needs("tio")
async def test_the_command_shown_connects(tmp_path: Path) -> None:
    chardev = pty(tmp_path / "my tty")
    async with running(chardev) as owner:
        assert chardev.connect_command is not None
        assert shlex.split(chardev.connect_command) == ["tio", str(tmp_path / "my tty")]
        await converse(chardev.connect_command, chardev, owner, leave=b"\x14q")
        await eventually(lambda: chardev.state == "waiting")


@pytest.mark.needs("picocom")
async def test_picocom_connects(tmp_path: Path) -> None:
    chardev = pty(tmp_path / "tty")
    async with running(chardev) as owner:
        await converse(f"picocom -q {tmp_path / 'tty'}", chardev, owner, leave=b"\x01\x18")
        await eventually(lambda: chardev.state == "waiting")


@pytest.mark.needs("socat")
async def test_socat_connects(tmp_path: Path) -> None:
    chardev = pty(tmp_path / "tty")
    command = f"socat -,raw,echo=0,escape=0x1d {tmp_path / 'tty'}"
    async with running(chardev) as owner:
        await converse(command, chardev, owner, leave=b"\x1d")
        await eventually(lambda: chardev.state == "waiting")


async def test_virsh_connects_by_the_path_that_query_chardev_shows() -> None:
    # As libvirt's virFDStreamOpenPTY: no controlling terminal, non-blocking, raw, at any time.
    chardev = pty()
    async with running(chardev) as owner:
        for text in (b"first", b"again"):
            assert chardev.filename.startswith("pty:/dev/pts/")
            fd = os.open(
                chardev.filename.removeprefix("pty:"), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK
            )
            try:
                tty.setraw(fd, termios.TCSANOW)
                stream = await owner.stream()
                os.write(fd, text + b"\r\x03\xff")
                await owner.has(text + b"\r\x03\xff")
                asyncio.get_running_loop().call_later(stream.delay, stream.write, [b"out\xff\n"])
                assert await asyncio.to_thread(support.read_until, fd, b"\n") == b"out\xff\n"
            finally:
                os.close(fd)
            await eventually(lambda: chardev.state == "waiting")


async def converse(
    command: str, chardev: PtyChardev, owner: RecordingOwner, *, leave: bytes
) -> None:
    """Run a terminal program on a terminal, talk both ways, leave."""
    with support.raw_pty() as (master, slave):
        program = await asyncio.create_subprocess_shell(
            command, stdin=slave, stdout=slave, stderr=slave
        )
        try:
            stream = await owner.stream()
            loop = asyncio.get_running_loop()
            # As a console does: not before the delay that an opener is owed.
            loop.call_later(stream.delay, lambda: stream.write([b"login: "]))
            await asyncio.to_thread(support.read_until, master, b"login: ")
            tty.setraw(slave)
            os.write(master, b"root\r")
            await owner.has(b"root\r")
            os.write(master, leave)
            async with asyncio.timeout(5):
                await program.wait()
        finally:
            if program.returncode is None:
                program.kill()
                await program.wait()


async def test_the_master_is_watched_only_while_somebody_is_there(openers: Openers) -> None:
    chardev = pty()
    async with running(chardev, reading=False) as owner:
        user = openers.open(chardev)
        stream = await owner.stream()
        openers.close(user)
        poll = select.poll()
        poll.register(stream.fd)
        assert poll.poll(1000)
        assert stream.read(10) == b""
        owner.lose(chardev, stream)
        assert (stream.fd, chardev.state) == (-1, "waiting")
        assert os.get_blocking(chardev._master) is False
