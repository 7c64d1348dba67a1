"""A TCP client that is reset in whatever state costs its own connection and leaves nothing."""

from __future__ import annotations

import os
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from tests import support
from tests.faults.ends import RESET, WAIT, End, open_tcp
from tests.faults.place import stuck_kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.place import Place

pytestmark = pytest.mark.needs("socat", "openssl")

FIRST_WORDS = {
    "tcp": b"",
    "telnet": b"\xff\xfa\x1f\x00",
    "websocket": b"GET / HTTP/1.1\r\nHost: ",
    "tls": b"\x16\x03\x01\x02\x00\x01",
}
"""What a client may have said when it is reset while it connects."""


def _reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    sock.close()


def _connecting(place: Place, kind: str) -> None:
    for _ in range(20):
        _reset(open_tcp(place, "stuck"))


def _shaking(place: Place, kind: str) -> None:
    sock = open_tcp(place, "stuck")
    sock.sendall(FIRST_WORDS[kind])
    _reset(sock)


def _idle(place: Place, kind: str) -> None:
    with place.end_of(kind, "stuck") as (end, _):
        end.reset()


def _lagging(place: Place, kind: str) -> None:
    with place.end_of(kind, "stuck") as (end, _):
        place.flood()
        end.reset()


def _typing(place: Place, kind: str) -> None:
    with place.end_of(kind, "stuck") as (end, _):
        place.control.execute("mux-set-backend", id="stuck", readonly=True)
        end.type(b"half a word")
        end.reset()
    place.control.execute("mux-set-backend", id="stuck", readonly=False)


def _half_closed(place: Place, kind: str) -> None:
    with place.end_of(kind, "stuck") as (end, _):
        socket.socket.shutdown(_socket(end), socket.SHUT_WR)
        end.reset()


def _socket(end: End) -> socket.socket:
    sock = getattr(end, "sock")  # noqa: B009 - every TCP end has one
    assert isinstance(sock, socket.socket | ssl.SSLSocket)
    return sock


STATES: list[Callable[[Place, str], None]] = [
    _connecting, _shaking, _idle, _lagging, _typing, _half_closed,
]  # fmt: skip


@pytest.mark.parametrize("kind", FIRST_WORDS)
def test_a_reset_in_any_state_is_the_end_of_its_client_alone(place: Place, kind: str) -> None:
    with place.console(*place.shared(*stuck_kind(place, kind))), place.reader():
        with place.end_of(kind, "stuck"):
            # What is made when it is first needed, and stays, is there now.
            pass
        support.eventually_sync(lambda: not place.backend("stuck")["peers"], WAIT)
        before = len(os.listdir(f"/proc/{place.process.pid}/fd"))
        for step in STATES:
            step(place, kind)
            support.eventually_sync(lambda: not place.backend("stuck")["peers"], WAIT)
        place.others_have_all()
        support.eventually_sync(
            lambda: len(os.listdir(f"/proc/{place.process.pid}/fd")) <= before + 1,
            WAIT,
            "the descriptors of before",
        )
        with place.end_of(kind, "stuck") as (end, _):
            end.type(b"live")
            end.expect(b"live")
