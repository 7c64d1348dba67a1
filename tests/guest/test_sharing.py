"""A real guest's console, shared by a real daemon: everybody sees everything, everybody types."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.control import Control
from tests.guest import linux, qemu, sharing
from tests.guest.console import SHELL_PROMPT, UBOOT_PROMPT, Console
from tests.muxcore.daemons import cli, served
from tests.support import eventually_sync

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.guest, pytest.mark.needs("socat", "tio"), pytest.mark.timeout(300)]

VERBOSE = "console=ttyS0 muxguest.quiet=1 panic=-1 tsc=reliable no_timer_check random.trust_cpu=on"
"""Kernel parameters of a boot that shows its whole log, up to the login."""


@dataclass
class Shared:
    """A booted guest, everybody who was there before its first byte, and one of them who types."""

    kind: str
    control: str
    guest: qemu.Guest
    log: str
    views: dict[str, Console]
    stream: sharing.StreamView
    typists: dict[str, Console]

    @property
    def prompt(self) -> bytes:
        """What the guest says when it is ready for a command."""
        return UBOOT_PROMPT if self.kind == "uboot" else SHELL_PROMPT

    def boot(self) -> None:
        """Wait for the guest's prompt, as the operator at the attach stream."""
        (self.stream.interrupt_autoboot if self.kind == "uboot" else self.stream.login)()

    def compare(self) -> bytes:
        """Assert that every view has what the daemon retains, to the byte, and return that."""
        wanted = sharing.history(self.control, "vm1")
        for name, view in self.views.items():
            view.expect_count(len(wanted))
            assert view.everything == wanted, f"{name} differs"
        eventually_sync(lambda: os.path.getsize(self.log) >= len(wanted), sharing.WAIT, "the log")
        with open(self.log, "rb") as log:
            assert log.read() == wanted
        return wanted


def _linux_on_a_serial_port(path: str) -> qemu.Guest:
    image = linux.build()
    kernel = ("-kernel", f"{image}/vmlinuz", "-initrd", f"{image}/initramfs.cpio")
    arguments = ("-m", "128", *kernel, "-append", VERBOSE, "-serial", "chardev:c0")
    return qemu.Guest(path, arguments, wait=True)


@pytest.fixture(scope="module", params=["uboot", "linux"])
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shared]:
    """One for all tests that leave the guest running."""
    with _sharing(request.param, tmp_path_factory.mktemp(request.param)) as shared:
        yield shared


@contextlib.contextmanager
def _sharing(kind: str, directory: Path) -> Iterator[Shared]:
    """A booted guest, which waited for the daemon, which waited for everybody else."""
    console = str(directory / "vm1.sock")
    if kind == "uboot":
        guest = qemu.uboot(console, wait=True)
    else:
        guest = _linux_on_a_serial_port(console)
    names = {name: str(directory / name) for name in ("control", "sock", "tty0", "tty1", "log")}
    config = sharing.write_config(
        directory,
        {
            "vm1": (
                f"socket,path={console},reconnect-ms=100",
                [
                    f"socket,id=sock0,path={names['sock']},server=on,wait=off",
                    f"pty,id=pty0,path={names['tty0']}",
                    f"pty,id=pty1,path={names['tty1']}",
                    f"file,id=log0,path={names['log']}",
                ],
            )
        },
    )
    with contextlib.ExitStack() as stack:
        stack.enter_context(served(names["control"], "-c", config))
        stream = stack.enter_context(sharing.stream(names["control"], "vm1"))
        socat, _ = stack.enter_context(sharing.socat(names["sock"]))
        pty = stack.enter_context(sharing.open_pty(names["tty0"]))
        tio = stack.enter_context(sharing.tio(names["tty1"]))
        control = stack.enter_context(Control(names["control"]))
        for backend in ("sock0", "pty0", "pty1"):
            eventually_sync(lambda id=backend: control.backend("vm1", id)["peers"])  # type: ignore[misc]
        stack.enter_context(guest)
        views = {"attach": stream, "socat": socat, "pty": pty}
        typists = {"attach": stream, "socat": socat, "pty": pty, "tio": tio}
        made = Shared(kind, names["control"], guest, names["log"], views, stream, typists)
        made.boot()
        yield made


def test_a_boot_log_is_the_same_to_the_byte_wherever_it_goes(shared: Shared) -> None:
    log = shared.compare()
    if shared.kind == "uboot":
        assert log.count(b"U-Boot") >= 1
        assert b"Hit any key to stop autoboot" in log
    else:
        assert b"Linux version" in log
        assert b"login: " in log
        assert len(log) > 10_000


def test_what_anybody_types_reaches_the_guest_and_its_echo_everybody(shared: Shared) -> None:
    for name, typist in shared.typists.items():
        typist.send(f"echo from {name}\r".encode())
        _heard_by_all(shared, f"from {name}")
    done = cli("--socket", shared.control, "send", "vm1", "echo from send", "--enter")
    assert (done.returncode, done.stderr) == (0, "")
    _heard_by_all(shared, "from send")
    shared.compare()


def _heard_by_all(shared: Shared, words: str) -> None:
    """Everybody saw the command's echo, its output and the next prompt."""
    pattern = b"echo %b\r+\n%b\r+\n.*?" % (words.encode(), words.encode())
    for view in shared.typists.values():
        view.expect(pattern + shared.prompt)


@pytest.mark.parametrize("kind", ["uboot", "linux"])
def test_a_guest_that_ends_is_told_everywhere_and_its_return_is_seen_by_all(
    kind: str, tmp_path: Path
) -> None:
    with _sharing(kind, tmp_path) as shared:
        _end_and_return(shared)


def _end_and_return(shared: Shared) -> None:
    before = shared.compare()
    attach = sharing.muxtui(shared.control, "attach", "vm1")
    with Control(shared.control) as control, sharing.on_a_terminal(*attach) as (terminal, _):
        terminal.expect(b"attached to vm1")
        started = time.time()
        os.kill(shared.guest.pid, signal.SIGTERM)
        shared.guest.wait()
        _told_everywhere(shared, control, terminal, started)
        lost = control.console("vm1")
        assert sharing.history(shared.control, "vm1") == before

        shared.guest.start()
        shared.boot()
        terminal.expect(b"guest open")
        assert control.console("vm1")["guest"]["state"] == "open"
        assert control.console("vm1")["since"] == lost["since"]
    after = shared.compare()
    assert after.startswith(before)
    assert (b"U-Boot" if shared.kind == "uboot" else b"Linux version") in after[len(before) :]


def _told_everywhere(shared: Shared, control: Control, terminal: Console, started: float) -> None:
    def guest() -> dict[str, Any]:
        found: dict[str, Any] = control.console("vm1")["guest"]
        return found

    eventually_sync(lambda: guest()["state"] == "retrying", sharing.WAIT)
    # Between two attempts it is connecting, and there is no next one.
    told = eventually_sync(lambda: (g := guest())["retry-at"] and g, sharing.WAIT)
    assert told["reason"]
    assert started - 1 < told["since"] < told["retry-at"]
    status = shared.stream.wait_for_status(
        lambda status: status["guest"]["state"] == "retrying" and status["guest"]["retry-at"]
    )
    assert status["guest"]["reason"]
    terminal.expect(rb"\[muxtui: guest \w+ \d\d:\d\d:\d\d, retrying[^\]]+\]")
    assert "retrying" in cli("--socket", shared.control, "ls").stdout
