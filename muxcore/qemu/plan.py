"""What is to be made for a QEMU command line: consoles, and QEMU with a private socket for each.

::

    -chardev hub,id=mux0,...            console mux0: its members are the backends,
    -device virtconsole,chardev=mux0    its guest listens on DIRECTORY/0
                                        qemu ... -chardev socket,id=mux0,path=DIRECTORY/0
                                              -device virtio-serial -device virtconsole,chardev=mux0

muxtui listens and QEMU connects, so that no byte is printed before somebody
takes it: QEMU's own server drops what comes while nobody is there. A serial
port's private socket is a mux in QEMU, for that is how a break reaches the port
(`muxcore.chardev.layers.escape`).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections import Counter
from dataclasses import dataclass

from muxcore.errors import OptionError, printable
from muxcore.options.grammar import join_options, split_options
from muxcore.options.objects import ObjectSpec, parse_object
from muxcore.options.sets import ChardevSpec, SocketOptions
from muxcore.options.values import IDENTIFIER_HINT, is_identifier
from muxcore.qemu.arguments import Arguments, Option, arguments_in, has_option, options_in
from muxcore.qemu.chardevs import ESCAPE, define, implicit, naming
from muxcore.qemu.consoles import Consoles, Front, Hub, Use

PROCESS = ".qemu"
"""What the console of QEMU itself has behind the virtual machine's name."""

_REFERENCE = "chardev:"
_MONITOR = "monitor"
_KINDS = {"serial": "serial", "monitor": _MONITOR, "qmp": _MONITOR}
_FRONTENDS = ("device", "mon", "serial", "monitor", "qmp")
_BUS = "virtio-serial"
_ON_BUS = ("virtconsole", "virtserialport")
_SERIAL_CORE = ("isa-serial", "pci-serial")
_BREAKS = ("serial", "isa-serial", "pci-serial", "pci-serial-2x", "pci-serial-4x", "usb-serial")
"""What shows a break of its chardev to the guest (CHR_EVENT_BREAK)."""
_CHARDEV = re.compile(r"chardev\d?")
_VNC = re.compile(r"none|unix:.+|(\[[^]]*\]|[^:,\[\]]*):\d+", re.DOTALL)
_DISPLAYS = ("display", "nographic", "vnc", "spice", "curses", "sdl", "gtk")


