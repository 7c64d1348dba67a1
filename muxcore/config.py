"""The configuration file: TOML to frozen dataclasses, every problem told at once.

::

    [console.vm1]
    guest = "socket,path=/run/vm1/console.sock"   # a CHARDEV: QEMU's syntax, or a table
    backends = ["pty,id=pty0", "file,path=/var/log/vm1.log"]  # see also `muxcore.daemon.nesting`
    history = "1M"                                # 64K to 1G
    size = "120x40"                               # width x height in character cells
    answer = "pty0"                               # a backend's id, or "first"
    scrollback = 10000                            # and the rest of `muxcore.settings`
    palette = "linux"
    allow = ["title", "links"]

    [object.tls0]                                 # what a socket's tls-creds names
    qom-type = "tls-creds-x509"
    dir = "/etc/pki/muxtui"
    endpoint = "server"

A table instead of a string has QMP's shape, `{id = "pty0", backend = {type =
"pty", data = {}}}`. A chardev without an id is named `CONSOLE.guest` or
`CONSOLE.TYPEn`. Console names and ids are one flat name space.

Paths are taken as given: a relative one is relative to whoever opens it, and a
`~/` at its start is expanded by the client, not here.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from muxcore.errors import ConfigError, OptionError, Problem, describe_os_error, printable
from muxcore.options.grammar import parse_chardev
from muxcore.options.nearest import nearest
from muxcore.options.objects import ObjectSpec, object_from
from muxcore.options.qmp import from_object
from muxcore.options.sets import ChardevSpec, LinkOptions
from muxcore.options.values import (
    IDENTIFIER_HINT,
    format_size,
    is_identifier,
    parse_size,
)
from muxcore.references import STACKED, is_nested, problems
from muxcore.ring import MAX_CAPACITY, MIN_CAPACITY
from muxcore.settings import DEFAULTS, SETTINGS, Settings, attribute
from muxcore.settings import parse as parse_setting

KEYS = ("guest", "backends", "history", "size", "answer", *SETTINGS)
DEFAULT_HISTORY = 1 << 20
MAX_SIDE = 10_000

_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")


@dataclass(frozen=True)
class ConsoleConfig:
    """A console as asked for. Two are equal when nothing about them changed.

    `history` is in bytes; `size` is (rows, columns), None for no size of its
    own; `answer` is the id of the backend that answers the guest's terminal
    queries, or "first", None for the default.
    """

    name: str
    guest: ChardevSpec | None = None
    backends: tuple[ChardevSpec, ...] = ()
    history: int = DEFAULT_HISTORY
    size: tuple[int, int] | None = None
    answer: str | None = None
    settings: Settings = DEFAULTS


@dataclass(frozen=True)
class Config:
    """A whole configuration file, its consoles in the file's order, and objects."""

    consoles: tuple[ConsoleConfig, ...] = ()
    objects: tuple[ObjectSpec, ...] = ()


