from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from muxcore import paths
from muxcore.exits import ExitCode
from muxcore.launch import answers
from tests.muxcore.daemons import SLOW, cli
from tests.support import eventually_sync, read_until
from tui import demo
from tui.__main__ import main, with_verb

VERBS = ["app", "demo", "ls", "serve"]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ([], ["app"]),
        (["vm1"], ["app", "vm1"]),
        (["ls"], ["ls"]),
        (["ls", "--json"], ["ls", "--json"]),
        (["-s", "/x", "vm1"], ["-s", "/x", "app", "vm1"]),
        (["-s", "ls"], ["-s", "ls", "app"]),
        (["--socket=/x", "ls"], ["--socket=/x", "ls"]),
        (["--", "ls"], ["app", "--", "ls"]),
        (["--help"], ["--help"]),
        (["--version"], ["--version"]),
    ],
)
def test_a_word_that_is_no_verb_is_a_console(given: list[str], meant: list[str]) -> None:
    assert with_verb(given, VERBS) == meant


def test_version_names_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("muxtui ")


@pytest.mark.parametrize("word", ["vm1", "demo"])
def test_the_app_needs_a_terminal(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word]) == ExitCode.USAGE
    assert "needs a terminal" in capsys.readouterr().err
    assert not answers(paths.default_socket())


@pytest.fixture
def path() -> Iterator[str]:
    """The default control socket; a daemon on it is ended afterwards."""
    path = paths.default_socket()
    yield path
    cli("stop", "--force")
    eventually_sync(lambda: not os.path.exists(path), SLOW)


def test_the_demo_is_a_shell_with_a_socket_a_pty_and_a_log(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    demo.prepare(path)
    demo.prepare(path)
    (console,) = json.loads(cli("ls", "--json").stdout)
    assert console["guest"]["address"] == "exec /bin/sh"
    assert [item["type"] for item in console["backends"]] == ["socket", "pty", "file"]
    directory = Path(paths.runtime_directory()) / "demo"
    assert sorted(os.listdir(directory)) == ["log", "pty", "socket"]
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(directory / "socket"))
        client.send(b"pwd; echo $((40 + 2))\n")
        got = read_until(client, b"42\r\n", SLOW)
    assert str(tmp_path).encode() in got
    eventually_sync(lambda: b"42" in (directory / "log").read_bytes(), SLOW)


def test_the_demo_starts_a_shell_that_was_left_again(path: str) -> None:
    def state() -> str:
        (console,) = json.loads(cli("ls", "--json").stdout)
        return str(console["guest"]["state"])

    demo.prepare(path)
    assert cli("send", "demo", "exit", "--enter").returncode == 0
    eventually_sync(lambda: state() == "closed", SLOW)
    demo.prepare(path)
    assert state() == "open"
