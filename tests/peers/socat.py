"""socat and tee: what a shell offers. One way only, from the guest to its readers."""

from __future__ import annotations

import shlex

from tests.peers.peer import Peer


class SocatTee(Peer):
    """A pipe from the guest through tee into one socat for each reader."""

    NAME = "socat+tee"
    PROGRAMS = ("socat", "tee", "bash")
    VERSION = "socat -V | sed -n 's/.* version \\([0-9.]*\\) .*/\\1/p'"

    def command(self) -> list[str]:
        """The pipe, with socat's largest usual blocks."""
        outs = [f"socat -b65536 -u - {self.reader(number)}" for number in range(self.clients)]
        first, *rest = outs
        files = [shlex.quote(self.log)] if self.log is not None else []
        kind = "OPEN" if self.kind == "tty" else "UNIX-CONNECT"
        guest = f"socat -b65536 -u {kind}:{self.guest_path} -"
        tee = " ".join(["tee", *files, *(f">({out})" for out in rest)])
        return ["bash", "-c", f"{guest} | {tee} | {first}"]

    def reader(self, number: int) -> str:
        """socat's address for the client `number`."""
        return f"UNIX-LISTEN:{self.path(number)}"
