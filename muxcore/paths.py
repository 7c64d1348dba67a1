"""Where things are: the control socket, the configuration, the log (XDG base directories)."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat

from muxcore.errors import DaemonError, describe_os_error

SUN_PATH = 107
"""Longest path of a unix socket in bytes: sun_path without its NUL, unix(7)."""


def runtime_directory() -> str:
    """`$XDG_RUNTIME_DIR/muxtui`, or `/tmp/muxtui-UID` where there is none."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime):
        return os.path.join(runtime, "muxtui")
    return f"/tmp/muxtui-{os.getuid()}"


def default_socket() -> str:
    """The control socket to use when none is named: `$MUXTUI_SOCKET`, else the user's own."""
    named = os.environ.get("MUXTUI_SOCKET", "")
    return os.path.abspath(named) if named else os.path.join(runtime_directory(), "control.sock")


def private_sockets(control: str, name: str) -> str:
    """The directory of the sockets that the virtual machine `name` is started with.

    Short, and another one for every daemon, which `control` is the socket of.
    """
    digest = hashlib.sha256(os.fsencode(f"{control}\0{name}")).hexdigest()[:8]
    return os.path.join(runtime_directory(), "qemu", digest)


def config_file() -> str:
    """`$XDG_CONFIG_HOME/muxtui/config.toml`."""
    return os.path.join(_xdg("XDG_CONFIG_HOME", "~/.config"), "muxtui", "config.toml")


def log_file() -> str:
    """`$XDG_STATE_HOME/muxtui/daemon.log`."""
    return os.path.join(_xdg("XDG_STATE_HOME", "~/.local/state"), "muxtui", "daemon.log")


def _xdg(variable: str, fallback: str) -> str:
    value = os.environ.get(variable, "")
    return value if os.path.isabs(value) else os.path.expanduser(fallback)


def private_directory(path: str) -> None:
    """Make `path` a directory that is ours alone (0700), or see that it is one.

    Raises:
        DaemonError: it cannot be made, belongs to somebody else, is a link, or
            others may write to it.
    """
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
        check_private(path)
    except OSError as error:
        raise DaemonError(f"cannot use {path}: {describe_os_error(error)}") from error


def check_private(path: str) -> None:
    """See that the directory `path` is ours and that nobody else can write to it.

    Raises:
        DaemonError: it is not.
        OSError: it cannot be looked at.
    """
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode):
        raise DaemonError(f"cannot use {path}: it is not a directory")
    if found.st_uid != os.getuid():
        raise DaemonError(f"cannot use {path}: it belongs to uid {found.st_uid}, not to us")
    if found.st_mode & 0o022:
        raise DaemonError(f"cannot use {path}: others may write to it (chmod 700 {path})")
