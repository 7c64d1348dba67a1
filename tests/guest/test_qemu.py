"""`muxtui qemu` with a real QEMU: what it makes, shows, ends with, and leaves behind."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.control import Control
from tests.guest import linux, qemu, sharing
from tests.guest.console import SHELL_PROMPT, UBOOT_PROMPT, Console
from tests.muxcore.daemons import ROOT, cli, served
from tests.support import eventually_sync, unix_path

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.guest, pytest.mark.timeout(300)]

UBOOT = (*qemu.MACHINE, "-m", "32", "-bios", qemu.UBOOT_ROM)


@dataclass
class Rig:
    """A daemon, and a directory for what the consoles' backends make."""

    control: str
    directory: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`muxtui qemu` to its end."""
        return cli("-s", self.control, "qemu", *words, timeout=sharing.WAIT)

    @contextlib.contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """`muxtui qemu` while it waits for QEMU's end."""
        process = subprocess.Popen(
            sharing.muxtui(self.control, "qemu", *words),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with process, sharing.ended(process):
            yield process

    def consoles(self) -> dict[str, dict[str, Any]]:
        """Every console by its name."""
        with Control(self.control) as control:
            return {item["name"]: item for item in control.execute("mux-query-consoles")}

    def wait_for(self, name: str, state: str) -> None:
        """Wait until the guest of the console `name` is in `state`."""

        def reached() -> bool:
            guest = self.consoles().get(name, {}).get("guest")
            return guest is not None and guest["state"] == state

        eventually_sync(reached, sharing.WAIT, f"{name} {state}")

    def pid(self, name: str) -> int:
        """QEMU's process id."""
        command = self.consoles()[f"{name}.qemu"]["guest"]["address"].removeprefix("exec ")
        wanted = [os.fsencode(word) for word in shlex.split(command)]
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as words:
                if words.read().split(b"\0")[:-1] == wanted:
                    return int(pid)
        raise AssertionError(f"no process runs {command}")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A daemon of its own for every test; its end is the end of every QEMU."""
    control = unix_path(tmp_path, "control")
    with served(control) as daemon:
        yield Rig(control, tmp_path)
        daemon.terminate()
        daemon.wait(sharing.WAIT)


def _seed(directory: Path) -> tuple[str, ...]:
    return (
        *("-chardev", "mux-be,id=mux0"),
        "-chardev",
        f"socket,path={directory}/sock,server=on,wait=off,id=sock0,mux-be-id=mux0",
        *("-chardev", "vc,id=vc0,mux-be-id=mux0"),
        *("-device", "virtconsole,chardev=mux0"),
        *("-vnc", "127.0.0.1:0"),
    )


def _linux(*more: str) -> tuple[str, ...]:
    image = linux.build()
    kernel = ("-kernel", f"{image}/vmlinuz", "-initrd", f"{image}/initramfs.cpio")
    machine = ("-M", "pc", "-accel", "tcg", "-nodefaults", "-no-reboot", "-m", "128")
    return ("--", "qemu-system-x86_64", *machine, *kernel, "-append", linux.APPEND, *more)


def _uboot(*options: str) -> tuple[str, ...]:
    return (*options, "--", "qemu-system-x86_64", *UBOOT)


SERIAL = ("-chardev", "null,id=c0", "-serial", "chardev:c0", "--name", "vm1")


@pytest.mark.needs("socat", "tio")
def test_the_command_line_that_started_it_all(rig: Rig) -> None:
    pty = str(rig.directory / "pty")
    with rig.running(*_seed(rig.directory), *_linux()) as running:
        rig.wait_for("mux0", "open")
        bridge = ("socat", f"unix-connect:{rig.directory}/sock", f"pty,link={pty}")
        with sharing.ended(subprocess.Popen(bridge)):
            eventually_sync(lambda: os.path.exists(pty), sharing.WAIT, "socat's pty")
            with sharing.tio(pty) as tio, sharing.stream(rig.control, "mux0") as view:
                tio.send(b"\r")
                tio.login()
                tio.run(b"echo typed by $((40 + 2))")
                view.expect(b"typed by 42")
                view.expect(SHELL_PROMPT)
                view.send(b"echo and $((50 + 2))\r")
                tio.expect(b"and 52")
                assert [item["type"] for item in rig.consoles()["mux0"]["backends"]][:2] == [
                    "socket",
                    "vc",
                ]
                view.send(b"reboot -f\r")
                assert running.wait(sharing.WAIT) == 0
        assert running.stderr is not None
        assert running.stderr.read().splitlines() == [
            b"muxtui: warning: -vnc 127.0.0.1:0: vc shows in the TUI only",
            b"muxtui: qemu-system-x86_64 exited with status 0",
        ]
    rig.wait_for("mux0", "closed")


def test_two_hubs_are_two_devices_of_one_guest(rig: Rig) -> None:
    hubs = (
        *("-chardev", "null,id=a", "-chardev", "null,id=b", "-chardev", "vc,id=v"),
        *("-chardev", "hub,id=h0,chardevs.0=a,chardevs.1=v", "-chardev", "hub,id=h1,chardevs.0=b"),
        *("-device", "virtconsole,chardev=h0", "-device", "isa-serial,chardev=h1"),
    )
    done = rig.run("--detach", "--name", "vm1", *hubs, *_linux("-display", "none"))
    assert done.returncode == 0, done.stderr
    assert set(rig.consoles()) == {"vm1.h0", "vm1.h1", "vm1.qemu"}
    with (
        sharing.stream(rig.control, "vm1.h0", replay=1 << 20) as console,
        sharing.stream(rig.control, "vm1.h1", replay=1 << 20) as serial,
    ):
        console.login()
        console.run(b"echo over the wire >/dev/ttyS0")
        serial.expect(b"over the wire")


BREAKS = (
    *("-chardev", "socket,id=t,host=127.0.0.1,port=0,server=on,wait=off,telnet=on"),
    *("-chardev", "socket,id=r,host=127.0.0.1,port=0,server=on,wait=off,rfc2217=on"),
    *("-chardev", "socket,id=m,host=127.0.0.1,port=0,server=on,wait=off"),
    *("-chardev", "hub,id=h,chardevs.0=t,chardevs.1=r,chardevs.2=m"),
)


def _port(rig: Rig, console: str, id: str) -> int:
    backends = {item["id"]: item for item in rig.consoles()[console]["backends"]}
    return int(backends[id]["address"].rpartition(":")[2])


@pytest.mark.parametrize("device", ["isa-serial", "pci-serial"])
def test_t5_a_break_of_anybody_reaches_the_kernel(rig: Rig, device: str) -> None:
    """Linux' magic sysrq: a break on its serial console and the key behind it."""
    append = linux.APPEND.replace("hvc0", "ttyS0")
    words = _linux("-display", "none", "-append", append)
    options = (*BREAKS, "-device", f"{device},chardev=h", "--name", "vm1")
    assert rig.run("--detach", *options, *words).returncode == 0
    with sharing.stream(rig.control, "vm1", replay=1 << 20) as view, Control(rig.control) as qmp:
        # Whoever asks for a name drops what came before.
        view.login()

        def arrives(key: bytes = b"h") -> None:
            view.send(key)
            view.expect(rb"sysrq: HELP : ")

        qmp.execute("chardev-send-break", id="vm1")
        arrives()
        qmp.execute("chardev-send-break", id="t")
        arrives()
        view.send_break()
        arrives()
        assert cli("-s", rig.control, "send", "vm1", "--break").returncode == 0
        arrives()
        # IAC BRK; IAC SB COM-PORT-OPTION SET-CONTROL "break on" IAC SE.
        for backend, said in (
            ("t", b"\xff\xf3"),
            ("r", b"\xff\xfb\x2c\xff\xfa\x2c\x05\x05\xff\xf0"),
        ):
            with socket.create_connection(("127.0.0.1", _port(rig, "vm1", backend))) as client:
                client.sendall(said + b"h")
                arrives(b"")
        # What is QEMU's escape character is a key like any other: the shell goes to the
        # beginning of the line by it.
        view.send(b"ho uptime\x01ec\r")
        view.expect(rb"\r\nuptime\r\n")


def test_a_break_by_the_key_of_a_mux_reaches_the_kernel(rig: Rig) -> None:
    chardev = f"socket,id=m,path={rig.directory}/sock,server=on,wait=off,mux=on"
    append = linux.APPEND.replace("hvc0", "ttyS0")
    words = _linux("-display", "none", "-append", append)
    assert rig.run("--detach", "-chardev", chardev, "-serial", "chardev:m", *words).returncode == 0
    with Console.connect(str(rig.directory / "sock"), sharing.WAIT) as client:
        client.login()
        client.send(b"\x01bh")
        client.expect(b"sysrq: HELP : ")


def test_no_early_byte_is_lost_and_the_paths_are_gone_once_it_runs(rig: Rig) -> None:
    done = rig.run("--detach", *_uboot(*SERIAL))
    assert done.returncode == 0
    assert "vm1 goes on: 'muxtui vm1' shows it" in done.stderr
    assert set(rig.consoles()) == {"vm1", "vm1.qemu"}
    private = os.path.join(os.environ["XDG_RUNTIME_DIR"], "muxtui", "qemu")
    assert os.listdir(private) == []
    with sharing.stream(rig.control, "vm1", replay=1 << 20) as view:
        view.interrupt_autoboot()
        assert view.everything.startswith(b"\r\nU-Boot SPL 20")
        assert b"qemu-x86" in view.run(b"printenv board_name", UBOOT_PROMPT)


def test_a_live_machine_is_not_replaced_and_a_dead_one_is(rig: Rig) -> None:
    with rig.running(*_uboot(*SERIAL)) as running:
        rig.wait_for("vm1", "open")
        second = rig.run("--detach", *_uboot(*SERIAL))
        assert second.returncode == 1
        assert second.stderr == (
            "muxtui: 'vm1' runs: 'muxtui vm1' shows it, 'muxtui rm vm1' ends it\n"
        )
        os.kill(rig.pid("vm1"), signal.SIGKILL)
        assert running.wait(sharing.WAIT) == 128 + signal.SIGKILL
        assert running.stderr is not None
        assert b"muxtui: qemu-system-x86_64 killed by SIGKILL" in running.stderr.read()
    rig.wait_for("vm1", "closed")
    assert rig.run("--detach", *_uboot(*SERIAL)).returncode == 0
    rig.wait_for("vm1", "open")


def test_removing_a_console_ends_the_machine(rig: Rig) -> None:
    assert rig.run("--detach", *_uboot(*SERIAL)).returncode == 0
    pid = rig.pid("vm1")
    done = cli("-s", rig.control, "rm", "vm1")
    assert (done.returncode, done.stderr) == (0, "")
    assert rig.consoles() == {}
    assert not os.path.exists(f"/proc/{pid}")


def test_a_machine_that_is_removed_ends_the_wait_for_it(rig: Rig) -> None:
    with rig.running(*_uboot(*SERIAL)) as running:
        rig.wait_for("vm1", "open")
        assert cli("-s", rig.control, "rm", "vm1").returncode == 0
        assert running.wait(sharing.WAIT) != 0


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("-device", "nosuch"), "-device nosuch: 'nosuch' is not a valid device model name"),
        (("-bogus",), "-bogus: invalid option"),
    ],
)
def test_a_qemu_that_cannot_start_is_heard_and_leaves_nothing(
    rig: Rig, words: tuple[str, ...], text: str
) -> None:
    done = rig.run("--detach", *_uboot(*SERIAL), *words)
    assert done.returncode == 1
    assert text in done.stderr
    assert rig.consoles() == {}


