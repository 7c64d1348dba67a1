"""Learning that somebody opened a file, by inotify(7).

A user may have as few as 128 inotify instances (max_user_instances), so every
event loop has one, shared by all that watch.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Callable

from inotify_simple import INotify, flags


class OpenWatch:
    """The inotify instance of one loop, which exists while something is watched."""

    def __init__(self) -> None:
        self._inotify: INotify | None = None
        self._callbacks: dict[int, Callable[[], None]] = {}

    def add(self, path: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` when `path` may have been opened; returns what stops it.

        One callback per file; a call may come for an open that is over by now.

        Raises:
            OSError: out of inotify instances or watches, or no such file.
        """
        if self._inotify is None:
            inotify = INotify(nonblocking=True)
            asyncio.get_running_loop().add_reader(inotify.fileno(), self._ready)
            self._inotify = inotify
        try:
            watch = self._inotify.add_watch(path, flags.OPEN)
        except OSError:
            self._close_if_idle()
            raise
        self._callbacks[watch] = callback

        def stop() -> None:
            if self._callbacks.pop(watch, None) is not None and self._inotify is not None:
                # The kernel drops the watch itself when the file goes.
                with contextlib.suppress(OSError):
                    self._inotify.rm_watch(watch)
                self._close_if_idle()

        return stop

    def _close_if_idle(self) -> None:
        if not self._callbacks and self._inotify is not None:
            asyncio.get_running_loop().remove_reader(self._inotify.fileno())
            self._inotify.close()
            self._inotify = None

    def _ready(self) -> None:
        if self._inotify is None:
            return
        watches = {event.wd for event in self._inotify.read(timeout=0)}
        # A watch of -1 says that events were lost: it may have been anybody.
        for watch in list(self._callbacks) if -1 in watches else watches:
            callback = self._callbacks.get(watch)
            if callback is not None:
                callback()


_watches: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, OpenWatch] = (
    weakref.WeakKeyDictionary()
)


def watch_opens(path: str, callback: Callable[[], None]) -> Callable[[], None]:
    """See `OpenWatch.add`; uses the running loop's."""
    loop = asyncio.get_running_loop()
    if loop not in _watches:
        _watches[loop] = OpenWatch()
    return _watches[loop].add(path, callback)
