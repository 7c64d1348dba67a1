"""Starting the daemon detached from whatever terminal asked for it.

The daemon gets a session of its own, `/` as its directory and no descriptor of
the terminal (else `ssh host muxtui` would never end). The starter waits on a
pipe for the word `READY` or for the reason why it could not start.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys

from muxcore import paths
from muxcore.errors import DaemonError, describe_os_error, printable

READY = b"ready\n"
_WORDS = 64 * 1024


def answers(path: str) -> bool:
    """Whether somebody listens on the control socket `path`.

    Raises:
        DaemonError: it cannot be told, e.g. for want of permission.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError as error:
            raise DaemonError(
                f"cannot reach the daemon at {path}: {describe_os_error(error)}"
            ) from error
    return True


def ensure_daemon(path: str | None = None) -> None:
    """Start the daemon unless one answers on `path`; returns when it does.

    Raises:
        DaemonError: it cannot be started; the message is its reason.
    """
    path = path or paths.default_socket()
    if answers(path):
        return
    try:
        start_detached(path)
    except DaemonError:
        # Somebody else may have started one at the same moment; that one serves as well.
        if not answers(path):
            raise


def start_detached(path: str) -> None:
    """Start a daemon on the control socket `path` and wait until it is ready.

    Raises:
        DaemonError: it could not start; the message is its reason.
    """
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as ready:
        with os.fdopen(writer, "wb"):
            _spawn(path, writer)
        words = ready.read(_WORDS)
    if words != READY:
        reason = "\n".join(printable(line) for line in words.decode(errors="replace").splitlines())
        raise DaemonError(reason or f"the daemon ended at once; its log is {paths.log_file()}")


def detach() -> None:
    """Leave the starter's process group for good: called by the daemon before its loop runs.

    A session leader could get a controlling terminal by opening one; its child cannot.
    """
    if os.fork():
        os._exit(0)
    os.chdir("/")


def _spawn(path: str, writer: int) -> None:
    # `-m` looks in the current directory first: this very package, installed or not.
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    command = [
        sys.executable,
        "-m",
        "muxcore",
        "--socket",
        path,
        "serve",
        "--ready-fd",
        str(writer),
    ]
    try:
        starter = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=root,
            pass_fds=(writer,),
            start_new_session=True,
        )
    except OSError as error:
        raise DaemonError(f"cannot start the daemon: {describe_os_error(error)}") from error
    starter.wait()
