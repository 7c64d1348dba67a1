"""The consoles of a virtual machine: one for each frontend, one for each mux, a hub below the mux.

::

    -chardev socket,id=m,...,mux=on      hub m-hub: its backend is m-base
    -serial chardev:m                    console m.serial0: its backend is the mux m on m-hub
    -mon chardev=m                       console m.monitor0: its backend is chardev:m

A mux is made by the first console that it is a backend of, and ends with the
last. Hubs in hubs need no console: what is on one is on the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from muxcore.options.sets import ChardevSpec, LinkOptions, MuxOptions, StdioOptions
from muxcore.qemu.arguments import Option
from muxcore.qemu.chardevs import ESCAPE, Definition

HUB = "-hub"
"""What the hub below a mux has behind the mux's name."""


@dataclass(frozen=True)
class Backend:
    """A chardev on a console, and the option that asked for it."""

    spec: ChardevSpec
    option: Option


@dataclass(frozen=True)
class Hub:
    """A console without a guest, which a mux is on."""

    console: str
    backends: tuple[Backend, ...]


@dataclass(frozen=True)
class Front:
    """A frontend's console: its guest is the private socket called `chardev` in QEMU.

    `breaks` says that a break can reach the frontend.
    """

    console: str
    chardev: str
    backends: tuple[Backend, ...]
    breaks: bool = False


@dataclass(frozen=True)
class Use:
    """A frontend uses a chardev, which is called `private` in QEMU; `label` tells uses apart.

    `breaks` says that it is a serial port, which a break can reach.
    """

    item: Definition
    private: str
    label: str
    breaks: bool = False


@dataclass
class Consoles:
    """The consoles that `uses` of the chardevs `found` make.

    Args:
        found: every chardev by its id.
        uses: the frontends in their order, at least one.
        name: the virtual machine's, None where it has none.
        escape: what `-echr` says.

    `hubs` are to be made before `fronts`, both in their order; `terminal` is the
    console that the command's own terminal is a backend of, None for none.
    """

    found: Mapping[str, Definition]
    uses: Sequence[Use]
    name: str | None
    escape: int = ESCAPE
    hubs: list[Hub] = field(default_factory=list)
    fronts: list[Front] = field(default_factory=list)
    terminal: str | None = None

    def __post_init__(self) -> None:
        """Make them."""
        self._linked: set[str] = set()
        used = {use.item.id: use.item for use in self.uses}
        self._shared = list(used.values())
        for item in used.values():
            self._make_hubs(item)
        for use in self.uses:
            console = self._console(use.item)
            if use.item.is_mux:
                console = f"{console}.{use.label}"
            backends = self._backends(use.item, console)
            self.fronts.append(Front(console, use.private, backends, use.breaks))

    @property
    def shown(self) -> str:
        """The console to look at: the first frontend's, or its mux."""
        return self._console(self._shared[0])

    def _console(self, item: Definition) -> str:
        """What the console of a chardev is called that frontends or hubs use."""
        if self.name is None:
            return item.id
        return self.name if self._shared == [item] else f"{self.name}.{item.id}"

    def _make_hubs(self, item: Definition) -> None:
        """Make the hubs below the muxes at and below `item`, those farthest below first."""
        for id in item.members:
            self._make_hubs(self.found[id])
        mux = self._console(item)
        if item.is_mux and all(hub.console != mux + HUB for hub in self.hubs):
            (base,) = item.members
            self.hubs.append(Hub(mux + HUB, self._backends(self.found[base], mux)))

    def _backends(self, item: Definition, console: str) -> tuple[Backend, ...]:
        """The backends that `item` is on `console`."""
        return tuple(self._each_backend(item, console))

    def _each_backend(self, item: Definition, console: str) -> Iterator[Backend]:
        if item.is_mux:
            yield Backend(self._link(item), item.option)
        elif item.spec is None:
            for id in item.members:
                yield from self._each_backend(self.found[id], console)
        elif isinstance(item.spec.options, StdioOptions):
            self.terminal = console
        else:
            # QEMU's own name for what is below an id that something was put over (mux=on).
            id = f"{item.id}-base" if console == item.id else item.id
            yield Backend(ChardevSpec(id, item.spec.options), item.option)

    def _link(self, mux: Definition) -> ChardevSpec:
        """The mux as a backend: asked for by the first, there already for all others."""
        console = self._console(mux)
        if console in self._linked:
            return ChardevSpec(None, LinkOptions(chardev=console))
        self._linked.add(console)
        escape = self.escape if mux.escape in (None, ESCAPE) else mux.escape
        return ChardevSpec(console, MuxOptions(chardev=console + HUB, escape=escape))
