"""A wall clock that is set forward or back by a day changes what is stamped, and nothing else."""

from __future__ import annotations

import datetime
import glob
import os
import socket
import time
from typing import TYPE_CHECKING

import pytest

from tests import support
from tests.faults.ends import WAIT
from tests.faults.place import Place
from tests.muxcore.daemons import served
from tests.numbered import RECORD, flood

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = 86400
LIBRARIES = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")

pytestmark = pytest.mark.needs("socat", "faketime")


class Clock:
    """The wall clock of a daemon, which tests set (libfaketime, faketime(1))."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.set(0)

    def set(self, offset: int) -> None:
        """Let it be `offset` seconds from the real one."""
        new = self._path.with_suffix(".new")
        new.write_text(f"{offset:+d}\n")
        os.replace(new, self._path)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """See `Clock`."""
    if not LIBRARIES:
        pytest.skip("needs libfaketime (tests/run --install)")
    return Clock(tmp_path / "clock")


@pytest.fixture
def jumping(tmp_path: Path, clock: Clock) -> Iterator[Place]:
    """A daemon with that clock; its monotonic one goes on as it is."""
    before = [
        "env",
        f"LD_PRELOAD={LIBRARIES[0]}",
        f"FAKETIME_TIMESTAMP_FILE={tmp_path / 'clock'}",
        "FAKETIME_NO_CACHE=1",
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
        "FAKETIME_DONT_RESET=1",
    ]
    path = support.unix_path(tmp_path, "control")
    with served(path, before=before) as process:
        place = Place(path, process, tmp_path, tmp_path)
        with place.control:
            yield place


def _now(place: Place) -> float:
    """The daemon's wall clock, by the stamp of an event."""
    known = len(place.control.events)
    place.control.execute("chardev-add", id="n", backend={"type": "null", "data": {}})
    place.control.execute("mux-add-backend", console="vm1", id="n")
    place.control.execute("mux-remove-backend", id="n")
    stamp = place.control.events[known]["timestamp"]
    return float(stamp["seconds"])


def test_a_flood_is_whole_whatever_the_clock_does(jumping: Place, clock: Clock) -> None:
    size = 1 << 20
    guest = f"process,command={flood(size // RECORD)}"
    with jumping.console(*jumping.shared(), guest=guest):
        support.eventually_sync(lambda: jumping.end == RECORD, WAIT)
        with jumping.reader():
            jumping.begin()
            for offset in (DAY, 0, -DAY, DAY):
                clock.set(offset)
                aim = min(size, jumping.end + size // 8)
                support.eventually_sync(lambda aim=aim: jumping.end >= aim, WAIT)  # type: ignore[misc]
            jumping.whole("log", 0, size)
            jumping.whole("read", RECORD, size)
        assert _now(jumping) > time.time() + DAY / 2


@pytest.mark.parametrize("offset", [DAY, -DAY])
def test_a_guest_is_tried_again_in_time_whatever_the_clock_does(
    jumping: Place, clock: Clock, offset: int
) -> None:
    path = support.unix_path(jumping.directory, "guest")
    with jumping.console(guest=f"socket,path={path},reconnect-ms=100"):
        state = jumping.control.console("vm1")["guest"]["state"]
        assert state in ("retrying", "connecting")
        clock.set(offset)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            listener.settimeout(WAIT)
            with listener.accept()[0]:
                support.eventually_sync(
                    lambda: jumping.control.console("vm1")["guest"]["state"] == "open", WAIT
                )


def test_stamps_are_of_the_clock_as_it_is_then(jumping: Place, clock: Clock) -> None:
    log = jumping.directory / "stamped"
    backend = f"null,id=n0,logfile={log},logtimestamp=on"
    with jumping.echo(backend):
        for count, offset in enumerate((0, DAY, -DAY), 2):
            clock.set(offset)
            jumping.control.execute("mux-query-consoles")
            with jumping.end_of("raw", "") as (end, _):
                end.type(b"line\n")
                support.eventually_sync(lambda n=count: log.read_bytes().count(b"\n") == n, WAIT)  # type: ignore[misc]
    days = [
        (datetime.datetime.fromisoformat(line.split()[0]).timestamp() - time.time()) / DAY
        for line in log.read_text().splitlines()[1:]
    ]
    assert [round(day) for day in days] == [0, 1, -1]
