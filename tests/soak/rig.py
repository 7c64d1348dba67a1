"""A daemon to be worn out: its flooding console, and what it uses of memory and descriptors."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests import support
from tests.control import Control
from tests.muxcore.daemons import SLOW, listens, serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

GUEST = Path(__file__).with_name("guest.py")


class Rig:
    """The daemon `process` on the control socket `path`, with a console `vm1` that floods."""

    def __init__(self, process: subprocess.Popen[bytes], path: str) -> None:
        self.path = path
        self._process = process

    def resident(self) -> int:
        """The daemon's VmRSS in KiB."""
        with open(f"/proc/{self._process.pid}/status") as status:
            match = re.search(r"VmRSS:\s+(\d+) kB", status.read())
        assert match
        return int(match[1])

    def descriptors(self) -> list[str]:
        """What the daemon's descriptors point to, numbers of sockets left out, in order."""
        fds = support.open_fds(self._process.pid).values()
        return sorted(re.sub(r"\d+\]$", "]", name) for name in fds)


@contextlib.contextmanager
def rig(directory: Path, rate: float, history: str, backends: Sequence[str]) -> Iterator[Rig]:
    """A daemon whose guest prints `rate` bytes a second; it must end in order, without a word."""
    path = support.unix_path(directory, "control")
    process = serve(path)
    try:
        support.eventually_sync(lambda: listens(path), SLOW, f"a daemon on {path}")
        with Control(path) as control:
            added = control.execute(
                "mux-add-console",
                console="vm1",
                guest=f"process,command=stty raw -echo; exec {sys.executable} {GUEST} {rate:.0f}",
                backends=list(backends),
                settings={"history": history},
            )
            assert added == {"console": "vm1"}
        yield Rig(process, path)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=SLOW)
        assert process.returncode == 0, told.decode()
        assert b"Traceback" not in told, told.decode()
        assert b"internal error" not in told, told.decode()
    finally:
        process.kill()
        process.communicate()
