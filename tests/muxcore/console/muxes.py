"""A mux for tests, with the consoles behind it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from muxcore import events
from muxcore.chardev.base import Chardev
from muxcore.chardev.memory import MemoryChardev
from muxcore.console.hub import Console
from muxcore.console.link import LinkBackend
from muxcore.console.mux import Mux
from muxcore.console.switch import Switch
from muxcore.options.sets import LinkOptions, MuxOptions
from tests.muxcore.consoles import RING, Recorder


class Muxed:
    """A mux `m` of the consoles `a`, `b` and so on, each with a guest in memory."""

    def __init__(self, escape: int, clock: Callable[[], float]) -> None:
        self.heard = Recorder()
        self.ended: list[str] = []
        self.console = Console("m", history=RING, notify=self.heard)
        options = MuxOptions(chardev="m-base", escape=escape)
        self.switch = Switch("m.guest", options, clock=clock)
        self.mux = Mux(self.console, self.switch, self.ended.append)
        self.console.own_mux = self.mux
        self.frontends: dict[str, Console] = {}
        self.guests: dict[str, MemoryChardev] = {}

    async def add(self, name: str, guest: Chardev | None = None) -> None:
        """A console more."""
        console = Console(name, history=RING)
        made = MemoryChardev(f"{name}.guest", can_break=True, can_resize=True)
        await console.set_guest(guest or made)
        await self.link(console)
        self.frontends[name], self.guests[name] = console, made

    async def link(self, console: Console) -> None:
        """Put `console` behind the mux."""
        door = self.switch.add(console, self.console.pump)
        link = LinkBackend(f"{console.name}.m", LinkOptions(chardev="m"), console.name, door)
        await console.add_backend(link)

    @property
    def focuses(self) -> list[tuple[str, str, str | None]]:
        """Who was told to have the focus."""
        return [(e.mux, e.console, e.by) for e in self.heard.of(events.Focus)]


@asynccontextmanager
async def muxed(
    *backends: Chardev,
    names: str = "ab",
    escape: int = 1,
    clock: Callable[[], float] = lambda: 0.0,
) -> AsyncIterator[Muxed]:
    made = Muxed(escape, clock)
    await made.console.start(made.switch, backends)
    for name in names:
        await made.add(name)
    try:
        yield made
    finally:
        for console in made.frontends.values():
            await console.aclose()
        await made.console.aclose()
