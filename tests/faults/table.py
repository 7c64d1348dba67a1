"""The README's table of faults: muxtui's column is the names of the tests, the peers' is measured.

A test is called `test_tN_what_is_so`, N being the fault's number. What the peers did is in
peers.json beside this file: {"date", "machine", "versions", "T1": {PEER: outcome, ...}, ...}.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("peers.json")

FAULTS = {
    "T1": "a log's disk is full, or hangs",
    "T2": "a client never reads",
    "T3": "a client reads 80 KB/s beside a log",
    "T4": "members of a hub come and go",
    "T5": "somebody sends a break",
    "T6": "a log is written beside a slow client",
    "T7": "a second client comes",
    "T8": "a client is stuck for ten minutes at 10 MB/s",
    "T9": "the stuck client leaves",
    "T10": "two users are in the middle of an escape",
    "T11": "the guest asks its terminal, and there are several",
    "T12": "a byte 0xFF goes through telnet",
    "T13": "the guest prints single bytes",
    "T14": "500 clients connect at once",
    "T15": "nobody has the pty open",
    "T16": "one user types Ctrl-C while another pastes 1 MB",
}

PEERS = {
    "qemu": "QEMU",
    "conserver": "conserver",
    "ser2net": "ser2net",
    "tio": "tio",
    "obmc": "obmc-console",
    "socat+tee": "socat and tee",
}
"""How the peers are called, in the table's order."""

WORDS = {"ctrl c": "Ctrl-C", "mux s": "mux's", "0xff": "0xFF"}
"""What a function's name cannot say."""

NAME = re.compile(r"^(?:async )?def test_t(\d+)_(\w+)", re.MULTILINE)


def fault_table() -> str:
    """The table in Markdown, of the faults that a test is named after."""
    shown = {fault: text for fault, text in claims().items() if fault in FAULTS}
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    peers = [peer for peer in PEERS if any(peer in results.get(fault, {}) for fault in shown)]
    head = ["", "when", "muxtui", *(_title(peer, results) for peer in peers)]
    rows = [
        [fault, FAULTS[fault], "; ".join(shown[fault]), *_outcomes(results, fault, peers)]
        for fault in sorted(shown, key=lambda fault: int(fault[1:]))
    ]
    lines = [head, ["---"] * len(head), *rows]
    table = "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)
    return f"{table}\n\n{_about(results)}" if peers else table


def claims() -> dict[str, list[str]]:
    """What the tests' names say of each fault, each thing once."""
    found: dict[str, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for number, name in NAME.findall(path.read_text(encoding="utf-8")):
            found.setdefault(f"T{number}", []).append(_said(name))
    return {fault: _without_short_forms(texts) for fault, texts in found.items()}


def _said(name: str) -> str:
    text = name.replace("_", " ")
    for word, written in WORDS.items():
        text = re.sub(rf"\b{word}\b", written, text)
    return text


def _without_short_forms(texts: list[str]) -> list[str]:
    """A test that has a long form says less than that one."""
    unique = list(dict.fromkeys(texts))
    return [
        text
        for text in unique
        if not any(other.startswith(f"{text} ") for other in unique if other != text)
    ]


def _title(peer: str, results: dict[str, Any]) -> str:
    version = results.get("versions", {}).get(peer)
    return f"{PEERS[peer]} {version}" if version else PEERS[peer]


def _outcomes(results: dict[str, Any], fault: str, peers: list[str]) -> list[str]:
    return [str(results.get(fault, {}).get(peer, "")) for peer in peers]


def _about(results: dict[str, Any]) -> str:
    machine = f", {results['machine']}" if results.get("machine") else ""
    return (
        f"The peers were measured on {results['date']}{machine} (`python -m tests.faults.peers`)."
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
