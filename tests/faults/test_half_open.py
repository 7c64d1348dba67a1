"""A TCP client whose machine is gone, in a network of its own whose link is cut."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from muxcore.chardev import sockets
from muxcore.options.sets import SocketOptions
from tests import support
from tests.faults.ends import WAIT
from tests.faults.place import SIZE, Place
from tests.guest.sharing import ended
from tests.muxcore.daemons import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RETRIES = 2
"""tcp_retries2 of the daemon's network: seconds until the kernel gives up, not a quarter hour."""

IN_NETWORK = f'echo {RETRIES} >/proc/sys/net/ipv4/tcp_retries2; exec "$@"'


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


class Network:
    """Two network namespaces, `near` with the daemon and `far`, and a cable between them."""

    address = "10.197.0.1"

    def __init__(self, number: int) -> None:
        self.near, self.far = f"muxtui-{number}-near", f"muxtui-{number}-far"

    def make(self) -> None:
        """Make them. Raises CalledProcessError where that is not allowed."""
        for name in (self.near, self.far):
            _ip("netns", "add", name)
        ends = ["eth0", "netns", self.near, "type", "veth", "peer", "name", "eth0"]
        _ip("link", "add", *ends, "netns", self.far)
        for name, last in ((self.near, 1), (self.far, 2)):
            _ip("-n", name, "addr", "add", f"10.197.0.{last}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")

    def cut(self) -> None:
        """Pull the plug at the far end: nobody says anything."""
        _ip("-n", self.far, "link", "set", "eth0", "down")

    def remove(self) -> None:
        """Both go, with what is in them."""
        for name in (self.near, self.far):
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)


@pytest.fixture
def network() -> Iterator[Network]:
    """See `Network`."""
    if os.geteuid():
        pytest.skip("needs root to make a network namespace")
    made = Network(os.getpid())
    try:
        made.make()
    except subprocess.CalledProcessError:
        made.remove()
        pytest.skip("needs a kernel with network namespaces and veth")
    try:
        yield made
    finally:
        made.remove()


@pytest.mark.needs("ip", "socat")
def test_a_client_whose_machine_is_gone_costs_nobody_a_byte_and_is_noticed(
    network: Network, tmp_path: Path
) -> None:
    before = ["ip", "netns", "exec", network.near, "sh", "-ec", IN_NETWORK, "sh"]
    path = support.unix_path(tmp_path, "control")
    with served(path, before=before) as process, contextlib.ExitStack() as stack:
        place = Place(path, process, tmp_path, tmp_path)
        stack.enter_context(place.control)
        tcp = f"socket,id=tcp,host={network.address},port=0,server=on,wait=off"
        stack.enter_context(place.console(*place.shared(tcp)))
        command = ["ip", "netns", "exec", network.far, "socat", "-u"]
        command += [f"TCP:{place.address('tcp')}", "-"]
        client = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.enter_context(ended(client))
        support.eventually_sync(lambda: len(place.backend("tcp")["peers"]) == 1, WAIT)
        stack.enter_context(place.reader())
        network.cut()
        place.flood()
        place.others_have_all()
        support.eventually_sync(lambda: not place.backend("tcp")["peers"], 2 * WAIT, "its end")
        assert place.end == SIZE
        (closed,) = [event for event in place.events("MUX_PEER_CLOSED") if event["id"] == "tcp"]
        assert closed["reason"] in ("Connection timed out", "No route to host")


@pytest.mark.parametrize("guest", [False, True])
def test_a_silent_client_is_asked_whether_it_is_there(guest: bool) -> None:
    with socket.socket() as sock:
        sockets.prepare(sock, SocketOptions(), guest=guest)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        idle, every, times = (
            sock.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert idle + every * times == 120
        # It would end a client that is only stopped.
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 0
