"""The chardevs of a QEMU command line, and which of them share a frontend.

Two spellings are understood: `hub,id=ID,chardevs.0=MEMBER` (QEMU 10.0), and
`mux-be,id=ID` with `mux-be-id=ID` on its members (the series it comes from).
They may stand in any order, and hubs and muxes be on each other as long as there is no way back.
A chardev with `mux=on` is two: `ID-base`, and the mux `ID` on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from muxcore.errors import OptionError, printable
from muxcore.options.grammar import parse_chardev, split_options, take_option
from muxcore.options.sets import ChardevSpec, HubOptions, LinkOptions, MuxOptions, StdioOptions
from muxcore.options.values import check_identifier
from muxcore.qemu.arguments import Option
from muxcore.references import circle, leads_to

MUX_BE_ID = "mux-be-id"
ESCAPE = 1
"""A mux's escape character where none is given: C-a."""


@dataclass
class Definition:
    """A chardev as it was defined; `spec` is None for a hub or a mux, which has `members`.

    `escape` is a mux's, None for all others; `used` says that a frontend, a hub
    or a mux has it, of which only a mux may have several.
    """

    id: str
    option: Option
    spec: ChardevSpec | None = None
    members: list[str] = field(default_factory=list)
    mux_be_id: str | None = None
    escape: int | None = None
    used: bool = False

    @property
    def is_mux(self) -> bool:
        """Whether several frontends may share it."""
        return self.escape is not None


def define(options: Iterable[Option]) -> dict[str, Definition]:
    """The chardevs that the `-chardev` options among `options` define, by id.

    Raises:
        OptionError: one is wrong, with QEMU's text behind the option itself.
    """
    found: dict[str, Definition] = {}
    for option in options:
        if option.name == "chardev":
            with naming(option):
                _add(found, *_define(option))
    for item in list(found.values()):
        if item.mux_be_id is not None:
            with naming(item.option):
                _join(found, item)
    for item in found.values():
        if item.spec is None:
            with naming(item.option):
                _check_members(found, item)
    _check_circles(found.values())
    _check_stdio(found.values())
    return found


def implicit(found: dict[str, Definition], option: Option, id: str) -> Definition:
    """Define the chardev that a legacy argument such as `unix:/p,server=on` stands for.

    Raises:
        OptionError: it is wrong.
    """
    with naming(option):
        spec = _legacy(option.text)
        # Here QEMU does not mind the short forms.
        items = _defined(ChardevSpec(id, spec.options), option)
        _add(found, *items)
        for base in items[1:]:
            base.used = True
    _check_stdio(found.values())
    return found[id]


@contextmanager
def naming(option: Option) -> Iterator[None]:
    """An OptionError from within names `option` first, as QEMU's do."""
    try:
        yield
    except OptionError as error:
        text = f"{printable(str(option))}: {error}"
        raise OptionError(text, hint=error.hint, option=error.option) from error


def _legacy(text: str) -> ChardevSpec:
    """What a legacy argument stands for; where that is nothing QEMU has a text of its own."""
    invalid = OptionError(f"'{printable(text)}' is not a valid char driver")
    try:
        spec = parse_chardev(text)
    except OptionError as error:
        if error.option == "backend":
            invalid.hint = error.hint
            raise invalid from error
        raise
    if isinstance(spec.options, HubOptions | MuxOptions):
        raise invalid
    return spec


def _add(found: dict[str, Definition], *items: Definition) -> None:
    for item in items:
        if item.id in found:
            raise OptionError(f"Duplicate ID '{item.id}' for chardev")
        found[item.id] = item


def _define(option: Option) -> list[Definition]:
    if option.text.lstrip().startswith("{"):
        text, mux_be_id = _take_from_json(option.text)
    else:
        text, mux_be_id = take_option(option.text, MUX_BE_ID)
    if (frontend := _mux_be(text)) is not None:
        return [Definition(frontend, option, mux_be_id=mux_be_id)]
    items = _defined(parse_chardev(text, require_id=True), option)
    items[0].mux_be_id = mux_be_id
    return items


