"""What `sets` declares, as data: for the parsers, for forms and for the help texts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from muxcore.options.sets import CONFIGURABLE, ChardevOptions
from muxcore.options.values import format_size

Kind = Literal["str", "bool", "int", "size", "choice", "list"]


@dataclass(frozen=True)
class OptionInfo:
    """One option of one type.

    `name` is how it is written, `attribute` the field that holds it. A `size`
    is a number of bytes with QEMU's suffixes, a `list` is written `NAME.0=`,
    `NAME.1=` and so on. `default` None means that leaving it out has a meaning
    of its own.
    """

    name: str
    attribute: str
    kind: Kind
    choices: tuple[str, ...]
    default: Any
    help: str
    unit: str
    minimum: int | None
    maximum: int | None
    required: bool


_known: dict[type[ChardevOptions], tuple[OptionInfo, ...]] = {}


def option_infos(options: type[ChardevOptions]) -> tuple[OptionInfo, ...]:
    """The options of a type: its own first, then those every chardev takes."""
    if options not in _known:
        # Reading annotations takes a millisecond, and a configuration asks for every chardev.
        _known[options] = _read_infos(options)
    return _known[options]


def _read_infos(options: type[ChardevOptions]) -> tuple[OptionInfo, ...]:
    common = {item.name for item in fields(ChardevOptions)}
    hints = get_type_hints(options)
    infos = [
        OptionInfo(
            name=item.name.replace("_", "-"),
            attribute=item.name,
            kind=_kind(hints[item.name], item.metadata["unit"]),
            choices=get_args(hints[item.name]) if _is_choice(hints[item.name]) else (),
            default=item.default,
            **item.metadata,
        )
        for item in fields(options)
    ]
    return tuple(sorted(infos, key=lambda info: info.attribute in common))


def format_value(info: OptionInfo, value: str | bool | int) -> str:
    """`value` as the option is written, before its commas are doubled."""
    if info.kind == "bool":
        return "on" if value else "off"
    if info.kind == "size":
        return format_size(int(value))
    return str(value)


def describe(type: str) -> list[dict[str, Any]]:
    """The options of the type named `type`, ready for JSON.

    Each has `name`, `kind` (`str`, `bool`, `int`, `size`, `choice`, `list`),
    `choices`, `default`, `help`, `unit`, `minimum`, `maximum` and `required`.

    Raises:
        KeyError: there is no such type.
    """
    described = []
    for info in option_infos(CONFIGURABLE[type]):
        entry = asdict(info)
        del entry["attribute"]
        for name in ("choices", "default"):
            if isinstance(entry[name], tuple):
                entry[name] = list(entry[name])
        described.append(entry)
    return described


def types_help() -> str:
    """The text for `-chardev help`; its first line is QEMU's (chardev/char.c)."""
    lines = [f"  {name:<10} {CONFIGURABLE[name].HELP}" for name in sorted(CONFIGURABLE)]
    return "\n".join(["Available chardev backend types: ", *lines])


def options_help(type: str) -> str:
    """The text for `TYPE,help`, laid out as `qemu_opts_print_help` does.

    Raises:
        KeyError: there is no such type.
    """
    infos = option_infos(CONFIGURABLE[type])
    width = max(len(_written(info)) for info in infos)
    lines = [f"  {_written(info):<{width}} - {info.help}{_notes(info)}" for info in infos]
    return "\n".join([f"{type} options:", *lines])


def _kind(hint: object, unit: str) -> Kind:
    if _is_choice(hint):
        return "choice"
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    if get_origin(hint) is tuple:
        return "list"
    if bool in kinds:
        return "bool"
    if int in kinds:
        return "size" if unit == "bytes" else "int"
    return "str"


def _is_choice(hint: object) -> bool:
    return get_origin(hint) is Literal


def _written(info: OptionInfo) -> str:
    shapes: dict[Kind, str] = {
        "str": "=<str>",
        "bool": "=<bool (on/off)>",
        "int": "=<num>",
        "size": "=<size>",
        "choice": f"={'|'.join(info.choices)}",
        "list": ".0=<str>,...",
    }
    return info.name + shapes[info.kind]


def _notes(info: OptionInfo) -> str:
    notes = [info.unit] if info.unit and info.kind == "int" else []
    if info.required:
        notes.append("required")
    elif info.default not in (None, ""):
        notes.append(f"default {format_value(info, info.default)}")
    return f" ({', '.join(notes)})" if notes else ""
