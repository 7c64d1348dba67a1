"""What a command is, and how its arguments are checked (qapi/qobject-input-visitor.c)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from muxcore.chardev.base import Who
from muxcore.errors import CommandError

if TYPE_CHECKING:
    from muxcore.daemon.control import Connection
    from muxcore.daemon.daemon import Daemon

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "string or object": (str, dict),
    "string, object or null": (str, dict, type(None)),
}


@dataclass(frozen=True)
class Argument:
    """An argument of a command.

    `type` is one of QAPI's names, or an alternate of them as told in its error;
    `values` lists what a string may be; an integer is `minimum` to `maximum`.
    """

    name: str
    type: str = "string"
    optional: bool = False
    values: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None

    def check(self, value: object) -> None:
        """Raise CommandError, with QEMU's text, unless `value` will do."""
        right = isinstance(value, _TYPES[self.type])
        if not right or (isinstance(value, bool) and self.type != "boolean"):
            raise CommandError(f"Invalid parameter type for '{self.name}', expected: {self.type}")
        if self.values and value not in self.values:
            raise CommandError(f"Parameter '{self.name}' does not accept value '{value}'")
        if (
            isinstance(value, int)
            and self.minimum is not None
            and self.maximum is not None
            and not self.minimum <= value <= self.maximum
        ):
            raise CommandError(
                f"Parameter '{self.name}' expects a number from {self.minimum} to {self.maximum}"
            )


@dataclass(frozen=True)
class Call:
    """A command on its way: who asked for it, and what was given with it."""

    daemon: Daemon
    connection: Connection
    arguments: Mapping[str, Any]

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - checked before
        """The argument `name`, `default` when it was not given."""
        return self.arguments.get(name, default)

    @property
    def who(self) -> Who:
        """The client."""
        return self.connection.who


@dataclass(frozen=True)
class Command:
    """A command: what runs it, and the arguments it takes."""

    run: Callable[[Call], Awaitable[Any]]
    arguments: tuple[Argument, ...] = ()
    returns: str = "any"
    """What it gives: a type of `introspection`, or one in brackets for an array of it."""


def check_arguments(command: Command, given: Mapping[str, Any]) -> None:
    """Raise CommandError, with QEMU's text, unless `given` is what `command` takes."""
    for argument in command.arguments:
        if argument.name in given:
            argument.check(given[argument.name])
        elif not argument.optional:
            raise CommandError(f"Parameter '{argument.name}' is missing")
    known = {argument.name for argument in command.arguments}
    for name in given:
        if name not in known:
            raise CommandError(f"Parameter '{name}' is unexpected")
