"""T6: a log has every byte once, in order, whatever holds the guest up or is slow beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import support
from tests.faults.ends import KINDS, WAIT
from tests.faults.place import SIZE, stuck_kind

if TYPE_CHECKING:
    from tests.faults.place import Place

pytestmark = pytest.mark.needs("socat", "openssl")


@pytest.mark.parametrize(
    ("kind", "policy"),
    [
        ("unix", "drop"),
        ("unix", "disconnect"),
        *((kind, "block") for kind in KINDS if KINDS[kind].options),
    ],
)
def test_t6_the_log_of_a_slow_backend_neither_doubles_nor_lacks_a_byte(
    place: Place, kind: str, policy: str
) -> None:
    """`logfile` of the very backend that is slow: in QEMU it then has characters twice."""
    more = f"policy={policy},block-timeout=100,logfile={place.directory}/own"
    with (
        place.console(*place.shared(*stuck_kind(place, kind, more))),
        place.end_of(kind, "stuck") as (slow, _),
        place.reader(),
    ):
        place.begin()
        while place.end < SIZE and slow.read_at_most(32 * 1024) is not None:
            pass
        support.eventually_sync(lambda: place.end == SIZE, WAIT)
        place.whole("own")
        place.others_have_all()
