"""A control client without an event loop, for tests that look at a daemon from outside."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from tests import support

if TYPE_CHECKING:
    pass

TIMEOUT = 20.0
"""Seconds that a daemon on a busy machine may take to answer."""


class Attached(NamedTuple):
    """A connection that `mux-attach` made a stream."""

    sock: socket.socket
    id: str
    offset: int
    first: bytes
    """What came behind the reply already."""


class Control:
    """A connection to a control socket: commands and their replies, events as they come by."""

    def __init__(self, path: str) -> None:
        """Connect, waiting until a daemon listens, and leave capabilities negotiation."""
        self._sock = support.connect_unix(path, TIMEOUT)
        self._rest = b""
        self.events: list[dict[str, Any]] = []
        self._message()
        self.execute("qmp_capabilities")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def execute(self, command: str, /, **arguments: object) -> Any:  # noqa: ANN401 - JSON
        """The result of a command; of one that is refused, QEMU's text."""
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        self._sock.sendall(json.dumps({"execute": command, "arguments": named}).encode())
        while "event" in (message := self._message()):
            self.events.append(message)
        return message["error"]["desc"] if "error" in message else message["return"]

    def console(self, name: str) -> dict[str, Any]:
        """How the console `name` is."""
        consoles = self.execute("mux-query-consoles", console=name)
        assert isinstance(consoles, list), consoles
        console: dict[str, Any] = consoles[0]
        return console

    def backend(self, console: str, id: str) -> dict[str, Any]:
        """How a backend is; an AssertionError if the console has none of that id."""
        backends: dict[str, dict[str, Any]] = {
            item["id"]: item for item in self.console(console)["backends"]
        }
        assert id in backends, f"no {id} among {sorted(backends)}"
        return backends[id]

    def gaps(self, peer: str) -> list[tuple[int, int]]:
        """What the events so far said that a peer did not get."""
        data = [event["data"] for event in self.events if event["event"] == "MUX_GAP"]
        return [(gap["from"], gap["to"]) for gap in data if gap["peer"] == peer]

    def attach(self, console: str, **arguments: object) -> Attached:
        """Turn this connection into a stream; it is the caller's then."""
        result = self.execute("mux-attach", console=console, **arguments)
        assert isinstance(result, dict), result
        sock = socket.socket(fileno=os.dup(self._sock.fileno()))
        self._sock.close()
        return Attached(sock, result["id"], result["offset"], self._rest)

    def _message(self) -> dict[str, Any]:
        while b"\n" not in self._rest:
            chunk = support.read_some(self._sock, TIMEOUT)
            assert chunk, "the daemon ended the connection"
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message
