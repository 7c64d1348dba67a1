from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator

import pytest

from muxcore.chardev.base import Who
from muxcore.chardev.heard import Break, Heard
from muxcore.chardev.layers import stream as module
from muxcore.chardev.layers.base import Layer, Stack
from muxcore.chardev.layers.comport import ComPortServer
from muxcore.chardev.layers.stream import MAX_UNHEARD, LayeredStream
from muxcore.chardev.layers.telnet import Telnet
from muxcore.errors import StreamError
from tests import support
from tests.support import eventually


class Shout(Layer):
    """Doubles every byte to the wire, and says `hello` when it is asked by `?`."""

    def begin(self) -> None:
        self.ready = True

    def receive(self, data: bytes) -> bytes:
        if b"!" in data:
            self._outgoing += b"sorry"
            raise StreamError("shouted at")
        self._outgoing += b"hello" * data.count(b"?")
        self._heard += [Break()] * data.count(b"#")
        self.closed = b"." in data
        return data.replace(b"?", b"").replace(b".", b"").replace(b"#", b"")

    def send(self, data: bytes) -> None:
        self._outgoing += data + data

    def end(self) -> None:
        self._outgoing += b"bye"


class Knock(Layer):
    """Ready after a `k`; says `who` first."""

    def begin(self) -> None:
        self._outgoing += b"who"

    def receive(self, data: bytes) -> bytes:
        if self.ready:
            return data
        _, knock, after = data.partition(b"k")
        self.ready = bool(knock)
        return after

    def send(self, data: bytes) -> None:
        self._outgoing += data


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    near.setblocking(False)
    with near, far:
        yield near, far


Pair = tuple[socket.socket, socket.socket]


def stream_over(pair: Pair, *layers: Layer) -> LayeredStream:
    return LayeredStream(pair[0], Who("test"), Stack(layers))


async def test_bytes_go_through_the_layer_both_ways(pair: Pair) -> None:
    stream = stream_over(pair, Shout())
    assert stream.write([b"ab", memoryview(b"c")]) == 3
    support.expect(pair[1], b"ababcc")
    pair[1].sendall(b"x?y")
    assert stream.read(1) == b"x"
    assert stream.read(10) == b"y"
    with pytest.raises(BlockingIOError):
        stream.read(10)
    support.expect(pair[1], b"hello")
    stream.close()
    support.expect(pair[1], b"bye")
    stream.close()


async def test_decoded_bytes_that_were_not_asked_for_call_again(pair: Pair) -> None:
    stream = stream_over(pair, Shout())
    got = bytearray()
    stream.watch_input(lambda: got.extend(stream.read(1)))
    pair[1].sendall(b"abc")
    await eventually(lambda: got == b"abc")
    stream.watch_input(None)
    stream.close()


async def test_a_guest_is_read_into_its_history(pair: Pair) -> None:
    stream = stream_over(pair, Shout())
    pair[1].sendall(b"abcdef")
    first, second = bytearray(2), bytearray(3)
    assert stream.read_into([memoryview(first), memoryview(second)]) == 5
    assert first + second == b"abcde"
    assert stream.read_into([memoryview(first)]) == 1
    stream.close()


async def test_what_the_wire_does_not_take_is_held_and_sent_later(pair: Pair) -> None:
    stream = stream_over(pair, Shout())
    data = os.urandom(2 * module.PIECE)
    taken = stream.write([data])
    assert 0 < taken <= module.PIECE
    assert 0 < stream.held <= 2 * module.PIECE
    with pytest.raises(BlockingIOError):
        stream.write([b"more"])
    got = bytearray()
    flushed = asyncio.ensure_future(stream.flush())
    while not flushed.done():
        got += await asyncio.to_thread(support.read_some, pair[1])
        await asyncio.sleep(0)
    while len(got) < 2 * taken:
        got += support.read_some(pair[1])
    assert got == data[:taken] * 2
    stream.close()


async def test_it_calls_for_output_once_everything_held_is_gone(pair: Pair) -> None:
    stream = stream_over(pair, Shout())
    calls: list[int] = []

    def drain() -> None:
        calls.append(stream.held)
        stream.watch_output(None)

    stream.write([b"x" * module.PIECE])
    stream.watch_output(drain)
    while not calls:
        await asyncio.to_thread(support.read_some, pair[1])
        await asyncio.sleep(0)
    assert calls == [0]
    stream.close()


async def test_a_far_end_that_does_not_read_its_answers_is_read_no_further(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 1000)
    pair[1].setblocking(False)
    stream = stream_over(pair, Shout())
    stream.watch_input(lambda: _ignore(stream))
    sent = await _send_until_it_is_not_read(pair[1])
    assert stream.held < 1000 + 5 * module.MOST_READ
    with pytest.raises(StreamError, match="takes nothing"):
        stream.tell(Break())
    got = 0
    while got < 5 * sent:
        got += len(await asyncio.to_thread(support.read_some, pair[1]))
        await asyncio.sleep(0)
    assert stream.held == 0
    stream.watch_input(None)
    stream.close()


async def _send_until_it_is_not_read(far: socket.socket) -> int:
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            sent += far.send(b"?" * 4096)
            for _ in range(20):
                await asyncio.sleep(0)
    return sent


