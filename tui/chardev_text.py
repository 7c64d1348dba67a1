"""A filled-in form as QEMU's option text, and its errors back to their fields. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from tui.state import FormOption

_QUOTED = re.compile(r"'([^']+)'")


def chardev_text(type: str, id: str, values: Mapping[str, str]) -> str:
    """The option string; a comma in a value is doubled (qemu/util/keyval.c)."""
    words = [type]
    if id:
        words.append(f"id={_escape(id)}")
    words += [f"{name}={_escape(value)}" for name, value in values.items()]
    return ",".join(words)


def given(options: Iterable[FormOption], values: Mapping[str, str]) -> dict[str, str]:
    """The values that differ from what leaving them out means."""
    return {
        option.name: values[option.name]
        for option in options
        if values.get(option.name, "") not in ("", option.default)
    }


def missing(options: Iterable[FormOption], values: Mapping[str, str]) -> str:
    """The first required option without a value; empty when all have one."""
    return next(
        (option.name for option in options if option.required and not values.get(option.name)), ""
    )


def blamed(message: str, names: Iterable[str]) -> str:
    """The option an error message is about: the first quoted name, else a name it contains."""
    known = tuple(names)
    for quoted in _QUOTED.findall(message):
        if quoted in known:
            return str(quoted)
    return next((name for name in known if re.search(rf"\b{re.escape(name)}\b", message)), "")


def free_id(stem: str, taken: Iterable[str]) -> str:
    """`stem` followed by the least number that makes it a new id."""
    used = set(taken)
    number = 0
    while f"{stem}{number}" in used:
        number += 1
    return f"{stem}{number}"


def _escape(value: str) -> str:
    return value.replace(",", ",,")
