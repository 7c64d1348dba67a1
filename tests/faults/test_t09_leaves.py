"""T9: when the client that held everybody up is gone, everybody is live again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests import support
from tests.faults.ends import KINDS, WAIT
from tests.faults.place import SIZE, stuck_kind
from tests.numbered import RECORD

if TYPE_CHECKING:
    from tests.faults.place import Place

pytestmark = pytest.mark.needs("socat", "openssl")

HOLDS = "policy=block,block-timeout=0"
"""It may keep the guest waiting for ever, which is the worst that a client can be allowed."""


def _held(place: Place) -> bool:
    return bool(place.control.console("vm1")["held"])


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        *((kind, "close") for kind in KINDS if KINDS[kind].noticed),
        *((kind, "reset") for kind in ("tcp", "telnet", "websocket", "tls")),
    ],
)
def test_t9_all_are_live_when_the_stuck_client_has_left(place: Place, kind: str, how: str) -> None:
    attached = not KINDS[kind].options
    with (
        place.console(*place.shared(*stuck_kind(place, kind, HOLDS))),
        place.end_of(kind, "stuck") as (stuck, peer),
        place.reader(),
    ):
        place.begin()
        if not attached:
            support.eventually_sync(lambda: _held(place), WAIT, "a guest that waits")
            assert place.end < SIZE
        getattr(stuck, how)()
        support.eventually_sync(lambda: place.end == SIZE, WAIT, "the guest's last line")
        place.others_have_all()
        support.eventually_sync(lambda: peer not in place.peers(), WAIT, "its end")
        with support.connect_unix(place.directory / "block") as sock:
            sock.send(b"live")
            support.expect(sock, b"live")
        log = place.directory / "log"
        support.eventually_sync(lambda: os.path.getsize(log) == SIZE + 4, WAIT)
    assert log.read_bytes()[SIZE - RECORD :].endswith(b"\nlive")


def test_t9_all_are_live_when_the_stuck_backend_is_removed(place: Place) -> None:
    """Nobody leaves a FIFO as far as muxtui can see: it is taken off."""
    with place.console(*place.shared(*stuck_kind(place, "pipe", HOLDS))), place.reader():
        place.begin()
        support.eventually_sync(lambda: _held(place), WAIT, "a guest that waits")
        assert place.control.execute("mux-remove-backend", id="stuck") == {}
        support.eventually_sync(lambda: place.end == SIZE, WAIT, "the guest's last line")
        place.others_have_all()
