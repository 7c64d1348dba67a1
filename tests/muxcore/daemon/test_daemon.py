from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import stat
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from muxcore import config, launch, paths
from muxcore.chardev.ringbuf import RingbufChardev
from muxcore.client import Client
from muxcore.daemon.daemon import Daemon
from muxcore.daemon.listener import Listener
from muxcore.errors import ConfigError, DaemonError
from tests.muxcore.daemons import SLOW, cli, raw_client, running, serve, served
from tests.support import TIMEOUT, connect_unix, eventually, eventually_sync, read_until, unix_path

CONFIG = """
[console.vm1]
guest = "process,id=g1,command=cat"
backends = ["ringbuf,id=r1", "pty,id=p1,path={link}"]
[console.vm2]
guest = "null,id=g2"
"""


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG.format(link=tmp_path / "tty"))
    return path


# Life.


async def test_a_daemon_has_what_its_file_says_and_leaves_nothing(
    tmp_path: Path, config_file: Path
) -> None:
    async with running(tmp_path, str(config_file)) as daemon:
        assert list(daemon.consoles) == ["vm1", "vm2"]
        assert os.path.islink(tmp_path / "tty")
        assert daemon.names() == {"vm1", "g1", "r1", "p1", "vm2", "g2"}
    assert os.listdir(tmp_path) == ["config.toml"]


async def test_nothing_starts_from_a_bad_file(tmp_path: Path, config_file: Path) -> None:
    config_file.write_text('[console.a]\nguest = "nul"\n[console.b]\nhistry = "1M"\n')
    daemon = Daemon(unix_path(tmp_path, "s"), str(config_file))
    with pytest.raises(ConfigError) as refused:
        await daemon.start()
    assert len(refused.value.problems) == 2
    await daemon.aclose()
    assert os.listdir(tmp_path) == ["config.toml"]


