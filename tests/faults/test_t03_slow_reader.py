"""T3: a reader of 80 KB/s beside a file on a fast guest: the file is the guest's output."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

import pytest

from tests import support
from tests.faults.ends import KINDS, WAIT
from tests.faults.place import SIZE, stuck_kind

if TYPE_CHECKING:
    from tests.faults.place import Place

pytestmark = pytest.mark.needs("socat", "openssl")

RATE = 80_000
"""Bytes a second."""

TURN = 0.05
"""Seconds between two reads."""


@pytest.mark.parametrize("kind", KINDS)
def test_t3_a_file_beside_a_slow_reader_is_what_the_guest_printed(place: Place, kind: str) -> None:
    with (
        place.console(*place.shared(*stuck_kind(place, kind))),
        place.end_of(kind, "stuck") as (slow, peer),
        place.reader(),
    ):
        place.begin()
        while place.end < SIZE:
            # The pace itself: nothing is waited for.
            select.select([], [], [], TURN)
            slow.read_at_most(int(RATE * TURN))
        place.others_have_all()
        slow.read_to(SIZE)
        assert slow.check.gaps == place.declared(peer)
        support.eventually_sync(lambda: place.peers()[peer]["state"] == "live", WAIT)
