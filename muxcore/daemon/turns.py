"""Much work, without all of it under way at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")

A_TURN = 8
"""Things dealt with before everybody else on the loop gets a turn: consoles, told of, take 1 ms."""


async def in_turns(items: Iterable[T]) -> AsyncIterator[T]:
    """All of `items`, as they are now; after every `A_TURN` of them others have their turns."""
    for number, item in enumerate(tuple(items), 1):
        yield item
        if not number % A_TURN:
            await asyncio.sleep(0)


async def each_a_turn(steps: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all of `steps` beside each other, each from a turn of the loop of its own on.

    Most are over within a few turns; those that wait for the world hold up none of the others. So
    what they need meanwhile is there for a few at a time, and leaves no holes between what stays.
    """
    async with asyncio.TaskGroup() as group:
        for step in steps:
            group.create_task(step)
            await asyncio.sleep(0)