def test_a_signal_while_it_waits_for_a_client_leaves_nothing(rig: Rig) -> None:
    chardev = f"socket,id=c0,path={rig.directory}/sock,server=on"
    words = _uboot("-chardev", chardev, "-serial", "chardev:c0")
    with rig.running(*words) as running:
        assert running.stderr is not None
        assert running.stderr.readline() == b"muxtui: waiting for a client of c0-base\n"
        running.send_signal(signal.SIGTERM)
        assert running.wait(sharing.WAIT) != 0
    assert rig.consoles() == {}


@pytest.mark.needs("socat")
def test_a_chardev_that_waits_holds_qemu_as_it_does_in_qemu(rig: Rig) -> None:
    chardev = f"socket,id=c0,path={rig.directory}/sock,server=on"
    words = _uboot("-chardev", chardev, "-serial", "chardev:c0")
    with rig.running(*words) as running:
        assert running.stderr is not None
        assert running.stderr.readline() == b"muxtui: waiting for a client of c0-base\n"
        assert "c0.qemu" not in rig.consoles()
        with sharing.socat(str(rig.directory / "sock")) as (client, _):
            client.interrupt_autoboot()
            assert client.everything.startswith(b"\r\nU-Boot SPL 20")
            client.send(b"reset\r")
            assert running.wait(sharing.WAIT) == 0


