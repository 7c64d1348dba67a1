from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from muxcore.cli.arguments import absolute
from muxcore.exits import ExitCode
from muxcore.options.sets import ChardevSpec, SerialOptions
from tests.muxcore.daemons import ROOT, SLOW, cli, served
from tests.support import eventually_sync, read_until, unix_path

ECHO = "process,id=g1,command=stty -echo; echo ready; cat"


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A real daemon, which the environment names, with a console `vm1` that echoes."""
    path = unix_path(tmp_path, "s")
    monkeypatch.setenv("MUXTUI_SOCKET", path)
    with served(path):
        done = cli("add", "vm1", "--guest", ECHO, "--backend", "file,id=f1,path=log")
        assert (done.returncode, done.stderr) == (0, "")
        _wait_for_log("ready\r\n")
        yield path


def _wait_for_log(text: str) -> None:
    eventually_sync(lambda: cli("log", "vm1").stdout == text, SLOW, f"{text!r} in the history")


def test_without_a_command_it_says_what_there_is() -> None:
    done = cli()
    assert done.returncode == ExitCode.USAGE
    assert "COMMAND" in done.stderr
    done = cli("--help")
    assert done.returncode == 0
    for verb in ("serve", "add", "rm", "ls", "stop", "attach", "send", "log", "screen"):
        assert verb in done.stdout
    assert ExitCode.NO_DAEMON.meaning in done.stdout


def test_no_daemon_has_its_own_exit_code() -> None:
    for verb in (["ls"], ["rm", "x"], ["stop"], ["attach", "x"], ["send", "x", "y"], ["log", "x"]):
        done = cli(*verb)
        assert done.returncode == ExitCode.NO_DAEMON
        assert done.stderr.startswith("muxtui: no daemon answers on ")
        assert len(done.stderr.splitlines()) == 1


def test_help_on_chardevs_needs_no_daemon() -> None:
    assert "socket" in cli("add", "x", "--guest", "help").stdout
    assert "reconnect-ms" in cli("add", "x", "--backend", "socket,help").stdout


def test_a_console_is_listed_and_removed(daemon: str) -> None:
    assert "vm1" in cli("ls").stdout
    (console,) = json.loads(cli("ls", "--json").stdout)
    # The daemon's directory is not the client's.
    assert console["backends"][0]["address"] == os.path.join(os.environ["HOME"], "log")
    assert cli("rm", "vm1").returncode == ExitCode.OK
    assert json.loads(cli("ls", "--json").stdout) == []
    done = cli("rm", "vm1")
    assert done.returncode == ExitCode.NOT_FOUND
    assert done.stderr == "muxtui: Console 'vm1' not found ('muxtui ls' lists the consoles)\n"


def test_a_wrong_chardev_is_a_wrong_command_line(daemon: str) -> None:
    done = cli("add", "vm2", "--guest", "sokcet,path=x")
    assert done.returncode == ExitCode.USAGE
    assert "'sokcet' is not a valid char driver name" in done.stderr
    assert "socket" in done.stderr
    assert cli("add", "vm2", "--set", "history").returncode == ExitCode.USAGE
    done = cli("add", "vm1")
    assert done.returncode == ExitCode.ERROR
    assert done.stderr == "muxtui: Console 'vm1' already exists\n"


def test_a_guest_that_cannot_be_reached_is_no_error(daemon: str, tmp_path: Path) -> None:
    done = cli("add", "vm2", "-g", f"socket,path={tmp_path}/nobody", "--set", "history=64K")
    assert done.returncode == 0
    consoles = {item["name"]: item for item in json.loads(cli("ls", "--json").stdout)}
    assert consoles["vm2"]["guest"]["state"] == "retrying"
    assert consoles["vm2"]["history"]["capacity"] == 64 * 1024
    done = cli("send", "vm2", "x")
    assert done.returncode == ExitCode.CLOSED
    assert "its guest is not open" in done.stderr


def test_what_of_a_new_console_does_not_work_yet_is_said(daemon: str, tmp_path: Path) -> None:
    guest, log = f"{tmp_path}/nobody", f"{tmp_path}/nowhere/log"
    reason = "No such file or directory"
    done = cli("add", "vm2", "-g", f"socket,path={guest}", "-b", f"file,path={log}")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        f"muxtui: vm2.guest: Failed to connect to '{guest}': {reason}; trying again",
        f"muxtui: vm2.file0: Could not open '{log}': {reason}; trying again",
    ]
    assert cli("add", "vm3", "-g", "process,command=cat").stderr == ""


def test_what_is_sent_is_exact(daemon: str) -> None:
    assert cli("send", "vm1", "one", "--enter").returncode == 0
    _wait_for_log("ready\r\none\r\n")
    assert cli("send", "vm1", "-", input=b"two\nthree\n").returncode == 0
    _wait_for_log("ready\r\none\r\ntwo\r\nthree\r\n")
    assert cli("send", "vm1").returncode == ExitCode.USAGE
    done = cli("send", "vm1", "--break")
    assert done.returncode == ExitCode.ERROR
    assert "has no break to send" in done.stderr


def test_options_may_stand_between_the_words_of_a_verb(daemon: str) -> None:
    for words in (["-e", "vm1", "one"], ["vm1", "-e", "two"], ["vm1", "three", "-e"]):
        assert cli("send", *words).returncode == 0
    _wait_for_log("ready\r\none\r\ntwo\r\nthree\r\n")


def test_a_pipe_is_sent_to_its_end_and_then_left(daemon: str) -> None:
    done = cli("attach", "vm1", input=b"hello\n")
    assert done.returncode == 0
    _wait_for_log("ready\r\nhello\r\n")


def test_a_long_input_arrives_whole(daemon: str) -> None:
    lines = b"".join(b"%06d\n" % number for number in range(20_000))
    assert cli("attach", "vm1", input=lines).returncode == 0
    wanted = 7 + len(lines) + 20_000
    eventually_sync(
        lambda: json.loads(cli("ls", "--json").stdout)[0]["history"]["end"] == wanted, SLOW
    )


def test_log_follows_and_shows_bytes_as_they_are(daemon: str) -> None:
    cli("send", "vm1", "\x1b]0;title\x07", "--enter")
    command = [sys.executable, "-m", "muxcore", "log", "vm1", "-f"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            read_until(process.stdout.fileno(), b"ready\r\n\x1b]0;title\x07\r\n", SLOW)
            cli("send", "vm1", "more", "--enter")
            read_until(process.stdout.fileno(), b"more\r\n", SLOW)
            process.send_signal(signal.SIGINT)
            assert process.wait(SLOW) == 130
        finally:
            process.kill()


def test_a_reader_that_has_enough_ends_it_quietly(daemon: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "muxcore", "log", "vm1"]
    done = subprocess.run(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert done.returncode == 128 + signal.SIGPIPE
    assert done.stderr == b""


def test_stop_ends_the_daemon_and_returns_when_it_is_gone(daemon: str) -> None:
    assert cli("stop").returncode == 0
    assert not os.path.exists(daemon)


# On a terminal.


@contextlib.contextmanager
def _on_a_terminal(*words: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A command with a terminal for everything, and the terminal's other end."""
    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (30, 100))
    before = termios.tcgetattr(slave)
    command = [sys.executable, "-m", "muxcore", *words]
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    try:
        yield process, master
        # Its settings are the shell's again, whatever happened.
        assert termios.tcgetattr(slave) == before
    finally:
        process.kill()
        process.wait()
        os.close(slave)
        os.close(master)