def read(path: str) -> Config:
    """`load` the file at `path`.

    Raises:
        ConfigError: it cannot be read (the `OSError` is its cause), or see `load`.
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        message = f"cannot be read: {describe_os_error(error)}"
        raise ConfigError((Problem(printable(path), "", message),)) from error
    except UnicodeDecodeError as error:
        message = f"is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}"
        raise ConfigError((Problem(printable(path), "", message),)) from None
    return load(text, path)


def load(text: str, path: str) -> Config:
    """The configuration that `text` holds; `path` is what its problems name.

    Raises:
        ConfigError: with every problem there is, each with its line where one is known.
    """
    checker = _Checker(printable(path), _Places(text))
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError((_syntax_problem(printable(path), error),)) from None
    for key in data:
        if key not in ("console", "object"):
            hint = nearest(key, ["console", "object"]) or "a console is a table [console.NAME]"
            checker.problem((key,), f"unknown table '{printable(key)}'", hint)
    tables = data.get("console", {})
    if isinstance(tables, dict):
        for name, table in tables.items():
            checker.console(name, table, ("console", name))
    else:
        checker.problem(("console",), "expects tables [console.NAME]")
    objects = checker.objects(data.get("object", {}))
    return Config(checker.finish(whole=True), objects)


def console_config(
    name: str,
    guest: str | dict[str, Any] | None,
    backends: Sequence[str | dict[str, Any]],
    settings: Mapping[str, str],
) -> ConsoleConfig:
    """One console from a command instead of a file: the same checks, the same texts.

    `settings` holds the other keys of a console's table, as text.

    Raises:
        ConfigError: with every problem; their path is the console's name.
    """
    checker = _Checker(printable(name), _Places(""))
    table: dict[str, Any] = dict(settings)
    if guest is not None:
        table["guest"] = guest
    if backends:
        table["backends"] = list(backends)
    checker.console(name, table, ())
    return checker.finish()[0]


def free_id(console: str, type: str, is_taken: Callable[[str], bool]) -> str:
    """The id of a backend that was given none: `CONSOLE.TYPEn` with an n that is free.

    It is the first that is free; where several are that lie apart, it may be another of them, for
    of ten thousand that are taken only a few are asked for.
    """

    def is_free(number: int) -> bool:
        return not is_taken(f"{console}.{type}{number}")

    above = next(filter(is_free, (2**power - 1 for power in count())))
    return f"{console}.{type}{bisect_left(range(above), True, key=is_free)}"


Keys = tuple[str | int, ...]
"""Where a value is: the keys and indices that lead to it."""


class _Checker:
    """Turns raw tables into consoles and collects what is wrong with them."""

    def __init__(self, path: str, places: _Places) -> None:
        self._path = path
        self._places = places
        self._problems: list[Problem] = []
        self._names: dict[str, tuple[Keys, str]] = {}
        self._unknown: set[Keys] = set()
        self._consoles: list[tuple[ConsoleConfig, Keys]] = []

    def problem(self, keys: Keys, message: str, hint: str = "", *, near: str = "") -> None:
        """Note a problem with the value at `keys`, which has the text `near` in its line."""
        where = self._where(keys, near)
        self._problems.append(Problem(self._path, where, message, " ".join(hint.split())))

    def console(self, name: str, table: object, keys: Keys) -> None:
        """Check the table of the console `name`, found at `keys`."""
        if not is_identifier(name):
            self.problem(keys, "Parameter 'name' expects an identifier", IDENTIFIER_HINT)
        self._claim(name, keys)
        if not isinstance(table, dict):
            self.problem(keys, "expects a table")
            return
        for key in table:
            if key not in KEYS:
                hint = nearest(key, KEYS) or f"one of {', '.join(KEYS)}"
                self.problem((*keys, key), f"unknown key '{printable(key)}'", hint)
        console = ConsoleConfig(
            name=name,
            guest=self._guest(table, keys),
            backends=self._backends(table, keys),
            history=self._history(table, keys),
            size=self._size(table, keys),
            answer=self._text(table, keys, "answer", _ANSWER),
            settings=self._settings(table, keys),
        )
        self._consoles.append((console, keys))

    def objects(self, tables: object) -> tuple[ObjectSpec, ...]:
        """Check the tables `[object.ID]`."""
        if not isinstance(tables, dict):
            self.problem(("object",), "expects tables [object.ID]")
            return ()
        specs = []
        for id, table in tables.items():
            try:
                specs.append(object_from({"id": id, **table} if isinstance(table, dict) else table))
            except OptionError as error:
                self.problem(("object", id), str(error), error.hint)
        return tuple(specs)

    def finish(self, *, whole: bool = False) -> tuple[ConsoleConfig, ...]:
        """The consoles with every chardev named.

        Args:
            whole: whether there is nothing but these consoles to refer to.

        Raises:
            ConfigError: there were problems.
        """
        consoles = tuple(self._named(console, keys) for console, keys in self._consoles)
        if whole and not self._problems:
            for name, index, message in problems(consoles):
                self.problem(("console", name, "backends", index), message)
        if self._problems:
            raise ConfigError(tuple(self._problems))
        return consoles

    def _guest(self, table: dict[str, Any], keys: Keys) -> ChardevSpec | None:
        if "guest" not in table:
            return None
        keys = (*keys, "guest")
        spec = self._chardev(table["guest"], keys)
        if spec is not None and is_nested(spec):
            self.problem(keys, STACKED.format(spec.id or spec.type))
        return spec

    def _backends(self, table: dict[str, Any], keys: Keys) -> tuple[ChardevSpec, ...]:
        keys = (*keys, "backends")
        raw = table.get("backends", [])
        if not isinstance(raw, list):
            self._unknown.add(keys)
            self.problem(keys, "expects a list of chardevs")
            return ()
        specs = [self._chardev(item, (*keys, index)) for index, item in enumerate(raw)]
        if None in specs:
            self._unknown.add(keys)
        return tuple(spec for spec in specs if spec is not None)

    def _chardev(self, raw: object, keys: Keys) -> ChardevSpec | None:
        near = raw if isinstance(raw, str) else ""
        try:
            spec = parse_chardev(raw) if isinstance(raw, str) else _from_table(raw)
        except OptionError as error:
            self.problem(keys, str(error), error.hint, near=near)
            return None
        if spec.id is not None:
            self._claim(spec.id, keys, near)
            if spec.options.mux:
                self._claim(f"{spec.id}-base", keys, near)
        return spec

    def _history(self, table: dict[str, Any], keys: Keys) -> int:
        text = self._text(table, keys, "history", 'a size such as "1M"')
        if text is None:
            return DEFAULT_HISTORY
        try:
            size = parse_size("history", text)
        except OptionError as error:
            self.problem((*keys, "history"), str(error), error.hint)
            return DEFAULT_HISTORY
        if not MIN_CAPACITY <= size <= MAX_CAPACITY:
            bounds = f"from {format_size(MIN_CAPACITY)} to {format_size(MAX_CAPACITY)}"
            self.problem((*keys, "history"), f"Parameter 'history' expects a size {bounds}")
        return size

    def _size(self, table: dict[str, Any], keys: Keys) -> tuple[int, int] | None:
        what = 'a width and a height in character cells such as "120x40"'
        text = self._text(table, keys, "size", what)
        if text is None:
            return None
        match = _SIZE.fullmatch(text)
        cols, rows = (int(match[1]), int(match[2])) if match else (0, 0)
        if not (1 <= cols <= MAX_SIDE and 1 <= rows <= MAX_SIDE):
            hint = f"each from 1 to {MAX_SIDE}"
            self.problem((*keys, "size"), f"Parameter 'size' expects {what}", hint)
        return rows, cols

    def _settings(self, table: dict[str, Any], keys: Keys) -> Settings:
        values = {}
        for name in SETTINGS:
            if name in table:
                try:
                    values[attribute(name)] = parse_setting(name, table[name])
                except OptionError as error:
                    self.problem((*keys, name), str(error), error.hint)
        return Settings(**values)

    def _text(self, table: dict[str, Any], keys: Keys, key: str, what: str) -> str | None:
        value = table.get(key)
        if value is None or isinstance(value, str):
            return value
        self.problem((*keys, key), f"Parameter '{key}' expects {what}", "in quotation marks")
        return None

    def _named(self, console: ConsoleConfig, keys: Keys) -> ConsoleConfig:
        """`console` with an id for every chardev that was given none."""
        guest = console.guest
        if guest is not None and guest.id is None:
            guest = replace(guest, id=f"{console.name}.guest")
            self._claim(f"{console.name}.guest", (*keys, "guest"))
        backends = []
        for spec in console.backends:
            if spec.id is None:
                spec = replace(spec, id=self._free_id(console.name, spec))
                self._claim(str(spec.id), (*keys, "backends"))
            backends.append(spec)
        self._check_answer(console.answer, [str(spec.id) for spec in backends], keys)
        return replace(console, guest=guest, backends=tuple(backends))

    def _free_id(self, console: str, spec: ChardevSpec) -> str:
        if isinstance(spec.options, LinkOptions):
            return f"{console}.{spec.options.chardev}"
        return free_id(console, spec.type, self._names.__contains__)

    def _check_answer(self, answer: str | None, ids: list[str], keys: Keys) -> None:
        # It may mean a backend that has a problem of its own: one is enough.
        if answer in (None, "first", *ids) or (*keys, "backends") in self._unknown:
            return
        hint = nearest(str(answer), ids) or _ANSWER
        message = f"no backend of this console has the id '{printable(str(answer))}'"
        self.problem((*keys, "answer"), message, hint)

    def _claim(self, id: str, keys: Keys, near: str = "") -> None:
        """Take `id` in the one name space of consoles and chardevs."""
        if id in self._names:
            first = self._where(*self._names[id]) or "the console's name"
            message = f"Duplicate ID '{printable(id)}' for chardev"
            self.problem(keys, message, f"first used at {first}", near=near)
        else:
            self._names[id] = keys, near

    def _where(self, keys: Keys, near: str = "") -> str:
        dotted = ""
        for key in keys:
            dotted += f"[{key}]" if isinstance(key, int) else f".{printable(key)}"
        line = self._places.line(keys, near)
        return (f"line {line}, " if line else "") + dotted.removeprefix(".")


class _Places:
    """The lines of a TOML text on which tables and keys are, as far as a glance tells.

    Dotted, quoted and bare keys and table headers are seen; what lies in an
    inline table is placed at its key, and a look-alike in a multi-line string
    may take a key's place: the line is a service, the key path is the truth.
    """

    _PART = r"(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')"
    _PATH = rf"({_PART}(?:[ \t]*\.[ \t]*{_PART})*)"
    _HEADER = re.compile(rf"[ \t]*\[\[?[ \t]*{_PATH}[ \t]*\]")
    _KEY = re.compile(rf"[ \t]*{_PATH}[ \t]*=")

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._found: dict[Keys, int] = {}
        table: Keys = ()
        for number, line in enumerate(self._lines, 1):
            if header := self._HEADER.match(line):
                table = self._split(header[1])
                for length in range(1, len(table) + 1):
                    self._found.setdefault(table[:length], number)
            elif key := self._KEY.match(line):
                self._found.setdefault(table + self._split(key[1]), number)

    def line(self, keys: Keys, near: str) -> int | None:
        """The line, from 1, of the value at `keys` or of what it is in."""
        for length in range(len(keys), 0, -1):
            start = self._found.get(keys[:length])
            if start is not None:
                lines = enumerate(self._lines[start - 1 :], start)
                return next((number for number, line in lines if near in line), start)
        return None

    def _split(self, path: str) -> Keys:
        return tuple(part.strip("\"'") for part in re.findall(self._PART, path))


def _from_table(raw: object) -> ChardevSpec:
    if not isinstance(raw, dict):
        raise OptionError("expects a chardev", hint='a string such as "pty,id=pty0", or a table')
    return from_object(raw)


def _syntax_problem(path: str, error: Exception) -> Problem:
    """`error` of tomllib, which has its place in the text of its message."""
    if isinstance(error, RecursionError):
        return Problem(path, "", "not valid TOML: nested too deeply")
    match = _PLACE.search(str(error))
    message = printable(str(error)[: match.start()] if match else str(error))
    where = match[1].replace("end of document", "end of file") if match else ""
    return Problem(path, where, f"not valid TOML: {message}")


_PLACE = re.compile(r" \(at (line \d+, column \d+|end of document)\)$")

_ANSWER = "a backend's id, or 'first'"
