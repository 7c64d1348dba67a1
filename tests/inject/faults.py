"""System calls that fail on command, as muxcore's modules see them.

Inside `injected` the modules' names `os`, `socket`, `select`, ... stand for look-alikes that count
every call by its place (module and function, or the method of a socket) and let one of them, the
Nth of its place, come to a fault. Nobody else in the process is touched: the far ends of a test
make their calls undisturbed, and so does the event loop, but for its epoll.

EINTR is not among the errors of reading and writing: Python calls again by itself (PEP 475).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import importlib
import os
import pkgutil
import select
import socket
import stat
import sys
import termios
import threading
import tty
import types
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import muxcore
from muxcore.chardev import opens

SHORT = "SHORT"
"""Not an error: a read or a write of one byte, where more was asked for."""

_READ = ("EIO", "ECONNRESET", "EAGAIN", "ENOMEM", SHORT)
_WRITE = ("EIO", "EPIPE", "ECONNRESET", "EAGAIN", "ENOSPC", "ENOMEM", "ENOBUFS", SHORT)
_DESCRIPTOR = ("EMFILE", "ENOMEM")
_PATH = ("EIO", "ENOMEM")

OS = {
    "read": _READ,
    "readv": _READ,
    "write": _WRITE,
    "writev": _WRITE,
    "close": ("EIO",),
    "open": ("EMFILE", "ENFILE", "ENOMEM", "ENOSPC", "EACCES", "EIO"),
    "openpty": ("EMFILE", "ENOSPC", "ENOMEM"),
    "pidfd_open": _DESCRIPTOR,
    "pipe": _DESCRIPTOR,
    "pipe2": _DESCRIPTOR,
    # What a pipe or a socket is given without a copy; the rest meets the plain calls as well.
    "splice": ("EAGAIN", "EINVAL", "ENOMEM"),
    "dup": _DESCRIPTOR,
    "ttyname": ("ENODEV",),
    "fstat": _PATH,
    "lstat": (*_PATH, "ENOENT"),
    "stat": _PATH,
    "readlink": _PATH,
    "symlink": ("EIO", "ENOSPC", "EEXIST"),
    "unlink": (*_PATH, "ENOENT"),
    "rename": ("EIO", "ENOSPC"),
    "chmod": ("EIO",),
    "fchmod": ("EIO",),
    "ftruncate": ("EIO", "ENOSPC"),
    "mkdir": ("ENOSPC", "EACCES"),
    "killpg": ("EPERM",),
}
SOCKET = {
    "accept": ("EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "ECONNABORTED", "EAGAIN", "EPROTO"),
    "bind": ("EADDRINUSE", "EACCES", "ENOMEM", "EADDRNOTAVAIL"),
    "connect": ("EAGAIN", "ECONNREFUSED", "ENOMEM", "ENETUNREACH", "ECONNRESET"),
    "getpeername": ("ENOTCONN", "ENOBUFS"),
    "getsockopt": ("ENOMEM",),
    "listen": ("EADDRINUSE", "ENOBUFS"),
    "recv": ("ECONNREFUSED", "ECONNRESET", "EAGAIN", "ENOMEM"),
    "send": ("ECONNREFUSED", "EAGAIN", "ENOBUFS", "ENOMEM", "EPERM"),
    "setsockopt": ("ENOMEM", "ENOBUFS"),
}
EPOLL = {"register": ("ENOSPC", "ENOMEM"), "modify": ("ENOMEM",)}
MORE: dict[str, dict[str, tuple[str, ...]]] = {
    "fcntl": {"flock": ("ENOLCK",), "ioctl": ("EIO",)},
    "termios": {"tcgetattr": ("EIO",), "tcsetattr": ("EIO",)},
    "tty": {"setraw": ("EIO",)},
}
REAL = {"fcntl": fcntl, "termios": termios, "tty": tty}

DAEMONS_OWN = ("answers", "chardev", "console", "daemon", "flow", "peers", "tls")
"""Packages that a daemon runs, besides the modules of muxcore itself."""

CLIENTS_OWN = {"muxcore.attach", "muxcore.launch", "muxcore.client", "muxcore.daemon.limits"}
"""Modules that no daemon runs, or only before it is one."""


class Fault(NamedTuple):
    """What the `number`th call (from 1) at `place` comes to: an errno's name, or `SHORT`."""

    place: str
    number: int
    kind: str

    def __str__(self) -> str:
        return f"{self.place}#{self.number}={self.kind}"


