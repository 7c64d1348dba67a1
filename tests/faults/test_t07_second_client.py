"""T7: a second client is served, or told at once why not."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import support
from tests.faults.ends import KINDS, WAIT
from tests.faults.place import stuck_kind
from tests.guest.sharing import on_a_terminal, tio
from tests.muxcore.daemons import cli, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.place import Place

pytestmark = pytest.mark.needs("openssl")

CONNECTED = [kind for kind in KINDS if "server=on" in KINDS[kind].options]


@pytest.mark.parametrize("kind", [*CONNECTED, "raw", "frames"])
def test_t7_a_second_client_is_served(place: Place, kind: str) -> None:
    with (
        place.echo(*stuck_kind(place, kind)),
        place.end_of(kind, "stuck") as (first, _),
        place.end_of(kind, "stuck") as (second, _),
    ):
        for typist in (first, second):
            typist.type(b"hello")
            for reader in (first, second):
                reader.expect_output(b"hello")


@pytest.mark.parametrize("kind", CONNECTED)
def test_t7_a_second_guest_is_told_that_there_is_one(place: Place, kind: str) -> None:
    guest = KINDS[kind].chardev(place, "stuck")
    with place.console(guest=guest):
        place.know_address("stuck", place.control.console("vm1")["guest"]["address"])
        first = KINDS[kind].open(place, "stuck")
        support.eventually_sync(lambda: place.control.console("vm1")["guest"]["state"] == "open")
        second = KINDS[kind].open(place, "stuck")
        second.expect(b"muxtui: vm1 already has a guest connected\r\n")
        assert second.read() == b""
        first.type(b"printed")
        support.eventually_sync(lambda: place.end == len(b"printed"), WAIT)
        first.close()
        second.close()


@pytest.mark.needs("tio")
def test_t7_a_second_tio_on_a_pty_is_told_that_there_is_one(place: Place) -> None:
    path = f"{place.directory}/tty"
    with place.echo(f"pty,id=tty,path={path}"), tio(path) as first:
        with on_a_terminal("tio", "-n", path) as (second, process):
            second.expect(b"locked by another process")
            process.wait(WAIT)
        first.send(b"hello")
        first.expect(b"hello")


def test_t7_a_serial_port_that_somebody_has_is_shown_so(place: Place) -> None:
    with support.raw_pty() as (_, slave):
        fcntl.flock(slave, fcntl.LOCK_EX)
        with place.console(guest=f"serial,path={os.ttyname(slave)}"):
            support.eventually_sync(
                lambda: place.control.console("vm1")["guest"]["state"] == "retrying", WAIT
            )
            reason = place.control.console("vm1")["guest"]["reason"]
            assert reason == f"Could not open '{os.ttyname(slave)}': another program has it open"


@contextlib.contextmanager
def monitor(chardev: str) -> Iterator[int]:
    """A QEMU whose monitor is at `chardev`; its process id."""
    command = ["qemu-system-x86_64", "-M", "none", "-nodefaults", "-display", "none"]
    listens = f"socket,id=c0,server=on,wait=off,{chardev}"
    process = subprocess.Popen([*command, "-chardev", listens, "-mon", "c0,mode=readline"])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def holder(address: str) -> Iterator[None]:
    """A socat that is its only client, and was greeted."""
    command = ["socat", "-", f"{address},retry=1000,interval=0.02"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith(b"QEMU ")
            yield
        finally:
            process.kill()


@pytest.mark.needs("qemu-system-x86_64", "socat")
@pytest.mark.parametrize("family", ["unix", "tcp"])
def test_t7_a_guest_that_another_client_has_is_shown_so(place: Place, family: str) -> None:
    path = f"{place.directory}/guest"
    chardev, address = f"path={path}", f"UNIX-CONNECT:{path}"
    if family == "tcp":
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        chardev, address = f"host=127.0.0.1,port={port}", f"TCP:127.0.0.1:{port}"
    shared = f"socket,id=shared,path={place.directory}/shared,server=on,wait=off"
    with monitor(chardev) as pid, contextlib.ExitStack() as stack:
        holds = stack.enter_context(contextlib.ExitStack())
        holds.enter_context(holder(address))
        stack.enter_context(place.console(shared, guest=f"socket,{chardev}"))

        def guest(state: str) -> bool:
            return bool(place.control.console("vm1")["guest"]["state"] == state)

        support.eventually_sync(lambda: guest("waiting"), WAIT)
        who = f"qemu-system-x86[{pid}]" if family == "unix" else f"127.0.0.1:{port}"
        reason = f"not accepted yet by {who}: another client?"
        assert place.control.console("vm1")["guest"]["reason"] == reason
        told = place.events("MUX_GUEST_CHANGED")[-1]
        assert (told["state"], told["reason"]) == ("waiting", reason)
        assert f"({reason})" in cli("--socket", place.path, "ls").stdout
        client = stack.enter_context(support.connect_unix(place.directory / "shared"))
        client.send(b"quit\r")
        support.eventually_sync(lambda: place.control.console("vm1")["discarded"] == 5, WAIT)
        sent = cli("--socket", place.path, "send", "vm1", "quit")
        assert sent.returncode == 5
        assert "its guest is not open" in sent.stderr

        holds.close()
        support.eventually_sync(lambda: guest("open"), WAIT)
        client.settimeout(WAIT)
        client.send(b"help quit\r")
        heard = b""
        while b"quit the emulator" not in heard:
            heard += client.recv(4096)
        assert heard.startswith(b"QEMU ")


def test_t7_a_second_daemon_is_told_that_there_is_one(place: Place) -> None:
    process = serve(place.path)
    _, told = process.communicate(timeout=WAIT)
    assert process.returncode == 1
    assert place.path.encode() in told
    assert len(told.splitlines()) == 1