async def test_quit_ends_the_daemon_after_its_reply(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, raw_client(daemon.path) as client:
        client.send(b'{"execute":"quit","id":"bye"}')
        assert (await client.reply())["id"] == "bye"
        shutdown = await client.event("SHUTDOWN")
        assert shutdown == {"guest": False, "reason": "host-qmp-quit"}
        assert await daemon.stopped() == "host-qmp-quit"


async def test_an_error_of_one_console_touches_no_other(tmp_path: Path, config_file: Path) -> None:
    (tmp_path / "tty").write_text("somebody's")
    async with running(tmp_path, str(config_file)) as daemon:
        backends = daemon.consoles["vm1"].backends
        assert backends["p1"].reason
        assert backends["r1"].reason is None
        assert "vm2" in daemon.consoles
    assert (tmp_path / "tty").read_text() == "somebody's"


# Reload.


async def test_a_reload_touches_only_what_changed(tmp_path: Path, config_file: Path) -> None:
    async with running(tmp_path, str(config_file)) as daemon, raw_client(daemon.path) as client:
        await client.execute("mux-add-console", console="mine", backends=["null,id=m1"])
        vm1, vm2 = daemon.consoles["vm1"], daemon.consoles["vm2"]
        guest, ringbuf = vm1.guest, vm1.backends["r1"]
        config_file.write_text(
            '[console.vm1]\nguest = "process,id=g1,command=cat"\n'
            'backends = ["ringbuf,id=r1", "null,id=n1"]\n'
            '[console.vm3]\nguest = "null"\n'
        )
        assert await client.execute("mux-reload") == {
            "added": ["vm3"],
            "removed": ["vm2"],
            "changed": ["vm1"],
            "failed": [],
        }
        assert (await client.event("MUX_RELOADED"))["changed"] == ["vm1"]
        assert daemon.consoles["vm1"] is vm1
        assert vm1.guest is guest
        assert list(vm1.backends) == ["r1", "n1"]
        assert vm1.backends["r1"] is ringbuf
        assert isinstance(ringbuf, RingbufChardev)
        assert not os.path.lexists(tmp_path / "tty")
        assert vm2.guest is None
        assert sorted(daemon.consoles) == ["mine", "vm1", "vm3"]


async def test_a_reload_without_a_change_touches_nothing(tmp_path: Path, config_file: Path) -> None:
    async with running(tmp_path, str(config_file)) as daemon:
        before = dict(daemon.consoles)
        await daemon.remove_console("vm2")
        result = await daemon.reload()
        assert not any(result.values())
        assert daemon.consoles == {"vm1": before["vm1"]}


async def test_changed_settings_reach_a_running_console_and_touch_nothing_else(
    tmp_path: Path, config_file: Path
) -> None:
    sized = config_file.read_text().replace("null,id=g2", "process,id=g2,command=cat")
    sized += 'size = "100x30"\n'
    config_file.write_text(sized)
    async with running(tmp_path, str(config_file)) as daemon, raw_client(daemon.path) as client:
        console = daemon.consoles["vm2"]
        console.resize(24, 80)
        before = (console.guest, dict(console.backends), console.since)
        config_file.write_text(sized + 'palette = "vga"\nnewline = "lf"\n')
        assert (await client.execute("mux-reload"))["changed"] == ["vm2"]
        assert daemon.consoles["vm2"] is console
        assert (console.guest, console.backends, console.since) == before
        assert console.size == (24, 80)
        (told,) = await client.execute("mux-query-consoles", console="vm2")
        assert told["settings"] == {
            "scrollback": 10_000,
            "scrollback-bytes": 64 << 20,
            "newline": "lf",
            "backspace": "del",
            "delete": "vt",
            "palette": "vga",
            "allow": [],
        }


async def test_a_changed_guest_is_replaced_and_a_changed_history_makes_it_anew(
    tmp_path: Path, config_file: Path
) -> None:
    async with running(tmp_path, str(config_file)) as daemon:
        old = daemon.consoles["vm2"]
        config_file.write_text(config_file.read_text().replace("null,id=g2", "ringbuf,id=g2"))
        await daemon.reload()
        assert daemon.consoles["vm2"] is old
        assert old.guest is not None
        assert old.guest.type == "ringbuf"
        config_file.write_text(config_file.read_text() + 'history = "64K"\n')
        await daemon.reload()
        assert daemon.consoles["vm2"] is not old
        assert daemon.consoles["vm2"].history.capacity == 64 * 1024


async def test_nobody_waits_while_the_file_is_read(
    tmp_path: Path, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, go_on = config.read, threading.Event()

    def slow(path: str) -> config.Config:
        assert go_on.wait(TIMEOUT)
        return read(path)

    async with running(tmp_path, str(config_file)) as daemon:
        monkeypatch.setattr(config, "read", slow)
        reloading = asyncio.ensure_future(daemon.reload())
        async with raw_client(daemon.path) as client:
            assert len(await client.execute("mux-query-consoles")) == 2
        assert not reloading.done()
        go_on.set()
        assert (await reloading)["changed"] == []


async def test_a_bad_file_changes_nothing_on_reload(tmp_path: Path, config_file: Path) -> None:
    async with running(tmp_path, str(config_file)) as daemon:
        before = dict(daemon.consoles)
        config_file.write_text("[console.vm1]\nbogus = 1\n")
        with pytest.raises(ConfigError):
            await daemon.reload()
        assert daemon.consoles == before


async def test_a_name_taken_by_a_command_fails_alone_on_reload(
    tmp_path: Path, config_file: Path
) -> None:
    async with running(tmp_path, str(config_file)) as daemon, raw_client(daemon.path) as client:
        await client.execute("mux-add-console", console="mine")
        mine = daemon.consoles["mine"]
        text = '[console.mine]\nguest = "null"\n[console.vm4]\nguest = "null"\n'
        config_file.write_text(text)
        result = await client.execute("mux-reload")
        assert (result["failed"], result["added"]) == (["mine"], ["vm4"])
        assert daemon.consoles["mine"] is mine
        await client.execute("mux-remove-console", console="mine")
        assert (await client.execute("mux-reload"))["added"] == ["mine"]


async def test_without_a_file_there_is_nothing_to_reload(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, raw_client(daemon.path) as client:
        assert await client.execute("mux-reload") == (
            "the daemon was started without a configuration file"
        )


# The socket.


def test_the_socket_is_the_users_alone_and_is_made_in_a_directory_of_his() -> None:
    path = paths.default_socket()
    listener = Listener(path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    listener.close()
    assert os.listdir(os.path.dirname(path)) == []


def test_without_a_runtime_directory_it_is_below_tmp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert paths.default_socket() == f"/tmp/muxtui-{os.getuid()}/control.sock"
    monkeypatch.setenv("MUXTUI_SOCKET", "/x/y")
    assert paths.default_socket() == "/x/y"


def test_a_directory_others_may_write_to_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    directory = paths.runtime_directory()
    os.mkdir(directory)
    os.chmod(directory, 0o770)
    with pytest.raises(DaemonError, match="others may write to it"):
        Listener(paths.default_socket())
    os.chmod(directory, 0o700)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(DaemonError, match="belongs to uid"):
        Listener(paths.default_socket())


def test_a_link_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    os.symlink(tmp_path, paths.runtime_directory())
    with pytest.raises(DaemonError, match="not a directory"):
        Listener(paths.default_socket())


def test_a_second_listener_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    path = unix_path(tmp_path, "s")
    first = Listener(path)
    with pytest.raises(DaemonError, match="a daemon already has it"):
        Listener(path)
    connect_unix(path).close()
    first.close()
    Listener(path).close()
    assert os.listdir(tmp_path) == []


def test_a_file_that_is_no_socket_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("mine")
    with pytest.raises(DaemonError, match="not a socket"):
        Listener(str(path))
    assert path.read_text() == "mine"


def test_a_live_socket_of_somebody_else_is_never_replaced(tmp_path: Path) -> None:
    path = unix_path(tmp_path, "s")
    first = Listener(path)
    os.unlink(f"{path}.lock")
    with pytest.raises(DaemonError, match="somebody already listens there"):
        Listener(path)
    connect_unix(path).close()
    first.close()


def test_a_path_too_long_for_a_socket_is_told() -> None:
    with pytest.raises(DaemonError, match="at most 107 bytes"):
        Listener("/tmp/" + "x" * 200)


# Real processes.


@pytest.fixture
def path(tmp_path: Path) -> str:
    return unix_path(tmp_path, "s")


@pytest.fixture
def detached(path: str) -> Iterator[str]:
    """A path on which a daemon may be started detached; it is ended afterwards."""
    yield path
    cli("--socket", path, "stop", "--force")
    eventually_sync(lambda: not os.path.exists(path), SLOW)


def test_a_killed_daemons_socket_is_replaced(path: str) -> None:
    with served(path) as process:
        process.kill()
        process.wait()
        assert os.path.exists(path)
        with served(path), connect_unix(path):
            pass


def test_of_two_daemons_started_at_once_one_listens_and_the_other_says_so(path: str) -> None:
    processes = [serve(path), serve(path)]
    try:
        eventually_sync(lambda: any(p.poll() is not None for p in processes), SLOW)
        (loser,) = (p for p in processes if p.poll() is not None)
        assert loser.returncode == 1
        assert loser.stderr is not None
        assert b"a daemon already has it" in loser.stderr.read()
        eventually_sync(lambda: launch.answers(path), SLOW)
    finally:
        for process in processes:
            with process:
                process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(
    path: str, tmp_path: Path, config_file: Path, number: signal.Signals
) -> None:
    with served(path, "-c", str(config_file)) as process:
        eventually_sync(lambda: os.path.islink(tmp_path / "tty"), SLOW)
        process.send_signal(number)
        assert process.wait(SLOW) == 0
        assert os.listdir(tmp_path) == ["config.toml"]


async def test_sighup_applies_the_changed_file(path: str, config_file: Path) -> None:
    process = await asyncio.to_thread(serve, path, "-c", str(config_file))
    try:
        await eventually(lambda: launch.answers(path), SLOW)
        async with await Client.connect(path) as client:
            before = {item["name"]: item["since"] for item in await client.consoles()}
            config_file.write_text(config_file.read_text() + '[console.vm9]\nguest = "null"\n')
            process.send_signal(signal.SIGHUP)
            async for event in client.events():
                if event["event"] == "MUX_RELOADED":
                    break
            after = {item["name"]: item["since"] for item in await client.consoles()}
            assert after.pop("vm9")
            assert after == before
    finally:
        process.kill()
        await asyncio.to_thread(process.communicate)


def test_all_mistakes_of_a_file_are_told_and_nothing_starts(path: str, config_file: Path) -> None:
    config_file.write_text('[console.a]\nguest = "nul"\n[console.b]\nhistry = "1M"\n')
    done = cli("--socket", path, "serve", "-c", str(config_file))
    assert done.returncode == 2
    assert "'nul' is not a valid char driver name" in done.stderr
    assert "unknown key 'histry'" in done.stderr
    assert not os.path.exists(path)


def test_started_detached_it_keeps_nothing_of_its_starter(detached: str, tmp_path: Path) -> None:
    # As under ssh: whoever holds the other ends waits until every copy of these is closed.
    done = cli("--socket", detached, "add", "vm1", "--guest", "process,command=cat")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    pid = _daemon_pid(detached)
    assert {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3)} == {"/dev/null"}
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert os.getsid(pid) not in (os.getsid(0), pid)
    assert os.getsid(pid) != os.getpgrp()
    log = Path(paths.log_file())
    assert "listening on" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def _daemon_pid(path: str) -> int:
    with connect_unix(path) as sock:
        read_until(sock, b"\r\n")
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        pid: int = struct.unpack("3i", credentials)[0]
        return pid


def test_ensure_daemon_starts_one_and_is_content_with_one(detached: str) -> None:
    launch.ensure_daemon(detached)
    pid = _daemon_pid(detached)
    launch.ensure_daemon(detached)
    assert _daemon_pid(detached) == pid


def test_why_a_detached_daemon_cannot_start_is_told(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("mine")
    with pytest.raises(DaemonError, match="something is there that is not a socket"):
        launch.start_detached(str(path))


def test_its_programs_get_the_original_limit_of_open_files_and_umask(
    path: str, tmp_path: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    config_file = tmp_path / "config.toml"
    config_file.write_text(
        '[console.vm1]\nguest = "process,command=ulimit -Sn; umask; sleep 100"\n'
    )
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 500), hard))
    umask = os.umask(0o027)
    try:
        with served(path, "-c", str(config_file)):
            wanted = f"{min(soft, 500)}\r\n0027\r\n"
            eventually_sync(lambda: cli("-s", path, "log", "vm1").stdout == wanted, SLOW)
    finally:
        os.umask(umask)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
