"""A flood by way of pipes: every byte to everybody and to the history, and nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
from collections.abc import Iterator

import pytest

from muxcore.chardev.base import Who
from muxcore.chardev.sockets import SocketStream
from muxcore.console.hub import Console
from muxcore.flow import pump, splice
from muxcore.flow.splice import Splice
from tests.muxcore.consoles import PairChardev, pattern
from tests.support import open_fds

FLOOD = 4 << 20
DATA = pattern(FLOOD)


class SocketChardev(PairChardev):
    """Clients (or a guest) behind sockets, as a socket backend has them."""

    def connect_socket(self, *, buffer: int | None = None) -> socket.socket:
        near, far = socket.socketpair()
        if buffer is not None:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        near.setblocking(False)
        far.setblocking(False)
        self.add_stream(SocketStream(near, Who("pair")))
        return far


@pytest.fixture
def pipes() -> Iterator[Splice]:
    before = open_fds()
    pipes = Splice()
    yield pipes
    pipes.close()
    pipes.close()
    assert open_fds() == before


@pytest.fixture
def pairs() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Three pairs; what is written to a first one can be read at the second, without waiting."""
    pairs = [socket.socketpair() for _ in range(3)]
    for sock in (sock for pair in pairs for sock in pair):
        sock.setblocking(False)
    yield pairs
    for sock in (sock for pair in pairs for sock in pair):
        sock.close()


def test_a_burst_reaches_the_buffers_and_everybody(
    pipes: Splice, pairs: list[tuple[socket.socket, socket.socket]]
) -> None:
    data = pattern(40_000)
    for _ in range(3):
        pairs[0][0].send(data)
        first, second = bytearray(30_000), bytearray(30_000)
        buffers = [memoryview(first), memoryview(second)]
        assert pipes.take(pairs[0][1].fileno(), buffers) == len(data)
        assert bytes(first + second)[: len(data)] == data
        for near, far in pairs[1:]:
            assert pipes.send(near.fileno()) == len(data)
            assert far.recv(1 << 20) == data
        pipes.drop()


def test_what_one_does_not_take_is_not_left_for_the_next(
    pipes: Splice, pairs: list[tuple[socket.socket, socket.socket]]
) -> None:
    data = pattern(50_000)
    pairs[0][0].send(data)
    buffer = memoryview(bytearray(len(data)))
    assert pipes.take(pairs[0][1].fileno(), [buffer]) == len(data)
    reading, narrow = os.pipe2(os.O_NONBLOCK)
    fcntl.fcntl(narrow, fcntl.F_SETPIPE_SZ, 4096)
    taken = pipes.send(narrow)
    assert taken is not None
    assert 0 < taken < len(data)
    with pytest.raises(BlockingIOError):
        pipes.send(narrow)
    assert os.read(reading, len(data)) == data[:taken]
    os.close(reading)
    os.close(narrow)
    assert pipes.send(pairs[1][0].fileno()) == len(data)
    assert pairs[1][1].recv(1 << 20) == data


def test_the_end_of_the_stream_and_no_data_are_told_as_by_read(
    pipes: Splice, pairs: list[tuple[socket.socket, socket.socket]]
) -> None:
    near, far = pairs[0]
    with pytest.raises(BlockingIOError):
        pipes.take(far.fileno(), [memoryview(bytearray(10))])
    near.close()
    assert pipes.take(far.fileno(), [memoryview(bytearray(10))]) == 0


def test_a_broken_peer_is_told_and_leaves_nothing_behind(
    pipes: Splice, pairs: list[tuple[socket.socket, socket.socket]]
) -> None:
    pairs[0][0].send(b"burst")
    buffer = bytearray(5)
    pipes.take(pairs[0][1].fileno(), [memoryview(buffer)])
    pairs[1][1].close()
    with pytest.raises(BrokenPipeError):
        pipes.send(pairs[1][0].fileno())
    assert pipes.send(pairs[2][0].fileno()) == 5
    assert pairs[2][1].recv(9) == b"burst"


