"""`muxtui qemu`: QEMU as a child of the daemon, with its consoles shared.

See `muxcore.qemu.plan` for what is made of the command line.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from muxcore.cli.arguments import absolute, absolute_object
from muxcore.cli.narration import complain
from muxcore.cli.terminal import View
from muxcore.cli.verbs import origin
from muxcore.client import Client, ensure_daemon
from muxcore.errors import OptionError
from muxcore.exits import ExitCode
from muxcore.options.grammar import format_chardev, help_wanted
from muxcore.options.objects import format_object
from muxcore.paths import private_sockets
from muxcore.qemu.arguments import Arguments, Mode, parse
from muxcore.qemu.consoles import Backend, Front, Hub
from muxcore.qemu.machine import Ended, Machine, follow
from muxcore.qemu.plan import Plan, make_plan
from muxcore.wire.sanitise import Sanitiser

REPLAY = 64 * 1024
"""Bytes of what the guest printed already that `stdio` begins with."""

HELP = """\
usage: muxtui qemu [OPTION]... -- qemu-system-... [QEMU's own options]

Run a virtual machine as a child of the daemon, with its consoles shared. What
stands before the -- is understood as QEMU understands it; muxtui keeps the
chardevs, and QEMU connects to one private socket per frontend.

  -chardev CHARDEV      a chardev ('-chardev help' lists the types); several share a
                        frontend by hub,id=ID,chardevs.0=A,chardevs.1=B or by
                        mux-be,id=ID and mux-be-id=ID on each of them, and several
                        frontends one chardev by mux=on
  -device DRIVER,chardev=ID,...
                        virtconsole, virtserialport, isa-serial, pci-serial, usb-serial, ...;
                        a virtio-serial controller is added where one is needed
  -serial, -monitor, -qmp chardev:ID | CHARDEV | mon:CHARDEV
  -mon chardev=ID,mode=readline|control
  -echr CODE            the escape character of muxes (1: C-a, then h for help)
  -object OBJECT        TLS credentials of muxtui's; QEMU's own follow the --
  -vnc HOST:DISPLAY     a display of muxtui's: QEMU opens none
  -name NAME            also the name of the console

  --name NAME           the console's name (default: -name's, or the chardev's id)
  --dry-run             print what would be run, and do nothing
  --detach              return once QEMU runs
  --wait                wait until QEMU ends, and end as it did (default without a terminal)
  -s, --socket PATH     the daemon's control socket

A stdio chardev is this terminal; without one the guest prints to standard output.
On a terminal the console is shown; leaving it leaves QEMU running. 'muxtui rm NAME' ends it.
QEMU's own output is on the console NAME.qemu.
"""


def qemu(args: argparse.Namespace) -> int:
    """Run a virtual machine."""
    try:
        arguments = parse(args.words)
        if (text := _help(arguments)) is not None:
            print(text, end="")
            return ExitCode.OK
        plan = _absolute(make_plan(arguments))
        if plan.terminal and arguments.mode == "detach":
            raise OptionError("cannot use stdio with --detach")
    except OptionError as error:
        complain(f"{error} ({error.hint})" if error.hint else str(error))
        return ExitCode.USAGE
    if arguments.socket is not None:
        args.socket = arguments.socket
    path = args.socket
    for warning in plan.warnings:
        complain(f"warning: {warning}")
    directory = private_sockets(path, plan.name)
    if arguments.dry_run:
        print("\n".join(shlex.join(command) for command in _commands(plan, directory)))
        return ExitCode.OK
    if shutil.which(plan.program) is None:
        complain(f"{plan.program}: no such program")
        return ExitCode.ERROR
    ensure_daemon(path)
    return _run(path, plan, directory, arguments.mode or _default_mode(), args.show)


_CHARDEVS = ("chardev", "serial", "monitor", "qmp")
"""The options that take a CHARDEV."""


def _help(arguments: Arguments) -> str | None:
    if arguments.help:
        return HELP
    wanted = (help_wanted(o.text) for o in arguments.options if o.name in _CHARDEVS)
    return next((f"{text}\n" for text in wanted if text is not None), None)


def _default_mode() -> Mode:
    on_terminal = all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    return "show" if on_terminal else "wait"


def _absolute(plan: Plan) -> Plan:
    """`plan` for a daemon whose directory is another one."""

    def backends(item: Hub | Front) -> tuple[Backend, ...]:
        return tuple(Backend(absolute(b.spec), b.option) for b in item.backends)

    return replace(
        plan,
        objects=tuple(map(absolute_object, plan.objects)),
        hubs=tuple(replace(item, backends=backends(item)) for item in plan.hubs),
        fronts=tuple(replace(item, backends=backends(item)) for item in plan.fronts),
    )


def _commands(plan: Plan, directory: str) -> list[list[str]]:
    """What a shell would be told instead; the last one is QEMU's."""
    objects = [word for spec in plan.objects for word in ("--object", format_object(spec))]
    commands = [["muxtui", "add", hub.console, *_backend_words(hub.backends)] for hub in plan.hubs]
    for index, front in enumerate(plan.fronts):
        guest = format_chardev(plan.guest(index, directory))
        words = _backend_words(front.backends)
        commands.append(["muxtui", "add", front.console, "--guest", guest, *words])
    commands[0] += objects
    return [*commands, plan.command(directory)]


def _backend_words(backends: Sequence[Backend]) -> list[str]:
    pairs = (("--backend", format_chardev(backend.spec)) for backend in backends)
    return [word for pair in pairs for word in pair]


def _run(
    path: str,
    plan: Plan,
    directory: str,
    mode: Mode,
    show: Callable[[str, str], int] | None,
) -> int:
    async def start(machine: Machine) -> Ended | None:
        return await machine.start()

    ended = _with_machine(path, plan, directory, start)
    if ended is not None:
        _print(ended.output)
        return _status(plan, ended)
    on_terminal = os.isatty(0) and os.isatty(1)
    if plan.terminal is not None and on_terminal:
        asyncio.run(
            View(plan.terminal, clean=True, keyboard=True, readonly=False).run(path, REPLAY)
        )
    elif mode == "wait" or plan.terminal is not None:
        return _wait(path, plan)
    elif mode == "show" and show is not None:
        show(path, plan.shown)
    return _left(path, plan, directory)


def _wait(path: str, plan: Plan) -> int:
    """Stay until QEMU has ended."""

    async def main() -> Ended:
        stdio = follow(path, plan.terminal, _write) if plan.terminal else _nothing()
        ended, _ = await asyncio.gather(follow(path, plan.process, _print), stdio)
        return ended

    try:
        return _status(plan, asyncio.run(main()))
    except KeyboardInterrupt:
        complain(_goes_on(plan))
        raise


async def _nothing() -> None:
    """There is no stdio."""


def _left(path: str, plan: Plan, directory: str) -> int:
    """Say how QEMU is when nobody of ours looks at it any more."""

    async def how(machine: Machine) -> Ended | None:
        ended = await machine.how()
        return replace(ended, output=await machine.output()) if ended else None

    ended = _with_machine(path, plan, directory, how)
    if ended is None:
        complain(_goes_on(plan))
        return ExitCode.OK
    _print(ended.output)
    return _status(plan, ended)


def _with_machine(
    path: str,
    plan: Plan,
    directory: str,
    work: Callable[[Machine], Awaitable[Ended | None]],
) -> Ended | None:
    """Run `work`; a signal that would end us lets it clear up first."""

    async def main() -> Ended | None:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        async with await Client.connect(path) as client:
            return await work(Machine(client, plan, directory, origin(), complain))

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _goes_on(plan: Plan) -> str:
    console = plan.shown
    return f"{plan.name} goes on: 'muxtui {console}' shows it, 'muxtui rm {console}' ends it"


def _print(output: bytes) -> None:
    """Show what QEMU printed; a guest may have had a say in it."""
    clean = Sanitiser(queries=False).feed(output) if os.isatty(2) else output
    sys.stderr.buffer.write(clean)
    sys.stderr.buffer.flush()


def _write(output: bytes) -> None:
    """What the guest prints, for `stdio`."""
    sys.stdout.buffer.write(output)
    sys.stdout.buffer.flush()


def _status(plan: Plan, ended: Ended) -> int:
    """The exit code: QEMU's own, or as a shell tells of a signal."""
    from muxcore.chardev.process import describe_status

    program = os.path.basename(plan.program)
    complain(f"{program} {describe_status(ended.status)}")
    if ended.status is None:
        return ExitCode.ERROR
    return ended.status if ended.status >= 0 else 128 - ended.status
