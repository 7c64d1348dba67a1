"""What chardevs say of each other: which are hubs, muxes or links, and what they name. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from muxcore.errors import printable
from muxcore.options.sets import ChardevSpec, HubOptions, LinkOptions, MuxOptions

STACKED = (
    "hub: multiplexers and hub devices can't be stacked, check chardev '{}', "
    "chardev should not be a hub device or have 'mux=on' enabled"
)
"""QEMU's text for what no hub or mux can be here either: a guest."""

BUSY = "chardev '{}' is already in use"


class Asking(Protocol):
    """What is looked at of a console that is asked for."""

    @property
    def name(self) -> str:
        """Its id."""

    @property
    def guest(self) -> ChardevSpec | None:
        """The chardev at the guest's end, None for a hub."""

    @property
    def backends(self) -> Sequence[ChardevSpec]:
        """The chardevs at the host's end."""


def is_nested(spec: ChardevSpec) -> bool:
    """Whether `spec` is more than one chardev: a hub, a mux, or a link to one."""
    return spec.options.mux or isinstance(spec.options, HubOptions | LinkOptions | MuxOptions)


def targets(spec: ChardevSpec) -> tuple[str, ...]:
    """The ids of what must be there before `spec` can be made."""
    if isinstance(spec.options, HubOptions):
        return spec.options.chardevs
    if isinstance(spec.options, LinkOptions | MuxOptions):
        return (spec.options.chardev,)
    return ()


def backend_id(console: str, spec: ChardevSpec) -> str:
    """The id of the backend that `spec`, which has an id, becomes on `console`."""
    if is_nested(spec) and not isinstance(spec.options, LinkOptions):
        return f"{console}.{spec.id}"
    return str(spec.id)


def leads_to(links: Mapping[str, set[str]], start: str, goal: str) -> bool:
    """Whether one comes from the console `start` to `goal` by `links`, or is there already."""
    seen: set[str] = set()
    ahead = {start}
    while ahead:
        name = ahead.pop()
        if name == goal:
            return True
        seen.add(name)
        ahead |= links.get(name, set()) - seen
    return False


def circle(console: str, target: str) -> str:
    """What is told of a link from `console` to a `target` from which there is a way back."""
    return f"chardev '{printable(target)}' cannot be a backend of '{console}': it leads back to it"


def problems(consoles: Sequence[Asking]) -> Iterator[tuple[str, int, str]]:
    """What is wrong with the references of a whole configuration.

    Yields the console's name, the index of its backend, and the text.
    """
    nested = [
        (console.name, index, spec)
        for console in consoles
        for index, spec in enumerate(console.backends)
        if is_nested(spec)
    ]
    muxes = {str(spec.id) for _, _, spec in nested if not isinstance(spec.options, LinkOptions)}
    hubs = {console.name for console in consoles if console.guest is None}
    taken = {console.name for console in consoles} - hubs
    links: dict[str, set[str]] = {}
    for console, index, spec in nested:
        start = console
        if not isinstance(spec.options, LinkOptions):
            start = str(spec.id)
            links.setdefault(console, set()).add(start)
        for target in targets(spec):
            if leads_to(links, target, start):
                yield console, index, circle(start, target)
            elif target in taken:
                yield console, index, BUSY.format(target)
            elif target not in muxes | hubs:
                yield console, index, missing(spec, target)
            taken |= {target} & hubs
            links.setdefault(start, set()).add(target)


def missing(spec: ChardevSpec, target: str) -> str:
    """What QEMU says when `target`, which `spec` names, is not there."""
    if isinstance(spec.options, MuxOptions):
        return f"mux: base chardev {printable(target)} not found"
    if isinstance(spec.options, HubOptions):
        return f"hub: chardev can't be found by id '{printable(target)}'"
    return f"Chardev '{printable(target)}' not found"
