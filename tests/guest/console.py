"""A byte stream of a console, with expect(): a socket or a descriptor, direct or through muxtui."""

from __future__ import annotations

import os
import re
import select
import socket
import time
from typing import TYPE_CHECKING, Self

from tests import support

if TYPE_CHECKING:
    pass

UBOOT_PROMPT = rb"=> "
SHELL_PROMPT = rb"root@muxguest:[^\n]*# "
GUEST_TIMEOUT = 60.0
"""Seconds for a guest under TCG on a busy machine to get somewhere."""


class Console:
    """One end of a console: sends, and waits for patterns in what comes back.

    Attributes:
        everything: all bytes that ever came, in order.
    """

    def __init__(self, stream: socket.socket | int) -> None:
        """Take over `stream`, a connected socket or an open descriptor; close() closes it."""
        self._fd = stream if isinstance(stream, int) else stream.detach()
        os.set_blocking(self._fd, False)
        self.everything = bytearray()
        self._seen = 0

    @classmethod
    def connect(cls, path: str, timeout: float = support.TIMEOUT) -> Self:
        """Connect to the unix socket at `path`, waiting until somebody listens there."""
        return cls(support.connect_unix(path, timeout))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the stream."""
        os.close(self._fd)

    def send(self, data: bytes, timeout: float = support.TIMEOUT) -> None:
        """Write all of `data`.

        Raises:
            TimeoutError: the other end takes nothing for `timeout` seconds.
        """
        poller = select.poll()
        poller.register(self._fd, select.POLLOUT)
        while data:
            if not poller.poll(timeout * 1000):
                raise TimeoutError(f"cannot send {data!r}")
            data = data[os.write(self._fd, data) :]

    def expect(self, pattern: bytes, timeout: float = GUEST_TIMEOUT) -> bytes:
        """Wait for the regular expression `pattern`; return what came before its match.

        The search goes on where the last one ended.

        Raises:
            TimeoutError: not within `timeout` seconds; the message shows the tail of what came.
            EOFError: the stream ended first.
        """
        deadline = time.monotonic() + timeout
        start = self._seen
        while not (match := re.compile(pattern, re.DOTALL).search(self.everything, start)):
            self._read(deadline, pattern)
        self._seen = match.end()
        return bytes(self.everything[start : match.start()])

    def expect_count(self, count: int, timeout: float = GUEST_TIMEOUT) -> None:
        """Wait until `count` bytes came in all; more may come with the last of them."""
        deadline = time.monotonic() + timeout
        while len(self.everything) < count:
            self._read(deadline, b"%d bytes" % count)

    def expect_end(self, timeout: float = GUEST_TIMEOUT) -> None:
        """Read to the end of the stream."""
        deadline = time.monotonic() + timeout
        try:
            while True:
                self._read(deadline, b"the end")
        except EOFError:
            return

    def _read(self, deadline: float, wanted: bytes) -> None:
        try:
            chunk = support.read_some(self._fd, deadline - time.monotonic())
        except TimeoutError:
            raise TimeoutError(f"no {wanted!r}; got {bytes(self.everything[-400:])!r}") from None
        if not chunk:
            raise EOFError(f"end before {wanted!r}; got {bytes(self.everything[-400:])!r}")
        self._received(chunk)

    def _received(self, chunk: bytes) -> None:
        """Take what was read; another kind of stream has output and more in it."""
        self.everything += chunk

    def run(
        self, command: bytes, prompt: bytes = SHELL_PROMPT, timeout: float = GUEST_TIMEOUT
    ) -> bytes:
        """Type a command line and return all up to the next prompt, its echo included."""
        self.send(command + b"\r")
        return self.expect(prompt, timeout)

    def interrupt_autoboot(self) -> None:
        """Stop U-Boot's countdown and wait for its prompt."""
        self.expect(b"autoboot")
        self.send(b"\r")
        self.expect(UBOOT_PROMPT)

    def login(self) -> None:
        """Log in as root at the Linux guest's `login: ` and wait for the shell."""
        self.expect(b"login: ", timeout=2 * GUEST_TIMEOUT)
        self.send(b"root\r")
        self.expect(b"Password: ")
        self.send(b"guest\r")
        self.expect(SHELL_PROMPT)
