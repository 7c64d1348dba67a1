from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sys
from pathlib import Path

import pytest

from muxcore.chardev import child, process
from muxcore.chardev.process import ProcessChardev, describe_status
from muxcore.options.sets import ProcessOptions, Restart
from tests import support
from tests.muxcore.chardev.owner import running
from tests.support import eventually


def program(
    command: str,
    *,
    cwd: str = "",
    env: str = "",
    restart: Restart = "never",
    environment: dict[str, str] | None = None,
) -> ProcessChardev:
    options = ProcessOptions(command=command, cwd=cwd, env=env, restart=restart)
    return ProcessChardev("vm.guest", options, environment)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def children() -> list[str]:
    pid = os.getpid()
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


async def ended(chardev: ProcessChardev) -> None:
    await eventually(lambda: chardev.state in ("closed", "retrying"))


async def test_what_a_program_prints_is_read_and_what_is_typed_reaches_it() -> None:
    chardev = program("echo ready; read line; echo got $line")
    async with running(chardev) as owner:
        await owner.has(b"ready")
        owner.live[0].write([b"hello\n"])
        await owner.has(b"got hello")
        await ended(chardev)


@pytest.mark.parametrize(
    ("command", "status", "reason"),
    [
        ("exit 0", 0, "exited with status 0"),
        ("exit 3", 3, "exited with status 3"),
        ("kill -KILL $$", -9, "killed by SIGKILL"),
        ("no-such-program", 127, "exited with status 127"),
    ],
)
async def test_how_it_ended_is_told(command: str, status: int, reason: str) -> None:
    chardev = program(command)
    async with running(chardev):
        await ended(chardev)
        assert (chardev.state, chardev.exit_status, chardev.reason) == ("closed", status, reason)
        assert chardev.pid is None


async def test_all_it_printed_is_read_before_its_end_is_told() -> None:
    count = 200_000
    chardev = program(f"head -c {count} /dev/zero")
    async with running(chardev) as owner:
        await ended(chardev)
        assert len(owner.got) == count


async def test_its_last_words_are_read_even_if_it_ended_before_anybody_looked() -> None:
    chardev = program("printf 'last words'; exit 5")
    async with running(chardev, reading=False) as owner:
        await eventually(lambda: chardev.exit_status == 5)
        assert chardev.state == "open"
        owner.read(chardev, owner.live[0])
        await ended(chardev)
        assert owner.got == b"last words"


async def test_what_it_left_behind_does_not_keep_the_console_open() -> None:
    chardev = program("(trap '' HUP; sleep 60) & echo left $!; exit 4")
    async with running(chardev) as owner:
        await ended(chardev)
        assert chardev.exit_status == 4
        left = int(bytes(owner.got).split()[1])
        assert alive(left)
        os.kill(left, signal.SIGKILL)


async def test_a_reader_that_pauses_at_the_end_gets_the_rest() -> None:
    chardev = program("(trap '' HUP; sleep 60) & echo $!; read line; echo end; exit 0")
    async with running(chardev) as owner:
        await owner.has(b"\n")
        stream = await owner.stream()
        stream.watch_input(None)
        stream.write([b"\n"])
        await eventually(lambda: chardev.exit_status == 0)
        assert chardev.state == "open"
        owner.read(chardev, stream)
        await ended(chardev)
        assert owner.got.endswith(b"end\r\n")
        os.kill(int(owner.got.split()[0]), signal.SIGKILL)


async def test_its_environment_is_the_askers_with_what_the_options_add() -> None:
    environment = {"PATH": os.environ["PATH"], "WHO": "asker", "COLUMNS": "7", "TERM": "dumb"}
    chardev = program(
        'echo "$WHO/$EXTRA/$TERM/$COLUMNS/$UNSET."', env="EXTRA='a b'", environment=environment
    )
    async with running(chardev) as owner:
        await owner.has(b"asker/a b/xterm-256color//.")


async def test_without_an_asker_it_gets_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHO", "daemon")
    async with running(program("echo $WHO")) as owner:
        await owner.has(b"daemon")


@pytest.mark.parametrize(
    ("env", "reason"),
    [
        ("FOO", "env takes NAME=VALUE words, not 'FOO'"),
        ("A='b", "env is not written as a shell would: No closing quotation"),
    ],
)
async def test_an_environment_that_makes_no_sense_is_an_error(env: str, reason: str) -> None:
    chardev = program("true", env=env)
    async with running(chardev):
        assert (chardev.state, chardev.reason) == ("failed", reason)


