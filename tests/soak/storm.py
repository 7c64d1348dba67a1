"""Clients of all kinds that come, stall, type, leave and die at random around a flooding guest."""

from __future__ import annotations

import collections
import contextlib
import os
import random
import select
import socket
import time
from typing import TYPE_CHECKING

from tests import support
from tests.control import Control
from tests.numbered import RawStream
from tests.soak import clients

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.soak.clients import Client
    from tests.soak.rig import Rig

SOCKETS = ("drop", "block", "disconnect", "tcp")
MOST = 14
"""Clients at once."""

PAUSE = 0.01
"""Seconds between two actions."""

CATCH_UP = 60.0
"""Seconds in which everybody has everything, once the guest prints no more."""


def backends(directory: Path) -> list[str]:
    """The backends that a storm is about."""
    unix = "socket,id={0},path={1}/{0},server=on,wait=off,policy={0}"
    return [
        unix.format("drop", directory),
        unix.format("disconnect", directory),
        unix.format("block", directory) + ",block-timeout=100",
        "socket,id=tcp,host=127.0.0.1,port=0,server=on,wait=off,replay=16K",
        f"pty,id=pty,path={directory}/tty",
    ]


class Storm:
    """What a seed makes of a while.

    Attributes:
        did: how often each action was taken.
        checked: bytes that were compared.
        skipped: bytes that streams declared missing.
    """

    def __init__(self, rig: Rig, directory: Path, seed: int) -> None:
        self.did: collections.Counter[str] = collections.Counter()
        self.checked = 0
        self.skipped = 0
        self._rig = rig
        self._directory = directory
        self._draw = random.Random(seed)
        self._clients: list[Client] = []
        self._pty = RawStream("pty")
        self._pty_client: Client | None = None
        self._log: str | None = None
        self._control = Control(rig.path)
        self._tcp = str(self._control.backend("vm1", "tcp")["address"])
        self._openers: list[Callable[[], Client]] = [
            *(lambda id=id: clients.unix(str(directory / id)) for id in SOCKETS[:3]),
            lambda: clients.tcp(self._tcp),
            lambda: clients.SocatClient(str(directory / "drop"), RawStream("socat")),
            lambda: clients.attached(rig.path, "raw", self._draw.choice((0, 4096, 1 << 20))),
            lambda: clients.attached(rig.path, "frames", self._draw.choice((0, 4096, 1 << 20))),
        ]
        self._actions: list[tuple[int, Callable[[], None]]] = [
            (10, self._open),
            (3, self._close),
            (3, self._kill),
            (8, self._stall),
            (12, self._wake),
            (4, self._slow),
            (10, self._type),
            (2, self._half_close),
            (2, self._open_or_leave_pty),
            (2, self._pause),
            (3, self._resume),
            (1, self._refuse_input),
            (1, self._disconnect),
            (1, self._send_garbage),
            (1, self._probe),
            (1, self._add_or_remove_log),
        ]

    def blow(self, seconds: float) -> None:
        """Act and read for a while."""
        weights = [weight for weight, _ in self._actions]
        end = time.monotonic() + seconds
        due = time.monotonic()
        while (now := time.monotonic()) < end:
            if now >= due:
                due = now + PAUSE
                ((_, action),) = self._draw.choices(self._actions, weights)
                self.did[action.__name__.strip("_")] += 1
                action()
            self._read(max(0.0, due - time.monotonic()))
            self._control.events.clear()

    def settle(self) -> int:
        """Stop the guest; everybody reads to the end. Returns the history's end."""
        for id in (*SOCKETS, "pty"):
            self._control.execute("mux-set-backend", id=id, paused=False, readonly=False)
        for client in self._clients:
            client.stalled = client.slow = False
        with support.connect_unix(self._directory / "drop") as sock:
            sock.send(b"!")
            end = self._wait_for_the_end()
        deadline = time.monotonic() + CATCH_UP
        while late := [c for c in self._clients if c.check.at is not None and c.check.at < end]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{[(c.check.name, c.check.at) for c in late]} of {end}")
            self._read(0.1)
        return end

    def leave(self) -> None:
        """Everybody leaves, and the daemon has noticed."""
        if self._log:
            self._add_or_remove_log()
        for client in list(self._clients):
            self._remove(client, client.close)
        support.eventually_sync(
            lambda: (
                not any(backend["peers"] for backend in self._control.console("vm1")["backends"])
            ),
            CATCH_UP,
            "a console without peers",
        )

    def close(self) -> None:
        """End what is left."""
        for client in list(self._clients):
            self._remove(client, client.close)
        self._control.__exit__(None, None, None)

    def _wait_for_the_end(self) -> int:
        """Read until the guest prints no more."""
        still = time.monotonic()
        end = -1
        while time.monotonic() < still + 0.5:
            self._read(0.05)
            now = int(self._control.console("vm1")["history"]["end"])
            if now != end:
                end, still = now, time.monotonic()
        return end

    def _read(self, seconds: float) -> None:
        poller = select.poll()
        reading = {client.fd: client for client in self._clients if not client.stalled}
        for fd in reading:
            poller.register(fd, select.POLLIN)
        for fd, _ in poller.poll(seconds * 1000):
            client = reading[fd]
            self.checked += client.read(self._draw)
            if client.ended:
                self._remove(client, client.close)

    def _remove(self, client: Client, how: Callable[[], None]) -> None:
        self._clients.remove(client)
        how()
        if client is self._pty_client:
            self._pty_client = None
        else:
            self.skipped += client.check.skipped

    def _some(self) -> list[Client]:
        """One client, or none if there is none."""
        return [self._draw.choice(self._clients)] if self._clients else []

    # What can happen.

    def _open(self) -> None:
        if len(self._clients) < MOST:
            self._clients.append(self._draw.choice(self._openers)())

    def _close(self) -> None:
        for client in self._some():
            self._remove(client, client.close)

    def _kill(self) -> None:
        for client in self._some():
            self._remove(client, client.kill)

    def _stall(self) -> None:
        for client in self._some():
            client.stalled = True

    def _wake(self) -> None:
        for client in self._some():
            client.stalled = client.slow = False

    def _slow(self) -> None:
        for client in self._some():
            client.slow = True

    def _type(self) -> None:
        for client in self._some():
            client.type(b"x" * self._draw.choice((1, 100, 10_000)))

    def _half_close(self) -> None:
        for client in self._some():
            client.half_close()

    def _open_or_leave_pty(self) -> None:
        if self._pty_client is not None:
            self._remove(self._pty_client, self._pty_client.close)
            return
        self._pty_client = clients.pty(str(self._directory / "tty"), self._pty)
        self._clients.append(self._pty_client)

    def _pause(self) -> None:
        id = self._draw.choice((*SOCKETS, "pty"))
        self._control.execute("mux-set-backend", id=id, paused=True)

    def _resume(self) -> None:
        for id in (*SOCKETS, "pty"):
            self._control.execute("mux-set-backend", id=id, paused=False)

    def _refuse_input(self) -> None:
        readonly = self._draw.random() < 0.5
        self._control.execute("mux-set-backend", id=self._draw.choice(SOCKETS), readonly=readonly)

    def _disconnect(self) -> None:
        found = self._control.console("vm1")["backends"]
        peers = [
            peer["id"]
            for backend in found
            if backend["type"] in ("socket", "attach")
            for peer in backend["peers"]
        ]
        if peers:
            self._control.execute("mux-disconnect-peer", peer=self._draw.choice(peers))

    def _send_garbage(self) -> None:
        for client in self._clients:
            if client.framed and client.typed:
                with contextlib.suppress(OSError):
                    os.write(client.fd, b"\xff" * 5)
                break

    def _probe(self) -> None:
        """Connect to the control socket and leave in the middle of a word."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(self._rig.path)
            sock.send(b'{"execute":"qmp_capabilities"}{"execute":"mux-query-cons')

    def _add_or_remove_log(self) -> None:
        """A file that takes the flood for a while is the flood too."""
        if self._log is None:
            self._log = str(self._directory / f"log{self.did.total()}")
            added = f"file,id=log,path={self._log}"
            self._control.execute("mux-add-backend", console="vm1", chardev=added)
            return
        self._control.execute("mux-remove-backend", id="log")
        check = RawStream("log")
        with open(self._log, "rb") as log:
            while data := log.read(1 << 20):
                check.feed(data)
                self.checked += len(data)
        os.unlink(self._log)
        self._log = None
