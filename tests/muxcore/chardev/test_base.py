from __future__ import annotations

from muxcore.chardev.base import State
from muxcore.chardev.memory import MemoryChardev
from muxcore.errors import StreamError


async def test_since_tells_when_it_was_lost_however_often_it_is_tried_again() -> None:
    chardev = MemoryChardev("m")
    await chardev.open()
    chardev.since = 1.0
    chardev.set_state(State.RETRYING, "gone", retry_in=60)
    lost = chardev.since
    assert lost > 1.0
    chardev.since = 2.0
    for state in (State.CONNECTING, State.RETRYING, State.FAILED, State.CONNECTING):
        chardev.set_state(state, "still gone", retry_in=60)
        assert chardev.since == 2.0
    chardev.set_state(State.OPEN)
    assert chardev.since > 2.0
    chardev.lost(next(iter(chardev.streams)), StreamError("gone"))
    await chardev.aclose()
