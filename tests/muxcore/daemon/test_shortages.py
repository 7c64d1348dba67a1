"""Out of descriptors, out of memory: who is met by it says so and goes on, and nobody else is."""

from __future__ import annotations

import asyncio
import builtins
import errno
import os
import select
import socket
import termios
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muxcore import ring
from muxcore.chardev import file, pty, socket_server, sockets
from muxcore.chardev.base import Chardev, Who
from muxcore.chardev.file import FileChardev
from muxcore.chardev.pipe import PipeChardev
from muxcore.chardev.pty import PtyChardev
from muxcore.chardev.socket_server import SocketServer
from muxcore.chardev.udp import UdpChardev
from muxcore.daemon.listener import Listener
from muxcore.errors import DaemonError
from muxcore.flow import hangup, pump
from muxcore.flow.hangup import HangupWatch
from muxcore.options.sets import FileOptions, PipeOptions, PtyOptions, SocketOptions, UdpOptions
from muxcore.peers import framed
from tests import support
from tests.inject.ends import WebsocketEnd
from tests.muxcore import daemons
from tests.muxcore.chardev.owner import running
from tests.muxcore.consoles import PairChardev, ScriptedChardev, bench
from tests.support import eventually


class Once:
    """A call that fails the first time."""

    def __init__(self, real: Callable[..., Any], error: BaseException) -> None:
        self.error: BaseException | None = error
        self._real = real

    def __call__(self, *args: Any, **named: Any) -> Any:  # noqa: ANN401 - anything
        error, self.error = self.error, None
        if error is not None:
            raise error
        return self._real(*args, **named)


def shortage(number: int = errno.EMFILE) -> OSError:
    return OSError(number, os.strerror(number))


def unix(directory: Path) -> Chardev:
    path = support.unix_path(directory, "sock")
    return SocketServer("b", SocketOptions(path=path, server=True, wait=False))


def datagrams(directory: Path) -> Chardev:
    return UdpChardev("b", UdpOptions(host="127.0.0.1", port="9"))


def terminal(directory: Path) -> Chardev:
    return PtyChardev("b", PtyOptions(path=str(directory / "tty")))


def fifos(directory: Path) -> Chardev:
    for way in ("in", "out"):
        os.mkfifo(directory / f"fifo.{way}")
    return PipeChardev("b", PipeOptions(path=str(directory / "fifo")))


def device(directory: Path) -> Chardev:
    os.mkfifo(directory / "fifo")
    return PipeChardev("b", PipeOptions(path=str(directory / "fifo")))


