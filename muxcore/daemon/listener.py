"""The control socket itself: one daemon's alone, by a lock that ends with the process.

The lock file beside the socket decides who may use the path; the socket file
says nothing, because a killed daemon leaves it behind. With the lock held, a
socket on which nobody listens is stale and is replaced.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat

from muxcore import paths
from muxcore.chardev.stale import is_stale_socket
from muxcore.errors import DaemonError, describe_os_error, printable

BACKLOG = 128


class Listener:
    """A listening unix socket (0600) at `path`, held exclusively until `close`.

    Raises:
        DaemonError: another daemon has it, or it cannot be made; the message
            says which and why.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        if path == os.path.join(paths.runtime_directory(), os.path.basename(path)):
            paths.private_directory(os.path.dirname(path))
        if len(os.fsencode(path)) > paths.SUN_PATH:
            raise DaemonError(
                f"cannot listen on {printable(path)}: a unix socket's path has at most"
                f" {paths.SUN_PATH} bytes"
            )
        try:
            self._lock = _lock(path)
        except OSError as error:
            raise _cannot(path, describe_os_error(error)) from error
        try:
            self.socket, self._inode = _listen(path)
        except BaseException as error:
            self._unlock()
            if isinstance(error, OSError):
                raise _cannot(path, describe_os_error(error)) from error
            raise

    def close(self) -> None:
        """Stop listening and remove the socket, unless somebody replaced it meanwhile."""
        self.socket.close()
        with contextlib.suppress(OSError):
            if os.lstat(self.path).st_ino == self._inode:
                os.unlink(self.path)
        self._unlock()

    def _unlock(self) -> None:
        # Removed while it is still locked: whoever waits for it sees that it is gone.
        with contextlib.suppress(OSError):
            os.unlink(_lock_path(self.path))
        with contextlib.suppress(OSError):
            os.close(self._lock)


def _lock_path(path: str) -> str:
    return f"{path}.lock"


def _lock(path: str) -> int:
    """The locked descriptor of the lock file.

    Raises:
        DaemonError: another process has the lock.
    """
    while True:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(_lock_path(path), flags, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(fd), os.lstat(_lock_path(path))):
                return fd
        except FileNotFoundError:
            pass
        except BaseException as error:
            os.close(fd)
            if isinstance(error, BlockingIOError):
                raise _cannot(path, "a daemon already has it (muxtui stop ends it)") from error
            raise
        # The daemon that held it removed it just now: what was locked is no longer the file.
        os.close(fd)


def _listen(path: str) -> tuple[socket.socket, int]:
    """A socket that listens, and the inode of its file. Raises DaemonError, OSError."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise _cannot(path, "something is there that is not a socket")
        if not is_stale_socket(path):
            raise _cannot(path, "somebody already listens there")
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.bind(path)
        try:
            os.chmod(path, 0o600)
            listener.listen(BACKLOG)
            return listener, os.lstat(path).st_ino
        except BaseException:
            os.unlink(path)
            raise
    except BaseException:
        listener.close()
        raise


def _cannot(path: str, why: str) -> DaemonError:
    return DaemonError(f"cannot listen on {printable(path)}: {why}")
