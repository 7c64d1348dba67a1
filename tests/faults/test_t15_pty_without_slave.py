"""T15: a pty that nobody has open loses nothing that the history still has."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import support
from tests.faults.ends import WAIT
from tests.faults.place import SIZE, gaps_of

if TYPE_CHECKING:
    from tests.faults.place import Place

pytestmark = pytest.mark.needs("socat")


def _open(place: Place, end: int) -> bytes:
    """What a `cat` on the slave shows, whose last byte is the guest's byte before `end`."""
    shown = place.directory / "shown"
    with open(shown, "wb") as file:
        process = subprocess.Popen(["cat", place.directory / "tty"], stdout=file)
        try:
            support.eventually_sync(
                lambda: shown.read_bytes().endswith(b"%d\n" % (10**14 + end // 16 - 1)), WAIT
            )
        finally:
            process.kill()
            process.wait()
    return shown.read_bytes()


def test_t15_the_first_who_opens_gets_all_that_the_history_has(place: Place) -> None:
    pty = f"pty,id=tty,path={place.directory}/tty,replay=16M"
    with place.console(*place.shared(pty), history="16M"):
        place.flood()
        assert gaps_of(_open(place, SIZE), 0, SIZE) == []


def test_t15_the_first_who_opens_gets_no_more_than_replay_allows(place: Place) -> None:
    pty = f"pty,id=tty,path={place.directory}/tty"
    with place.console(*place.shared(pty), history="1M"):
        place.flood()
        assert gaps_of(_open(place, SIZE), SIZE - 64 * 1024, SIZE) == []