@pytest.mark.parametrize(
    ("make", "module", "name", "error", "reason"),
    [
        (unix, socket, "socket", shortage(), "Too many open files"),
        (unix, socket_server, "inode", shortage(errno.ENOENT), "No such file"),
        (datagrams, socket, "socket", shortage(), "Too many open files"),
        (terminal, tty, "setraw", termios.error(errno.EIO, "Input/output error"), "Input/out"),
        (terminal, pty, "watch_opens", shortage(errno.ENOSPC), "No space left"),
        (fifos, os, "open", shortage(), "Too many open files"),
        (fifos, os, "fstat", shortage(errno.EIO), "Input/output error"),
        (device, os, "dup", shortage(), "Too many open files"),
    ],
)
async def test_what_cannot_be_opened_for_now_says_why_and_is_opened_later(
    make: Callable[[Path], Chardev],
    module: Any,  # noqa: ANN401 - a module
    name: str,
    error: BaseException,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of these ended in `internal error`, for good, or left a descriptor open."""
    chardev = make(tmp_path)
    call = Once(getattr(module, name), error)
    monkeypatch.setattr(module, name, call)
    async with running(chardev):
        await eventually(lambda: call.error is None)
        await eventually(lambda: chardev.state in ("failed", "open", "waiting"))
        assert chardev.state == "failed"
        assert chardev.reason is not None
        assert reason in chardev.reason
        assert chardev.retry_at is not None
        await eventually(lambda: chardev.state in ("open", "waiting"))


async def test_who_reads_a_fifo_lacks_nothing_when_it_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = fifos(tmp_path)
    async with bench(backend) as made:
        reader = os.open(tmp_path / "fifo.out", os.O_RDONLY | os.O_NONBLOCK)
        try:
            await made.print(b"one ")
            monkeypatch.setattr(
                made.peer("b/1").stream, "write", Once(os.writev, shortage(errno.EIO))
            )
            await made.print(b"two ")
            await made.print(b"three")
            await eventually(lambda: [peer.id for peer in made.console.peers] == ["b/2"])
            await eventually(lambda: made.peer("b/2").ready)
            assert os.read(reader, 100) == b"one two three"
        finally:
            os.close(reader)


async def test_a_far_end_that_leaves_while_nothing_can_watch_it_is_noticed_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A half closed client was kept for ever."""
    monkeypatch.setattr(hangup, "RETRY", 0.01)
    monkeypatch.setattr(select, "epoll", call := Once(select.epoll, shortage()))
    backend = PairChardev("b")
    async with bench(backend) as made:
        client = backend.connect_socket()
        client.shutdown(socket.SHUT_WR)
        await eventually(lambda: call.error is None)
        client.close()
        await eventually(lambda: not made.console.peers)


async def test_a_watch_for_hang_ups_forgets_what_it_could_not_watch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(select, "epoll", Once(select.epoll, shortage()))
    watch = HangupWatch()
    near, far = socket.socketpair()
    with near, far:
        watch.watch(near.fileno(), lambda: None)
        watch.forget(near.fileno())
        watch.close()
    assert not watch._callbacks


@pytest.mark.parametrize("number", [errno.EPROTO, errno.ENETDOWN, errno.EPERM])
async def test_a_connection_that_failed_by_itself_costs_those_behind_it_nothing(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The listener was closed, and everybody who waited to be accepted was turned away."""
    server = unix(tmp_path)
    async with running(server) as owner:
        call = Once(socket.socket.accept, shortage(number))
        monkeypatch.setattr(socket.socket, "accept", lambda self: call(self))
        with support.connect_unix(tmp_path / "sock"):
            await owner.stream()
        assert call.error is None
        assert "failed" not in owner.states


async def test_a_handshake_whose_answer_cannot_be_sent_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client was a peer that waited for the answer until the guest printed something."""
    options = SocketOptions(host="127.0.0.1", port="0", server=True, wait=False, websocket=True)
    server = SocketServer("b", options)
    async with running(server) as owner:
        host, port = server.address.split(":")
        with socket.create_connection((host, int(port))) as client:
            real = os.write

            def fail(fd: int, data: bytes) -> int:
                if bytes(data).startswith(b"HTTP/1.1 101"):
                    raise shortage(errno.EIO)
                return real(fd, data)

            monkeypatch.setattr(os, "write", fail)
            client.send(WebsocketEnd.ASK)
            await eventually(lambda: owner.failed)
            assert owner.failed == ["Input/output error"]
            assert client.recv(100) == b""


async def test_clients_can_be_looked_at_when_there_is_no_descriptor_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """query-chardev and `muxtui ls` failed when they were needed most."""
    server = SocketServer("b", SocketOptions(host="127.0.0.1", port="0", server=True, wait=False))
    async with running(server) as owner:
        host, port = server.address.split(":")
        with socket.create_connection((host, int(port))) as client:
            await owner.stream()
            monkeypatch.setattr(os, "dup", Once(os.dup, shortage()))
            near, far = client.getsockname(), client.getpeername()
            assert server.filename.endswith(f"{far[0]}:{far[1]},server=on <-> {near[0]}:{near[1]}")


async def test_a_client_whose_credentials_are_not_told_is_served_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = Once(sockets._credentials, shortage(errno.ENOMEM))
    monkeypatch.setattr(sockets, "_credentials", call)
    server = unix(tmp_path)
    async with running(server) as owner:
        with support.connect_unix(tmp_path / "sock"):
            stream = await owner.stream()
            assert stream.who.label == "a process"


@pytest.mark.parametrize("number", [errno.ENOBUFS, errno.ENOMEM])
async def test_a_control_client_is_kept_when_the_kernel_is_short_of_memory(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was closed, and one that attached was told that it had left."""
    async with daemons.running(tmp_path) as daemon, daemons.raw_client(daemon.path) as client:
        monkeypatch.setattr(os, "write", Once(os.write, shortage(number)))
        assert await client.execute("mux-add-console", console="vm") == {"console": "vm"}
        monkeypatch.setattr(os, "write", Once(os.write, shortage(number)))
        attached = await client.execute("mux-attach", console="vm")
        assert attached == {"id": "vm.attach0", "offset": 0, "end": 0}


async def test_half_a_reply_to_mux_attach_is_the_end_of_its_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reply that says so came behind the half, as its rest."""
    async with daemons.running(tmp_path) as daemon, daemons.raw_client(daemon.path) as client:
        await client.execute("mux-add-console", console="vm")
        real = os.write
        monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data[:9])))
        client.send(b'{"execute":"mux-attach","arguments":{"console":"vm"}}')
        assert await client.reader.read() == b'{"return"'
        assert not daemon.console("vm").backends


