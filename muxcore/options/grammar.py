"""QEMU's `-chardev` syntax (QemuOpts, util/qemu-option.c), and back to it.

`TYPE,id=ID,name=value,...`: the first bare word is the type, `,,` is a comma in
a value, a repeated name means its last value (a repeated id its first, as in
QEMU). Text that begins with `{` is the JSON form, see `qmp`; `chardev:ID` is
a mux or a hub that is there already; `legacy` knows the other URIs of `-serial`.

Paths are kept as written; a `~/` at the start of one is expanded by the client
that took the text from its user.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from muxcore.errors import OptionError, printable
from muxcore.options import hints
from muxcore.options.legacy import modern
from muxcore.options.qmp import from_json
from muxcore.options.rules import Values, make
from muxcore.options.schema import (
    OptionInfo,
    format_value,
    option_infos,
    options_help,
    types_help,
)
from muxcore.options.sets import (
    ALIASES,
    CONFIGURABLE,
    ChardevOptions,
    ChardevSpec,
    HubOptions,
    LinkOptions,
    SocketOptions,
)
from muxcore.options.values import (
    check_identifier,
    parse_bool,
    parse_number,
    parse_size,
)

_NAME = re.compile(r"[^=,]*")
_VALUE = re.compile(r"(?:[^,]|,,)*")
_MEMBER = re.compile(r"chardevs\.(0|[1-9][0-9]{0,5})")
_HELP = ("help", "?")
_REFERENCE = "chardev:"


def parse_chardev(text: str, *, require_id: bool = False) -> ChardevSpec:
    """The chardev that `text` asks for; its deprecation warnings are on the result.

    Args:
        text: QEMU's syntax, or the JSON form.
        require_id: whether a missing id is QEMU's error.

    Raises:
        OptionError: with QEMU's text and, where there is one, the way out.
    """
    if text.lstrip().startswith("{"):
        spec = from_json(text)
    elif text.startswith(_REFERENCE):
        spec = _reference(text.removeprefix(_REFERENCE))
    else:
        spec = _from_words(list(_words(modern(text) or text)))
    if require_id and spec.id is None:
        raise OptionError("chardev: no id specified", option="id")
    return spec


def help_wanted(text: str) -> str | None:
    """The help that `help`, `?`, `TYPE,help` or `TYPE,?` asks for; None for anything else."""
    words = [] if text.lstrip().startswith("{") else list(_words(text))
    type = next((word.value for word in words if word.name == "backend"), "")
    if type in _HELP:
        return types_help()
    type = ALIASES.get(type, type)
    if type in CONFIGURABLE and any(word.flag and word.name in _HELP for word in words):
        return options_help(type)
    return None


def split_options(text: str, first: str) -> list[tuple[str, str]]:
    """The names and values of any of QEMU's options; a bare first word is the value of `first`."""
    return [(word.name, word.value) for word in _words(text, first)]


def join_options(options: Iterable[tuple[str, str]], first: str) -> str:
    """What `split_options` takes apart: a leading `first` is written without its name."""
    pairs = list(options)
    words = [_escape(value) for name, value in pairs[:1] if name == first]
    words += [f"{name}={_escape(value)}" for name, value in pairs[len(words) :]]
    return ",".join(words)


def take_option(text: str, name: str) -> tuple[str, str | None]:
    """`text` without its options called `name`, and the last one's value, None if it has none."""
    words = list(_words(text))
    value = next((word.value for word in reversed(words) if word.name == name), None)
    return ",".join(word.text for word in words if word.name != name), value


def format_chardev(spec: ChardevSpec) -> str:
    """`spec` as `parse_chardev` reads it: the id and the options that are not the default."""
    words = [spec.type]
    if spec.id is not None:
        words.append(f"id={spec.id}")
    for info in option_infos(type(spec.options)):
        value = getattr(spec.options, info.attribute)
        if info.kind == "list":
            words += [f"{info.name}.{index}={_escape(item)}" for index, item in enumerate(value)]
        elif value != info.default:
            words.append(f"{info.name}={_escape(format_value(info, value))}")
    return ",".join(words)


@dataclass(frozen=True)
class _Word:
    """One `name=value`, written as `text`; `flag` when it was written as a bare name."""

    text: str
    name: str
    value: str
    flag: bool = False
    warning: str = ""


