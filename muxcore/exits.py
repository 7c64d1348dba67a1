"""The exit codes of every command."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """What a command ends with; `meaning` says it in words."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        """A code with its meaning."""
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    OK = 0, "done"
    ERROR = 1, "it did not work; standard error says why"
    USAGE = 2, "the command line or the configuration file is wrong"
    NO_DAEMON = 3, "the daemon cannot be reached or started, or it ended the stream"
    NOT_FOUND = 4, "there is no such console"
    CLOSED = 5, "the guest is not open"
    REFUSED = 6, "a question was answered with no"
