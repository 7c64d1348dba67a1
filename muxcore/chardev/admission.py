"""Who may connect to a socket server with TLS (`tls-authz`), asked without waiting for a disk."""

from __future__ import annotations

import asyncio

from muxcore.chardev.base import Chardev
from muxcore.chardev.layers.tls import Certificate
from muxcore.chardev.thread import in_thread
from muxcore.errors import StreamError
from muxcore.tls.objects import Objects

LOOK_TIME = 10.0
"""Seconds in which a file of rules has to be read."""


class Admission:
    """See the module.

    Args:
        chardev: whose clients they are; it owns the tasks.
        objects: where the authz object is, once it is there.
        id: its id; without one everybody may connect.
    """

    def __init__(self, chardev: Chardev, objects: Objects, id: str) -> None:
        self._chardev = chardev
        self._objects = objects
        self._id = id
        self._looking: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        """Look at the rules, if they are in a file that may be another one by now.

        One thread does it for all that wait, so that a dead disk costs no more than that one.

        Raises:
            StreamError: they could not be read in time.
        """
        rules = self._objects.rules(self._id) if self._id else None
        if rules is None:
            return
        if self._looking is None or self._looking.done():
            work = in_thread(rules.look, f"read the rules of {self._id}")
            self._looking = self._chardev.spawn(work, "authz")
        try:
            async with asyncio.timeout(LOOK_TIME):
                await asyncio.shield(self._looking)
        except TimeoutError:
            text = f"the rules of '{self._id}' could not be read within {LOOK_TIME:g} s"
            raise StreamError(text) from None

    def check(self, certificate: Certificate) -> None:
        """Let the bearer of `certificate` in. Raises StreamError."""
        if self._id:
            self._objects.authorise(self._id, certificate)
