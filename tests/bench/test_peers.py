"""The bench beside the peers works with what is ours; what its figures are is nobody's business."""

from __future__ import annotations

import pytest

from tests.bench import peers
from tests.bench.peers_table import tables
from tests.peers.own import C, Muxtui, Streams
from tests.peers.peer import Peer

FIGURES = {
    "tty 4": {"mb_per_s", "cpu_s_per_gb", "harness_cpu"},
    "keys tty beside": {"p50_us", "p99_us", "mb_per_s"},
    "keys unix idle": {"p50_us", "p99_us"},
}
RUNS = {run.table: run for run in peers.runs(0.1) if run.table in FIGURES}


@pytest.mark.needs("gcc")
@pytest.mark.parametrize(
    ("table", "system"),
    [
        ("tty 4", C),
        ("tty 4", Muxtui),
        ("tty 4", Streams),
        ("keys tty beside", Muxtui),
        ("keys unix idle", Streams),
    ],
)
def test_every_byte_comes_of_every_way_to_the_guest(table: str, system: type[Peer]) -> None:
    assert set(peers.measured(RUNS[table], system, None)) == FIGURES[table]


def test_a_peer_that_fails_is_a_result_and_we_who_fail_are_an_error() -> None:
    class Broken(Streams):
        NAME = "broken"

        def command(self) -> list[str]:
            return ["false"]

    run = RUNS["keys unix idle"]
    found = peers.measured(run, Broken, None)
    assert "failed" in found
    Broken.NAME = "muxtui"
    with pytest.raises((AssertionError, OSError)):
        peers.measured(run, Broken, None)


def test_the_tables_have_medians_and_how_many_times_better_we_were_in_the_same_sweep() -> None:
    ours = [{"mb_per_s": 10.0, "cpu_s_per_gb": 1.0}, {"mb_per_s": 30.0, "cpu_s_per_gb": 0.5}]
    theirs = [{"mb_per_s": 5.0, "cpu_s_per_gb": 2.0}, {"mb_per_s": 15.0, "cpu_s_per_gb": 1.0}]
    results = {
        "date": "2026-01-02",
        "machine": "some machine",
        "versions": {"muxtui": "1", "conserver": "2", "c": "gcc 3"},
        "tables": {
            "unix 1": {"conserver": theirs, "muxtui": ours},
            "unix 4": {"muxtui": ours, "socat+tee": [{"failed": "lost a byte"}]},
        },
    }
    about, speed, cost = tables(results).split("\n\n")
    assert about.endswith("muxtui was in the same sweep. Beside muxtui: conserver (2), C `epoll` "
                          "loop (gcc 3).")  # fmt: skip
    assert speed.splitlines() == [
        "| MB/s to each of N readers, guest on a unix socket | N = 1 | N = 4 | N = 16 | N = 64 |",
        "| --- | --- | --- | --- | --- |",
        "| conserver | 10 (2.0) |  |  |  |",
        "| **muxtui** | 20 | 20 |  |  |",
        "| socat and tee |  | fails |  |  |",
    ]
    assert "| conserver | 1.5 (2.0) |  |  |  |" in cost
