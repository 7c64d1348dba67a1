"""What tests of every package share: waiting for a condition, talking to a descriptor, leaks.

Nothing here sleeps for a time that is hoped to be enough. Every wait polls a condition, or the
descriptor itself, against a deadline in seconds, and an expired one says what it waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import time
import tty
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")

TIMEOUT = 20.0
"""Seconds a test waits for something by default: never reached on a sound run."""

POLL = 0.005
"""Seconds between two looks at a condition that cannot be waited for on a descriptor."""

SUN_PATH = 107
"""Longest unix socket path in bytes: sun_path is 108 with its NUL, unix(7)."""


async def eventually(
    predicate: Callable[[], T],
    timeout: float = TIMEOUT,  # noqa: ASYNC109 (names the condition, asyncio.timeout cannot)
    what: str | None = None,
) -> T:
    """Return the first truthy value of `predicate`, letting the event loop run meanwhile.

    Raises:
        TimeoutError: nothing truthy within `timeout` seconds; `what` says what was expected.
    """
    deadline = time.monotonic() + timeout
    while not (value := predicate()):
        if time.monotonic() > deadline:
            raise TimeoutError(_expired(predicate, timeout, what))
        await asyncio.sleep(POLL)
    return value


def eventually_sync(
    predicate: Callable[[], T], timeout: float = TIMEOUT, what: str | None = None
) -> T:
    """`eventually` for tests without an event loop."""
    deadline = time.monotonic() + timeout
    while not (value := predicate()):
        if time.monotonic() > deadline:
            raise TimeoutError(_expired(predicate, timeout, what))
        time.sleep(POLL)
    return value


def _expired(predicate: Callable[[], object], timeout: float, what: str | None) -> str:
    name = what or getattr(predicate, "__qualname__", repr(predicate))
    return f"not within {timeout:g} s: {name}"


def unix_path(directory: Path, name: str) -> str:
    """Return a path for a unix socket that is free and short enough to bind."""
    path = directory / name
    assert not os.path.lexists(path), f"{path} is taken"
    assert len(os.fsencode(path)) <= SUN_PATH, f"{path} is too long for a unix socket"
    return str(path)


def connect_unix(path: str | os.PathLike[str], timeout: float = TIMEOUT) -> socket.socket:
    """Connect to a unix socket, waiting for its server to be there; blocking in nothing else."""
    return _connect(socket.AF_UNIX, os.fspath(path), timeout)


def connect_tcp(port: int, timeout: float = TIMEOUT) -> socket.socket:
    """Connect to a port of the loopback in the same way; it sends without delay."""
    sock = _connect(socket.AF_INET, ("127.0.0.1", port), timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _connect(family: int, address: Any, timeout: float) -> socket.socket:  # noqa: ANN401 - as connect takes it
    deadline = time.monotonic() + timeout
    while True:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            sock.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL)
        except BaseException:
            sock.close()
            raise
        else:
            return sock


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of the loopback that nobody has at this moment."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Staged(ABC):
    """What is set up when it is entered and taken down, in reverse order, when it is left.

    `_stack` has what is to be taken down; a set-up that fails takes down what there is by then.
    """

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()

    @abstractmethod
    def start(self) -> None:
        """Set it up, with whatever has to end on `_stack`."""

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._stack = stack
            self.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _fileno(stream: socket.socket | int) -> int:
    return stream if isinstance(stream, int) else stream.fileno()


def read_some(stream: socket.socket | int, timeout: float = TIMEOUT, size: int = 1 << 16) -> bytes:
    """Read once from a socket or descriptor; b"" at its end (EIO of a pty included).

    Raises:
        TimeoutError: nothing to read within `timeout` seconds.
    """
    fd = _fileno(stream)
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    if not poller.poll(max(0.0, timeout) * 1000):
        raise TimeoutError(f"nothing to read within {timeout:g} s")
    try:
        return os.read(fd, size)
    except OSError:
        return b""


def _gather(
    stream: socket.socket | int, enough: Callable[[bytearray], bool], timeout: float, what: str
) -> bytes:
    got = bytearray()
    deadline = time.monotonic() + timeout
    while not enough(got):
        try:
            chunk = read_some(stream, deadline - time.monotonic())
        except TimeoutError:
            raise TimeoutError(
                f"no {what} within {timeout:g} s; got {bytes(got[-400:])!r}"
            ) from None
        if not chunk:
            raise EOFError(f"end of stream before {what}; got {bytes(got[-400:])!r}")
        got += chunk
    return bytes(got)


def read_until(stream: socket.socket | int, needle: bytes, timeout: float = TIMEOUT) -> bytes:
    """Read until `needle` has come; return everything read, which may go beyond it.

    Raises:
        TimeoutError: not within `timeout` seconds; the message shows the tail of what came.
        EOFError: the stream ended first.
    """
    return _gather(stream, lambda got: needle in got, timeout, repr(needle))


def read_exactly(stream: socket.socket | int, count: int, timeout: float = TIMEOUT) -> bytes:
    """Read until at least `count` bytes have come, and fail if more did; errors as read_until."""
    got = _gather(stream, lambda got: len(got) >= count, timeout, f"{count} bytes")
    assert len(got) == count, f"{len(got)} bytes came where {count} were expected"
    return got


def expect(stream: socket.socket | int, expected: bytes, timeout: float = TIMEOUT) -> None:
    """Assert that exactly `expected` comes next; reads no byte beyond it."""
    got = bytearray()
    deadline = time.monotonic() + timeout
    while len(got) < len(expected):
        try:
            chunk = read_some(stream, deadline - time.monotonic(), len(expected) - len(got))
        except TimeoutError:
            raise TimeoutError(f"expected {expected!r}, got {bytes(got)!r}") from None
        got += chunk
        assert chunk, f"expected {expected!r}, got {bytes(got)!r} and the end of the stream"
        assert expected.startswith(got), f"expected {expected!r}, got {bytes(got)!r}"


def read_to_end(stream: socket.socket | int, timeout: float = TIMEOUT) -> bytes:
    """Read to the end of the stream (EOF, or EIO of a pty)."""
    got = bytearray()
    deadline = time.monotonic() + timeout
    while chunk := read_some(stream, deadline - time.monotonic()):
        got += chunk
    return bytes(got)


def assert_silent(stream: socket.socket | int, seconds: float = 0.1) -> None:
    """Assert that nothing comes for so long: for absence only, the one wait without a condition."""
    try:
        got = read_some(stream, seconds)
    except TimeoutError:
        return
    raise AssertionError(f"expected nothing, got {got!r}")


@contextlib.contextmanager
def raw_pty() -> Iterator[tuple[int, int]]:
    """A pty pair (master, slave) in raw mode, without echo: a serial line of two ends."""
    master, slave = os.openpty()
    try:
        tty.setraw(slave)
        yield master, slave
    finally:
        for fd in (master, slave):
            # A test may have closed one itself: hanging up is what it is about.
            with contextlib.suppress(OSError):
                os.close(fd)


def open_fds(process: int | str = "self") -> dict[int, str]:
    """Every open descriptor of a process and what it points to, as /proc/PID/fd says."""
    fds = {}
    for name in os.listdir(f"/proc/{process}/fd"):
        # The listing's own descriptor is gone by now.
        with contextlib.suppress(FileNotFoundError):
            fds[int(name)] = os.readlink(f"/proc/{process}/fd/{name}")
    return fds


def child_processes() -> set[int]:
    """Process ids of this process's children, zombies included; see children in proc(5)."""
    children: set[int] = set()
    for thread in os.listdir("/proc/self/task"):
        # A thread may have ended since it was listed.
        with (
            contextlib.suppress(FileNotFoundError),
            open(f"/proc/self/task/{thread}/children") as listing,
        ):
            children.update(map(int, listing.read().split()))
    return children


async def lingering_tasks(known: set[asyncio.Task[object]]) -> list[str]:
    """Names of tasks beyond `known` that do not end by themselves: cancelled ones may finish."""
    known = known | {asyncio.current_task()}  # type: ignore[arg-type]  # a coroutine has a task
    with contextlib.suppress(TimeoutError):
        await eventually(lambda: asyncio.all_tasks() <= known, timeout=5.0)
    return [repr(task) for task in asyncio.all_tasks() - known]