def test_stdio_is_where_the_guest_prints(rig: Rig) -> None:
    with rig.running(*_uboot("-serial", "stdio", "--name", "vm1")) as running:
        rig.wait_for("vm1", "open")
        with sharing.stream(rig.control, "vm1", replay=1 << 20) as view:
            view.interrupt_autoboot()
            view.send(b"reset\r")
        assert running.wait(sharing.WAIT) == 0
        assert running.stdout is not None
        printed = running.stdout.read()
    assert printed == sharing.history(rig.control, "vm1")
    assert printed.startswith(b"\r\nU-Boot SPL 20")


def test_a_serial_port_and_a_monitor_share_a_socket_by_a_mux(rig: Rig) -> None:
    path = rig.directory / "both"
    mux = f"socket,id=m,path={path},server=on,wait=off,mux=on"
    words = ("-chardev", mux, "-serial", "chardev:m", "-mon", "chardev=m,mode=readline")
    assert rig.run("--detach", *_uboot(*words)).returncode == 0
    assert set(rig.consoles()) == {"m", "m-hub", "m.serial0", "m.monitor0", "m.qemu"}
    with sharing.socat(str(path)) as (client, _):
        # While both print, one's output may lie in the midst of the other's.
        client.expect(b"=> ")
        client.send(b"\x01h")
        client.expect(b"C-a C-a  sends C-a\n\r")
        client.send(b"\x01c\r")
        client.expect(rb"\(qemu\) ")
        client.send(b"info status\r")
        client.expect(b"VM status: running")
    second = rig.run("--detach", *_uboot(*words), "-name", "other")
    assert (second.returncode, second.stderr) == (
        1,
        f"muxtui: -chardev {mux}: 'm-base' is the id of console 'm-hub': choose another id\n",
    )
    assert cli("-s", rig.control, "rm", "--force", "m").returncode == 0
    assert rig.consoles() == {}