async def test_it_runs_where_it_is_told_to(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    chardev = program("pwd", cwd="sub")
    chardev.cwd = str(tmp_path)
    async with running(chardev) as owner:
        await owner.has(str(tmp_path / "sub").encode())


async def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    chardev = program("true", cwd=str(tmp_path / "gone"))
    async with running(chardev):
        assert chardev.state == "failed"
        expected = f"Could not start 'true': cannot change to '{tmp_path}/gone': "
        assert chardev.reason == expected + "No such file or directory"
        assert not children()


async def test_its_terminal_has_the_size_asked_for_and_follows() -> None:
    chardev = program("trap 'stty size; exit' WINCH; stty size; while :; do sleep 0.01; done")
    assert chardev.can_resize
    async with running(chardev) as owner:
        await owner.has(b"24 80")
        chardev.resize(40, 120)
        await owner.has(b"40 120")


async def test_a_size_set_while_it_does_not_run_is_for_the_next_run() -> None:
    chardev = program("stty size")
    chardev.resize(30, 90)
    async with running(chardev) as owner:
        await owner.has(b"30 90")


async def test_it_has_the_signals_and_limits_of_an_ordinary_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    monkeypatch.setattr(ProcessChardev, "nofile", soft - 1)
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    try:
        command = "ulimit -Sn; grep -E 'Sig(Ign|Blk)' /proc/self/status; echo done"
        async with running(program(command)) as owner:
            await owner.has(b"done")
    finally:
        signal.signal(signal.SIGHUP, old)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
    words = bytes(owner.got).split()
    assert words[0] == b"%d" % (soft - 1)
    assert [int(words[2], 16), int(words[4], 16)] == [0, 0]


async def test_it_inherits_none_of_our_descriptors(tmp_path: Path) -> None:
    secret = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(secret, True)
    try:
        async with running(program("ls -l /proc/$$/fd; echo done")) as owner:
            await owner.has(b"done")
    finally:
        os.close(secret)
    assert str(tmp_path).encode() not in owner.got


@pytest.mark.parametrize(
    ("restart", "command", "state"),
    [
        ("never", "exit 1", "closed"),
        ("on-failure", "exit 0", "closed"),
        ("on-failure", "exit 1", "retrying"),
        ("always", "exit 0", "retrying"),
    ],
)
async def test_it_is_started_again_as_told(restart: Restart, command: str, state: str) -> None:
    chardev = program(command, restart=restart)
    async with running(chardev) as owner:
        await ended(chardev)
        assert chardev.state == state
        if state == "retrying":
            assert (chardev.reason or "").startswith("exited with status")
            await eventually(lambda: len(owner.opened) == 2)


async def test_closing_ends_it_by_hanging_up() -> None:
    chardev = program("trap 'exit 0' HUP; echo $$; while :; do sleep 0.01; done")
    async with running(chardev) as owner:
        await owner.has(b"\n")
        pid = int(owner.got)
    assert not alive(pid)
    assert chardev.state == "closed"


async def test_closing_ends_one_that_ignores_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "HANGUP_GRACE", 0.05)
    chardev = program("trap '' HUP TERM; echo $$; while :; do sleep 0.01; done")
    async with running(chardev) as owner:
        await owner.has(b"\n")
        pid = int(owner.got)
    assert not alive(pid)
    assert chardev.exit_status == -signal.SIGKILL


async def test_one_that_closes_its_terminal_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "HANGUP_GRACE", 0.05)
    command = "trap '' HUP; echo $$; exec <&- >&- 2>&-; sleep 60"
    chardev = program(command)
    async with running(chardev) as owner:
        await ended(chardev)
        assert chardev.reason in ("killed by SIGTERM", "exited with status 143")
        assert not alive(int(owner.got))


async def test_closing_that_is_cancelled_still_ends_and_reaps_it() -> None:
    chardev = program("trap '' HUP TERM; echo $$; while :; do sleep 0.01; done")
    async with running(chardev) as owner:
        await owner.has(b"\n")
        pid = int(owner.got)
        closing = asyncio.create_task(chardev.aclose())
        await eventually(lambda: not owner.live)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        await eventually(lambda: not alive(pid))
        await eventually(lambda: chardev.exit_status is not None)


async def test_it_is_reaped_where_there_are_no_pidfds(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", missing)
    chardev = program("echo hi; exit 7")
    async with running(chardev) as owner:
        await ended(chardev)
        assert (chardev.exit_status, bytes(owner.got)) == (7, b"hi\r\n")


@pytest.mark.parametrize("free", [0, 1, 2, 3])
async def test_running_out_of_descriptors_leaks_none(free: int) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    chardev = program("true")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(support.open_fds()) + 10, limits[1]))
    taken = []
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.dup(0))
        for _ in range(free):
            os.close(taken.pop())
        await chardev.open()
        taken += [os.dup(0) for _ in range(free)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for fd in taken:
            os.close(fd)
    assert chardev.state == "failed"
    assert chardev.reason in (
        "Could not start 'true': Too many open files",
        # What openpty(3) makes of it.
        "Could not start 'true': No such file or directory",
    )


async def test_a_forgotten_pty_process_object_does_not_sleep_or_close(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: sys.exit("slept"))
    chardev = program("echo up; read line")
    async with running(chardev) as owner:
        await owner.has(b"up")
        assert owner.live[0].write([b"\n"]) == 1
        await ended(chardev)


def test_a_signal_without_a_name_is_shown_by_number() -> None:
    assert describe_status(-(signal.SIGRTMIN + 3)) == f"killed by signal {signal.SIGRTMIN + 3}"
    assert process.TERM == "xterm-256color"
