"""The table of faults says what the tests are called, and shows what was measured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.faults import table

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_every_fault_of_this_directory_has_its_row() -> None:
    said = table.claims()
    for fault in ("T1", "T2", "T3", "T4", "T6", "T7", "T8", "T9", "T14", "T15", "T16"):
        assert said[fault], fault
    assert said["T16"] == ["Ctrl-C passes a paste"]
    assert "stuck clients cost no memory" not in said["T8"]
    assert set(said) <= set(table.FAULTS)


def test_what_was_measured_of_the_peers_is_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = {
        "date": "26 November 2026",
        "machine": "two cores",
        "versions": {"qemu": "10.0.2"},
        "T16": {"qemu": "2 s | late", "muxtui": "not this one"},
        "T1": {"tio": "stops"},
    }
    path = tmp_path / "peers.json"
    path.write_text(json.dumps(results))
    monkeypatch.setattr(table, "RESULTS", path)
    lines = table.fault_table().splitlines()
    assert lines[0] == "|  | when | muxtui | QEMU 10.0.2 | tio |"
    assert lines[2].startswith("| T1 | ")
    assert lines[2].endswith(" |  | stops |")
    (paste,) = [line for line in lines if line.startswith("| T16 | ")]
    assert paste.endswith("| Ctrl-C passes a paste | 2 s \\| late |  |")
    assert "two cores" in lines[-1]
    monkeypatch.setattr(table, "RESULTS", tmp_path / "none")
    assert table.fault_table().startswith("|  | when | muxtui |\n")
