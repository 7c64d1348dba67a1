"""T16: during one user's paste of 1 MB another's Ctrl-C is not far behind at the guest."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests import support
from tests.faults.ends import KINDS, WAIT
from tests.faults.place import stuck_kind
from tests.guest.sharing import muxtui, on_a_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.place import Place

pytestmark = pytest.mark.needs("openssl")

MOST = 3456
"""Bytes that a line of 115200 baud carries in 0.3 s."""

PASTE = b"x" * 1_000_000


@contextlib.contextmanager
def _pasting(place: Place) -> Iterator[None]:
    """A client of `block` that pastes; nothing more of it is taken, for the guest does not read."""
    with support.connect_unix(place.directory / "block") as sock:

        def paste() -> None:
            with contextlib.suppress(OSError):
                sock.sendall(PASTE)

        thread = threading.Thread(target=paste)
        thread.start()
        try:
            _until_still(lambda: int(place.backend("block")["received"]))
            yield
        finally:
            sock.shutdown(socket.SHUT_RDWR)
            thread.join()


def _until_still(count: Callable[[], int]) -> None:
    """Wait until there is something, and as much of it as half a second before."""
    before = -1
    while (now := count()) != before or not now:
        before = now
        _, nobody = socket.socketpair()
        with _, nobody:
            support.assert_silent(nobody, 0.25)


@contextlib.contextmanager
def _interrupting(place: Place, who: str) -> Iterator[Callable[[], None]]:
    """Somebody else, who types Ctrl-C when called."""
    if who == "muxtui attach":
        known = set(place.peers())
        with on_a_terminal(*muxtui(place.path, "attach", "vm1")) as (console, _):
            support.eventually_sync(lambda: set(place.peers()) - known, WAIT, who)
            yield lambda: console.send(b"\x03")
    else:
        with place.end_of(who, "stuck") as (end, _):
            yield lambda: end.type(b"\x03")


class PtyGuest:
    """A program that reads its terminal only once it is told to."""

    greeting = len(b"up\n")

    def __init__(self, directory: Path) -> None:
        self._go, self._got = directory / "go", directory / "got"
        os.mkfifo(self._go)
        self._got.touch()
        self.chardev = (
            f"process,command=stty raw -echo; echo up; cat {self._go}; exec cat >{self._got}"
        )

    def accept(self) -> None:
        """Be there once the console is."""

    def read(self) -> bytes:
        """What it got before Ctrl-C."""
        with open(self._go, "wb"):
            pass
        support.eventually_sync(lambda: b"\x03" in self._got.read_bytes(), WAIT, "Ctrl-C")
        return self._got.read_bytes().partition(b"\x03")[0]

    def close(self) -> None:
        """Nothing is left."""


class SocketGuest:
    """Who listens for a console, as QEMU does, and reads only once it is told to."""

    greeting = 0

    def __init__(self, directory: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        path = support.unix_path(directory, "guest")
        self._listener.bind(path)
        self._listener.listen()
        self.chardev = f"socket,path={path}"

    def accept(self) -> None:
        """See `PtyGuest.accept`."""
        self._listener.settimeout(WAIT)
        self._sock, _ = self._listener.accept()

    def read(self) -> bytes:
        """See `PtyGuest.read`."""
        with self._sock:
            return support.read_until(self._sock, b"\x03", WAIT).partition(b"\x03")[0]

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()


@pytest.mark.parametrize("kind", [PtyGuest, SocketGuest])
@pytest.mark.parametrize("who", ["unix", "telnet", "websocket", "pty", "frames", "muxtui attach"])
def test_t16_ctrl_c_passes_a_paste(
    place: Place, who: str, kind: type[PtyGuest | SocketGuest]
) -> None:
    interrupter = stuck_kind(place, who) if who in KINDS else []
    with contextlib.closing(kind(place.directory)) as guest:
        console = place.console(*place.shared(*interrupter), guest=guest.chardev)
        with console, _interrupting(place, who) as interrupt, contextlib.ExitStack() as stack:
            guest.accept()
            support.eventually_sync(
                lambda: place.control.console("vm1")["guest"]["state"] == "open", WAIT
            )
            support.eventually_sync(lambda: place.end == guest.greeting, WAIT, "the guest")
            stack.enter_context(_pasting(place))
            sent = {id: peer["received"] for id, peer in place.peers().items()}
            interrupt()
            support.eventually_sync(
                lambda: any(
                    peer["received"] > sent.get(id, 0) and not id.startswith("block")
                    for id, peer in place.peers().items()
                ),
                WAIT,
                "Ctrl-C at the daemon",
            )
            before = guest.read()
        assert set(before) == {ord("x")}
        assert len(before) <= MOST
