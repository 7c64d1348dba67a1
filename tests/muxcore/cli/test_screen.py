"""`muxtui screen`: what a console shows now, and nothing that could harm who asks."""

from __future__ import annotations

import json
import os
import re
import signal
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muxcore.cli.screen import Past, apart, render, size_of
from muxcore.errors import MuxError
from muxcore.exits import ExitCode
from muxcore.vt.choice import engine_name
from muxcore.vt.engine import Engine
from tests.muxcore.daemons import SLOW, cli, served
from tests.support import eventually_sync, unix_path

GUEST = r"printf 'one\r\n\033[1;31mtwo\033[m \033]0;my title\007\033[?2004h\033[5 qend'; cat"


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A real daemon with a console that has printed all of `GUEST`'s."""
    path = unix_path(tmp_path, "s")
    monkeypatch.setenv("MUXTUI_SOCKET", path)
    with served(path):
        guest = f"process,id=g1,command={GUEST}"
        done = cli("add", "vm1", "--guest", guest, "--set", "size=30x5")
        assert (done.returncode, done.stderr) == (0, "")
        eventually_sync(lambda: cli("log", "vm1").stdout.endswith("end"), SLOW, "the guest's text")
        yield path


def test_a_screen_is_printed_without_the_blank_lines_below(daemon: str) -> None:
    done = cli("screen", "vm1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "one\ntwo end\n", "")


def test_it_has_the_guests_colours_if_wanted_and_nothing_else_of_its(daemon: str) -> None:
    done = cli("screen", "vm1", "--ansi")
    assert done.stdout == "one\n\x1b[0;1;31mtwo\x1b[m end\n\x1b[m"


def test_it_is_told_as_json_with_cursor_modes_and_title(daemon: str) -> None:
    told = json.loads(cli("screen", "vm1", "--json").stdout)
    assert (told["rows"], told["cols"]) == (5, 30)
    assert told["lines"] == ["one", "two end", "", "", ""]
    assert told["cursor"]["row"] == 1
    assert told["cursor"]["col"] == 7
    assert told["cursor"]["visible"] is True
    assert told["cursor"]["shape"] == "bar"
    assert told["modes"]["bracketed-paste"] is True
    assert told["modes"]["mouse"] == "off"
    assert told["title"] == "my title"
    assert told["engine"] == engine_name()
    assert (told["start"], told["offset"]) == (0, len(cli("log", "vm1").stdout.encode()))


def test_another_size_is_shown_if_wanted(daemon: str) -> None:
    told = json.loads(cli("screen", "vm1", "--json", "--size", "4x3").stdout)
    assert (told["rows"], told["cols"], told["lines"]) == (3, 4, ["one", "two", "end"])


def test_a_wrong_size_is_a_wrong_command_line(daemon: str) -> None:
    done = cli("screen", "vm1", "--size", "big")
    assert done.returncode == ExitCode.USAGE
    assert "Parameter 'size' expects a width and a height" in done.stderr


def test_an_unknown_console_has_its_exit_code(daemon: str) -> None:
    assert cli("screen", "vm9").returncode == ExitCode.NOT_FOUND


def test_the_engine_is_named_with_the_version() -> None:
    assert cli("--version").stdout.endswith(f"(engine {engine_name()})\n")


def peer(received: int, activity: float, rows: int | None, cols: int | None) -> dict[str, Any]:
    return {"received": received, "last-activity": activity, "rows": rows, "cols": cols}


def test_the_size_is_the_guests_or_that_of_the_view_that_types_or_80x24() -> None:
    views = [peer(0, 9.0, 50, 200), peer(5, 2.0, 30, 90), peer(5, 1.0, 31, 91), peer(7, 8, None, 1)]
    console: dict[str, Any] = {
        "guest": {"can-resize": True},
        "size": None,
        "backends": [{"peers": []}, {"peers": views}],
    }
    assert size_of(console) == (30, 90)
    assert size_of({**console, "guest": None}) == (30, 90)
    assert size_of({**console, "size": {"rows": 3, "cols": 7}}) == (3, 7)
    assert size_of({**console, "backends": []}) == (24, 80)


def test_a_guest_that_knows_no_size_is_shown_80x24_whatever_looks_at_it() -> None:
    views = [peer(5, 2.0, 21, 80)]
    console = {"guest": {"can-resize": False}, "size": None, "backends": [{"peers": views}]}
    assert size_of(console) == (24, 80)
    assert size_of({**console, "size": {"rows": 3, "cols": 7}}) == (3, 7)


@given(data=st.binary(max_size=200))
@pytest.mark.parametrize("kind", ["text", "ansi"])
def test_nothing_a_guest_prints_controls_the_operators_terminal(kind: str, data: bytes) -> None:
    out = render(Past((4, 20), 0, data), kind)
    shown = re.sub(r"\x1b\[[0-9;:]*m", "", out).replace("\n", "")
    assert not [char for char in shown if unicodedata.category(char) == "Cc"]
    assert kind == "text" or out.endswith("\x1b[m")


@pytest.mark.parametrize("kind", ["text", "ansi", "json"])
def test_hostile_output_is_harmless_in_every_form(kind: str) -> None:
    data = b"\x1b]52;c;aGk=\x07\x1b]0;\x9b31m\xc2\x9b2Jx\x07\x9b5n\x1bP$q\x1b\\a\xc2\x85b\x05"
    out = render(Past((4, 20), 0, data), kind)
    assert "\x9b" not in out
    assert "\x05" not in out
    assert "\x85" not in out


def test_a_dead_engine_is_an_error_in_one_line() -> None:
    def die() -> bytes:
        os.kill(os.getpid(), signal.SIGKILL)
        return b""

    with pytest.raises(MuxError, match=r"the terminal engine failed .* \(SIGKILL\)$"):
        apart(die)


def test_an_engine_that_failed_inside_shows_no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(engine: Engine, data: bytes) -> NoReturn:
        raise ValueError("inside")

    monkeypatch.setenv("MUXTUI_ENGINE", "bittty")
    assert engine_name().startswith("bittty")
    monkeypatch.setattr("muxcore.vt.bittty.BitttyEngine._write", fail)
    with pytest.raises(MuxError, match=r"failed at what the guest printed"):
        render(Past((4, 20), 0, b"x"), "text")


def test_what_a_child_raises_is_raised_here() -> None:
    def fail() -> bytes:
        raise MuxError("there is no screen")

    with pytest.raises(MuxError, match=r"^there is no screen$"):
        apart(fail)
    assert apart(lambda: b"x" * 200_000) == b"x" * 200_000
