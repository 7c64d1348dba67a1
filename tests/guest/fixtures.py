"""Guests as pytest fixtures, for the tests of every package. Mark such a test `guest`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import support
from tests.guest import linux as linux_guest
from tests.guest import qemu

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def uboot(tmp_path: Path) -> Iterator[qemu.Guest]:
    """A running U-Boot guest; its serial port listens at `uboot.path` and holds for a client."""
    with qemu.uboot(support.unix_path(tmp_path, "uboot.sock"), wait=True) as guest:
        yield guest


@pytest.fixture
def linux(tmp_path: Path) -> Iterator[qemu.Guest]:
    """A booting Linux guest; its virtio console listens at `linux.path` and holds for a client."""
    with linux_guest.linux(support.unix_path(tmp_path, "linux.sock"), wait=True) as guest:
        yield guest
