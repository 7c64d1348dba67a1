"""A daemon, and a client of its control socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muxcore.daemon.daemon import Daemon
from tests.muxcore.daemons import Raw, raw_client, running


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    async with running(tmp_path) as daemon:
        yield daemon


@pytest.fixture
async def client(daemon: Daemon) -> AsyncIterator[Raw]:
    async with raw_client(daemon.path) as client:
        yield client
