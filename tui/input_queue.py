"""Keys and pastes in the order they were typed, though what comes of some takes a while. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from muxcore.vt.keys import Key, Paste

    Typed: TypeAlias = Key | Paste

MAX_WAITING = 1024
"""Keys, and pieces of pastes, that wait at most; more are lost."""


class InputQueue:
    """Holds back what is typed while something is busy with what was typed before.

    Args:
        obey: does what a key or a paste means.
        busy: whether what comes of the last one is still to come.
        later: has `go_on` called in a while.
    """

    def __init__(
        self,
        obey: Callable[[Typed], None],
        busy: Callable[[], bool],
        later: Callable[[], object],
    ) -> None:
        self._obey = obey
        self._busy = busy
        self._later = later
        self._waiting: deque[Typed] = deque()
        self._called = False

    @property
    def idle(self) -> bool:
        """Whether what is typed now would be obeyed at once."""
        return not self._waiting and not self._busy()

    def put(self, typed: Typed) -> None:
        """Obey something when its turn has come."""
        if len(self._waiting) < MAX_WAITING:
            self._waiting.append(typed)
        self._pass_on()

    def go_on(self) -> None:
        """Obey what waits, as far as nothing is busy."""
        self._called = False
        self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting and not self._busy():
            self._obey(self._waiting.popleft())
        if self._waiting and not self._called:
            self._called = True
            self._later()