def _words(text: str, first: str = "backend") -> Iterator[_Word]:
    """Split as `get_opt_name_value` does; a bare first word is the value of `first`."""
    at = 0
    while at < len(text):
        end = _end(_NAME, text, at)
        if text[end : end + 1] == "=":
            name, start, end = text[at:end], end + 1, _end(_VALUE, text, end + 1)
            yield _Word(text[at:end], name, _unescape(text[start:end]))
        elif at == 0:
            end = _end(_VALUE, text, 0)
            yield _Word(text[:end], first, _unescape(text[:end]))
        else:
            yield _flag(text[at:end])
        at = end + 1


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _reference(id: str) -> ChardevSpec:
    """`chardev:ID`, as QEMU's `-serial` takes it: a mux or a hub that is there already."""
    check_identifier("chardev", id)
    return ChardevSpec(None, LinkOptions(chardev=id))


def _flag(written: str) -> _Word:
    """A short-form boolean: `server` is `server=on`, `nowait` is `wait=off`."""
    if written in _HELP:
        return _Word(written, written, "on", flag=True)
    negated = written.startswith("no")
    name = written[2:] if negated else written
    value = "off" if negated else "on"
    instead = f"{name}={value}"
    if name == "delay":
        instead = "nodelay=on" if negated else "nodelay=off"
    warning = (
        f"short-form boolean option '{printable(written)}' deprecated\n"
        f"Please use {printable(instead)} instead"
    )
    return _Word(written, name, value, flag=True, warning=warning)


def _from_words(words: list[_Word]) -> ChardevSpec:
    id = next((word.value for word in words if word.name == "id"), None)
    if id is not None:
        check_identifier("id", id)
    # The last `backend` counts, as for every option but the id.
    type = next((word.value for word in reversed(words) if word.name == "backend"), None)
    if type is None:
        shown = "" if id is None else f'"{id}" '
        raise OptionError(f"chardev: {shown}missing backend", hint=hints.unknown_type(""))
    options = CONFIGURABLE.get(ALIASES.get(type, type))
    if options is None:
        message = f"'{printable(type)}' is not a valid char driver name"
        raise OptionError(message, hint=hints.unknown_type(type), option="backend")
    given = [word for word in words if word.name not in ("backend", "id")]
    warnings = tuple(word.warning for word in words if word.warning)
    return ChardevSpec(id, make(options, _values(options, given)), warnings)


def _values(options: type[ChardevOptions], words: list[_Word]) -> Values:
    infos = {info.name: info for info in option_infos(options) if info.kind != "list"}
    values: Values = {}
    members: dict[int, str] = {}
    delay: bool | None = None
    for word in words:
        if options is HubOptions and (match := _MEMBER.fullmatch(word.name)):
            members[int(match[1])] = word.value
        elif options is SocketOptions and word.name == "delay":
            delay = parse_bool("delay", word.value)
        elif word.name in infos:
            info = infos[word.name]
            values[info.attribute] = _parse(info, word.value)
        else:
            message = f"Invalid parameter '{printable(word.name)}'"
            hint = hints.unknown_option(word.name, options)
            raise OptionError(message, hint=hint, option=word.name)
    if delay is not None:
        if "nodelay" in values:
            raise OptionError("'delay' and 'nodelay' are mutually exclusive", option="delay")
        values["nodelay"] = not delay
    if members:
        values["chardevs"] = _members(members)
    return values


def _members(members: dict[int, str]) -> tuple[str, ...]:
    """The ids in order; without a first one there is no list, and a gap is an error.

    QEMU ignores what follows a gap; the text is its keyval parser's (util/keyval.c).
    """
    if 0 not in members:
        return ()
    for index in range(len(members)):
        if index not in members:
            name = f"chardevs.{index}"
            raise OptionError(f"Parameter '{name}' missing", option=name)
    return tuple(members[index] for index in range(len(members)))


def _parse(info: OptionInfo, text: str) -> str | bool | int:
    if info.kind == "bool":
        return parse_bool(info.name, text)
    if info.kind == "int":
        return parse_number(info.name, text)
    if info.kind == "size":
        return parse_size(info.name, text)
    return text


def _escape(text: str) -> str:
    return text.replace(",", ",,")


def _unescape(text: str) -> str:
    return text.replace(",,", ",")