def test_attach_types_shows_and_detaches(daemon: str) -> None:
    with _on_a_terminal("attach", "vm1") as (process, master):
        read_until(master, b"ready\r\n", SLOW)
        os.write(master, b"hello\r")
        read_until(master, b"hello\r\n", SLOW)
        (console,) = json.loads(cli("ls", "--json").stdout)
        assert console["size"] == {"rows": 30, "cols": 100}
        os.write(master, b"\x1d?")
        read_until(master, b"ctrl+] then d: detach", SLOW)
        os.write(master, b"\x1dd")
        read_until(master, b"detached from vm1", SLOW)
        assert process.wait(SLOW) == 0


def test_attach_filters_what_a_terminal_must_not_see_unless_told(daemon: str) -> None:
    cli("send", "vm1", "a\x1b]0;title\x07b\x1b[6nc", "--enter")
    with _on_a_terminal("attach", "vm1") as (process, master):
        got = read_until(master, b"bc\r\n", SLOW)
        assert b"title" not in got
        assert b"\x1b[6n" not in got
        cli("send", "vm1", "d\x1b[6ne", "--enter")
        read_until(master, b"d\x1b[6ne", SLOW)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SLOW) == 128 + signal.SIGTERM
    with _on_a_terminal("attach", "vm1", "--raw", "--replay", "1K") as (process, master):
        read_until(master, b"a\x1b]0;title\x07b\x1b[6nc", SLOW)
        os.write(master, b"\x1dd")
        assert process.wait(SLOW) == 0


def test_attach_readonly_types_nothing(daemon: str) -> None:
    with _on_a_terminal("attach", "vm1", "--ro") as (process, master):
        read_until(master, b"ready\r\n", SLOW)
        os.write(master, b"hello\r")
        read_until(master, b"\a", SLOW)
        os.write(master, b"\x1dd")
        assert process.wait(SLOW) == 0
    assert cli("log", "vm1").stdout == "ready\r\n"


def test_attach_says_that_the_guest_ended_and_that_the_daemon_did(daemon: str) -> None:
    with _on_a_terminal("attach", "vm1") as (process, master):
        read_until(master, b"ready\r\n", SLOW)
        os.write(master, b"\x04")
        read_until(master, b"exited with status 0", SLOW)
        cli("stop")
        read_until(master, b"the daemon ended the stream", SLOW)
        assert process.wait(SLOW) == ExitCode.NO_DAEMON


def test_stop_asks_before_it_ends_programs(daemon: str) -> None:
    with _on_a_terminal("stop") as (process, master):
        read_until(master, b"[y/N]", SLOW)
        os.write(master, b"n\n")
        assert process.wait(SLOW) == ExitCode.REFUSED
    assert os.path.exists(daemon)
    with _on_a_terminal("rm", "vm1") as (process, master):
        read_until(master, b"[y/N]", SLOW)
        os.write(master, b"y\n")
        assert process.wait(SLOW) == 0
    assert json.loads(cli("ls", "--json").stdout) == []


def test_the_address_of_a_port_behind_a_server_is_no_path() -> None:
    options = SerialOptions(path="rfc2217://board:4000")
    assert absolute(ChardevSpec("com", options)).options == options