def _defined(spec: ChardevSpec, option: Option) -> list[Definition]:
    """What `spec` defines, what frontends use first."""
    id, options = str(spec.id), spec.options
    if isinstance(options, LinkOptions):
        raise OptionError("a virtual machine has its own chardevs, not those of other consoles")
    if options.mux:
        base = replace(spec, id=f"{id}-base", options=replace(options, mux=False))
        below = _defined(base, option)
        return [Definition(id, option, members=[below[0].id], escape=ESCAPE), *below]
    if isinstance(options, MuxOptions):
        return [Definition(id, option, members=[options.chardev], escape=options.escape)]
    if isinstance(options, HubOptions):
        return [Definition(id, option, members=list(options.chardevs))]
    return [Definition(id, option, spec)]


def _mux_be(text: str) -> str | None:
    """The id of a `mux-be` whose members name it; None for any other chardev."""
    if text.lstrip().startswith("{"):
        given = _json(text)
        backend = given.get("backend")
        if not isinstance(backend, dict) or backend.get("type") != "mux-be":
            return None
        if backend.get("data"):
            return None
        id = given.get("id")
    else:
        pairs = split_options(text, "backend")
        if ("backend", "mux-be") not in pairs or any(
            name.startswith("chardevs.") for name, _ in pairs
        ):
            return None
        for name, _ in pairs:
            if name not in ("backend", "id"):
                raise OptionError(f"Invalid parameter '{printable(name)}'", option=name)
        id = next((value for name, value in pairs if name == "id"), None)
    if not isinstance(id, str):
        raise OptionError("chardev: no id specified", option="id")
    return check_identifier("id", id)


def _take_from_json(text: str) -> tuple[str, str | None]:
    """JSON without the member `mux-be-id` of its data (ChardevCommon in that series)."""
    given = _json(text)
    backend = given.get("backend")
    data = backend.get("data") if isinstance(backend, dict) else None
    if not isinstance(data, dict) or MUX_BE_ID not in data:
        return text, None
    id = data.pop(MUX_BE_ID)
    if not isinstance(id, str):
        raise OptionError(
            f"Invalid parameter type for 'backend.data.{MUX_BE_ID}', expected: string"
        )
    return json.dumps(given), id


def _json(text: str) -> dict[str, Any]:
    """The object that `text` is; what is none has its error from the chardev parser."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        parse_chardev(text)
        return {}
    return value if isinstance(value, dict) else {}


def _join(found: dict[str, Definition], item: Definition) -> None:
    """Put a chardev on the frontend that its `mux-be-id` names."""
    hub = found.get(str(item.mux_be_id))
    if hub is None:
        raise OptionError(
            f"chardev: mux-be device can't be found by id '{printable(str(item.mux_be_id))}'",
            option=MUX_BE_ID,
        )
    if hub.spec is not None or hub.is_mux:
        raise OptionError(f"chardev: device '{hub.id}' is not a mux-be", option=MUX_BE_ID)
    hub.members.append(item.id)


def _check_members(found: dict[str, Definition], hub: Definition) -> None:
    if not hub.members:
        raise OptionError(
            "hub: 'chardevs' list is not defined",
            hint=f"chardevs.0=ID puts a chardev on it, and so does {MUX_BE_ID}={hub.id} there",
        )
    for id in hub.members:
        member = found.get(id)
        if member is None:
            raise OptionError(_MISSING[hub.is_mux].format(printable(id)))
        if member.used and not member.is_mux:
            raise OptionError(f"chardev '{id}' is already in use")
        member.used = True


def _check_circles(found: Iterable[Definition]) -> None:
    links = {item.id: set(item.members) for item in found}
    for item in found:
        for id in item.members:
            if leads_to(links, id, item.id):
                with naming(item.option):
                    raise OptionError(circle(item.id, id))


_MISSING = {
    False: "hub: chardev can't be found by id '{}'",
    True: "mux: base chardev {} not found",
}


def _check_stdio(found: Iterable[Definition]) -> None:
    taken = False
    for item in found:
        if item.spec is not None and isinstance(item.spec.options, StdioOptions):
            if taken:
                with naming(item.option):
                    raise OptionError("cannot use stdio by multiple character devices")
            taken = True
