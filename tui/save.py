"""Text into files of the user's."""

from __future__ import annotations

import os
import re
import time

from muxcore.errors import MuxError, describe_os_error, printable

_UNSAFE = re.compile(r"[^\w.+-]+")


class SaveError(MuxError):
    """A file cannot be written; the message is one line."""


class TakenError(SaveError):
    """There is such a file already."""


def default_path(console: str, now: float, suffix: str) -> str:
    """Where a console's text is offered to go: `~/muxtui-vm1-20260131-120000.txt`."""
    when = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    return f"~/muxtui-{_UNSAFE.sub('_', console)}-{when}{suffix}"


def save(path: str, text: str, *, replace: bool = False) -> str:
    """Write a file that only its owner can read; a leading `~` is the user's home.

    Args:
        path: where to.
        text: what to write, as UTF-8.
        replace: whether a file that is there may be written over.

    Returns:
        The path without `~`.

    Raises:
        TakenError: there is such a file, and it was not to be replaced.
        SaveError: it cannot be written.
    """
    full = os.path.expanduser(path)
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if replace else os.O_EXCL)
    try:
        with open(os.open(full, flags | os.O_CLOEXEC | os.O_NOCTTY, 0o600), "wb") as file:
            file.write(text.encode("utf-8", "replace"))
    except FileExistsError as error:
        raise TakenError(f"{printable(full)} exists") from error
    except (OSError, ValueError) as error:
        why = describe_os_error(error) if isinstance(error, OSError) else str(error)
        raise SaveError(f"{printable(full)}: {why}") from error
    return full