class Injector:
    """Counts calls, and knows which of them is to fail.

    Attributes:
        counts: calls so far, by place.
        kinds: what the calls at a place may come to.
        hit: whether the fault has happened.
    """

    def __init__(self, fault: Fault | None = None) -> None:
        self.fault = fault
        self.counts: Counter[str] = Counter()
        self.kinds: dict[str, tuple[str, ...]] = {}
        self.hit = False
        self._lock = threading.Lock()

    def due(self, place: str, kinds: tuple[str, ...]) -> str | None:
        """Count a call; what it is to come to instead, if it is the one."""
        with self._lock:
            self.counts[place] += 1
            self.kinds[place] = kinds
            fault = self.fault
            if fault is None or (fault.place, fault.number) != (place, self.counts[place]):
                return None
            self.hit = True
            return fault.kind

    def faults(self) -> Iterator[Fault]:
        """Every fault that could have happened instead of the calls that were counted."""
        for place in sorted(self.counts):
            for number in range(1, self.counts[place] + 1):
                for kind in self.kinds[place]:
                    yield Fault(place, number, kind)

    def wrap(
        self, place: str, real: Callable[..., Any], kinds: tuple[str, ...]
    ) -> Callable[..., Any]:
        """`real`, but for the call that is to fail."""
        name = place.rpartition(":")[2].rpartition(".")[2]

        def call(*args: object, **named: object) -> object:
            kind = self.due(place, kinds)
            if kind is None:
                return real(*args, **named)
            if kind == SHORT:
                return _short(name, real, args)
            if kind == "EPIPE" and not _shut(args[0]):
                kind = "EIO"
            if name == "close":
                # Linux gives the descriptor back whatever close(2) returns.
                real(*args)
            raise _error(place, kind)

        return call


def _shut(fd: object) -> bool:
    """Let a write to a socket meet a far end that reads no more; False if it is no socket.

    Else EPIPE would be a lie: who reads on is not told that there is nothing to come.
    """
    if not (isinstance(fd, int) and stat.S_ISSOCK(os.fstat(fd).st_mode)):
        return False
    with socket.socket(fileno=os.dup(fd)) as sock, contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
    return True


def _short(name: str, real: Callable[..., Any], args: tuple[Any, ...]) -> object:
    if name == "read":
        return real(args[0], min(args[1], 1))
    if name == "write":
        return real(args[0], bytes(args[1])[:1])
    first = next((view for view in args[1] if len(view)), None)
    return real(args[0], [] if first is None else [memoryview(first)[:1]])


def _error(place: str, kind: str) -> Exception:
    if kind == "thread":
        return RuntimeError("can't start new thread")
    if kind == "memory":
        return MemoryError()
    if kind == "EAI_AGAIN":
        return socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    code = getattr(errno, kind)
    if place.rpartition(":")[2] in (*MORE["termios"], *MORE["tty"]):
        return termios.error(code, os.strerror(code))
    return OSError(code, os.strerror(code))


class _LookAlike(types.ModuleType):
    """A module but for some of its names."""

    def __init__(self, real: types.ModuleType, **instead: object) -> None:
        super().__init__(real.__name__)
        self.__dict__.update(real.__dict__)
        self.__dict__.update(instead)


class Epoll:
    """An epoll object whose calls are counted."""

    def __init__(self, injector: Injector, place: str, real: select.epoll) -> None:
        self._real = real
        self.register = injector.wrap(f"{place}.register", real.register, EPOLL["register"])
        self.modify = injector.wrap(f"{place}.modify", real.modify, EPOLL["modify"])

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever epoll has
        return getattr(self._real, name)


def _sockets(injector: Injector) -> type[socket.socket]:
    """A class of sockets whose methods are counted."""

    def accept(self: socket.socket) -> tuple[socket.socket, object]:
        fd, address = self._accept()  # type: ignore[attr-defined]
        return kind(self.family, self.type, self.proto, fileno=fd), address

    def method(name: str, kinds: tuple[str, ...]) -> Callable[..., Any]:
        real = accept if name == "accept" else getattr(socket.socket, name)
        return injector.wrap(f"socket.{name}", real, kinds)

    methods = {name: method(name, kinds) for name, kinds in SOCKET.items()}
    kind = type("Socket", (socket.socket,), methods)
    return kind


