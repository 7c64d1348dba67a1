"""What is to be made for a QEMU command line: consoles, and QEMU with a private socket for each.

::

    -chardev hub,id=mux0,...            console mux0: its members are the backends,
    -device virtconsole,chardev=mux0    its guest listens on DIRECTORY/0
                                        qemu ... -chardev socket,id=mux0,path=DIRECTORY/0
                                              -device virtio-serial -device virtconsole,chardev=mux0

muxtui listens and QEMU connects, so that no byte is printed before somebody
takes it: QEMU's own server drops what comes while nobody is there.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, replace

from muxcore.errors import OptionError, printable
from muxcore.options.grammar import join_options, split_options
from muxcore.options.sets import ChardevSpec, SocketOptions, StdioOptions
from muxcore.options.values import IDENTIFIER_HINT, is_identifier
from muxcore.qemu.arguments import Arguments, Option, has_option, options_in
from muxcore.qemu.chardevs import Definition, define, implicit

PROCESS = ".qemu"
"""What the console of QEMU itself has behind the virtual machine's name."""

_BUS = "virtio-serial"
_ON_BUS = ("virtconsole", "virtserialport")
_SERIAL_CORE = ("isa-serial", "pci-serial")
_CHARDEV = re.compile(r"chardev\d?")
_VNC = re.compile(r"none|unix:.+|(\[[^]]*\]|[^:,\[\]]*):\d+", re.DOTALL)
_DISPLAYS = ("display", "nographic", "vnc", "spice", "curses", "sdl", "gtk")


@dataclass(frozen=True)
class Backend:
    """A chardev on a console, and the option that asked for it."""

    spec: ChardevSpec
    option: Option


@dataclass(frozen=True)
class Front:
    """A frontend's console: its guest is the private socket called `chardev` in QEMU."""

    console: str
    chardev: str
    backends: tuple[Backend, ...]


@dataclass(frozen=True)
class Plan:
    """See the module.

    `name` is the virtual machine's; `terminal` is the console that this
    command's own terminal is a backend of (`stdio`), None for none. `before`
    and `after` stand around the user's own words in QEMU's command line.
    """

    name: str
    fronts: tuple[Front, ...]
    terminal: str | None
    program: str
    before: tuple[str, ...]
    words: tuple[str, ...]
    after: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def process(self) -> str:
        """The console that QEMU itself runs on."""
        return f"{self.name}{PROCESS}"

    def guest(self, index: int, directory: str) -> ChardevSpec:
        """The guest of the console at `index`: a server that QEMU connects to."""
        path = os.path.join(directory, str(index))
        return ChardevSpec(None, SocketOptions(path=path, server=True, wait=False))

    def command(self, directory: str) -> list[str]:
        """QEMU's command line with its private sockets in `directory`."""
        chardevs: list[str] = []
        for index, front in enumerate(self.fronts):
            options = [("backend", "socket"), ("id", front.chardev)]
            options.append(("path", os.path.join(directory, str(index))))
            chardevs += ["-chardev", join_options(options, "backend")]
        return [self.program, *chardevs, *self.before, *self.words, *self.after]


def make_plan(arguments: Arguments) -> Plan:
    """What `arguments` ask for.

    Raises:
        OptionError: with QEMU's text, behind the option at fault.
    """
    return _Planner(arguments).plan()


