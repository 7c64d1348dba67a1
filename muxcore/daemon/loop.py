"""The daemon's event loop: asyncio's own, with less between a descriptor and its callback.

A console lives on wake-ups: two for a key and its echo, one for every burst of
a flood. asyncio's selector loop spends some 5 us on each, of which most goes
into queueing the callback before it is run. Here it is run at once, which makes
a wake-up as cheap as uvloop's. uvloop itself will not do: libuv stops watching
a descriptor that polls POLLERR (uv_poll_start), so that what a client typed
before it left with output unread would stay behind.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Iterable

from muxcore.daemon.selector import Selector


class Loop(asyncio.SelectorEventLoop):
    """A selector loop that runs a descriptor's callback when it is told of, not a turn later.

    Args:
        selector: what it waits with; None for a `Selector`.
    """

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        super().__init__(selector or Selector())

    def _process_events(self, event_list: Iterable[tuple[selectors.SelectorKey, int]]) -> None:
        """What `asyncio.BaseEventLoop` calls with all that the selector found.

        A callback may end the watch of a descriptor that is told of after it.
        """
        for key, events in event_list:
            reader, writer = key.data
            if events & selectors.EVENT_READ and reader is not None and not reader.cancelled():
                reader._run()  # noqa: SLF001 - asyncio's own way to run a handle
            if events & selectors.EVENT_WRITE and writer is not None and not writer.cancelled():
                writer._run()  # noqa: SLF001
