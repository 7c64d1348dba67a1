from __future__ import annotations

import time
from typing import Any

from muxcore.cli.table import table


def _guest(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    guest = {"type": "socket", "address": "/run/vm1", "state": "open", "reason": None}
    return {**guest, "since": time.time(), "waiting-for": None, **changes}


def _backend(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    backend: dict[str, Any] = {
        "id": "b0",
        "state": "open",
        "reason": None,
        "since": 0.0,
        "peers": [{}],
    }
    return {**backend, "paused": False, "lag": 0, "gaps": 0, "skipped": 0, **changes}


def _row(guest: dict[str, Any] | None, *backends: dict[str, Any]) -> str:
    text = table([{"name": "vm1", "guest": guest, "backends": list(backends)}])
    header, row = text.splitlines()
    assert header.split() == ["CONSOLE", "GUEST", "STATE", "BACKENDS"]
    return row


def test_a_guest_is_told_with_its_state_reason_and_time() -> None:
    now = time.strftime("%H:%M:%S")
    assert f"open since {now[:2]}" in _row(_guest())
    old = _row(_guest(state="retrying", reason="No such file", since=86400.0))
    assert "closed 1970-01-02 " in old
    assert ", retrying (No such file)" in old
    assert "no guest" in _row(None)
    assert "waits for a client of sock0" in _row(_guest(**{"waiting-for": "sock0"}))


def test_backends_say_what_is_not_as_usual() -> None:
    assert _row(None, _backend()).endswith("no guest  b0")
    row = _row(
        None,
        _backend(peers=[{}, {}], lag=1500, gaps=2, skipped=48212),
        _backend(id="b1", state="waiting", peers=[]),
        _backend(id="b2", paused=True),
    )
    assert row.endswith("b0 (2 clients; lag 1.5 KB; 2 gaps, 47.1 KB), b1 (waiting), b2 (paused)")


def test_who_waits_in_a_servers_queue_says_so() -> None:
    reason = "not accepted yet by qemu[7]: another client?"
    waits = {"state": "waiting", "reason": reason, "since": 86400.0}
    for row in (_row(_guest(**waits)), _row(None, _backend(peers=[], **waits))):
        assert "waiting since 1970-01-02 " in row
        assert f" ({reason})" in row


def test_columns_are_aligned_and_nothing_reaches_the_terminal_unescaped() -> None:
    consoles: list[dict[str, Any]] = [
        {"name": "a", "guest": _guest(address="evil\x1b[2J"), "backends": []},
        {"name": "longer", "guest": None, "backends": []},
    ]
    lines = table(consoles).splitlines()
    assert "evil\\x1b[2J" in lines[1]
    assert len({line.rindex("-") for line in lines[1:]}) == 1


def test_a_long_command_line_does_not_push_everything_off_the_screen() -> None:
    console = {"name": "a", "guest": _guest(address="x" * 1000), "backends": []}
    assert max(map(len, table([console]).splitlines())) < 200