class _Planner:
    def __init__(self, arguments: Arguments) -> None:
        self._arguments = arguments
        self._chardevs = define(arguments.options)
        own = (split_options(o.text, "backend") for o in options_in(arguments.words, ["chardev"]))
        self._own = {value for pairs in own for name, value in pairs if name == "id"}
        self._used: list[Definition] = []
        self._before: list[str] = []
        self._after: list[str] = []
        self._warnings: list[str] = []
        self._serials = self._monitors = 0
        self._named: str | None = None

    def plan(self) -> Plan:
        arguments = self._arguments
        if not arguments.program:
            raise OptionError(
                "no QEMU command line is given",
                hint="it follows '--': muxtui qemu ... -- qemu-system-x86_64 ...",
            )
        if has_option(arguments.words, ["daemonize"]):
            text = "-daemonize: QEMU is the daemon's child already"
            raise OptionError(text, hint="--detach returns at once")
        for option in arguments.options:
            getattr(self, f"_{option.name}")(option)
        self._find_in_words()
        self._add_bus()
        if not self._used:
            raise OptionError(
                "no -device, -serial, -monitor or -mon uses a chardev of muxtui's",
                hint="e.g. -chardev pty,id=c0 -device virtconsole,chardev=c0",
            )
        name = self._name_wanted()
        fronts = tuple(self._front(item, name) for item in self._used)
        self._warn_of_unused()
        return Plan(
            name=name or fronts[0].console,
            fronts=tuple(self._without_terminal(front) for front in fronts),
            terminal=next((f.console for f in fronts if any(map(_is_terminal, f.backends))), None),
            program=arguments.program,
            before=tuple(self._before),
            words=arguments.words,
            after=tuple(self._after),
            warnings=tuple(self._warnings),
        )

    # The options before the `--`, each by its name.

    def _chardev(self, option: Option) -> None:
        """Defined already."""

    def _device(self, option: Option) -> None:
        driver, pairs = _properties(option)
        place = self._before if driver.startswith(_BUS) else self._after
        text = option.text
        for index, (name, value) in enumerate(pairs):
            if _CHARDEV.fullmatch(name):
                kind = "serial" if driver in _SERIAL_CORE else driver
                private = self._use(option, value, f"Property '{kind}.{name}' can't")
                pairs[index] = (name, private)
                text = _rewritten(option, pairs) if private != value else text
        place += ["-device", text]

    def _serial(self, option: Option) -> None:
        self._legacy(option, f"serial{self._serials}", "serial device")
        self._serials += 1

    def _monitor(self, option: Option) -> None:
        self._legacy(option, f"compat_monitor{self._monitors}", "monitor")
        self._monitors += 1

    _qmp = _monitor

    def _mon(self, option: Option) -> None:
        pairs = split_options(option.text, "chardev")
        for index, (name, value) in enumerate(pairs):
            if name == "chardev":
                pairs[index] = (name, self._use(option, value, ""))
            elif name == "mode" and value not in ("readline", "control"):
                raise OptionError(f'{option}: unknown monitor mode "{printable(value)}"')
        if "chardev" not in dict(pairs):
            raise OptionError(f'{option}: chardev "(null)" not found')
        self._before += ["-mon", join_options(pairs, "")]

    def _name(self, option: Option) -> None:
        self._named = dict(split_options(option.text, "guest")).get("guest", self._named)
        self._before += ["-name", option.text]

    def _vnc(self, option: Option) -> None:
        address = split_options(option.text, "vnc")
        if not address or address[0][0] != "vnc" or not _VNC.fullmatch(address[0][1]):
            raise OptionError(
                f"{printable(str(option))}: no vnc address", hint="HOST:DISPLAY, unix:PATH or none"
            )
        if address[0][1] != "none":
            self._warnings.append(f"{printable(str(option))}: vc shows in the TUI only")
        # Like any -vnc, this one is a display: QEMU opens no window of its own beside it.
        if not has_option([*self._before, *self._arguments.words], _DISPLAYS):
            self._before += ["-display", "none"]

    def _object(self, option: Option) -> None:
        raise OptionError(f"{printable(str(option))}: objects are not understood yet")

    # Steps of the above.

    def _legacy(self, option: Option, label: str, what: str) -> None:
        """An option whose argument is a chardev itself, or `chardev:ID` (qemu_chr_parse_compat)."""
        id = option.text.removeprefix("chardev:")
        if option.text == "none":
            self._before += [f"-{option.name}", "none"]
            return
        if id == option.text:
            implicit(self._chardevs, option, label)
            id = label
        failure = f"could not connect {what} to character backend '{printable(option.text)}'"
        private = self._use(option, id, "", missing=failure)
        self._before += [f"-{option.name}", f"chardev:{private}"]

    def _use(self, option: Option, id: str, text: str, *, missing: str = "") -> str:
        """Take note that a frontend uses `id`; returns what it is called in QEMU."""
        shown = printable(id)
        item = self._chardevs.get(id)
        if item is None:
            if id in self._own:
                return id
            reason = f"{text} find value '{shown}'" if text else f'chardev "{shown}" not found'
            raise OptionError(f"{printable(str(option))}: {missing or reason}")
        if item.used:
            reason = f"chardev '{shown}' is already in use"
            reason = f"{text} take value '{shown}': {reason}" if text else reason
            raise OptionError(f"{printable(str(option))}: {reason}")
        item.used = True
        self._used.append(item)
        return self._private(id)

    def _private(self, id: str) -> str:
        """What a chardev of ours is called in QEMU, which may have one of that name."""
        return f"muxtui-{id}" if id in self._own else id

    def _find_in_words(self) -> None:
        """Frontends in QEMU's own words, which need no change: the private chardev has our id."""
        for option in options_in(
            self._arguments.words, ["device", "mon", "serial", "monitor", "qmp"]
        ):
            if option.name == "device":
                wanted = [v for n, v in _properties(option)[1] if _CHARDEV.fullmatch(n)]
            elif option.name == "mon":
                wanted = [v for n, v in split_options(option.text, "chardev") if n == "chardev"]
            else:
                wanted = [option.text.removeprefix("chardev:")] * option.text.startswith("chardev:")
            for id in wanted:
                if id in self._chardevs and id not in self._own:
                    self._use(option, id, "Property 'chardev' can't")

    def _add_bus(self) -> None:
        """The controller that a virtio console or port needs, where none is given."""
        words = self._arguments.words
        given = options_in([*self._before, *words], ["device"])
        if any(_properties(option)[0].startswith(_BUS) for option in given):
            return
        if any(map(_needs_bus, options_in(words, ["device"]))):
            self._before += ["-device", _BUS]
        elif any(map(_needs_bus, options_in(self._after, ["device"]))):
            self._after[:0] = ["-device", _BUS]

    def _name_wanted(self) -> str | None:
        wanted = self._arguments.name
        if wanted is not None and not is_identifier(wanted):
            raise OptionError("Parameter 'name' expects an identifier", hint=IDENTIFIER_HINT)
        for option in options_in(self._arguments.words, ["name"]):
            self._named = dict(split_options(option.text, "guest")).get("guest", self._named)
        # What QEMU calls the machine may be any text.
        named = self._named if self._named and is_identifier(self._named) else None
        return wanted or named

    def _front(self, item: Definition, name: str | None) -> Front:
        console = item.id if name is None else name
        if name is not None and len(self._used) > 1:
            console = f"{name}.{item.id}"
        if item.spec is None:
            members = [self._chardevs[id] for id in item.members]
        else:
            # QEMU's own name for what is below an id that something was put over (mux=on).
            id = f"{item.id}-base" if console == item.id else item.id
            members = [replace(item, spec=replace(item.spec, id=id))]
        backends = tuple(Backend(m.spec, m.option) for m in members if m.spec is not None)
        return Front(console, self._private(item.id), backends)

    def _without_terminal(self, front: Front) -> Front:
        return replace(front, backends=tuple(b for b in front.backends if not _is_terminal(b)))

    def _warn_of_unused(self) -> None:
        for item in self._chardevs.values():
            for warning in item.spec.warnings if item.spec else ():
                self._warnings.append(" ".join(warning.split()))
            if not item.used:
                self._warnings.append(f"{printable(str(item.option))}: nothing uses it")


def _needs_bus(device: Option) -> bool:
    driver, pairs = _properties(device)
    return driver in _ON_BUS and "bus" not in dict(pairs)


def _is_terminal(backend: Backend) -> bool:
    return isinstance(backend.spec.options, StdioOptions)


def _properties(option: Option) -> tuple[str, list[tuple[str, str]]]:
    """The driver of a `-device` and its properties, in either of QEMU's forms."""
    if option.text.startswith("{"):
        try:
            given = json.loads(option.text)
        except (ValueError, RecursionError):
            given = None
        items = given.items() if isinstance(given, dict) else ()
        pairs = [(name, value) for name, value in items if isinstance(value, str)]
    else:
        pairs = split_options(option.text, "driver")
    return dict(pairs).get("driver", ""), pairs


def _rewritten(option: Option, pairs: list[tuple[str, str]]) -> str:
    if option.text.startswith("{"):
        return json.dumps(json.loads(option.text) | dict(pairs))
    return join_options(pairs, "driver")
