"""A guest that floods while the configuration is applied again loses nobody a byte."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests import support
from tests.faults.ends import WAIT
from tests.faults.place import LINES, SIZE, Place
from tests.muxcore.daemons import served
from tests.numbered import RECORD, flood

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs("socat")


def _write(path: Path, backends: list[str], others: int) -> None:
    """A configuration of `vm1` with its flood, and of so many consoles beside it."""
    guest = f"process,command={flood(LINES)}"
    tables = [f"[console.vm1]\nhistory = '64K'\nguest = {json.dumps(guest)}\n"]
    tables.append(f"backends = {json.dumps(backends)}\n")
    tables += [f"[console.other{n}]\nguest = 'process,command=cat'\n" for n in range(others)]
    path.write_text("".join(tables))


@pytest.mark.parametrize("how", ["SIGHUP", "mux-reload"])
def test_a_reload_in_a_flood_costs_nobody_a_byte(tmp_path: Path, how: str) -> None:
    config, path = tmp_path / "config.toml", support.unix_path(tmp_path, "control")
    shared = [
        f"socket,id=block,path={tmp_path}/block,server=on,wait=off,policy=block",
        f"file,id=log,path={tmp_path}/log",
    ]
    _write(config, shared, 0)
    with served(path, "-c", str(config)) as process:
        place = Place(path, process, tmp_path, tmp_path)
        with place.control:
            support.eventually_sync(lambda: place.end == RECORD, WAIT)
            with place.reader():
                place.begin()
                for n in range(1, 6):
                    more = [f"file,id=more{n},path={tmp_path}/more{n}"] if n % 2 else []
                    _write(config, [*shared, *more], n % 3)
                    if how == "SIGHUP":
                        process.send_signal(signal.SIGHUP)
                    else:
                        assert "failed" in place.control.execute("mux-reload")
                    while len(place.events("MUX_RELOADED")) < n:
                        assert process.poll() is None
                support.eventually_sync(lambda: place.end == SIZE, WAIT)
                place.others_have_all()
                assert place.control.events[-1]["data"].get("failed", []) == []
