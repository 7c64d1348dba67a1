"""kill -9 of everybody in turn, around a real guest: what is left is what was promised."""

from __future__ import annotations

import contextlib
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from muxcore.chardev.stale import is_stale_pty_link, is_stale_socket
from tests.control import Control
from tests.guest import qemu, sharing
from tests.guest.console import UBOOT_PROMPT
from tests.muxcore.daemons import cli, served
from tests.support import eventually_sync, open_fds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.guest, pytest.mark.needs("socat"), pytest.mark.timeout(300)]

NO_DAEMON = 3


@dataclass
class Place:
    """Where everything is, and a guest at its prompt once a daemon has met it."""

    directory: Path
    guest: qemu.Guest

    def path(self, name: str) -> str:
        """The path of `name` there."""
        return str(self.directory / name)

    @property
    def control(self) -> str:
        """The control socket."""
        return self.path("control")

    def log(self) -> bytes:
        """What the log file holds."""
        with open(self.path("log"), "rb") as log:
            return log.read()

    def daemon(self) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
        """A daemon on the configuration."""
        return served(self.control, "-c", self.path("config.toml"))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A guest that waits for a daemon, and the daemon's configuration."""
    hangup = f"trap 'echo hung up >{tmp_path}/hup; exit' HUP; echo ready; read line"
    backends = [
        f"socket,id=sock0,path={tmp_path}/sock,server=on,wait=off",
        f"pty,id=pty0,path={tmp_path}/tty",
        f"file,id=log0,path={tmp_path}/log,append=on",
    ]
    sharing.write_config(
        tmp_path,
        {
            "vm1": (f"socket,path={tmp_path}/vm1.sock,reconnect-ms=100", backends),
            "vm2": (f"process,command={hangup}", []),
        },
    )
    with qemu.uboot(str(tmp_path / "vm1.sock"), wait=True) as guest:
        yield Place(tmp_path, guest)


def test_a_killed_client_is_missed_by_nobody(place: Place) -> None:
    attach = sharing.muxtui(place.control, "attach", "vm1")
    with contextlib.ExitStack() as stack:
        daemon = stack.enter_context(place.daemon())
        stream = stack.enter_context(sharing.stream(place.control, "vm1", replay=1 << 20))
        stream.interrupt_autoboot()
        control = stack.enter_context(Control(place.control))
        before = len(open_fds(daemon.pid))
        names = {backend["id"] for backend in control.console("vm1")["backends"]}

        terminal, attached = stack.enter_context(sharing.on_a_terminal(*attach))
        socat, connected = stack.enter_context(sharing.socat(place.path("sock")))
        terminal.expect(UBOOT_PROMPT)
        eventually_sync(lambda: control.backend("vm1", "sock0")["peers"])
        for client in (attached, connected):
            client.kill()
            client.wait()
        socat.expect_end()
        eventually_sync(lambda: not control.backend("vm1", "sock0")["peers"])
        eventually_sync(
            lambda: {backend["id"] for backend in control.console("vm1")["backends"]} == names
        )
        eventually_sync(lambda: len(open_fds(daemon.pid)) == before, what="as many descriptors")
        stream.run(b"echo still here", UBOOT_PROMPT)
        assert b"\r\nstill here\r\n" in stream.everything
        assert not stream.gaps
        with sharing.socat(place.path("sock")) as (again, _):
            again.run(b"echo and here", UBOOT_PROMPT)
        stream.expect(b"\nand here\r\n")


def test_a_killed_guest_is_waited_for_and_its_log_goes_on(place: Place) -> None:
    with contextlib.ExitStack() as stack:
        stack.enter_context(place.daemon())
        stream = stack.enter_context(sharing.stream(place.control, "vm1", replay=1 << 20))
        socat, _ = stack.enter_context(sharing.socat(place.path("sock")))
        stream.interrupt_autoboot()
        before = bytes(stream.everything)
        place.guest.kill()
        # QEMU had no time to remove its socket: nobody answers on it.
        status = stream.wait_for_status(lambda status: status["guest"]["retry-at"])
        assert status["guest"]["state"] == "retrying"
        assert status["guest"]["reason"]
        done = cli("--socket", place.control, "send", "vm1", "too late")
        assert done.returncode == 5
        assert "its guest is not open" in done.stderr
        socat.send(b"nobody hears this\r")
        eventually_sync(lambda: _discarded(place.control) == len(b"nobody hears this\r"))

        place.guest.start()
        stream.interrupt_autoboot()
        socat.expect(b"autoboot.*" + UBOOT_PROMPT)
        wanted = sharing.history(place.control, "vm1")
        assert wanted.startswith(before)
        assert b"nobody hears this" not in wanted
        assert stream.everything == wanted
        eventually_sync(lambda: place.log() == wanted, sharing.WAIT)


def _discarded(path: str) -> int:
    with Control(path) as control:
        count: int = control.console("vm1")["discarded"]
        return count


def test_a_killed_daemon_costs_no_guest_outside_it_and_the_next_one_takes_over(
    place: Place,
) -> None:
    with place.daemon() as daemon, contextlib.ExitStack() as stack:
        stream = stack.enter_context(sharing.stream(place.control, "vm1", replay=1 << 20))
        stream.interrupt_autoboot()
        stream.run(b"setenv kept by-the-guest", UBOOT_PROMPT)
        attach = sharing.muxtui(place.control, "attach", "vm1")
        terminal, attached = stack.enter_context(sharing.on_a_terminal(*attach))
        terminal.expect(b"setenv kept by-the-guest")
        socat, connected = stack.enter_context(sharing.socat(place.path("sock")))
        pty = stack.enter_context(sharing.open_pty(place.path("tty")))
        pty.expect(b"setenv kept by-the-guest")
        with Control(place.control) as control:
            eventually_sync(lambda: control.backend("vm1", "sock0")["peers"])
            eventually_sync(lambda: control.console("vm2")["guest"]["received"])
        first = sharing.history(place.control, "vm1")
        eventually_sync(lambda: place.log() == first, sharing.WAIT)

        daemon.kill()
        daemon.wait()
        stream.expect_end()
        pty.expect_end()
        socat.expect_end()
        assert connected.wait(sharing.WAIT) == 0
        terminal.expect(b"the daemon ended the stream")
        assert attached.wait(sharing.WAIT) == NO_DAEMON
        assert cli("--socket", place.control, "ls").returncode == NO_DAEMON
        hangup = place.directory / "hup"
        eventually_sync(lambda: hangup.exists() and hangup.read_text() == "hung up\n", sharing.WAIT)
    for left in ("control", "sock"):
        assert is_stale_socket(place.path(left))
    assert is_stale_pty_link(place.path("tty"))

    with place.daemon():
        stream = sharing.stream(place.control, "vm1", replay=1 << 20)
        with stream, sharing.socat(place.path("sock")) as (socat, _):
            assert not is_stale_socket(place.path("sock"))
            assert not is_stale_pty_link(place.path("tty"))
            stream.wait_for_status(
                lambda status: status["guest"] and status["guest"]["state"] == "open"
            )
            # The guest did not even notice.
            socat.run(b"printenv kept", UBOOT_PROMPT)
            assert b"kept=by-the-guest" in socat.everything
            with sharing.open_pty(place.path("tty")) as pty:
                pty.run(b"echo on the pty", UBOOT_PROMPT)
        second = sharing.history(place.control, "vm1")
        assert b"autoboot" not in second
        eventually_sync(lambda: place.log() == first + second, sharing.WAIT)
    assert place.guest.pid
