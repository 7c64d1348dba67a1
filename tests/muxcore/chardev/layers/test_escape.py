from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.chardev.heard import Break, WindowSize
from muxcore.chardev.layers.escape import Escape
from muxcore.chardev.socket_client import SocketClient
from muxcore.chardev.socket_server import SocketServer
from muxcore.errors import BreakUnsupported
from muxcore.options.sets import SocketOptions
from tests import support
from tests.muxcore.chardev.owner import running


def as_qemu_reads(wire: bytes, escape: int) -> tuple[bytes, int]:
    """What `mux_proc_byte` makes of `wire`: bytes for the guest, and how many breaks."""
    plain, breaks, escaped = bytearray(), 0, False
    for byte in wire:
        if escaped:
            escaped = False
            if byte == escape:
                plain.append(byte)
            else:
                assert byte == ord("b"), "a key that no user may reach"
                breaks += 1
        elif byte == escape:
            escaped = True
        else:
            plain.append(byte)
    return bytes(plain), breaks


@given(st.binary(), st.binary(), st.integers(0, 255).filter(lambda code: code != ord("b")))
def test_everything_arrives_and_a_break_between(before: bytes, after: bytes, escape: int) -> None:
    layer = Escape(escape)
    assert layer.ready
    layer.send(before)
    layer.tell(Break())
    layer.send(after)
    assert as_qemu_reads(layer.take(), escape) == (before + after, 1)


def test_no_user_ends_the_machine_and_no_output_is_changed() -> None:
    layer = Escape(1)
    layer.send(b"\x01x")
    layer.tell(WindowSize(24, 80))
    assert layer.take() == b"\x01\x01x"
    assert layer.receive(b"\x01\xff\r") == b"\x01\xff\r"
    assert layer.take() == b""


@pytest.mark.parametrize("server", [True, False])
async def test_a_socket_sends_a_break_either_way_round(tmp_path: Path, server: bool) -> None:
    path = support.unix_path(tmp_path, "s")
    options = SocketOptions(path=path, server=server, wait=False, echr=20)
    with socket.socket(socket.AF_UNIX) as listener:
        if not server:
            listener.bind(path)
            listener.listen()
        chardev = (SocketServer if server else SocketClient)("c", options)
        async with running(chardev) as owner:
            far = support.connect_unix(Path(path)) if server else listener.accept()[0]
            with far:
                stream = await owner.stream()
                stream.write([b"a\x14"])
                assert chardev.can_break
                chardev.send_break()
                support.expect(far, b"a\x14\x14\x14b")


@pytest.mark.parametrize("echr", [None, ord("b")])
async def test_without_it_there_is_no_break(tmp_path: Path, echr: int | None) -> None:
    # The key of a break cannot be typed where it is the escape character itself.
    path = support.unix_path(tmp_path, "s")
    options = SocketOptions(path=path, server=True, wait=False, echr=echr)
    chardev = SocketServer("c", options)
    async with running(chardev):
        assert not chardev.can_break
        with pytest.raises(BreakUnsupported, match=r"'c' \(socket\) has no break to send"):
            chardev.send_break()
