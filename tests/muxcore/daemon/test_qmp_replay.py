"""What QEMU 10.0.2 answered is what muxtui answers.

`qmp/*.jsonl` are recordings: a line with `argv` begins a session of a QEMU started with these
options, each line after it is what was sent and what came back (null: QEMU crashed), or what
happened meanwhile, see `World`. What only a VM has is left out, as are very long answers.
Everything is replayed against a daemon that has the same chardevs, with a guest on each that had a
device. `DIFFERENCES` lists where our answer is another, and why; an entry that is no difference any
more fails as well.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Self

import pytest

from muxcore.chardev.base import Chardev, State
from muxcore.chardev.memory import MemoryChardev
from muxcore.daemon.commands import COMMANDS, Call, Command
from muxcore.daemon.daemon import Daemon
from muxcore.options.grammar import parse_chardev
from muxcore.options.qmp import to_qmp
from muxcore.options.sets import ALIASES, CONFIGURABLE
from muxcore.version import qemu_version
from tests.muxcore.daemons import Json, Raw, raw_client, running
from tests.support import TIMEOUT, connect_unix, eventually

RECORDINGS = Path(__file__).parent / "qmp"

pytestmark = pytest.mark.usefixtures("task_factory")


@dataclass
class Session:
    """What one QEMU was started with, and what it was asked."""

    name: str
    argv: list[str]
    exchanges: list[dict[str, Json]] = field(default_factory=list)


def sessions() -> Iterator[Session]:
    for path in sorted(RECORDINGS.glob("*.jsonl")):
        session = None
        for number, line in enumerate(path.read_text().splitlines(), 1):
            entry = json.loads(line)
            if "argv" in entry:
                if session is not None:
                    yield session
                session = Session(f"{path.stem}:{number}", entry["argv"])
            else:
                assert session is not None
                session.exchanges.append(entry)
        if session is not None:
            yield session


OK = "{}"
"""The answer of a command that has nothing to tell."""

_ID = "Parameter 'id' expects an identifier"
_IDENTIFIER = "an id is an identifier, as on the command line"
_IN_USE = '{"label": "%s", "filename": "%s", "frontend-open": true}'
_NONE = "null"
"""What query-chardev says of a chardev that is not there."""

DIFFERENCES: dict[str, tuple[str, str]] = {
    "chardev-add-remove:1: chardev-add t3b": (
        (
            "Failed to add chardev 't3b': Failed to bind socket to 127.0.0.1:PORT: "
            "Address already in use"
        ),
        "which address it is about is told",
    ),
    "chardev-add-remove:1: chardev-add t6": (OK, "whoever is not there yet is tried again"),
    "chardev-add-remove:1: chardev-add t8": (
        (
            "Failed to add chardev 't8': 'reconnect-ms' option is incompatible with socket in "
            "server listen mode"
        ),
        "QEMU has this error and forgets it here",
    ),
    "chardev-add-remove:1: chardev-add h5": (OK, "hubs and muxes go on each other"),
    "chardev-add-remove:1: chardev-remove h1": ("Chardev 'h1' is busy", "the hub above has it"),
    "chardev-add-remove:1: chardev-remove n1": (
        "Chardev 'n1' is busy",
        "it is on h1, see above",
    ),
    "chardev-add-remove:1: query-chardev h1": (_IN_USE % ("h1", "hub"), "it is on h5, see above"),
    "chardev-add-remove:1: query-chardev n1": (_IN_USE % ("n1", "null"), "it is on h1, see above"),
    "chardev-add-remove:1: query-chardev p1": (
        _IN_USE % ("p1", "pty:/dev/pts/N"),
        "it is on h1, see above",
    ),
    "chardev-add-remove:1: chardev-add h8": (OK, "a hub may have any number of members"),
    "chardev-add-remove:1: chardev-add h8b": (
        "Failed to add chardev 'h8b': chardev 'r1' is already in use",
        "the hub of five above has it",
    ),
    "chardev-add-remove:1: chardev-add 1bad": (_ID, _IDENTIFIER),
    "chardev-add-remove:1: chardev-add bad id": (_ID, _IDENTIFIER),
    "chardev-add-remove:1: chardev-add": (_ID, _IDENTIFIER),
    "chardev-add-remove:1: chardev-remove": ("Chardev '' not found", _IDENTIFIER),
    "chardev-add-remove:1: chardev-add st": (
        "Failed to add chardev 'st': cannot use stdio with -daemonize: the daemon has no terminal",
        "a daemon has no terminal",
    ),
    "chardev-add-remove:1: chardev-add se": (OK, "a port that is not there is waited for"),
    "chardev-add-remove:1: chardev-add fd": (
        "Failed to add chardev 'fd': Unable to parse FD number nofd",
        "there is no getfd, so descriptors have no names",
    ),
    "chardev-add-remove:1: query-chardev 1bad": (_NONE, _IDENTIFIER),
    "chardev-add-remove:1: query-chardev bad id": (_NONE, _IDENTIFIER),
    "chardev-add-remove:1: query-chardev ": (_NONE, _IDENTIFIER),
    "chardev-add-remove:1: query-chardev h8b": (_NONE, "it was not added, see above"),
    "chardev-add-remove:1: query-chardev st": (_NONE, "it was not added, see above"),
    "chardev-add-remove:1: query-chardev t8": (_NONE, "it was not added, see above"),
    "chardev-add-remove:1: query-chardev m1": (
        '{"label": "m1", "filename": "ringbuf", "frontend-open": false}',
        "'memory' is the same type by its old name",
    ),
    "chardev-add-remove:1: query-chardev t7": (
        '{"label": "t7", "filename": "disconnected:unix:/run/qemu/none", "frontend-open": false}',
        "it is not connected; QEMU says so only after its first try",
    ),
    "chardev-change:1: chardev-change h0": (OK, "a member of a hub can be swapped too"),
    "chardev-change:1: chardev-change c0": (
        "For mux or hub device hotswap is not supported yet",
        "a chardev cannot become a hub; QEMU lets it, and never change again",
    ),
    "chardev-change:1: chardev-change c0'": (OK, "it did not become a hub, see above"),
    "chardev-change:1: query-chardev c0": (
        '{"label": "c0", "filename": "null", "frontend-open": true}',
        "it did not become a hub, see above",
    ),
    "chardev-change:1: query-chardev free": (
        '{"label": "free", "filename": "pty:/dev/pts/N", "frontend-open": false}',
        "no hub took it, see above",
    ),
    "chardev-change:1: query-chardev w1": (
        (
            '{"label": "w1", "filename": "disconnected:unix:/run/qemu/c-w1,server=on", '
            '"frontend-open": false}'
        ),
        "QEMU had stood still until somebody connected",
    ),
    "hub-query:1: chardev-change sock0": (OK, "a member of a hub can be swapped too"),
    "hub-query:1: query-chardev sock0": (_IN_USE % ("sock0", "null"), "it was swapped, see above"),
    "hub-send-break-crash:1: chardev-send-break hub0": (OK, "QEMU crashes"),
    "hub-send-break-crash:3: chardev-send-break hub0": (OK, "QEMU crashes"),
    "hub-send-break-crash:5: chardev-send-break hub0": (
        "console 'hub0' has no guest",
        "QEMU crashes; a break that reaches nobody is told",
    ),
    "qmp-basic:34: qmp_capabilities": (
        "Parameter 'null' does not accept value 'oob'",
        "no command holds up another client, so there is no out of band",
    ),
    "qmp-basic:36: query-version": (json.dumps(qemu_version()), "it is muxtui's"),
    "qmp-basic:36: query-chardev-backends": (
        json.dumps([{"name": name} for name in sorted({*CONFIGURABLE, *ALIASES})]),
        "QEMU's devices for games and agents are not here, processes are",
    ),
    "query-chardev:1: query-chardev any": (
        (
            '{"label": "any", "filename": "disconnected:tcp:127.0.0.1:PORT,server=on", '
            '"frontend-open": false}'
        ),
        "a server without a host binds loopback",
    ),
    "query-chardev:1: query-chardev ip6": (
        (
            '{"label": "ip6", "filename": "disconnected:tcp:[::1]:PORT,server=on", '
            '"frontend-open": false}'
        ),
        "an IPv6 address has brackets, or its port could not be told from it",
    ),
    "query-chardev:1: query-chardev ip6'": (
        (
            '{"label": "ip6", "filename": "tcp:[::1]:PORT,server=on <-> [::1]:PORT", '
            '"frontend-open": false}'
        ),
        "an IPv6 address has brackets, see above",
    ),
    "query-chardev:1: query-chardev tcp": (
        (
            '{"label": "tcp", "filename": "disconnected:tcp:127.0.0.1:PORT,server=on", '
            '"frontend-open": false}'
        ),
        "that a client left is noticed on TCP too while nobody reads",
    ),
    "query-chardev:1: query-chardev tel": (
        (
            '{"label": "tel", "filename": "disconnected:telnet:127.0.0.1:PORT,server=on", '
            '"frontend-open": false}'
        ),
        "that a client left is noticed on TCP too while nobody reads",
    ),
    "query-chardev:1: query-chardev rb2": (
        '{"label": "rb2", "filename": "ringbuf", "frontend-open": false}',
        "'memory' is the same type by its old name",
    ),
    "ringbuf:1: ringbuf-read rb64": (
        json.dumps(bytes(range(256)).decode("utf-8", "replace")),
        "bytes that are no UTF-8 are replaced, and a NUL does not end the answer",
    ),
    "send-break:1: chardev-send-break n0": (
        "chardev 'n0' (null) has no break to send",
        "a break that reaches nobody is told",
    ),
}
"""Recording and question (with a quote for each time it was asked before) to our answer and why."""


def question(sent: str) -> str:
    """What is asked, in a few words: the command and what it is about."""
    try:
        request = json.loads(sent)
        about = request.get("arguments", {})
        return f"{request['execute']} {about.get('id', about.get('device', ''))}".rstrip()
    except (ValueError, KeyError, AttributeError):
        return sent


def in_words(answer: Json) -> str:
    """An answer as `DIFFERENCES` has it: the error's text, or the result."""
    return answer["error"]["desc"] if "error" in answer else json.dumps(answer["return"])


