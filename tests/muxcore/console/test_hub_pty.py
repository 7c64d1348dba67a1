"""A pty on a console: openers come and go while their input is still on its way."""

from __future__ import annotations

import os

from muxcore.chardev.memory import MemoryChardev
from muxcore.chardev.pty import PtyChardev
from muxcore.console.hub import Console
from muxcore.options.sets import PtyOptions
from tests.support import eventually


async def test_an_opener_that_comes_before_the_last_ones_input_was_read_gets_output() -> None:
    console = Console("c")
    guest = MemoryChardev("c.guest")
    pty = PtyChardev("c.pty", PtyOptions())
    await console.start(guest, [pty])
    guest.stall()
    try:
        first = os.open(pty.address, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        # More than the inbox and the guest's queue hold: the rest stays in the pty.
        written = os.write(first, b"x" * 4000) + os.write(first, b"y" * 4000)
        await eventually(lambda: console.peers and console.peers[0].waiting >= 4096)
        os.close(first)
        await eventually(lambda: console.peers[0]._output_broken, what="its end is noticed")
        second = os.open(pty.address, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            await eventually(lambda: console.peers[0].ready, what="the new opener is served")
            guest.feed(b"hello")
            await eventually(lambda: console.peers[0].sent == 5)
            assert os.read(second, 100) == b"hello"
            guest.resume()
            await eventually(lambda: len(guest.sent) == written)
        finally:
            os.close(second)
    finally:
        await console.aclose()
