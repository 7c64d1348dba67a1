"""Saving into files: where, how, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tui.save import SaveError, TakenError, default_path, save


def test_the_path_offered_names_console_and_time() -> None:
    path = default_path("vm 1/../x", 1_800_000_000, ".txt")
    assert path == "~/muxtui-vm_1_.._x-20270115-080000.txt"


def test_a_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = save(str(tmp_path / "a.txt"), "grün\n")
    assert Path(path).read_text("utf-8") == "grün\n"
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_a_tilde_is_the_users_home() -> None:
    assert save("~/a.txt", "x") == f"{os.environ['HOME']}/a.txt"


def test_a_file_is_replaced_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("something longer")
    with pytest.raises(TakenError):
        save(str(path), "new")
    assert path.read_text() == "something longer"
    save(str(path), "new", replace=True)
    assert path.read_text() == "new"


def test_a_link_is_not_followed_unasked(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(TakenError):
        save(str(tmp_path / "link"), "x")
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("name", ["no/such/dir.txt", ".", "a\0b", "x" * 300])
def test_what_cannot_be_written_is_said_in_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(SaveError) as error:
        save(str(tmp_path / name), "x", replace=True)
    assert "\n" not in str(error.value)