class Placing:
    """Paths and ports of this machine in place of the recording's."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ports: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        text = re.sub(r"\b55[5-8]\d\b", lambda match: self._port(match[0]), text)
        return text.replace("/run/qemu/", f"{self._directory}/")

    def _port(self, recorded: str) -> str:
        if recorded not in self._ports:
            with socket.socket() as sock:
                sock.bind(("127.0.0.1", 0))
                self._ports[recorded] = str(sock.getsockname()[1])
        return self._ports[recorded]

    def undone(self, answer: Json) -> Json:
        """`answer` as if on the recording's machine: no path, pty or port differs by chance."""
        text = json.dumps(answer).replace(str(self._directory), "/run/qemu")
        text = re.sub(r"/dev/pts/\d+", "/dev/pts/N", text)
        text = re.sub(r"(tcp|telnet|websocket):([^,\" ]*):\d+", r"\1:\2:PORT", text)
        return json.loads(re.sub(r"(127\.0\.0\.1|::1\]?):\d+", r"\1:PORT", text))


async def start(daemon: Daemon, client: Raw, argv: list[str]) -> None:
    """Make the chardevs of a QEMU command line, and put a guest on those that have a device."""
    for option, value in zip(argv[::2], argv[1::2], strict=True):
        if option == "-chardev":
            wanted = to_qmp(parse_chardev(value, require_id=True))
            result = await client.execute("chardev-add", **wanted)
            assert isinstance(result, dict), result
        elif match := re.search(r"chardev[=:]([a-z0-9]+)", value):
            await give_guest(daemon, client, match[1])
        elif option == "-serial":
            spec = replace(parse_chardev(value), id="serial0")
            assert await client.execute("chardev-add", **to_qmp(spec)) == {}
            await give_guest(daemon, client, "serial0")


