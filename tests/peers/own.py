"""What is ours to compare with: muxtui itself, the C loop fanc.c, and asyncio's streams."""

from __future__ import annotations

import platform
import subprocess
import sys
from typing import TYPE_CHECKING

from muxcore.version import __version__
from tests.peers.peer import ROOT, Peer

if TYPE_CHECKING:
    from pathlib import Path


class Muxtui(Peer):
    """The daemon of this checkout; the guest waits for its clients unless told to drop."""

    NAME = "muxtui"
    PROGRAMS = (sys.executable,)

    @classmethod
    def version(cls) -> str:
        """The checkout's."""
        return __version__

    def command(self) -> list[str]:
        """A console with a socket for each client."""
        kind = "serial" if self.kind == "tty" else "socket"
        backends = [self.backend(number) for number in range(self.clients)]
        if self.log is not None:
            backends.append(f"file,id=log,path={self.log}")
        plan = self.directory / "plan.toml"
        plan.write_text(
            f'[console.bench]\nguest = "{kind},path={self.guest_path}"\nbackends = {backends!r}\n'
        )
        control = str(self.directory / "control")
        return [sys.executable, "-m", "muxcore", "serve", "-c", str(plan), "--socket", control]

    def backend(self, number: int) -> str:
        """The chardev for the client `number`."""
        policy = "drop" if self.drop else "block"
        return f"socket,id=b{number},path={self.path(number)},server=on,wait=off,policy={policy}"


def compiled(name: str, directory: Path) -> str:
    """Compile tests/bench/NAME.c into `directory` and return the program's path."""
    program = str(directory / name)
    source = str(ROOT / f"tests/bench/{name}.c")
    subprocess.run(["gcc", "-O2", "-Wall", "-o", program, source], check=True)
    return program


class C(Peer):
    """The plain epoll loop of fanc.c, compiled here."""

    NAME = "c"
    PROGRAMS = ("gcc",)
    VERSION = "echo gcc $(gcc -dumpfullversion)"

    def command(self) -> list[str]:
        """A socket for each client."""
        option = ["-d"] if self.drop else []
        return [
            compiled("fanc", self.directory),
            *option,
            self.guest_path,
            *map(self.path, range(self.clients)),
        ]


class Streams(Peer):
    """The script streams.py."""

    NAME = "asyncio"
    PROGRAMS = (sys.executable,)

    @classmethod
    def version(cls) -> str:
        """Python's."""
        return f"Python {platform.python_version()}"

    def command(self) -> list[str]:
        """A socket for each client."""
        paths = map(self.path, range(self.clients))
        return [sys.executable, "-m", "tests.peers.streams", self.guest_path, *paths]
