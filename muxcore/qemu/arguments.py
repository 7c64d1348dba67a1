"""The command line of `muxtui qemu OPTIONS -- PROGRAM WORDS`, taken apart as QEMU does.

Every option of QEMU's takes one argument and may be written with one dash or
two (system/vl.c, `lookup_opt`); only `--name` is muxtui's own, `-name` QEMU's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from muxcore.errors import OptionError, printable
from muxcore.options.nearest import nearest

Mode = Literal["show", "wait", "detach"]
"""What follows once QEMU runs: its console is shown, its end is waited for, or nothing."""

UNDERSTOOD = (
    "chardev",
    "device",
    "serial",
    "monitor",
    "qmp",
    "mon",
    "echr",
    "object",
    "vnc",
    "name",
)
"""QEMU's options that may stand before the `--`."""

_FLAGS: dict[str, Mode] = {"--wait": "wait", "--detach": "detach"}
_OURS = ("--name", "--dry-run", *_FLAGS, "--socket", "--help")


@dataclass(frozen=True)
class Option:
    """One option of QEMU's with its argument."""

    name: str
    text: str

    def __str__(self) -> str:
        return f"-{self.name} {self.text}"


@dataclass(frozen=True)
class Arguments:
    """A command line taken apart.

    `options` is what stood before the `--`, `program` and `words` what stood
    behind it, empty where nothing did. `mode` is None where none was asked for.
    """

    options: tuple[Option, ...] = ()
    program: str = ""
    words: tuple[str, ...] = ()
    name: str | None = None
    mode: Mode | None = None
    dry_run: bool = False
    socket: str | None = None
    help: bool = False


def parse(words: Sequence[str]) -> Arguments:
    """Take a command line apart, without its `qemu`.

    Raises:
        OptionError: it is wrong; the text is QEMU's where it has one.
    """
    rest = iter(words)
    options: list[Option] = []
    name: str | None = None
    socket: str | None = None
    mode: Mode | None = None
    dry_run = False
    for word in rest:
        if word in ("-h", "--help", "-help"):
            return Arguments(help=True)
        if word == "--":
            break
        if word in _FLAGS:
            mode = _FLAGS[word]
        elif word == "--dry-run":
            dry_run = True
        elif word == "--name":
            name = _argument(word, rest)
        elif word in ("-s", "--socket"):
            socket = _argument(word, rest)
        elif word.startswith("-") and word.lstrip("-") in UNDERSTOOD:
            options.append(Option(word.lstrip("-"), _argument(word, rest)))
        else:
            raise _unknown(word)
    command = tuple(rest)
    program = command[0] if command else ""
    return Arguments(tuple(options), program, command[1:], name, mode, dry_run, socket)


def options_in(words: Sequence[str], names: Sequence[str]) -> Iterator[Option]:
    """The options called one of `names` in QEMU's own words."""
    for _, option in arguments_in(words, names):
        yield option


def arguments_in(words: Sequence[str], names: Sequence[str]) -> Iterator[tuple[int, Option]]:
    """The options called one of `names` in QEMU's own words, each with its argument's index.

    How many words an option takes is QEMU's to know; what looks like one of
    these is taken for it.
    """
    for index, (word, argument) in enumerate(pairwise(words), 1):
        name = word.removeprefix("-").removeprefix("-")
        if word.startswith("-") and name in names:
            yield index, Option(name, argument)


def has_option(words: Sequence[str], names: Sequence[str]) -> bool:
    """Whether one of the options called `names`, with an argument or none, is among `words`."""
    return any(word in (f"-{name}", f"--{name}") for word in words for name in names)


def _argument(word: str, rest: Iterator[str]) -> str:
    argument = next(rest, None)
    if argument is None or argument == "--":
        raise OptionError(f"{word}: requires an argument")
    return argument


def _unknown(word: str) -> OptionError:
    if not word.startswith("-"):
        hint = "QEMU's command line follows '--'"
        return OptionError(f"'{printable(word)}' is no option", hint=hint)
    known = [*_OURS, *(f"-{name}" for name in UNDERSTOOD)]
    # A short one is near to everything.
    guess = nearest(word, known) if len(word) > 4 else ""
    hint = guess or "what QEMU itself is to be given follows '--'"
    return OptionError(f"{printable(word)}: invalid option", hint=hint)
