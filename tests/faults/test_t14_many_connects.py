"""T14: 500 clients that connect at once are all served, by every kind of socket."""

from __future__ import annotations

import contextlib
import resource
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests import support
from tests.faults.ends import KINDS, WAIT, End
from tests.faults.place import stuck_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.place import Place

pytestmark = pytest.mark.needs("openssl")

MANY = 500


@pytest.fixture(autouse=True)
def _descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * MANY)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("kind", ["unix", "tcp", "telnet", "websocket", "tls"])
def test_t14_500_who_connect_at_once_are_all_served(place: Place, kind: str) -> None:
    together = threading.Barrier(MANY)

    def connect(_: int) -> End:
        together.wait(WAIT)
        return KINDS[kind].open(place, "stuck")

    with place.echo(*stuck_kind(place, kind)), contextlib.ExitStack() as stack:
        # Once alone, for what is made when it is first needed.
        with contextlib.closing(KINDS[kind].open(place, "stuck")):
            pass
        with ThreadPoolExecutor(MANY) as pool:
            ends = list(pool.map(connect, range(MANY)))
        for end in ends:
            stack.enter_context(contextlib.closing(end))
        support.eventually_sync(
            lambda: len(place.backend("stuck")["peers"]) == MANY, 2 * WAIT, f"{MANY} peers"
        )
        ends[-1].type(b"served")
        for end in ends:
            end.expect(b"served")
