"""The chardevs that live in the process: memory, null, ringbuf."""

from __future__ import annotations

import pytest

from muxcore.chardev.memory import MemoryChardev
from muxcore.chardev.null import NullChardev
from muxcore.chardev.registry import CHARDEVS, make
from muxcore.chardev.ringbuf import INPUT_LIMIT, RingbufChardev
from muxcore.chardev.socket_client import SocketClient
from muxcore.chardev.socket_server import SocketServer
from muxcore.errors import BreakUnsupported, ChardevError
from muxcore.options.sets import (
    CONFIGURABLE,
    HubOptions,
    LinkOptions,
    MuxOptions,
    NullOptions,
    RingbufOptions,
    SocketOptions,
)
from tests.muxcore.chardev.owner import running
from tests.support import eventually


async def test_what_is_fed_is_read_and_what_is_written_is_sent() -> None:
    chardev = MemoryChardev("m")
    async with running(chardev) as owner:
        chardev.feed(b"login: ")
        await owner.has(b"login: ")
        assert owner.live[0].write([b"ro", memoryview(b"ot")]) == 4
        assert chardev.take() == b"root"
        assert chardev.sent == b""


async def test_read_into_fills_the_buffers_from_the_front() -> None:
    chardev = MemoryChardev("m")
    async with running(chardev, reading=False) as owner:
        chardev.feed(b"abcde")
        room = bytearray(8)
        view = memoryview(room)
        assert owner.live[0].read_into([view[:3], view[3:]]) == 5
        assert room == b"abcde\0\0\0"
        with pytest.raises(BlockingIOError):
            owner.live[0].read_into([view])


async def test_a_stalled_far_end_takes_nothing_until_it_resumes() -> None:
    chardev = MemoryChardev("m")
    async with running(chardev) as owner:
        stream, room = owner.live[0], []
        chardev.stall()
        with pytest.raises(BlockingIOError):
            stream.write([b"x"])

        def writable() -> None:
            room.append(stream.write([b"x"]))
            stream.watch_output(None)

        stream.watch_output(writable)
        chardev.resume()
        await eventually(lambda: room)
        assert room == [1]
        assert chardev.sent == b"x"


async def test_a_hang_up_comes_after_what_was_fed_and_open_brings_the_far_end_back() -> None:
    chardev = MemoryChardev("m")
    async with running(chardev) as owner:
        chardev.feed(b"last words")
        chardev.hang_up()
        await eventually(lambda: chardev.state == "closed")
        assert owner.got == b"last words"
        await chardev.open()
        assert (chardev.state, len(owner.opened)) == ("open", 2)


async def test_a_far_end_may_go_with_an_error() -> None:
    chardev = MemoryChardev("m")
    async with running(chardev):
        chardev.hang_up(ConnectionResetError(104, "Connection reset by peer"))
        await eventually(lambda: chardev.state == "closed")
        assert chardev.reason is not None
        assert "reset" in chardev.reason


def test_breaks_and_sizes_are_noted_where_they_are_wanted() -> None:
    chardev = MemoryChardev("m", can_break=True, can_resize=True)
    chardev.send_break()
    chardev.resize(40, 120)
    assert (chardev.breaks, chardev.sizes) == (1, [(40, 120)])
    with pytest.raises(BreakUnsupported, match=r"'m' \(inmemory\) has no break"):
        MemoryChardev("m").send_break()


async def test_null_takes_everything_and_says_nothing() -> None:
    chardev = NullChardev("n", NullOptions())
    async with running(chardev) as owner:
        assert owner.live[0].write([b"abc", b"de"]) == 5
        with pytest.raises(BlockingIOError):
            owner.live[0].read(1)
        assert (chardev.state, chardev.filename) == ("open", "null")


async def test_a_ringbuf_keeps_the_last_bytes_and_reading_consumes_them() -> None:
    chardev = RingbufChardev("r", RingbufOptions(size=8))
    async with running(chardev) as owner:
        owner.live[0].write([b"abcdef", b"ghij"])
        assert len(chardev) == 8
        assert chardev.read(3) == b"cde"
        assert chardev.read(100) == b"fghij"
        assert chardev.read(100) == b""


async def test_a_chunk_larger_than_a_ringbuf_leaves_its_end() -> None:
    chardev = RingbufChardev("r", RingbufOptions(size=4))
    async with running(chardev) as owner:
        owner.live[0].write([b"0123456789"])
        assert chardev.read(9) == b"6789"


async def test_what_is_written_to_a_ringbuf_is_input_and_bounded() -> None:
    chardev = RingbufChardev("r", RingbufOptions())
    async with running(chardev, reading=False) as owner:
        chardev.write(b"ls\n")
        with pytest.raises(ChardevError, match="not read"):
            chardev.write(bytes(INPUT_LIMIT))
        owner.read(chardev, owner.live[0])
        await owner.has(b"ls\n")


def test_every_type_a_user_can_write_can_be_made() -> None:
    # Hubs and muxes are consoles, which are more than chardevs; a link lies between two.
    assert set(CONFIGURABLE.values()) - {HubOptions, LinkOptions, MuxOptions} <= set(CHARDEVS)
    assert isinstance(make("a", SocketOptions(path="/s", server=True)), SocketServer)
    assert isinstance(make("a", SocketOptions(path="/s")), SocketClient)
    assert make("x", NullOptions()).id == "x"