def test_a_pipe_that_gives_nothing_back_is_not_taken_for_a_guest_that_is_silent(
    pipes: Splice,
    pairs: list[tuple[socket.socket, socket.socket]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pairs[0][0].send(b"printed")

    def refuse(fd: int, buffers: object) -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "readv", refuse)
    with pytest.raises(OSError, match="Input/output error") as raised:
        pipes.take(pairs[0][1].fileno(), [memoryview(bytearray(100))])
    assert not isinstance(raised.value, BlockingIOError)


def test_without_room_for_pipes_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> tuple[int, int]:
        raise OSError(errno.EMFILE, "")

    monkeypatch.setattr(os, "pipe2", fail)
    assert splice.make_splice() is None


async def flooded(clients: int, slow: int | None = None) -> tuple[list[bytes], bytes, int]:
    """Flood `clients`, the one numbered `slow` with a small buffer and read a little at a time.

    Returns what each got, what the history has, and where it begins.
    """
    guest, backend = SocketChardev("vm.guest"), SocketChardev("b", policy="block", block_timeout=0)
    console = Console("vm")
    await console.start(guest, [backend])
    source = guest.connect_socket()
    ends = [
        backend.connect_socket(buffer=8192 if number == slow else None) for number in range(clients)
    ]
    data, sent = memoryview(DATA), 0
    got = [bytearray() for _ in ends]

    def step() -> bool:
        nonlocal sent
        with contextlib.suppress(BlockingIOError):
            sent += source.send(data[sent : sent + (1 << 16)])
        for number, end in enumerate(ends):
            with contextlib.suppress(BlockingIOError):
                got[number] += end.recv(20_000 if number == slow else 1 << 18)
        return all(len(each) == FLOOD for each in got)

    try:
        async with asyncio.timeout(60):
            while not step():  # noqa: ASYNC110 - the clients are played here
                await asyncio.sleep(0)
        history = console.history
        return list(map(bytes, got)), history.read(history.start, FLOOD), history.start
    finally:
        await console.aclose()
        for sock in (source, *ends):
            sock.close()


@pytest.fixture
def sends(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How much each peer took of each burst that went by way of the pipes."""
    counts: list[int] = []
    send = Splice.send

    def counted(pipes: Splice, fd: int) -> int | None:
        taken = send(pipes, fd)
        counts.append(taken or 0)
        return taken

    monkeypatch.setattr(Splice, "send", counted)
    return counts


@pytest.mark.parametrize("slow", [None, 0, 2])
async def test_a_flood_goes_by_the_pipes_and_everybody_gets_every_byte(
    sends: list[int], slow: int | None
) -> None:
    before = open_fds()
    got, kept, start = await flooded(3, slow)
    assert all(each == DATA for each in got)
    assert kept == DATA[start:]
    assert sum(sends) > FLOOD / 4
    assert open_fds() == before


async def test_one_peer_alone_is_not_worth_the_pipes(sends: list[int]) -> None:
    got, _, _ = await flooded(1)
    assert got == [DATA]
    assert not sends


@pytest.mark.parametrize("broken", ["no pipes", "not spliced", "no room in the twin"])
async def test_where_the_pipes_will_not_do_everything_is_read_and_written(
    monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(errno.EINVAL, "")

    if broken == "no pipes":
        monkeypatch.setattr(pump, "make_splice", lambda: None)
    elif broken == "not spliced":
        monkeypatch.setattr(os, "splice", refuse)
    else:
        monkeypatch.setattr(splice, "_tee", lambda *_: -1)
    got, kept, start = await flooded(2)
    assert all(each == DATA for each in got)
    assert kept == DATA[start:]


@pytest.mark.parametrize("code", [errno.ENOMEM, errno.EIO, errno.EINTR])
@pytest.mark.parametrize("every", [2, 3, 7])
async def test_pipes_that_fail_now_and_then_lose_and_garble_nothing(
    monkeypatch: pytest.MonkeyPatch, code: int, every: int
) -> None:
    """What a failing pipe still holds must not go before the next peer's burst."""
    real, calls = os.splice, 0

    def splice_or_fail(source: int, target: int, count: int, *, flags: int) -> int:
        nonlocal calls
        calls += 1
        inner = os.readlink(f"/proc/self/fd/{target}") == os.devnull
        if calls % every == 0 and (inner or code == errno.ENOMEM):
            raise OSError(code, os.strerror(code))
        return real(source, target, count, flags=flags)

    monkeypatch.setattr(os, "splice", splice_or_fail)
    before = open_fds()
    got, kept, start = await flooded(3, slow=1)
    assert all(each == DATA for each in got)
    assert kept == DATA[start:]
    assert open_fds() == before
