"""The scenarios that peers are put through can be played, and judge rightly what they see."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.faults import peer_break, peer_clients, peer_input, peers
from tests.faults.peer_scene import faults_of
from tests.numbered import RECORD, numbered
from tests.peers.own import Muxtui, Streams
from tests.peers.socat import SocatTee

if TYPE_CHECKING:
    from pathlib import Path


def test_a_copy_is_judged_by_its_lines() -> None:
    source = numbered(0, 10 * RECORD)
    assert faults_of(source, 10 * RECORD) == "all 10 lines"
    assert faults_of(source[RECORD:], 10 * RECORD) == "1 missing of 10 lines"
    assert faults_of(source + source[:RECORD], 10 * RECORD) == "1 twice of 10 lines"
    torn = source[: RECORD * 2 + 5] + source[RECORD * 2 + 6 :]
    assert faults_of(torn, 10 * RECORD) == "1 missing, 1 damaged of 10 lines"


def test_a_fan_out_without_an_arbiter_gives_the_guest_every_answer() -> None:
    found = peer_input.answers(Streams)
    assert found == "the guest gets 2 answers to one query from two terminals"


def test_what_has_no_escapes_passes_them_on() -> None:
    found = peer_input.half_escapes(Streams, b"~", b".")
    assert found == "no escapes: both go to the guest as they are"


def test_a_second_client_of_ours_is_served() -> None:
    assert peer_clients.second_client(Muxtui).startswith("served in ")


@pytest.mark.needs("socat", "bash")
def test_a_second_client_where_nobody_listens_any_more_is_refused() -> None:
    assert peer_clients.second_client(SocatTee) == "refused by the kernel: Connection refused"


@pytest.mark.guest
def test_a_hub_hides_from_its_frontend_that_a_member_is_open() -> None:
    assert peer_break.open_events() == "ringbuf alone: host on; in a hub: host off"


def test_outcomes_are_kept_by_fault_and_peer(tmp_path: Path) -> None:
    file = tmp_path / "peers.json"
    arguments = ["--peers", "muxtui", "--only", "T7,T12", "--file", str(file)]
    assert peers.main(arguments) == 0
    results = json.loads(file.read_text())
    assert set(results) == {"date", "machine", "versions", "T7", "T12"}
    assert results["T7"]["muxtui"].startswith("served in ")
    assert results["T12"] == {"muxtui": "n/a"}


def test_every_fault_of_every_peer_has_an_outcome() -> None:
    results = json.loads(peers.RESULTS.read_text())
    names = set(results["versions"])
    assert names
    for number in peers.NUMBERS:
        assert names <= set(results[number]), number
