"""What the README says is what the code does."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from muxcore import config
from muxcore.options.grammar import parse_chardev
from tests.muxcore.daemons import SLOW, served
from tests.readme import README, rewritten

PROGRAMS = Path(sys.executable).parent


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


def numberless(answer: str) -> str:
    return re.sub(r"\d+", "N", answer)


@pytest.mark.skipif(not (PROGRAMS / "qmp-shell").exists(), reason="needs qmp-shell of qemu.qmp")
def test_its_session_of_qmp_shell_goes_as_it_shows() -> None:
    (session,) = re.findall(r"```console\n(.*?)```", readme(), re.DOTALL)
    lines = [line.removeprefix("(QEMU) ") for line in session.splitlines()]
    typed = [line[7:] for line in session.splitlines() if line.startswith("(QEMU) ")]
    commands = [line[2:].replace(".venv/bin", str(PROGRAMS)) for line in lines if line[:2] == "$ "]
    shown = [line for line in lines if line[:2] != "$ " and line not in typed]
    directory = os.path.join(os.environ["XDG_RUNTIME_DIR"], "muxtui")
    os.mkdir(directory, 0o700)
    with served(os.path.join(directory, "control.sock")):
        *before, shell = commands
        for command in before:
            subprocess.run(command, shell=True, check=True, timeout=SLOW)
        done = subprocess.run(
            shell,
            shell=True,
            input="\n".join(typed) + "\n",
            capture_output=True,
            text=True,
            check=True,
            timeout=SLOW,
        )
    said = [line.removeprefix("(QEMU) ") for line in done.stdout.splitlines()]
    assert [numberless(line) for line in said if line] == [
        numberless(line) for line in shown if line
    ]


def test_every_picture_it_shows_is_there() -> None:
    for name in re.findall(r"!\[.*?\]\((.*?)\)", readme()):
        assert (README.parent / name).is_file(), name
