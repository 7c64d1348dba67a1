from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from muxcore.chardev import stale
from muxcore.chardev.stale import is_stale_pty_link, remove_stale
from tests import support

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
