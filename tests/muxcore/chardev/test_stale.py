from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from pathlib import Path

import pytest

from muxcore.chardev import stale
from muxcore.chardev.pty import PtyChardev
from muxcore.chardev.socket_server import SocketServer
from muxcore.chardev.stale import is_stale_pty_link, remove_stale
from muxcore.options.sets import PtyOptions, SocketOptions
from tests import support
from tests.muxcore.chardev.owner import running

LONG_AGO = 1_000_000_000


def link_to(slave: int, path: Path, *, made: float | None = None) -> str:
    path.symlink_to(os.ttyname(slave))
    if made is not None:
        os.utime(path, (made, made), follow_symlinks=False)
    return str(path)


def test_a_link_to_a_pty_that_is_gone_is_stale(tmp_path: Path) -> None:
    (tmp_path / "tty").symlink_to("/dev/pts/999999")
    assert is_stale_pty_link(str(tmp_path / "tty"))


def test_a_link_to_a_living_pty_is_not_stale(tmp_path: Path) -> None:
    with support.raw_pty() as (_, slave):
        assert not is_stale_pty_link(link_to(slave, tmp_path / "tty"))


def test_a_link_older_than_the_pty_it_points_to_is_stale(tmp_path: Path) -> None:
    with support.raw_pty() as (_, slave):
        assert is_stale_pty_link(link_to(slave, tmp_path / "tty", made=LONG_AGO))


def test_a_pty_that_only_changed_hands_is_still_the_one_linked(tmp_path: Path) -> None:
    with support.raw_pty() as (_, slave):
        path = link_to(slave, tmp_path / "tty")
        os.fchmod(slave, 0o600)
        assert not is_stale_pty_link(path)


@pytest.mark.parametrize("target", ["/dev/pts/../pts/999999", "/dev/pts/ptmx", "/nowhere", "tty"])
def test_a_link_to_anything_else_is_never_stale(tmp_path: Path, target: str) -> None:
    (tmp_path / "tty").symlink_to(target)
    assert not is_stale_pty_link(str(tmp_path / "tty"))


def test_a_file_is_never_stale(tmp_path: Path) -> None:
    (tmp_path / "tty").write_text("mine")
    assert not is_stale_pty_link(str(tmp_path / "tty"))


def test_what_another_daemon_put_there_meanwhile_is_put_back(tmp_path: Path) -> None:
    path = support.unix_path(tmp_path, "s")
    with socket.socket(socket.AF_UNIX) as winner:
        seen = []

        def lost_race(looked_at: str) -> bool:
            seen.append(looked_at)
            if len(seen) == 1:
                winner.bind(path)
                winner.listen()
                return True
            return stale.is_stale_socket(looked_at)

        assert not remove_stale(path, lost_race)
        assert os.listdir(tmp_path) == ["s"]
        with support.connect_unix(path):
            pass


DAEMON = """
import asyncio, sys
from muxcore.chardev.base import Unowned
from muxcore.chardev.pty import PtyChardev
from muxcore.chardev.socket_server import SocketServer
from muxcore.options.sets import PtyOptions, SocketOptions

async def main():
    for chardev in (
        PtyChardev("p", PtyOptions(path=sys.argv[1] + "/tty")),
        SocketServer("s", SocketOptions(path=sys.argv[1] + "/s", server=True)),
    ):
        await chardev.start(Unowned())
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_what_a_killed_daemon_left_is_replaced_though_its_pty_number_is_taken_again(
    tmp_path: Path,
) -> None:
    server = SocketServer("s", SocketOptions(path=support.unix_path(tmp_path, "s"), server=True))
    first = PtyChardev("p", PtyOptions(path=str(tmp_path / "tty")))
    daemon = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DAEMON, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert daemon.stdout is not None
    async with asyncio.timeout(10):
        assert await daemon.stdout.readline() == b"ready\n"
    async with running(server), running(first):
        assert (server.state, first.state) == ("failed", "failed")
    left = os.readlink(tmp_path / "tty")
    daemon.kill()
    await daemon.communicate()
    with contextlib.ExitStack() as stack:
        # Ptys are numbered from the lowest that is free.
        taken: list[str] = []
        while left not in taken:
            _, slave = stack.enter_context(support.raw_pty())
            taken.append(os.ttyname(slave))
        async with running(server), running(first):
            assert (server.state, first.state) == ("waiting", "waiting")
            assert os.readlink(tmp_path / "tty") == first.filename.removeprefix("pty:")
    assert os.listdir(tmp_path) == []