async def give_guest(daemon: Daemon, client: Raw, id: str) -> None:
    console = id
    if id not in daemon.consoles or daemon.consoles[id].own_mux:
        console = f"front.{id}"
        assert await client.execute("mux-add-console", console=console)
        assert "id" in await client.execute("mux-add-backend", console=console, id=id)
    await daemon.consoles[console].set_guest(MemoryChardev(f"{id}.device", can_break=True))


class World:
    """What happens to a session's chardevs from outside, by their ids.

    `client`: somebody connects; `gone`: and leaves. `server`: what it connects to is there;
    `again`: and leaves, and is connected to once more. `device`: a guest is plugged in.
    """

    def __init__(self, daemon: Daemon, client: Raw) -> None:
        self._daemon = daemon
        self._client = client
        self._open = contextlib.ExitStack()
        self._peers: dict[str, socket.socket] = {}
        self._servers: dict[str, socket.socket] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    async def happens(self, event: dict[str, str]) -> None:
        """See above."""
        ((what, id),) = event.items()
        if what == "device":
            await give_guest(self._daemon, self._client, id)
            return
        if what in ("gone", "again"):
            self._peers.pop(id).close()
            await eventually(partial(self._is_away, id))
        if what == "client":
            self._peers[id] = self._open.enter_context(self._call(id))
        elif what == "server":
            self._servers[id] = self._open.enter_context(socket.socket(socket.AF_UNIX))
            self._servers[id].bind(self._chardev(id).address)
            self._servers[id].listen()
        if what in ("server", "again"):
            await eventually(lambda: self._chardev(id).state == State.WAITING)
            self._peers[id] = self._open.enter_context(self._servers[id].accept()[0])
        if what != "gone":
            await eventually(lambda: self._chardev(id).streams)

    def _call(self, id: str) -> socket.socket:
        host, _, port = self._chardev(id).address.rpartition(":")
        if not host:
            return connect_unix(self._chardev(id).address)
        return socket.create_connection((host.strip("[]"), int(port)), TIMEOUT)

    def _is_away(self, id: str) -> bool:
        chardev = self._chardev(id)
        # A loose one looks when it is asked; another may be in its place.
        return id in self._daemon.loose or chardev.type != "socket" or not chardev.streams

    def _chardev(self, id: str) -> Chardev:
        chardev, _ = self._daemon.find_chardev(id)
        assert chardev is not None
        return chardev


