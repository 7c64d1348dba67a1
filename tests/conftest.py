"""Fixtures and rules that hold for every test: no developer's home, no leak, no silent skip."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests import support
from tests.guest import qemu

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytest_plugins = ["tests.guest.fixtures"]

# As hypothesis has it by itself in CI: how long a case takes says how busy the machine is.
settings.register_profile("desk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
if not os.environ.get("CI"):
    settings.load_profile("desk")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker for tests that run somebody else's program."""
    config.addinivalue_line(
        "markers",
        "needs(program, ...): skipped where one of these programs or files is missing; fails in CI",
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose programs are missing; fail it in CI, where nothing may be missing."""
    needed = {program for mark in item.iter_markers("needs") for program in mark.args}
    if item.get_closest_marker("guest"):
        needed.update(qemu.PROGRAMS)
    missing = sorted(name for name in needed if not (shutil.which(name) or os.path.exists(name)))
    if not missing:
        return
    reason = f"needs {', '.join(missing)} (tests/run --install)"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def hidden_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every test a home, a runtime directory and a shell that are not the developer's."""
    home = tmp_path_factory.mktemp("home")
    for variable, name in (
        ("HOME", "."),
        ("XDG_RUNTIME_DIR", "run"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_STATE_HOME", "state"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_DATA_HOME", "data"),
    ):
        directory = home / name
        directory.mkdir(mode=0o700, exist_ok=True)
        monkeypatch.setenv(variable, str(directory.resolve()))
    for variable in ("MUXTUI_SOCKET", "NO_COLOR", "TMUX", "COLUMNS", "LINES"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("SHELL", "/bin/sh")
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture(autouse=True)
def no_fd_left() -> Iterator[None]:
    """Fail a test that leaves a descriptor of this process open.

    Whatever else a test uses is set up after this and torn down before it.
    """
    before = support.open_fds()
    yield
    leaked = _new_fds(before)
    if leaked:
        # What only a reference cycle keeps is not leaked: unclosed sockets warn by themselves.
        gc.collect()
        leaked = _new_fds(before)
    assert not leaked, f"the test left descriptors open: {leaked}"


def _new_fds(before: dict[int, str]) -> dict[int, str]:
    return {fd: name for fd, name in support.open_fds().items() if before.get(fd) != name}


@pytest.fixture(autouse=True)
def no_child_left(no_fd_left: None) -> Iterator[None]:
    """Fail a test that leaves a child process behind, running or never waited for."""
    before = support.child_processes()
    yield
    with contextlib.suppress(TimeoutError):
        # asyncio's child watcher waits in a thread of its own.
        support.eventually_sync(lambda: support.child_processes() <= before, timeout=5.0)
    left = support.child_processes() - before
    assert not left, f"the test left child processes: {left}"


@pytest.fixture
async def _no_task_left() -> AsyncIterator[None]:
    known = asyncio.all_tasks()
    yield
    left = await support.lingering_tasks(known)
    assert not left, f"the test left tasks behind: {left}"


@pytest.fixture(autouse=True)
def no_task_left(no_child_left: None, request: pytest.FixtureRequest) -> None:
    """Fail a coroutine test that leaves a task of its loop behind; other tests get no loop."""
    if inspect.iscoroutinefunction(getattr(request.node, "obj", None)):
        request.getfixturevalue("_no_task_left")


@pytest.fixture(
    params=["default", "eager"] if hasattr(asyncio, "eager_task_factory") else ["default"]
)
async def task_factory(request: pytest.FixtureRequest) -> str:
    """Run the test under the default and, on Python 3.12 and later, the eager task factory.

    `pytestmark = pytest.mark.usefixtures("task_factory")` does a whole file.
    """
    kind: str = request.param
    if kind == "eager":
        asyncio.get_running_loop().set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009
    return kind
