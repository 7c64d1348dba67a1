"""Everything muxcore raises on purpose.

::

    MuxError
    ├── OptionError          a chardev's options are wrong (QEMU's text)
    ├── ConfigError          a configuration file has problems (all of them)
    ├── ChardevError         a chardev cannot do what it was asked
    │   ├── OpenError        it cannot be opened
    │   ├── StreamError      a live byte stream failed
    │   └── BreakUnsupported it has no break condition to send
    ├── CommandError         a control command is refused
    │   └── NotFoundError    it names something that does not exist
    ├── ProtocolError        a peer broke a wire format
    ├── ScreenError          a screen's process cannot be started
    └── DaemonError          the daemon cannot be reached or started
"""

from __future__ import annotations

import os
from dataclasses import dataclass


def describe_os_error(error: OSError) -> str:
    """The plain words of `error`, without Python's `[Errno N]`."""
    if error.errno is not None:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__


def printable(text: str | bytes) -> str:
    """`text` with every control character escaped, safe for a log or a terminal."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class MuxError(Exception):
    """Root of the tree. `qmp_class` is the error class told to QMP clients."""

    qmp_class = "GenericError"


class OptionError(MuxError):
    """A chardev's options are wrong; the message is QEMU's where QEMU has one.

    `hint` is a second line with the way out, `option` the option at fault;
    either may be empty.
    """

    def __init__(self, message: str, *, hint: str = "", option: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.option = option


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a configuration file: what, where, and what to do."""

    path: str
    where: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.path}: {self.where}" if self.where else self.path
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}: {self.message}{hint}"


class ConfigError(MuxError):
    """A configuration file has problems; `problems` holds all of them."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class ChardevError(MuxError):
    """A chardev cannot do what it was asked; an `OSError` behind it is its cause."""


class OpenError(ChardevError):
    """A chardev cannot be opened. `path` names the file or address, when there is one."""


class StreamError(ChardevError):
    """A live byte stream failed while reading or writing."""


class BreakUnsupported(ChardevError):  # noqa: N818 - reads as what it says
    """The chardev has no break condition."""


class CommandError(MuxError):
    """A control command is refused, `qmp_class` says how (QEMU's QapiErrorClass)."""

    def __init__(self, message: str, qmp_class: str = "GenericError") -> None:
        super().__init__(message)
        self.qmp_class = qmp_class


class NotFoundError(CommandError):
    """A control command names a console, chardev or peer that does not exist."""


class ProtocolError(MuxError):
    """A peer broke a wire format: a bad frame, bad JSON, a bound overstepped."""


class ScreenError(MuxError):
    """The process that is to keep a screen cannot be started."""


class DaemonError(MuxError):
    """The daemon cannot be reached or started; the message says why and what to do."""