def note(different: dict[str, str], key: str, answer: str) -> None:
    """Take down a difference; a chardev that is shown as before is no new one."""
    while different.get(key, answer) != answer:
        key += "'"
    different[key] = answer


def compared(asked: str, ours: Json, theirs: Json) -> dict[str, Json]:
    """Our answers that differ: by question, and by chardev where many are told of."""
    if asked != "query-chardev":
        return {asked: ours} if ours != theirs else {}
    shown = {item["label"]: item for item in ours["return"]}
    return {
        f"{asked} {item['label']}": {"return": shown.get(item["label"])}
        for item in theirs["return"]
        if shown.get(item["label"]) != item
    }


@pytest.mark.parametrize("session", sessions(), ids=lambda session: session.name)
async def test_what_qemu_answered_is_what_is_answered(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Commands of a VM with which the recordings look at everything around a command.
    for name, result in (
        ("query-status", {"status": "running", "running": True}),
        ("query-name", {}),
    ):
        monkeypatch.setitem(COMMANDS, name, Command(_always(result)))
    os.mkfifo(tmp_path / "pp")
    placing = Placing(tmp_path)
    different: dict[str, str] = {}
    async with running(tmp_path) as daemon, raw_client(daemon.path) as other:
        await start(daemon, other, [placing(word) for word in session.argv])
        negotiate = not session.name.startswith("qmp-basic")
        async with raw_client(daemon.path, negotiate=negotiate) as client:
            with World(daemon, other) as world:
                for exchange in session.exchanges:
                    if "sent" not in exchange:
                        await world.happens(exchange)
                        continue
                    client.send(placing(exchange["sent"]).encode("latin-1") + b"\n")
                    for theirs in exchange["got"]:
                        ours = placing.undone(await client.reply())
                        asked = question(exchange["sent"])
                        for key, mine in compared(asked, ours, placing.undone(theirs)).items():
                            note(different, f"{session.name}: {key}", in_words(mine))
    listed = {key: ours for key, (ours, _) in DIFFERENCES.items() if key.startswith(session.name)}
    assert different == listed


def _always(result: Json) -> Callable[[Call], Awaitable[Json]]:
    async def run(_: Call) -> Json:
        return result

    return run


def test_every_difference_has_a_recording_and_a_reason() -> None:
    names = {session.name for session in sessions()}
    for key, (_, reason) in DIFFERENCES.items():
        assert key.split(": ")[0] in names
        assert reason