def _ignore(stream: LayeredStream) -> None:
    with contextlib.suppress(BlockingIOError):
        stream.read(4096)


async def test_what_breaks_the_protocol_ends_the_stream_and_is_told(pair: Pair) -> None:
    stream = stream_over(pair, Shout())
    pair[1].sendall(b"!")
    with pytest.raises(OSError, match="shouted at"):
        stream.read(10)
    support.expect(pair[1], b"sorry")
    stream.close()


async def test_an_end_in_order_is_the_end_of_the_stream(pair: Pair) -> None:
    stream = stream_over(pair, Shout())
    pair[1].sendall(b"last.")
    ends: list[bytes] = []
    stream.watch_input(lambda: ends.append(stream.read(10)))
    await eventually(lambda: len(ends) > 1)
    assert ends[:2] == [b"last", b""]
    assert stream.ended()
    stream.watch_input(None)
    stream.close()


async def test_a_half_closed_telnet_on_a_unix_socket_goes_on_being_read(pair: Pair) -> None:
    stream = stream_over(pair, Telnet(server=False))
    pair[1].shutdown(socket.SHUT_WR)
    assert stream.read(10) == b""
    assert not stream.ended()
    stream.write([b"out"])
    support.expect(pair[1], b"out")
    pair[1].close()
    assert stream.ended()
    stream.close()


async def test_a_dead_far_end_is_an_error_of_the_next_write(pair: Pair) -> None:
    stream = stream_over(pair, Shout())
    pair[1].close()
    with pytest.raises(BrokenPipeError):
        stream.write([b"x"])
    with pytest.raises(BrokenPipeError):
        stream.write([b"x"])
    assert stream.held == 0
    await stream.flush()
    stream.close()


async def test_what_is_heard_waits_for_somebody_to_hear_it(pair: Pair) -> None:
    stream = stream_over(pair, Shout())
    pair[1].sendall(b"#a")
    assert stream.read(10) == b"a"
    heard: list[Heard] = []
    stream.heard = heard.append
    pair[1].sendall(b"#b")
    assert stream.read(10) == b"b"
    assert heard == [Break(), Break()]
    stream.close()


async def test_of_what_nobody_hears_only_the_last_is_kept(pair: Pair) -> None:
    stream = stream_over(pair, Shout())
    pair[1].sendall(b"#" * 200 + b"a")
    assert stream.read(10) == b"a"
    heard: list[Heard] = []
    stream.heard = heard.append
    pair[1].sendall(b"#b")
    assert stream.read(10) == b"b"
    assert len(heard) == MAX_UNHEARD + 1
    stream.close()


async def test_a_far_end_that_suspends_is_sent_nothing_until_it_resumes(pair: Pair) -> None:
    stream = stream_over(pair, Telnet(server=True, com_port=ComPortServer()))
    resumed: list[bool] = []
    pair[1].sendall(b"\xff\xfa\x2c\x08\xff\xf0a")
    assert stream.read(10) == b"a"
    with pytest.raises(BlockingIOError):
        stream.write([b"out"])
    stream.watch_output(lambda: resumed.append(True))
    pair[1].sendall(b"b")
    seen: list[bytes] = []
    stream.watch_input(lambda: seen.append(stream.read(10)))
    await eventually(lambda: seen == [b"b"])
    assert not resumed
    stream.watch_input(None)
    pair[1].sendall(b"\xff\xfa\x2c\x09\xff\xf0c")
    assert stream.read(10) == b"c"
    await eventually(lambda: resumed)
    assert stream.write([b"out"]) == 3
    stream.watch_output(None)
    stream.close()


# The handshake.


async def test_layers_begin_one_after_the_other_from_the_wire_up(pair: Pair) -> None:
    stream = stream_over(pair, Knock(), upper := Knock(), Shout())
    shaking = asyncio.ensure_future(stream.shake_hands())
    await asyncio.to_thread(support.expect, pair[1], b"who")
    pair[1].sendall(b"k")
    await asyncio.to_thread(support.expect, pair[1], b"who")
    assert not upper.ready
    pair[1].sendall(b"kearly")
    await shaking
    assert stream.ready
    assert stream.read(10) == b"early"
    stream.close()


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (lambda far: far.shutdown(socket.SHUT_WR), "left during the handshake"),
        (lambda far: far.sendall(b"x" * 40), "more than 16 bytes"),
        (lambda far: None, "no handshake within"),
    ],
)
async def test_a_handshake_is_bounded(
    pair: Pair, act: object, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(act)
    monkeypatch.setattr(module, "HANDSHAKE_TIME", 0.05)
    monkeypatch.setattr(module, "HANDSHAKE_BYTES", 16)
    stream = stream_over(pair, Knock())
    act(pair[1])
    with pytest.raises(StreamError, match=reason):
        await stream.shake_hands()
    stream.close()


def test_what_is_sent_before_the_handshake_is_over_is_nobodys_input() -> None:
    stack = Stack([Knock(), Shout()])
    stack.begin()
    assert [stack.receive(b"abc"), stack.ready] == [b"", False]
    assert [stack.receive(b"kx?"), stack.ready] == [b"x", True]
    assert stack.take() == b"whohello"
