"""Configuration files: what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from muxcore.config import Config, ConsoleConfig, console_config, free_id, load, read
from muxcore.errors import ConfigError
from muxcore.options.sets import (
    ChardevSpec,
    FileOptions,
    NullOptions,
    ProcessOptions,
    PtyOptions,
    SocketOptions,
)
from muxcore.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = """
[console.vm1]
guest = "socket,path=/run/vm1/console.sock,reconnect-ms=1000"
history = "2M"
size = "120x40"
answer = "sock0"
backends = [
  "socket,id=sock0,path=/run/vm1/shared.sock,server=on,wait=off",
  "pty,path=/run/vm1/tty",
  "file,path=/var/log/vm1.log",
]

[console.board]
guest = {id = "uart", backend = {type = "process", data = {command = "vi, now"}}}
"""


def test_an_example_means_what_it_says() -> None:
    config = load(EXAMPLE, "c.toml")
    assert config == Config(
        (
            ConsoleConfig(
                name="vm1",
                guest=ChardevSpec(
                    "vm1.guest", SocketOptions(path="/run/vm1/console.sock", reconnect_ms=1000)
                ),
                backends=(
                    ChardevSpec(
                        "sock0",
                        SocketOptions(path="/run/vm1/shared.sock", server=True, wait=False),
                    ),
                    ChardevSpec("vm1.pty0", PtyOptions(path="/run/vm1/tty")),
                    ChardevSpec("vm1.file0", FileOptions(path="/var/log/vm1.log")),
                ),
                history=2 << 20,
                size=(40, 120),
                answer="sock0",
            ),
            ConsoleConfig("board", ChardevSpec("uart", ProcessOptions(command="vi, now"))),
        )
    )


def test_a_consoles_settings_are_those_of_its_keys() -> None:
    text = """
[console.c]
scrollback = 500
scrollback-bytes = "2M"
newline = "lf"
backspace = "bs"
delete = "del"
palette = "linux"
allow = ["links", "title"]
"""
    (console,) = load(text, "c.toml").consoles
    assert console.settings == Settings(
        500, 2 << 20, "lf", "bs", "del", "linux", ("title", "links")
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", "[console]\n"])
def test_a_file_without_consoles_is_fine(text: str) -> None:
    assert load(text, "c.toml") == Config()


def test_a_console_without_keys_has_the_defaults() -> None:
    (console,) = load("[console.c]", "c.toml").consoles
    assert console == ConsoleConfig("c", None, (), 1 << 20, None, None, Settings())


def test_a_reload_finds_what_changed_by_comparing() -> None:
    before = load(EXAMPLE, "c.toml").consoles
    same = load(EXAMPLE.replace("server=on", "server=yes"), "d.toml").consoles
    after = load(EXAMPLE.replace("40", "50"), "c.toml").consoles
    assert before == same
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, True]


def test_warnings_are_kept_on_the_chardev() -> None:
    (console,) = load('[console.c]\nguest = "socket,path=/x,server"', "c").consoles
    assert console.guest is not None
    assert console.guest.warnings[0].startswith("short-form boolean option 'server'")


# Names.


def test_omitted_ids_are_numbered_by_type_around_those_that_are_taken() -> None:
    text = '[console.c]\nbackends = ["pty", "null", "pty,id=c.pty1", "pty", "memory"]'
    (console,) = load(text, "c.toml").consoles
    ids = [spec.id for spec in console.backends]
    assert ids == ["c.pty0", "c.null0", "c.pty1", "c.pty2", "c.ringbuf0"]


def test_an_id_given_later_in_the_file_is_not_taken_by_an_omitted_one() -> None:
    text = '[console.c]\nbackends = ["pty"]\n[console.d]\nbackends = ["pty,id=c.pty0"]'
    first, second = load(text, "c.toml").consoles
    assert first.backends[0].id == "c.pty1"
    assert second.backends[0].id == "c.pty0"


def test_the_first_free_number_names_a_backend() -> None:
    assert free_id("c", "pty", [].__contains__) == "c.pty0"
    assert free_id("c", "pty", ["c.pty0", "c.pty2"].__contains__) == "c.pty1"


def test_of_many_names_a_few_are_asked_for_and_one_that_is_free_is_found() -> None:
    asked: list[str] = []
    free = [5000, 9999, 10_000]
    taken = {f"c.attach{number}" for number in range(10_001) if number not in free}

    def is_taken(id: str) -> bool:
        asked.append(id)
        return id in taken

    for _ in free:
        id = free_id("c", "attach", is_taken)
        assert id not in taken
        taken.add(id)
    assert len(asked) < 100
    assert "c.attach10000" in taken


# Values.


@pytest.mark.parametrize(
    ("text", "bytes"), [("64K", 1 << 16), ("1G", 1 << 30), ("0x10000", 1 << 16)]
)
def test_history_has_qemus_suffixes(text: str, bytes: int) -> None:
    (console,) = load(f"[console.c]\nhistory = '{text}'", "c.toml").consoles
    assert console.history == bytes


@pytest.mark.parametrize("answer", ["first", "p", "c.null0"])
def test_the_answer_is_first_or_a_backends_id(answer: str) -> None:
    text = f"[console.c]\nbackends = ['pty,id=p', 'null']\nanswer = '{answer}'"
    (console,) = load(text, "c.toml").consoles
    assert console.answer == answer


# Files.


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(EXAMPLE)
    assert read(str(path)) == load(EXAMPLE, "")


def test_a_missing_file_is_a_problem_with_its_cause(tmp_path: Path) -> None:
    path = str(tmp_path / "none.toml")
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert str(caught.value) == f"{path}: cannot be read: No such file or directory"
    assert isinstance(caught.value.__cause__, FileNotFoundError)


# A console from a command.


def test_a_command_makes_the_same_console_as_a_file() -> None:
    made = console_config(
        "vm1",
        "socket,path=/run/vm1/console.sock,reconnect-ms=1000",
        [
            "socket,id=sock0,path=/run/vm1/shared.sock,server=on,wait=off",
            {"backend": {"type": "pty", "data": {"path": "/run/vm1/tty"}}},
            "file,path=/var/log/vm1.log",
        ],
        {"history": "2M", "size": "120x40", "answer": "sock0"},
    )
    assert made == load(EXAMPLE, "c.toml").consoles[0]


def test_a_command_may_leave_everything_out() -> None:
    assert console_config("c", None, [], {}) == ConsoleConfig("c")
    assert console_config("c", None, [], {"guest": "null"}) == ConsoleConfig(
        "c", ChardevSpec("c.guest", NullOptions())
    )
