"""Replacing what a killed daemon left behind, and never what somebody still uses."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import socket
import stat
from collections.abc import Callable


def remove_stale(path: str, is_stale: Callable[[str], bool]) -> bool:
    """Remove `path` if `is_stale` says so; False when it was left alone.

    Two daemons may find the same leftover at once, and the slower one must not
    remove what the faster one has just put in its place. So it is moved aside
    first, looked at again under that name, and put back if it is alive.

    Raises:
        OSError: the directory cannot be written.
    """
    if not is_stale(path):
        return False
    aside = os.path.join(os.path.dirname(path), f".{secrets.token_hex(4)}")
    os.rename(path, aside)
    if is_stale(aside):
        os.unlink(aside)
        return True
    os.rename(aside, path)
    return False


def is_stale_socket(path: str) -> bool:
    """Whether `path` is a unix socket that no living socket is bound to.

    A datagram socket is what asks: connecting it tells a dead socket
    (ECONNREFUSED) from a living stream socket (EPROTOTYPE), whether or not that
    one listens already, and no server ever sees a client come and go (unix(7)).
    """
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def is_stale_pty_link(path: str) -> bool:
    """Whether `path` is a symlink to a pty that is gone, or is no longer the one it was made for.

    The kernel gives the number of a pty that is gone to the next one, so the
    link of a killed daemon may point to somebody's terminal by now. That
    terminal was made after the link, and a link is made after its pty: the link
    is stale when every time stamp of the pty is later than the link. One that
    is not may still be stale (a clock that was set back), but is left alone.
    """
    try:
        target = os.readlink(path)
    except OSError:
        return False
    if not re.fullmatch(r"/dev/pts/\d+", target):
        return False
    link = os.lstat(path)
    try:
        pty = os.stat(target)
    except FileNotFoundError:
        return True
    return min(pty.st_ctime_ns, pty.st_mtime_ns, pty.st_atime_ns) > link.st_mtime_ns


def unlink_if(path: str, condition: Callable[[str], bool]) -> None:
    """Remove `path` if `condition` says that it is ours; it may be gone already."""
    with contextlib.suppress(OSError):
        if condition(path):
            os.unlink(path)