@dataclass(frozen=True)
class Plan:
    """See the module.

    `name` is the virtual machine's; `shown` is the console to look at first,
    `terminal` the one that this command's own terminal is a backend of
    (`stdio`), None for none. `before` and `after` stand around the user's own
    words in QEMU's command line; `escape` is the escape character of QEMU's muxes.
    """

    name: str
    shown: str
    objects: tuple[ObjectSpec, ...]
    hubs: tuple[Hub, ...]
    fronts: tuple[Front, ...]
    terminal: str | None
    program: str
    before: tuple[str, ...]
    words: tuple[str, ...]
    after: tuple[str, ...]
    warnings: tuple[str, ...]
    escape: int = ESCAPE

    @property
    def process(self) -> str:
        """The console that QEMU itself runs on."""
        return f"{self.name}{PROCESS}"

    def guest(self, index: int, directory: str) -> ChardevSpec:
        """The guest of the console at `index`: a server that QEMU connects to."""
        path = os.path.join(directory, str(index))
        echr = self.escape if self.fronts[index].breaks else None
        return ChardevSpec(None, SocketOptions(path=path, server=True, wait=False, echr=echr))

    def command(self, directory: str) -> list[str]:
        """QEMU's command line with its private sockets in `directory`."""
        chardevs: list[str] = []
        for index, front in enumerate(self.fronts):
            options = [("backend", "socket"), ("id", front.chardev)]
            options.append(("path", os.path.join(directory, str(index))))
            if front.breaks:
                options.append(("mux", "on"))
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
        self._words = list(arguments.words)
        self._uses: list[Use] = []
        self._objects: list[ObjectSpec] = []
        self._escape = ESCAPE
        self._before: list[str] = []
        self._after: list[str] = []
        self._warnings: list[str] = []
        self._seen: Counter[str] = Counter()
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
        if not self._uses:
            raise OptionError(
                "no -device, -serial, -monitor or -mon uses a chardev of muxtui's",
                hint="e.g. -chardev pty,id=c0 -device virtconsole,chardev=c0",
            )
        name = self._name_wanted()
        # As in QEMU a monitor is not what a mux begins with.
        uses = sorted(self._uses, key=lambda use: use.label.startswith(_MONITOR))
        consoles = Consoles(self._chardevs, uses, name, self._escape)
        self._warn_of_unused()
        return Plan(
            name=name or consoles.shown,
            shown=consoles.shown,
            objects=tuple(self._objects),
            hubs=tuple(consoles.hubs),
            fronts=tuple(consoles.fronts),
            terminal=consoles.terminal,
            program=arguments.program,
            before=tuple(self._before),
            words=tuple(self._words),
            after=tuple(self._after),
            warnings=tuple(self._warnings),
            escape=self._escape_in_words(),
        )

    # The options before the `--`, each by its name.

    def _chardev(self, option: Option) -> None:
        """Defined already."""

    def _device(self, option: Option) -> None:
        driver, _ = _properties(option)
        place = self._before if driver.startswith(_BUS) else self._after
        place += ["-device", self._connected_device(option)]

    def _serial(self, option: Option) -> None:
        self._legacy(option, "serial{}", "serial device")

    def _monitor(self, option: Option) -> None:
        self._legacy(option, "compat_monitor{}", "monitor")

    _qmp = _monitor

    def _mon(self, option: Option) -> None:
        self._before += ["-mon", self._connected_mon(option)]

    def _echr(self, option: Option) -> None:
        self._escape = _escape_character(option)

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
        with naming(option):
            spec = parse_object(option.text)
            if any(spec.id == other.id for other in self._objects):
                raise OptionError(f"attempt to add duplicate property '{spec.id}' to object")
        self._objects.append(spec)

    # Steps of the above.

    def _legacy(self, option: Option, label: str, what: str) -> None:
        """An option whose argument is a chardev itself, or `chardev:ID` (qemu_chr_parse_compat)."""
        number = self._seen[label]
        self._seen[label] += 1
        if option.text == "none":
            self._before += [f"-{option.name}", "none"]
            return
        if option.text.startswith(_REFERENCE):
            self._before += [f"-{option.name}", self._connected_legacy(option, what)]
            return
        item = implicit(self._chardevs, option, label.format(number))
        private = self._use(option, item.id, "", _KINDS[option.name])
        self._before += [f"-{option.name}", f"{_REFERENCE}{private}"]
        if option.text.startswith("mon:"):
            private = self._use(option, item.id, "", _MONITOR)
            self._before += ["-mon", f"chardev={private},mode=readline"]

    def _connected_device(self, option: Option, *, foreign: bool = False) -> str:
        """The argument of a `-device` with what its chardevs are called in QEMU."""
        driver, pairs = _properties(option)
        kind = "serial" if driver in _SERIAL_CORE else driver
        connected = False
        for index, (name, value) in enumerate(pairs):
            if _CHARDEV.fullmatch(name) and not (foreign and self._is_foreign(value)):
                failure = f"Property '{kind}.{name}' can't"
                label = driver if is_identifier(driver) else "device"
                private = self._use(option, value, failure, label)
                connected |= private != value
                pairs[index] = (name, private)
        return _rewritten(option, pairs) if connected else option.text

    def _connected_mon(self, option: Option, *, foreign: bool = False) -> str:
        """The argument of a `-mon`, likewise."""
        pairs = _mon_pairs(option)
        for index, (name, value) in enumerate(pairs):
            if name == "chardev" and not (foreign and self._is_foreign(value)):
                pairs[index] = (name, self._use(option, value, "", _MONITOR))
            elif name == "mode" and value not in ("readline", "control"):
                raise OptionError(f'{option}: unknown monitor mode "{printable(value)}"')
        if "chardev" not in dict(pairs):
            raise OptionError(f'{option}: chardev "(null)" not found')
        return join_options(pairs, "")

    def _connected_legacy(self, option: Option, what: str, *, foreign: bool = False) -> str:
        """The argument of a `-serial`, `-monitor` or `-qmp` that is `chardev:ID`, likewise."""
        id = option.text.removeprefix(_REFERENCE)
        if id == option.text or (foreign and self._is_foreign(id)):
            return option.text
        failure = f"could not connect {what} to character backend '{printable(option.text)}'"
        private = self._use(option, id, "", _KINDS[option.name], missing=failure)
        return f"{_REFERENCE}{private}"

    def _use(self, option: Option, id: str, text: str, kind: str, *, missing: str = "") -> str:
        """Take note that a frontend uses `id`; returns what it is called in QEMU."""
        shown = printable(id)
        item = self._chardevs.get(id)
        if item is None:
            if id in self._own:
                return id
            reason = f"{text} find value '{shown}'" if text else f'chardev "{shown}" not found'
            raise OptionError(f"{printable(str(option))}: {missing or reason}")
        if item.used and not item.is_mux:
            reason = f"chardev '{shown}' is already in use"
            reason = f"{text} take value '{shown}': {reason}" if text else reason
            raise OptionError(f"{printable(str(option))}: {reason}")
        item.used = True
        label = f"{kind}{self._seen[kind]}"
        self._seen[kind] += 1
        private = self._private(f"{id}.{label}" if item.is_mux else id)
        self._uses.append(Use(item, private, label, kind in _BREAKS))
        return private

    def _is_foreign(self, id: str) -> bool:
        """Whether a chardev in QEMU's own words is none of ours."""
        return id not in self._chardevs or id in self._own

    def _private(self, id: str) -> str:
        """What a chardev of ours is called in QEMU, which may have one of that name."""
        return f"muxtui-{id}" if {id, f"{id}-base"} & self._own else id

    def _find_in_words(self) -> None:
        """Connect frontends in QEMU's own words; most need no change, for the ids are ours."""
        for index, option in arguments_in(self._arguments.words, _FRONTENDS):
            if option.name == "device":
                self._words[index] = self._connected_device(option, foreign=True)
            elif option.name != "mon":
                self._words[index] = self._connected_legacy(option, "", foreign=True)
            elif any(n == "chardev" and not self._is_foreign(v) for n, v in _mon_pairs(option)):
                self._words[index] = self._connected_mon(option, foreign=True)

    def _escape_in_words(self) -> int:
        """The `-echr` of QEMU's own words; QEMU complains of a bad one itself."""
        escape = ESCAPE
        for option in options_in(self._arguments.words, ["echr"]):
            with contextlib.suppress(OptionError):
                escape = _escape_character(option)
        return escape

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

    def _warn_of_unused(self) -> None:
        for item in self._chardevs.values():
            for warning in item.spec.warnings if item.spec else ():
                text = f"{printable(str(item.option))}: {' '.join(warning.split())}"
                self._warnings.append(text)
            if not item.used:
                self._warnings.append(f"{printable(str(item.option))}: nothing uses it")


def _escape_character(option: Option) -> int:
    try:
        code = int(option.text, 0)
    except ValueError:
        code = -1
    if not 0 <= code <= 255:
        hint = "the code of a character: 1 for C-a, 20 for C-t"
        raise OptionError(f"{printable(str(option))}: Bad argument to echr", hint=hint)
    return code


def _needs_bus(device: Option) -> bool:
    driver, pairs = _properties(device)
    return driver in _ON_BUS and "bus" not in dict(pairs)


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


def _mon_pairs(option: Option) -> list[tuple[str, str]]:
    return split_options(option.text, "chardev")


def _rewritten(option: Option, pairs: list[tuple[str, str]]) -> str:
    if option.text.startswith("{"):
        return json.dumps(json.loads(option.text) | dict(pairs))
    return join_options(pairs, "driver")