@pytest.mark.parametrize("name", ["chmod", "lstat"])
def test_a_control_socket_that_cannot_be_had_after_all_is_not_left_open(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = support.unix_path(tmp_path, "control")
    real = getattr(os, name)

    def refuse(where: str, *rest: object) -> object:
        # The lock beside it, and whether the socket is there, may be looked at.
        if where == path and os.path.exists(path):
            raise shortage(errno.EIO)
        return real(where, *rest)

    monkeypatch.setattr(os, name, refuse)
    with pytest.raises(DaemonError, match="Input/output error"):
        Listener(path)
    monkeypatch.undo()
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("make", [terminal, fifos])
async def test_a_descriptor_that_complains_when_it_is_closed_keeps_nobody_from_ending(
    make: Callable[[Path], Chardev], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.close

    def complain(fd: int) -> None:
        real(fd)
        raise shortage(errno.EIO)

    chardev = make(tmp_path)
    async with running(chardev):
        await eventually(lambda: chardev.state in ("open", "waiting"))
        with monkeypatch.context() as patch:
            patch.setattr(os, "close", complain)
            await chardev.aclose()
    assert chardev.state == "closed"


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Once]:
    """Let the next bytearray that a module makes be refused."""

    def none(module: Any, name: str = "bytearray") -> Once:  # noqa: ANN401 - a module
        call = Once(getattr(module, name, builtins.bytearray), MemoryError())
        monkeypatch.setattr(module, name, call, raising=False)
        return call

    monkeypatch.setattr(pump, "MEMORY", 0.01)
    return none


async def test_a_guest_waits_while_there_is_no_memory_for_what_it_prints(
    memory: Callable[..., Once],
) -> None:
    """It was read again and again, as fast as the machine could."""
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        client = backend.connect()
        refused = memory(ring, "_bytearray")
        made.guest.feed(b"hello")
        await eventually(lambda: refused.error is None)
        await eventually(lambda: client.got == b"hello")


async def test_a_guest_that_ends_while_it_waits_for_memory_is_let_go_of(
    memory: Callable[..., Once],
) -> None:
    async with bench() as made:
        refused = memory(ring, "_bytearray")
        made.guest.feed(b"hello")
        await eventually(lambda: refused.error is None)
        await made.console.set_guest(None)
        assert made.console.pump.stream is None


async def test_a_file_without_memory_for_its_chunk_costs_nobody_a_byte(
    tmp_path: Path, memory: Callable[..., Once]
) -> None:
    """Whoever came after it in the fan-out had a hole in the stream that nobody declared."""
    backend = ScriptedChardev("b")
    log = FileChardev("log", FileOptions(path=str(tmp_path / "log")))
    async with bench(log, backend) as made:
        await eventually(lambda: made.console.peers)
        client = backend.connect()
        refused = memory(file)
        await made.print(b"one ")
        await made.print(b"two")
        assert refused.error is None
        assert client.got == b"one two"
        await eventually(lambda: (tmp_path / "log").read_bytes() == b"one two")


async def test_a_frame_whose_rest_cannot_be_kept_is_the_end_of_its_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next frame began in the midst of it."""
    async with bench() as made:
        near, far = socket.socketpair()
        with far:
            near.setblocking(False)
            who = Who("test")
            made.console.attach(
                near.detach(), who, id="a", mode="rw", framing="frames", replay=0, size=None
            )
            stream = made.peer("a/1").stream
            real = stream.write
            monkeypatch.setattr(framed, "_rest", Once(framed._rest, MemoryError()))
            monkeypatch.setattr(stream, "write", lambda parts: real([parts[0][:5]]))
            await made.print(b"hello")
            await eventually(lambda: not made.console.peers)
            assert far.recv(1000).endswith(b"D\x00\x00\x00\x0d")
            assert far.recv(1000) == b""


async def test_a_peer_that_fails_in_an_unforeseen_way_is_ended_and_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        raised: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, told: raised.append(told))
        clients = [backend.connect() for _ in range(3)]
        monkeypatch.setattr(clients[1], "write", Once(clients[1].write, ZeroDivisionError()))
        await made.print(b"one ")
        await made.print(b"two")
        assert [client.got for client in clients] == [b"one two", b"", b"one two"]
        assert clients[1].closed
        assert isinstance(raised[0]["exception"], ZeroDivisionError)


class Refusing(socket.socket):
    """A socket of which nothing can be set."""

    def setsockopt(self, *_: object) -> None:
        raise shortage(errno.ENOBUFS)


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET])
def test_a_guest_is_served_though_nothing_can_be_set_of_its_socket(family: int) -> None:
    """It was turned away, and its descriptor kept."""
    with Refusing(family) as sock:
        sockets.prepare(sock, SocketOptions(path="x"), guest=True)
        assert not sock.getblocking()
