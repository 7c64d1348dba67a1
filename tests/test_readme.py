"""What the README says is what the code does."""

from __future__ import annotations

import itertools
import re
import shlex
import tomllib

import pytest

from muxcore import config
from muxcore.options.grammar import parse_chardev
from tests.readme import README, rewritten


def readme() -> str:
    return README.read_text(encoding="utf-8")


def test_its_tables_are_those_of_the_code() -> None:
    assert readme() == rewritten(readme()), "run: python -m tests.readme"


def test_every_configuration_it_shows_is_valid() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", readme(), re.DOTALL)
    assert blocks
    for block in blocks:
        tomllib.loads(block)
        assert config.load(block, "README.md").consoles


def chardevs() -> list[str]:
    """Every CHARDEV that a command of the README is given, as its shell would pass it."""
    text = re.sub(r"\$\(.*?\)|\$HOME", "/x", readme().replace("\\\n", " "))
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    words = [word for block in blocks for word in shlex.split(block, comments=True)]
    flags = ("--guest", "--backend")
    return [value for flag, value in itertools.pairwise(words) if flag in flags]


@pytest.mark.parametrize("text", chardevs())
def test_every_chardev_it_shows_is_valid(text: str) -> None:
    assert parse_chardev(text).type


def test_every_picture_it_shows_is_there() -> None:
    for name in re.findall(r"!\[.*?\]\((.*?)\)", readme()):
        assert (README.parent / name).is_file(), name
