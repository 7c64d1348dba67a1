"""`muxtui attach --raw --replay`: what the terminal answers to the replay is not typed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from muxcore.answers.arbiter import HOLD
from muxcore.cli.replayed import ReplayAnswers
from muxcore.ring import MIN_CAPACITY
from tests.guest import sharing
from tests.muxcore.consoles import in_virtual_time
from tests.muxcore.daemons import cli, served
from tests.support import unix_path

CPR = b"\x1b[20;1R"
GUEST = "process,command=printf 'ask\\033[6n'; stty raw -echo; exec cat -v"


@in_virtual_time
async def test_only_answers_to_the_replay_are_taken_out() -> None:
    typed: list[bytes] = []
    answers = ReplayAnswers(typed.append)
    answers.take(CPR)
    answers.show(b"x" * (2 * MIN_CAPACITY) + b"ask\x1b[")
    answers.show(b"6n")
    answers.take(b"a" + CPR + b"b")
    answers.take(CPR)
    assert b"".join(typed) == CPR + b"ab" + CPR


@in_virtual_time
async def test_what_may_begin_one_is_held_for_a_moment() -> None:
    typed: list[bytes] = []
    answers = ReplayAnswers(typed.append)
    answers.show(b"\x1b[6n\x1b[6n\x1b[6n")
    answers.take(CPR[:3])
    answers.take(CPR[3:] + b"\x1b")
    assert not typed
    await asyncio.sleep(HOLD + 0.001)
    assert typed == [b"\x1b"]
    answers.take(b"\x1b")
    answers.close()
    await asyncio.sleep(HOLD * 2)
    assert typed == [b"\x1b"]


@pytest.mark.parametrize("raw", [("--raw",), ()])
def test_a_terminal_that_answers_a_replay_types_nothing(
    tmp_path: Path, raw: tuple[str, ...]
) -> None:
    control = unix_path(tmp_path, "control")
    with served(control):
        assert cli("--socket", control, "add", "vm1", "--guest", GUEST).returncode == 0
        with sharing.stream(control, "vm1", replay=1024) as seen:
            seen.expect(rb"ask\x1b\[6n")
        attach = sharing.muxtui(control, "attach", "vm1", "--replay", "4K", *raw)
        with sharing.on_a_terminal(*attach) as (terminal, _):
            terminal.expect(b"ask")
            terminal.send((CPR if raw else b"") + b"typed\r")
            terminal.expect(rb"typed\^M")
            assert b"^[" not in terminal.everything
