"""T1: a disk that is full, or hangs, costs its own log bytes at most, and the log says which."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import support
from tests.faults import fuse
from tests.faults.ends import WAIT
from tests.faults.place import SIZE, Place, gaps_of
from tests.muxcore.daemons import cli, served

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.needs("socat", "unshare")

FULL = "No space left on device"

MOUNTS = """
mount -t tmpfs -o size=256k tmpfs "$1/small"
"$2" "$3" "$1/hung" "$1/ready" &
shift 3
exec "$@"
"""
"""Run in a mount namespace of its own, so that the mounts end with the processes in it."""


class Mounted(Place):
    """A daemon with a file system of 256 KiB on `small` and one that can be stopped on `hung`."""

    def path_of(self, name: str) -> Path:
        """A file below the directory as the daemon sees it."""
        return Path(f"/proc/{self.process.pid}/root{self.directory}/{name}")

    def make_room(self) -> None:
        """Let the small file system be large."""
        namespace = ["nsenter", "-t", str(self.process.pid), "-m"]
        mount = ["mount", "-o", "remount,size=64m", f"{self.directory}/small"]
        subprocess.run([*namespace, *mount], check=True)

    def hang(self, hangs: bool) -> None:
        """Stop the server of the other one, or let it go on."""
        pid = int((self.directory / "ready").read_text())
        os.kill(pid, signal.SIGSTOP if hangs else signal.SIGCONT)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Mounted]:
    """See `Mounted`."""
    if os.geteuid():
        pytest.skip("needs root to mount a file system")
    if not os.path.exists("/dev/fuse"):
        pytest.skip("needs /dev/fuse")
    for name in ("small", "hung"):
        (tmp_path / name).mkdir()
    before = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", MOUNTS, "sh"]
    before += [str(tmp_path), sys.executable, str(fuse.__file__)]
    path = support.unix_path(tmp_path, "control")
    with served(path, before=before) as process:
        made = Mounted(path, process, tmp_path, tmp_path)
        support.eventually_sync(lambda: (tmp_path / "ready").exists(), WAIT, "the mount")
        try:
            with made.control:
                yield made
        finally:
            os.kill(int((tmp_path / "ready").read_text()), signal.SIGKILL)


def _shown(place: Place, id: str, reason: str) -> None:
    """The failure is told: to who asks, to who listens, and to who looks."""
    support.eventually_sync(lambda: place.backend(id)["state"] == "failed", WAIT, f"{id} failed")
    assert place.backend(id)["reason"] == reason
    told = [
        event["data"] for event in place.control.events if event["event"] == "MUX_BACKEND_CHANGED"
    ]
    assert {"console": "vm1", "id": id, "state": "failed", "reason": reason} in told
    listed = cli("--socket", place.path, "ls").stdout
    assert any(id in line and "failed" in line for line in listed.splitlines()), listed


@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
@pytest.mark.parametrize("log", ["file", "logfile"])
def test_t1_a_full_disk_costs_the_others_nothing_and_is_shown(
    place: Place, log: str, first: bool
) -> None:
    full = "file,id=full,path=/dev/full" if log == "file" else "null,id=n,logfile=/dev/full"
    others = place.shared()
    with place.console(*([full, *others] if first else [*others, full])), place.reader():
        place.flood()
        place.others_have_all()
        id = "full" if log == "file" else "n/log"
        _shown(place, id, f"Could not write '/dev/full': {FULL}")
        assert not place.control.console("vm1")["held"]


@pytest.mark.parametrize("history", ["64K", "16M"])
def test_t1_a_log_goes_on_when_there_is_room_again_and_says_what_it_lacks(
    mounted: Mounted, history: str
) -> None:
    small = f"file,id=small,path={mounted.directory}/small/log"
    with mounted.console(*mounted.shared(small), history=history), mounted.reader():
        mounted.flood()
        mounted.others_have_all()
        _shown(mounted, "small", f"Could not write '{mounted.directory}/small/log': {FULL}")
        mounted.make_room()
        support.eventually_sync(lambda: mounted.backend("small")["state"] == "open", WAIT)
        support.eventually_sync(lambda: mounted.backend("small")["lag"] == 0, WAIT)
        gaps = gaps_of(mounted.path_of("small/log").read_bytes(), 0, SIZE)
        assert gaps == mounted.declared("small/1")
        assert bool(gaps) == (history == "64K")


def test_t1_a_hung_disk_costs_the_others_nothing_and_is_shown(mounted: Mounted) -> None:
    hung = f"file,id=hung,path={mounted.directory}/hung/log"
    with mounted.console(*mounted.shared(hung)), mounted.reader():
        support.eventually_sync(lambda: mounted.backend("hung")["lag"] == 0, WAIT)
        mounted.hang(True)
        mounted.flood()
        mounted.others_have_all()
        reason = f"Could not write '{mounted.directory}/hung/log': no answer for 2 s"
        _shown(mounted, "hung", reason)
        mounted.hang(False)
        support.eventually_sync(lambda: mounted.backend("hung")["lag"] == 0, WAIT)
        assert mounted.backend("hung")["state"] == "open"
        gaps = gaps_of(mounted.path_of("hung/log").read_bytes(), 0, SIZE)
        assert gaps == mounted.declared("hung/1") != []


def test_t1_a_daemon_with_a_hung_disk_ends_when_it_is_told_to(mounted: Mounted) -> None:
    """What is left of its process then is the kernel's, until the file system answers."""
    mounted.add_console(*mounted.shared(f"file,id=hung,path={mounted.directory}/hung/log"))
    support.eventually_sync(lambda: mounted.backend("hung")["lag"] == 0, WAIT)
    mounted.hang(True)
    mounted.flood()
    mounted.whole("log")
    assert cli("--socket", mounted.path, "stop").returncode == 0
    assert not os.path.exists(mounted.path)
    with served(mounted.path):
        pass
    mounted.hang(False)
    mounted.process.wait(WAIT)
