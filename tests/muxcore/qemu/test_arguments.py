from __future__ import annotations

import pytest

from muxcore.errors import OptionError
from muxcore.qemu.arguments import Option, options_in, parse


def test_options_and_qemus_own_words_are_told_apart() -> None:
    got = parse(["-chardev", "null,id=a", "--device", "x", "--", "qemu", "-m", "1", "--", "x"])
    assert got.options == (Option("chardev", "null,id=a"), Option("device", "x"))
    assert (got.program, got.words) == ("qemu", ("-m", "1", "--", "x"))
    assert (got.name, got.mode, got.dry_run, got.socket) == (None, None, False, None)


def test_one_dash_names_the_machine_for_qemu_and_two_for_muxtui() -> None:
    got = parse(["-name", "a", "--name", "b", "--", "qemu"])
    assert (got.options, got.name) == ((Option("name", "a"),), "b")


def test_its_own_options_are_understood() -> None:
    got = parse(["--dry-run", "--detach", "-s", "/s", "--", "qemu"])
    assert (got.dry_run, got.mode, got.socket) == (True, "detach", "/s")
    assert parse(["--wait", "--socket", "/t", "--", "qemu"]).mode == "wait"
    assert parse(["-chardev", "help", "--help"]).help


@pytest.mark.parametrize(
    ("words", "text", "hint"),
    [
        (["-chardev"], "-chardev: requires an argument", ""),
        (["-chardev", "--", "qemu"], "-chardev: requires an argument", ""),
        (["--name"], "--name: requires an argument", ""),
        (["-m", "128", "--", "qemu"], "-m: invalid option", "follows '--'"),
        (["-chardve", "x"], "-chardve: invalid option", "-chardev"),
        (["qemu-system-x86_64"], "'qemu-system-x86_64' is no option", "follows '--'"),
        (["--\x1b"], "--\\x1b: invalid option", ""),
    ],
)
def test_what_is_wrong_is_told(words: list[str], text: str, hint: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse(words)
    assert str(caught.value) == text
    assert hint in caught.value.hint


def test_options_are_found_in_qemus_words() -> None:
    words = ["-m", "1", "-device", "x", "--serial", "y", "---serial", "z", "-device"]
    assert list(options_in(words, ["device", "serial"])) == [
        Option("device", "x"),
        Option("serial", "y"),
    ]
