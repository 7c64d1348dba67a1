"""QEMU's hub, with a virtual machine that is a wire between us and the hub's frontend.

The machine is the Linux test guest with the script `bridge` as its init: what is sent to its port
`far`, a unix socket here, its kernel prints on the device that has the hub. So the guest is played
by us, and QEMU is measured like the rest, at the speed of an emulated processor.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from tests import support
from tests.control import Control
from tests.guest import linux
from tests.guest.qemu import MACHINE
from tests.peers import processes
from tests.peers.own import Muxtui
from tests.peers.peer import START_TIMEOUT, Peer

if TYPE_CHECKING:
    from collections.abc import Sequence

Frontend = Literal["hvc0", "vport0p2", "ttyS0"]
"""The guest's device: virtconsole, virtserialport, or a 16550."""

DEVICES: dict[Frontend, tuple[str, ...]] = {
    "hvc0": ("-device", "virtconsole,chardev={}"),
    "vport0p2": ("-device", "virtserialport,chardev={},name=near,nr=2"),
    "ttyS0": ("-serial", "chardev:{}"),
}


class Qemu(Peer):
    """A hub of unix sockets, one for each client (four at most), and a QMP socket.

    A log is one more member, a file.
    """

    NAME = "qemu"
    PROGRAMS = ("qemu-system-x86_64",)
    GUESTS = ("unix",)
    MOST = 4  # MAX_HUB of QEMU's chardev-internal.h
    VERSION = "qemu-system-x86_64 --version | sed 's/.*version //; s/ .*//'"
    FRONTEND: ClassVar[Frontend] = "vport0p2"
    LOG_FIRST: ClassVar[bool] = False
    """Whether the log is the first member; the last otherwise."""

    def start(self) -> None:
        """Boot it; the guest's end is there when its kernel has the port."""
        self.process = self.run(self.command())
        self.guest = support.connect_unix(self.guest_path, START_TIMEOUT)
        self._stack.callback(self.guest.close)
        self.guest.setblocking(False)

    def chardevs(self) -> tuple[list[str], str]:
        """The arguments for the chardevs, and the id of the one that the frontend gets."""
        members = [f"b{number}" for number in range(self.clients)]
        chardevs = [self.member(number) for number in range(self.clients)]
        if self.log is not None:
            at = 0 if self.LOG_FIRST else len(members)
            members.insert(at, "log")
            chardevs.append(f"file,id=log,path={self.log}")
        return [*chardevs, hub(members)], "hub"

    def member(self, number: int) -> str:
        """The chardev for the client `number`."""
        return f"socket,id=b{number},path={self.path(number)},server=on,wait=off"

    def command(self) -> list[str]:
        """The machine, its far port, and the frontend on the hub."""
        chardevs, shared = self.chardevs()
        far = f"socket,id=far,path={self.guest_path},server=on,wait=off"
        append = linux.APPEND.replace("console=hvc0", "console=null")
        return [
            "qemu-system-x86_64",
            *MACHINE,
            *("-m", "128", "-kernel", str(linux.build() / "vmlinuz"), "-initrd", self._initramfs()),
            *("-append", f"{append} rdinit=/bridge bridge={self.FRONTEND}"),
            *("-qmp", f"unix:{self.directory}/qmp,server=on,wait=off"),
            *("-device", "virtio-serial-pci"),
            *("-chardev", far, "-device", "virtserialport,chardev=far,name=far,nr=1"),
            *(word for chardev in chardevs for word in ("-chardev", chardev)),
            *(word.format(shared) for word in DEVICES[self.FRONTEND]),
        ]

    def _initramfs(self) -> str:
        """The test guest's, with /bridge behind it: the kernel unpacks one after the other."""
        with tempfile.TemporaryDirectory() as root:
            shutil.copy(Path(__file__).with_name("bridge"), root)
            os.chmod(Path(root, "bridge"), 0o755)
            more = b"".join(linux.cpio(Path(root)))
        image = self.directory / "initramfs.cpio"
        image.write_bytes((linux.build() / "initramfs.cpio").read_bytes() + more)
        return str(image)

    def qmp(self, command: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON
        """The result of a QMP command; QEMU's text if it refuses."""
        with Control(str(self.directory / "qmp")) as control:
            return control.execute(command, **arguments)


def hub(members: Sequence[str]) -> str:
    """The chardev `hub` of these."""
    listed = ",".join(f"chardevs.{at}={member}" for at, member in enumerate(members))
    return f"hub,id=hub,{listed}"


class QemuWithMuxtui(Qemu):
    """The same machine with its frontend on one socket, and muxtui behind it."""

    NAME = "muxtui"
    PROGRAMS = ("qemu-system-x86_64",)

    def chardevs(self) -> tuple[list[str], str]:
        """One socket."""
        return [f"socket,id=one,path={self.directory}/one,server=on,wait=off"], "one"

    def start(self) -> None:
        """Boot it, and start a daemon with the socket as its guest."""
        super().start()
        self._muxtui = Muxtui(self.directory, self.clients, cpu=self._cpu)
        self._muxtui.guest_path = str(self.directory / "one")
        self._daemon = self.run(self._muxtui.command())

    def pids(self) -> list[int]:
        """QEMU and the daemon."""
        return [*super().pids(), *processes.family(self._daemon.pid)]
