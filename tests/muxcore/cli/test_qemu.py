"""What `muxtui qemu` does without QEMU: the rest is in tests/guest/test_qemu.py."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from muxcore.exits import ExitCode
from muxcore.paths import private_sockets
from muxcore.qemu.machine import together
from tests.muxcore.daemons import cli, served
from tests.support import unix_path

HUB = (
    *("-chardev", "mux-be,id=mux0"),
    *("-chardev", "socket,path=sock,server=on,wait=off,id=sock0,mux-be-id=mux0"),
    *("-chardev", "vc,id=vc0,mux-be-id=mux0"),
    *("-device", "virtconsole,chardev=mux0"),
)


def _program(directory: Path, script: str) -> str:
    """What is run instead of QEMU."""
    path = directory / "qemu"
    path.write_text(f"#!/bin/sh\n{script}")
    path.chmod(0o700)
    return str(path)


def test_a_dry_run_prints_what_a_shell_would_be_told_and_touches_nothing(tmp_path: Path) -> None:
    control = str(tmp_path / "control")
    words = ("--dry-run", "--", "qemu-system-none", "-append", "a b")
    done = cli("-s", control, "qemu", *HUB, *words)
    path = f"{private_sockets(control, 'mux0')}/0"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"muxtui add mux0 --guest socket,path={path},server=on,wait=off "
        f"--backend socket,id=sock0,path={os.environ['HOME']}/sock,server=on,wait=off "
        "--backend vc,id=vc0\n"
        f"qemu-system-none -chardev socket,id=mux0,path={path} -append 'a b' "
        "-device virtio-serial -device virtconsole,chardev=mux0\n"
    )
    assert os.listdir(tmp_path) == []
    assert os.listdir(os.environ["XDG_RUNTIME_DIR"]) == []


def test_the_socket_may_be_named_behind_the_verb_too(tmp_path: Path) -> None:
    words = ("--dry-run", "--", "qemu")
    first = cli("-s", str(tmp_path / "control"), "qemu", *HUB, *words)
    second = cli("qemu", "--socket", str(tmp_path / "control"), *HUB, *words)
    assert first.stdout == second.stdout
    assert first.stdout != cli("qemu", *HUB, *words).stdout


def test_help_needs_no_qemu() -> None:
    assert "usage: muxtui qemu" in cli("qemu", "--help").stdout
    assert "socket" in cli("qemu", "-chardev", "help").stdout
    assert "reconnect-ms" in cli("qemu", "-chardev", "socket,help").stdout
    assert "socket" in cli("qemu", "-serial", "help").stdout


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("-device", "isa-serial,chardev=x", "--", "qemu"), "can't find value 'x'"),
        (("-m", "1"), "muxtui: -m: invalid option (what QEMU itself"),
        (
            ("-chardev", "stdio,id=s", "-serial", "chardev:s", "--detach", "--", "qemu"),
            "cannot use stdio with --detach",
        ),
    ],
)
def test_a_wrong_command_line_is_one_line(words: tuple[str, ...], text: str) -> None:
    done = cli("qemu", *words)
    assert done.returncode == ExitCode.USAGE
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_program_that_is_not_there_is_told_before_anything_is_made() -> None:
    done = cli("qemu", *HUB, "--", "qemu-system-none")
    assert (done.returncode, done.stderr) == (
        ExitCode.ERROR,
        "muxtui: qemu-system-none: no such program\n",
    )
    assert os.listdir(os.environ["XDG_RUNTIME_DIR"]) == []


def test_a_program_that_ends_at_once_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    path = unix_path(tmp_path, "s")
    with served(path):
        for last, status in (("exit 3", 3), ("kill -9 $$", 137)):
            program = _program(tmp_path, f"echo oh\n{last}\n")
            done = cli("-s", path, "qemu", *HUB, "--", program)
            assert done.returncode == status
            assert done.stderr.startswith("oh")
            assert "muxtui: qemu " in done.stderr
        assert json.loads(cli("-s", path, "ls", "--json").stdout) == []
    assert not os.path.exists(os.path.join(os.environ["HOME"], "sock"))
    assert not os.path.exists(private_sockets(path, "mux0"))


def test_a_chardev_that_cannot_be_opened_is_qemus_error_and_leaves_nothing(tmp_path: Path) -> None:
    path = unix_path(tmp_path, "s")
    option = "-chardev socket,path=/nonexistent/s,server=on,wait=off,id=b"
    with served(path):
        done = cli("-s", path, "qemu", *option.split(), "-serial", "chardev:b", "--", "sh")
        assert done.returncode == ExitCode.ERROR
        reason = "Failed to bind socket to /nonexistent/s: No such file or directory"
        assert done.stderr == f"muxtui: {option}: {reason}\n"
        assert json.loads(cli("-s", path, "ls", "--json").stdout) == []


def test_what_belongs_to_a_machine_is_found_by_its_command_line() -> None:
    def console(name: str, type: str, address: str) -> dict[str, Any]:
        return {"name": name, "guest": {"type": type, "address": address}}

    process = console("vm.qemu", "process", "exec qemu socket,path=/r/qemu/1/0 path=/r/qemu/1/1")
    one = console("a", "socket", "/r/qemu/1/0")
    two = console("b", "socket", "/r/qemu/1/1")
    other = console("c", "socket", "/r/qemu/2/0")
    named = console("d", "socket", "/r")
    none: dict[str, Any] = {"name": "e", "guest": None}
    consoles = [one, named, process, two, other, none]
    for name in ("a", "b", "vm.qemu"):
        assert together(consoles, name) == [process, one, two]
    assert together(consoles, "c") == [other]
    assert together(consoles, "d") == [named]
    assert together(consoles, "nope") == []
