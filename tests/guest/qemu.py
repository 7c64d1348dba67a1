"""A guest in QEMU whose console is a unix socket chardev, and its end.

Works with QEMU 7.2 and later: no versioned machine type, no chardev option newer than that.
TCG always: a /dev/kvm can be there and not work.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Self

from tests.guest.console import Console

if TYPE_CHECKING:
    pass

UBOOT_ROM = "/usr/lib/u-boot/qemu-x86_64/u-boot.rom"
"""U-Boot for QEMU's x86 PC, from Debian's package u-boot-qemu."""

PROGRAMS = ("qemu-system-x86_64", UBOOT_ROM)
"""What a test marked `guest` cannot do without."""

STOP_TIMEOUT = 30.0
"""Seconds QEMU gets to end when asked to."""

MACHINE = ("-M", "pc", "-accel", "tcg", "-nodefaults", "-no-user-config", "-display", "none",
           "-no-reboot")  # fmt: skip


class Guest:
    """A QEMU process with a console at `path`, started by entering it, killed by leaving it.

    The same guest can be started again after `kill` or after it ended by itself.
    """

    def __init__(self, path: str, arguments: tuple[str, ...], *, wait: bool = False) -> None:
        """Describe the guest; nothing runs yet.

        Args:
            path: where QEMU is to listen for the console, chardev id `c0`.
            arguments: of QEMU, beside the machine and that chardev.
            wait: hold the guest until somebody has connected, so that no byte is missed.
        """
        self.path = path
        self._command = (
            "qemu-system-x86_64",
            *MACHINE,
            "-chardev",
            f"socket,id=c0,path={path},server=on,wait={'on' if wait else 'off'}",
            *arguments,
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """Process id of the running QEMU."""
        return self._running().pid

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the guest was not started"
        return self._process

    def start(self) -> None:
        """Start QEMU: also again, after it has ended."""
        assert self._process is None, "the guest is running"
        # QEMU replaces the socket an earlier, killed one left behind.
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)

    def connect(self) -> Console:
        """Connect to the console itself, as its only client."""
        return Console.connect(self.path, STOP_TIMEOUT)

    def wait(self, timeout: float = STOP_TIMEOUT) -> int:
        """Wait until QEMU ends by itself and return its exit status."""
        status = self._running().wait(timeout)
        self._process = None
        return status

    def kill(self) -> None:
        """End QEMU at once (SIGKILL); its socket file stays, as after a crash."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_TIMEOUT)
            self._process = None


def uboot(path: str, *extra: str, wait: bool = False) -> Guest:
    """Describe a U-Boot guest with its serial port at `path`: at the prompt in 0.2 s, 56 MB."""
    arguments = ("-m", "32", "-bios", UBOOT_ROM, "-serial", "chardev:c0", *extra)
    return Guest(path, arguments, wait=wait)
