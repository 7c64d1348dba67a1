"""One daemon for all tests of a file, and a console of each test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.certificates import make_certificates
from tests.faults.place import Place
from tests.muxcore.daemons import served
from tests.support import unix_path

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of a server and a client."""
    return make_certificates(tmp_path_factory.mktemp("tls") / "pki")


@pytest.fixture(scope="module")
def daemon(
    tmp_path_factory: pytest.TempPathFactory, pki: Path
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A daemon that knows the certificates as `tls0`."""
    path = unix_path(tmp_path_factory.mktemp("d"), "control")
    with served(path) as process:
        with (made := Place(path, process, pki, pki)).control:
            made.know_certificates()
        yield path, process


@pytest.fixture
def place(
    daemon: tuple[str, subprocess.Popen[bytes]], tmp_path: Path, pki: Path
) -> Iterator[Place]:
    """The daemon, with a directory of the test's own."""
    made = Place(*daemon, tmp_path, pki)
    with made.control:
        yield made
