"""The daemon's event loop: asyncio's own, with less between a descriptor and its callback.

A console lives on wake-ups: two for a key and its echo, one for every burst of
a flood. asyncio's selector loop spends some 5 us on each, of which most goes
into queueing the callback before it is run, and into its timers. Here it is run
at once, and a turn in which nothing but descriptors has anything to say is no
more than that, which makes a wake-up as cheap as uvloop's. uvloop itself will
not do: libuv stops watching a descriptor that polls POLLERR (uv_poll_start), so
that what a client typed before it left with output unread would stay behind.

Falling asleep and being woken up takes longer than most guests take to echo a
key. So who has typed one may `expect` its echo, and the loop stays awake for it
for a moment, as KVM does for a guest's next interrupt (its halt polling).
"""

from __future__ import annotations

import asyncio
import os
import select
import selectors
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from muxcore.flow.selector import Selector

AWAKE = 100e-6
"""Seconds that an answer is waited for awake."""

HURRY = 1.0
"""Seconds after the last key that a user is taken to be typing."""

MOST_MISSES = 63
"""Answers that are not waited for awake, at most, after some that did not come in time."""

LONGEST = 3600.0
"""Seconds; longer waits are left to asyncio, which knows how long a selector may wait."""

CANCELLED = 50
"""Cancelled timers that may lie about before asyncio gets to clear them away."""

BUT_INPUT = ~select.EPOLLIN
BUT_ROOM = ~select.EPOLLOUT

Ready = list[tuple[selectors.SelectorKey, int]]
"""What a selector found."""


class Loop(asyncio.SelectorEventLoop):
    """A selector loop that runs a descriptor's callback when it is told of, not a turn later.

    It stands on parts of `asyncio.BaseEventLoop` that are the same from Python 3.11 to 3.14.

    Args:
        selector: what it waits with; None for a `Selector`.
    """

    # Asyncio's, which its type stubs leave out.
    _selector: Any
    _ready: deque[asyncio.Handle]
    _scheduled: list[Any]
    _timer_cancelled_count: int
    _clock_resolution: float
    _stopping: bool

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        super().__init__(selector or Selector())
        self._expects = False
        self._misses = 0
        self._left_out = 0
        self._hurry_until = 0.0
        # On a single CPU whoever is to answer could not run meanwhile.
        self._may_stay_awake = (os.cpu_count() or 1) > 1

    def expect(self) -> None:
        """An answer to what was just written is likely to be there at once.

        Where answers take longer than `AWAKE` ever fewer of them are waited for awake, down to one
        in `MOST_MISSES`.
        """
        self._expects = self._may_stay_awake
        self._hurry_until = self.time() + HURRY

    @property
    def hurried(self) -> bool:
        """Whether somebody waits for answers: nobody should take long turns."""
        return self.time() < self._hurry_until

    def _run_once(self) -> None:
        """One turn, and before it as many as concern nothing but descriptors."""
        while (timeout := self._patience()) != 0:
            ready = self._stay_awake() if self._expects else None
            self._process_events(ready or self._selector.select(timeout))
        super()._run_once()  # type: ignore[misc]

    def _patience(self) -> float | None:
        """Seconds that descriptors may be waited for, None for ever; 0 if there is more to do."""
        if self._ready or self._stopping or self._timer_cancelled_count > CANCELLED:
            return 0
        if not self._scheduled:
            return None
        first = self._scheduled[0]
        seconds: float = first._when - self.time()
        due = first._cancelled or not self._clock_resolution < seconds < LONGEST
        return 0 if due else seconds

    def _stay_awake(self) -> Ready | None:
        """What is found within `AWAKE` by looking again and again."""
        self._expects = False
        if self._left_out < self._misses:
            self._left_out += 1
            return None
        self._left_out = 0
        until = time.perf_counter() + AWAKE
        while time.perf_counter() < until:
            ready: Ready = self._selector.select(0)
            if ready:
                self._misses = 0
                return ready
        self._misses = min(2 * self._misses + 1, MOST_MISSES)
        return None

    def _process_events(self, event_list: Iterable[tuple[selectors.SelectorKey, int]]) -> None:
        """What `asyncio.BaseEventLoop` calls with all that the selector found.

        A hang-up or an error is told to whoever watches, for input or for room. A callback may end
        the watch of a descriptor that is told of after it.
        """
        for key, events in event_list:
            reader, writer = key.data
            if reader is not None and events & BUT_ROOM and not reader._cancelled:
                self._call(reader)
            if writer is not None and events & BUT_INPUT and not writer._cancelled:
                self._call(writer)

    def _call(self, handle: Any) -> None:  # noqa: ANN401 - a Handle, with what is its own
        """As `asyncio.Handle` does it, but in the loop's own context, which takes half as long."""
        try:
            handle._callback(*handle._args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - the loop outlives whatever it calls
            what = {"message": "Exception in callback", "exception": error, "handle": handle}
            self.call_exception_handler(what)


def expect_answer() -> None:
    """See `Loop.expect`; without such a loop nothing is expected."""
    loop = asyncio._get_running_loop()
    if isinstance(loop, Loop):
        loop.expect()


def hurried() -> bool:
    """See `Loop.hurried`."""
    loop = asyncio._get_running_loop()
    return isinstance(loop, Loop) and loop.hurried
