"""T7: a second client is served, or told at once why not."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

import pytest

from tests import support
from tests.faults.ends import KINDS, WAIT
from tests.faults.place import stuck_kind
from tests.guest.sharing import on_a_terminal, tio
from tests.muxcore.daemons import serve

if TYPE_CHECKING:
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


def test_t7_a_second_daemon_is_told_that_there_is_one(place: Place) -> None:
    process = serve(place.path)
    _, told = process.communicate(timeout=WAIT)
    assert process.returncode == 1
    assert place.path.encode() in told
    assert len(told.splitlines()) == 1
