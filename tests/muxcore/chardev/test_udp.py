from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator

import pytest

from muxcore.chardev.base import Stream
from muxcore.chardev.udp import DATAGRAM, UdpChardev
from muxcore.options.sets import UdpOptions
from tests.muxcore.chardev.owner import running, talking
from tests.muxcore.consoles import ScriptedChardev, bench
from tests.support import eventually, free_port


@pytest.fixture
def far() -> Iterator[socket.socket]:
    """Somebody who receives datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        yield sock


def udp(port: int, **options: object) -> UdpChardev:
    return UdpChardev("udp0", UdpOptions(port=str(port), **options))  # type: ignore[arg-type]


async def test_it_is_open_from_its_creation_and_sends_a_datagram_a_write(
    far: socket.socket,
) -> None:
    async with running(udp(far.getsockname()[1])) as owner:
        assert owner.states == ["connecting", "open"]
        assert owner.live[0].write([b"one", b" datagram"]) == 12
        assert far.recv(100) == b"one datagram"
        assert owner.live[0].write([b"another"]) == 7
        assert far.recv(100) == b"another"


async def test_datagrams_are_bounded_and_in_order(far: socket.socket) -> None:
    data = os.urandom(3 * DATAGRAM + 5)
    async with running(udp(far.getsockname()[1])) as owner:
        assert owner.live[0].write([data]) == len(data)
        got = [far.recv(65536) for _ in range(4)]
    assert [len(part) for part in got] == [DATAGRAM, DATAGRAM, DATAGRAM, 5]
    assert b"".join(got) == data


async def test_a_datagram_is_read_whole_whatever_the_reader_takes_at_once(
    far: socket.socket,
) -> None:
    chardev = udp(far.getsockname()[1])
    async with running(chardev, reading=False) as owner:
        stream = owner.live[0]
        stream.write([b"hello"])
        _, address = far.recvfrom(100)
        far.sendto(b"x" * 5000, address)
        got = bytearray()
        stream.watch_input(lambda: got.extend(stream.read(7)))
        await eventually(lambda: len(got) == 5000)
        stream.watch_input(None)
        far.sendto(b"ab", address)
        buffers = [memoryview(bytearray(1)), memoryview(bytearray(4))]
        await eventually(lambda: _fill(stream, buffers) == 2)
        assert (bytes(buffers[0]), bytes(buffers[1][:1])) == (b"a", b"b")


def _fill(stream: Stream, buffers: list[memoryview]) -> int:
    with contextlib.suppress(BlockingIOError):
        return stream.read_into(buffers)
    return 0


async def test_an_empty_datagram_is_no_end(far: socket.socket) -> None:
    async with running(udp(far.getsockname()[1])) as owner:
        owner.live[0].write([b"hello"])
        _, address = far.recvfrom(100)
        far.sendto(b"", address)
        far.sendto(b"still there", address)
        await owner.has(b"still there")
        assert not owner.ended


async def test_what_nobody_receives_is_lost_and_ends_nothing() -> None:
    port = free_port(socket.SOCK_DGRAM)
    async with running(udp(port)) as owner:
        for _ in range(3):
            assert owner.live[0].write([b"into the void"]) == 13
            await asyncio.sleep(0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as late:
            late.bind(("127.0.0.1", port))
            late.settimeout(5)
            assert owner.live[0].write([b"heard"]) == 5
            assert late.recv(100) == b"heard"
        assert not owner.ended


async def test_the_near_address_is_bound_where_it_is_given(far: socket.socket) -> None:
    port = free_port(socket.SOCK_DGRAM)
    chardev = udp(far.getsockname()[1], localaddr="127.0.0.1", localport=str(port))
    async with running(chardev) as owner:
        far.sendto(b"typed first", ("127.0.0.1", port))
        await owner.has(b"typed first")
        assert chardev.filename == "udp"
        assert f"UDP:127.0.0.1:{port}" in (chardev.connect_command or "")
    assert chardev.connect_command is not None


async def test_ipv6_is_used_where_it_is_asked_for() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as far:
        try:
            far.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 here")
        far.settimeout(5)
        async with running(udp(far.getsockname()[1], host="::1", ipv6=True)) as owner:
            owner.live[0].write([b"six"])
            assert far.recv(100) == b"six"


@pytest.mark.parametrize(
    ("host", "options", "reason"),
    [
        ("nowhere.invalid", {}, "address resolution failed for nowhere.invalid:9: "),
        ("127.0.0.1", {"localaddr": "192.0.2.1"}, "Failed to connect to '127.0.0.1:9': Cannot"),
        ("127.0.0.1", {"ipv4": False}, "address resolution failed for 127.0.0.1:9: "),
        ("::1", {"ipv6": False}, "address resolution failed for [::1]:9: "),
    ],
)
async def test_what_cannot_be_had_is_told_and_tried_again(
    host: str, options: dict[str, object], reason: str
) -> None:
    chardev = udp(9, host=host, **options)
    async with running(chardev):
        await eventually(lambda: chardev.state == "failed", 15)
        assert (chardev.reason or "").startswith(reason)
        assert chardev.retry_at is not None


@pytest.mark.needs("socat")
async def test_socat_shares_a_console_by_datagrams() -> None:
    port = free_port(socket.SOCK_DGRAM)
    mine = free_port(socket.SOCK_DGRAM)
    chardev = udp(port, localaddr="127.0.0.1", localport=str(mine))
    far = f"UDP:127.0.0.1:{mine},bind=127.0.0.1:{port}"
    async with bench(chardev) as made, talking("socat", "-", far) as (typed, shown):
        typed.write(b"typed")
        # What socat sends says that it listens.
        await eventually(lambda: made.guest.take() == b"typed")
        await made.print(b"printed\r\n" * 1000)
        assert await shown.readexactly(9000) == b"printed\r\n" * 1000
        assert made.describe("udp0")["sent"] == 9000


async def test_as_a_guest_its_datagrams_are_output(far: socket.socket) -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        chardev = udp(far.getsockname()[1])
        await made.console.set_guest(chardev)
        end = backend.connect()
        end.feed(b"root\r")
        await eventually(lambda: made.console.describe()["guest"]["sent"] == 5)
        typed, address = far.recvfrom(100)
        assert typed == b"root\r"
        far.sendto(b"Password: ", address)
        await eventually(lambda: bytes(end.got) == b"Password: ")
