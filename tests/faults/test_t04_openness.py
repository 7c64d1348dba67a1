"""T4: a console's hub is open exactly while any member is, however members come and go."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING

import pytest

from tests import support
from tests.faults.ends import KINDS, WAIT, End
from tests.faults.place import stuck_kind

if TYPE_CHECKING:
    from tests.faults.place import Place

pytestmark = pytest.mark.needs("openssl")

STEPS = 60
COMING = [kind for kind in KINDS if KINDS[kind].noticed and KINDS[kind].options]
"""The kinds that are open only while somebody is there; FIFOs and files always are."""


class Walk:
    """Members of every kind that open, close, break and come again, and what was told of it."""

    def __init__(self, place: Place, seed: int) -> None:
        self._place = place
        self._draw = random.Random(seed)
        self._ends: list[tuple[str, End]] = []
        self._told: dict[str, bool] = {}
        self._seen = 0

    def step(self) -> None:
        """Somebody comes or goes, or the guest prints; then what is told must be so."""
        place = self._place
        if self._ends and self._draw.random() < 0.5:
            kind, end = self._ends.pop(self._draw.randrange(len(self._ends)))
            self._draw.choice((end.close, end.reset))()
            assert kind in COMING
        else:
            kind = self._draw.choice(COMING)
            if kind == "pty" and any(open == "pty" for open, _ in self._ends):
                return
            self._ends.append((kind, KINDS[kind].open(place, kind)))
        support.eventually_sync(lambda: len(place.peers()) == len(self._ends), WAIT, kind)
        self.check()

    def check(self) -> None:
        """Every change was told once, and what was told is what there is."""
        events = self._place.control.events
        for event in events[self._seen :]:
            if event["event"] in ("MUX_CHARDEV_OPENED", "MUX_CHARDEV_CLOSED"):
                id, opened = event["data"]["id"], event["event"] == "MUX_CHARDEV_OPENED"
                assert self._told.get(id, False) is not opened, f"{id} was so already"
                self._told[id] = opened
        self._seen = len(events)
        there = {kind for kind, _ in self._ends}
        assert {id for id, opened in self._told.items() if opened} == (
            there | {"vm1"} if there else set()
        )

    def close(self) -> None:
        """Everybody leaves."""
        for _, end in self._ends:
            end.close()


@pytest.mark.parametrize("seed", range(3))
def test_t4_the_hub_is_open_while_any_member_is(place: Place, seed: int) -> None:
    backends = [KINDS[kind].chardev(place, kind) for kind in COMING]
    with (
        place.console(*backends, guest="process,command=stty raw -echo; exec cat"),
        contextlib.closing(Walk(place, seed)) as walk,
    ):
        for _ in range(STEPS):
            walk.step()


@pytest.mark.parametrize("always", ["file", "ringbuf", "null", "pipe", "udp"])
def test_t4_a_member_that_is_always_open_counts_and_keeps_the_hub_open(
    place: Place, always: str
) -> None:
    stuck_kind(place, "pipe")
    always_open = {
        "file": f"file,id=always,path={place.directory}/log",
        "ringbuf": "ringbuf,id=always",
        "null": "null,id=always",
        "pipe": f"pipe,id=always,path={place.directory}/stuck",
        "udp": "udp,id=always,host=127.0.0.1,port=9",
    }[always]
    sock = KINDS["unix"].chardev(place, "unix")
    with place.console(always_open, sock, guest="process,command=cat"):
        with place.end_of("unix", "unix"):
            pass
        support.eventually_sync(lambda: len(place.peers()) == 1, WAIT)
        told = [(e["event"], e["data"]["id"]) for e in place.control.events if "id" in e["data"]]
        assert ("MUX_CHARDEV_OPENED", "vm1") in told
        assert ("MUX_CHARDEV_OPENED", "always") in told
        assert ("MUX_CHARDEV_CLOSED", "unix") in told
        assert ("MUX_CHARDEV_CLOSED", "vm1") not in told