def _instead(injector: Injector, module: types.ModuleType) -> dict[str, object]:
    """What the names of `module` are to stand for."""
    place = module.__name__.removeprefix("muxcore.")
    instead: dict[str, object] = {}
    names = {"os": OS, **MORE}
    for name, calls in names.items():
        if hasattr(module, name):
            real = REAL.get(name, os)
            wrapped = {
                call: injector.wrap(f"{place}:{call}", getattr(real, call), kinds)
                for call, kinds in calls.items()
            }
            instead[name] = _LookAlike(real, **wrapped)
    if hasattr(module, "socket") and isinstance(module.socket, types.ModuleType):
        instead["socket"] = _socket_module(injector, place)
    if hasattr(module, "select"):
        instead["select"] = _select_module(injector, place)
    if hasattr(module, "threading"):
        instead["threading"] = _LookAlike(threading, Thread=_threads(injector, place))
    if place in ("ring", "chardev.file"):
        name = "_bytearray" if hasattr(module, "_bytearray") else "bytearray"
        allocate = getattr(module, name, bytearray)
        instead[name] = injector.wrap(f"{place}:bytearray", allocate, ("memory",))
    if place in ("chardev.sockets", "config"):
        kinds = ("EMFILE", "ENOMEM")
        instead["open"] = injector.wrap(f"{place}:open", open, kinds)
    if place == "chardev.opens":
        instead["INotify"] = _inotify(injector, place)
    return instead


def _socket_module(injector: Injector, place: str) -> types.ModuleType:
    kind = _sockets(injector)
    make = injector.wrap(f"{place}:socket", kind, ("EMFILE", "ENOBUFS", "EAFNOSUPPORT"))
    look_up = injector.wrap(f"{place}:getaddrinfo", socket.getaddrinfo, ("EAI_AGAIN",))
    return _LookAlike(socket, socket=make, getaddrinfo=look_up)


def _select_module(injector: Injector, place: str) -> types.ModuleType:
    def epoll() -> Epoll:
        return Epoll(injector, f"{place}:epoll", select.epoll())

    make = injector.wrap(f"{place}:epoll", epoll, _DESCRIPTOR)
    poll = injector.wrap(f"{place}:poll", select.poll, ("ENOMEM",))
    return _LookAlike(select, epoll=make, poll=poll)


def _threads(injector: Injector, place: str) -> type[threading.Thread]:
    start = injector.wrap(f"{place}:Thread", threading.Thread.start, ("thread",))
    return type("Thread", (threading.Thread,), {"start": start})


def _inotify(injector: Injector, place: str) -> Callable[..., Any]:
    real: Any = vars(opens)["INotify"]
    add = injector.wrap(f"{place}:add_watch", real.add_watch, ("ENOSPC", "ENOMEM"))
    kind = type("INotify", (real,), {"add_watch": add})
    return injector.wrap(f"{place}:INotify", kind, ("EMFILE", "ENOMEM"))


def modules() -> list[types.ModuleType]:
    """Every module of muxcore that a daemon runs."""
    for part in ("", *(f".{part}" for part in DAEMONS_OWN)):
        package = importlib.import_module(f"muxcore{part}")
        find = pkgutil.walk_packages if part else pkgutil.iter_modules
        for found in find(package.__path__, f"{package.__name__}."):
            if not found.ispkg and not found.name.endswith("__main__"):
                importlib.import_module(found.name)
    return [
        module
        for name, module in sorted(sys.modules.items())
        if name.startswith(f"{muxcore.__name__}.")
        and (name.count(".") == 1 or name.split(".")[1] in DAEMONS_OWN)
        and name not in CLIENTS_OWN
    ]


@contextlib.contextmanager
def injected(injector: Injector) -> Iterator[None]:
    """Let muxcore's calls be counted and fail, until the end of the block."""
    with contextlib.ExitStack() as stack:
        for module in modules():
            for name, value in _instead(injector, module).items():
                had = name in module.__dict__
                before = module.__dict__.get(name)
                setattr(module, name, value)
                if had:
                    stack.callback(setattr, module, name, before)
                else:
                    stack.callback(delattr, module, name)
        yield
