"""Bad options are refused in QEMU's words: those of the QEMU that is here, where it says them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from muxcore.exits import ExitCode
from tests.control import Control
from tests.guest import qemu
from tests.muxcore.daemons import cli, served
from tests.support import unix_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BAD = {
    "sokcet,id=s,path=x": "'sokcet' is not a valid char driver name",
    "socket,id=s,host=localhost": "chardev: socket: no port given",
    "socket,id=s,path=x,bogus=1": "Invalid parameter 'bogus'",
    "socket,id=s,path=x,wait=on": (
        "'wait' option is incompatible with socket in client connect mode"
    ),
    "socket,id=s,path=x,server=maybe": "Parameter 'server' expects 'on' or 'off'",
    "socket,id=1s,path=x": "Parameter 'id' expects an identifier",
    "file,id=f": "chardev: file: no filename given",
    "serial,id=t": "chardev: serial/tty: no device path given",
    "ringbuf,id=r,size=3": "size of ringbuf chardev must be power of two",
}
"""Chardevs, and what QEMU says of them (7.2 and later)."""


@pytest.fixture
def path(tmp_path: Path) -> Iterator[str]:
    """The control socket of a daemon."""
    path = unix_path(tmp_path, "control")
    with served(path):
        yield path


@pytest.mark.guest
@pytest.mark.parametrize(("chardev", "text"), BAD.items())
def test_qemu_says_so(chardev: str, text: str) -> None:
    command = ["qemu-system-x86_64", *qemu.MACHINE, "-chardev", chardev]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 1
    assert text in done.stderr.decode()


def test_add_says_what_qemu_says(path: str) -> None:
    for chardev, text in BAD.items():
        for option in ("--guest", "--backend"):
            done = cli("--socket", path, "add", "vm1", option, chardev)
            assert done.returncode == ExitCode.USAGE
            assert text in done.stderr
            assert len(done.stderr.splitlines()) == 1
    with Control(path) as control:
        assert control.execute("mux-query-consoles") == []


def test_qmp_says_what_qemu_says(path: str) -> None:
    with Control(path) as control:
        for chardev, text in BAD.items():
            for arguments in ({"guest": chardev}, {"backends": [chardev]}):
                refused = control.execute("mux-add-console", console="vm1", **arguments)
                assert text in refused
        assert control.execute("mux-query-consoles") == []
        assert control.execute("mux-add-console", console="vm1") == {"console": "vm1"}
        for chardev, text in BAD.items():
            assert text in control.execute("mux-add-backend", console="vm1", chardev=chardev)
        assert control.console("vm1")["backends"] == []
