"""Calls that the kernel may hold up for ever, each in a daemon thread of its own.

`asyncio.to_thread` is no use for them: its few threads would all be taken by a
handful of dead devices, and an interpreter that ends waits for every one.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from muxcore.errors import OpenError

NO_THREAD = "no thread can be started"
"""What is told when the system has no more of them, pthread_create(3)."""

T = TypeVar("T")


def start_thread(work: Callable[[], None], name: str) -> bool:
    """Run `work` in a daemon thread that nobody waits for; False if no thread is to be had."""
    try:
        threading.Thread(target=work, name=name, daemon=True).start()
    except RuntimeError:
        return False
    return True


def post(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> bool:
    """Run `callback` on `loop`, from any thread; False if the loop is gone."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(callback)
        return True
    return False


async def in_thread(work: Callable[[], T], name: str, undo: Callable[[T], None] | None = None) -> T:
    """The result of `work`, called in a thread.

    When the caller is cancelled first, the thread is left to itself and a result
    that comes after all is given to `undo`, so that no descriptor is lost.

    Raises:
        OpenError: no thread is to be had; and whatever `work` raises.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def deliver(result: T) -> None:
        if future.cancelled():
            discard(result)
        else:
            future.set_result(result)

    def discard(result: T) -> None:
        if undo is not None:
            undo(result)

    def fail(error: BaseException) -> None:
        if not future.cancelled():
            future.set_exception(error)

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller
            failure = error
            post(loop, lambda: fail(failure))
            return
        if future.cancelled() or not post(loop, lambda: deliver(result)):
            discard(result)

    if not start_thread(run, name):
        raise OpenError(f"Could not {name}: {NO_THREAD}")
    return await future
