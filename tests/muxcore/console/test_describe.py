"""What mux-query-consoles says: these keys and no others, of these types."""

from __future__ import annotations

import json

from muxcore.cli.table import table
from muxcore.console.hub import Console
from tests.muxcore.consoles import ScriptedChardev, bench, turns

CONSOLE = {
    "name",
    "kind",
    "mux",
    "since",
    "guest",
    "history",
    "size",
    "discarded",
    "held",
    "bells",
    "settings",
    "backends",
}
CHARDEV = {"id", "type", "address", "filename", "state", "reason", "since", "retry-at"}
GUEST = CHARDEV | {"exit-status", "can-break", "can-resize", "waiting-for", "received", "sent"}
COUNTS = {"sent", "received", "surplus", "lag", "skipped", "gaps", "last-activity"}
SETTINGS = {"policy", "patience", "block-timeout", "readonly", "paused"}
BACKEND = CHARDEV | SETTINGS | COUNTS | {"connect", "peers"}
PEER = COUNTS | {"id", "label", "pid", "user", "address", "state", "refused", "since"}
PEER |= {"rows", "cols"}


async def test_a_console_is_described_with_exactly_its_keys() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        client = backend.connect()
        await made.print(b"out\x07")
        client.feed(b"in")
        await turns()
        console = made.console.describe()
        assert set(console) == CONSOLE
        assert set(console["guest"]) == GUEST
        assert console["history"] == {"start": 0, "end": 4, "capacity": 65536}
        assert console["bells"] == 1
        assert console["guest"]["received"] == 4
        assert console["guest"]["sent"] == 2
        (described,) = console["backends"]
        assert set(described) == BACKEND
        (peer,) = described["peers"]
        assert set(peer) == PEER
        assert (peer["sent"], peer["received"], peer["lag"]) == (4, 2, 0)
        assert json.loads(json.dumps(console)) == console


async def test_an_empty_console_is_described_too() -> None:
    console = Console("vm", size=(25, 80))
    described = console.describe()
    assert set(described) == CONSOLE
    assert described["guest"] is None
    assert described["kind"] == "hub"
    assert described["mux"] is None
    assert described["backends"] == []
    assert described["size"] == {"rows": 25, "cols": 80}


async def test_the_brief_words_are_some_of_the_others_and_enough_for_a_table() -> None:
    backends = ScriptedChardev("b"), ScriptedChardev("c")
    async with bench(*backends) as made:
        backends[0].connect().allow(3)
        backends[0].connect()
        made.console.set_backend("c", paused=True)
        await made.print(b"0123456789")
        brief, whole = made.console.describe(brief=True), made.console.describe()
        assert part_of(brief, whole)
        assert table([brief]) == table([whole])
        assert len(json.dumps(brief)) < len(json.dumps(whole)) / 2


def part_of(brief: object, whole: object) -> bool:
    """Whether `brief` is `whole` without some of the members of its objects."""
    if isinstance(brief, dict) and isinstance(whole, dict):
        return all(name in whole and part_of(brief[name], whole[name]) for name in brief)
    if isinstance(brief, list) and isinstance(whole, list):
        return len(brief) == len(whole) and all(map(part_of, brief, whole))
    return brief == whole


async def test_a_backend_that_never_had_a_peer_was_never_active() -> None:
    async with bench(ScriptedChardev("b")) as made:
        assert made.describe("b")["last-activity"] is None
        assert made.describe("b")["lag"] == 0


async def test_a_backends_lag_is_that_of_its_slowest_peer() -> None:
    backend = ScriptedChardev("b")
    async with bench(backend) as made:
        for credit in (None, 3, 7):
            backend.connect().allow(credit)
        await made.print(b"0123456789")
        described = made.describe("b")
        assert [peer["lag"] for peer in described["peers"]] == [0, 7, 3]
        assert described["lag"] == 7
        assert [peer["state"] for peer in described["peers"]] == ["live", "lagging", "lagging"]
