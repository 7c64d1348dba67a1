"""A log that is rotated while it is written: by rename, by copytruncate, by nobody but `rm`."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import support
from tests.faults.ends import WAIT
from tests.faults.place import SIZE
from tests.numbered import RECORD, numbered

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.place import Place

LOGROTATE = "/usr/sbin/logrotate"

pytestmark = pytest.mark.needs("socat")


def logrotate(directory: Path, how: str) -> None:
    """Rotate `log` in `directory` once, now."""
    config = directory / "logrotate.conf"
    # Root must say who it is to rotate what others could have put there.
    su = "" if os.geteuid() else "su root root\n"
    config.write_text(f"{su}{directory}/log {{\n rotate 9\n {how}\n}}\n")
    words = [LOGROTATE, "--force", "--state", str(directory / "state"), str(config)]
    subprocess.run(words, check=True)


def _types(place: Place, text: bytes) -> None:
    """The guest, which repeats what is typed once its flood is over, prints `text`."""
    end = place.end
    with support.connect_unix(place.directory / "block") as sock:
        sock.send(text)
        support.eventually_sync(lambda: place.end == end + len(text), WAIT)
    support.eventually_sync(lambda: place.backend("log")["lag"] == 0, WAIT)


@pytest.mark.needs(LOGROTATE)
@pytest.mark.parametrize(
    "how", ["create 0640", "nocreate", "copytruncate", "create 0640\n compress\n delaycompress"]
)
def test_every_byte_is_in_one_of_the_files_that_logrotate_makes(place: Place, how: str) -> None:
    log = place.directory / "log"
    with place.console(*place.shared()):
        place.flood()
        support.eventually_sync(lambda: place.backend("log")["lag"] == 0, WAIT)
        logrotate(place.directory, how)
        _types(place, b"after the first ")
        logrotate(place.directory, how)
        _types(place, b"after the second")
        assert log.read_bytes() == b"after the second"
        assert place.backend("log")["state"] == "open"
    older = subprocess.run(
        f"for n in 2 1; do cat '{log}'.$n 2>/dev/null || zcat '{log}'.$n.gz; done",
        shell=True,
        check=True,
        capture_output=True,
    ).stdout
    assert older == numbered(0, SIZE) + b"after the first "
    assert log.stat().st_mode & 0o777 == (0o640 if how.startswith("create") else 0o600)


def test_a_log_that_is_renamed_again_and_again_in_a_flood_lacks_and_doubles_no_byte(
    place: Place,
) -> None:
    log = place.directory / "log"
    parts = 0
    with place.console(*place.shared()), place.reader():
        place.begin()
        while place.end < SIZE:
            if parts < 5 and os.path.exists(log):
                os.rename(log, f"{log}.{parts}")
                parts += 1
        place.whole("read", RECORD)
        support.eventually_sync(lambda: place.backend("log")["lag"] == 0, WAIT)
    rotated = [place.directory / f"log.{n}" for n in range(parts)]
    last = [log] if log.exists() else []
    got = b"".join(path.read_bytes() for path in [*rotated, *last])
    assert got == numbered(0, SIZE)
    assert parts > 1


def test_a_log_that_is_removed_is_made_again(place: Place) -> None:
    log = place.directory / "log"
    with place.console(*place.shared()):
        place.flood()
        support.eventually_sync(lambda: place.backend("log")["lag"] == 0, WAIT)
        log.unlink()
        _types(place, b"new")
        assert log.read_bytes() == b"new"
        assert log.stat().st_mode & 0o777 == 0o600


def test_a_log_whose_directory_was_moved_fails_until_it_is_back(place: Place) -> None:
    (place.directory / "logs").mkdir()
    log = place.directory / "logs" / "moved"
    with place.console(*place.shared(f"file,id=moved,path={log}")):
        support.eventually_sync(lambda: place.backend("moved")["lag"] == 0, WAIT)
        os.rename(log.parent, place.directory / "elsewhere")
        place.flood()
        support.eventually_sync(lambda: place.backend("moved")["state"] == "failed", WAIT)
        assert (
            place.backend("moved")["reason"] == f"Could not open '{log}': No such file or directory"
        )
        place.whole("log")
        os.rename(place.directory / "elsewhere", log.parent)
        support.eventually_sync(lambda: place.backend("moved")["state"] == "open", WAIT)


def test_a_link_put_in_a_logs_place_is_not_followed(place: Place) -> None:
    log, other = place.directory / "log", place.directory / "other"
    with place.console(*place.shared()):
        place.flood()
        support.eventually_sync(lambda: place.backend("log")["lag"] == 0, WAIT)
        log.unlink()
        log.symlink_to(other)
        with support.connect_unix(place.directory / "block") as sock:
            sock.send(b"x")
            support.eventually_sync(lambda: place.backend("log")["state"] == "failed", WAIT)
        assert "symbolic link" in place.backend("log")["reason"]
        assert not other.exists()


def test_copytruncate_in_a_flood_costs_at_most_one_run_of_bytes_and_leaves_no_hole(
    place: Place,
) -> None:
    """Between logrotate's copy and its truncation bytes are lost: that is its documented price."""
    log = place.directory / "log"
    with place.console(*place.shared()):
        place.begin()
        support.eventually_sync(lambda: place.end > SIZE // 4, WAIT)
        copy = log.read_bytes()
        os.truncate(log, 0)
        support.eventually_sync(lambda: place.end == SIZE, WAIT)
        support.eventually_sync(lambda: place.backend("log")["lag"] == 0, WAIT)
    assert copy == numbered(0, len(copy))
    rest = log.read_bytes()
    assert rest == numbered(SIZE - len(rest), SIZE)
    assert len(copy) <= SIZE - len(rest)
