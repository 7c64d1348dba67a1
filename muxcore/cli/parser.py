"""The command line: one parser, and a function behind each verb.

`python -m muxcore` has the verbs that need no user interface; `tui.__main__`
adds its own. Nothing heavy is imported before it is known what is wanted.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from muxcore.cli.narration import complain, engine_words
from muxcore.errors import CommandError, ConfigError, DaemonError, MuxError
from muxcore.exits import ExitCode

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no other name

Run = Callable[[argparse.Namespace], int]
Show = Callable[[str, str], int]
"""Shows the console of that name of the daemon on that control socket; returns the exit code."""

_CHARDEV_HELP = "a chardev as QEMU's -chardev takes it ('help' lists the types), or its JSON form"


def main(argv: Sequence[str] | None = None) -> int:
    """The headless command line; returns the exit code."""
    parser = make_parser("python -m muxcore")
    add_verbs(verbs_of(parser))
    return run(parser, sys.argv[1:] if argv is None else argv)


def make_parser(prog: str) -> argparse.ArgumentParser:
    """A parser with the options that every command takes."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description="One guest console, many hands: share a VM's or board's console.",
        epilog=_codes(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    _add_socket(parser, None)
    return parser


class VerbParser(argparse.ArgumentParser):
    """Takes options between a verb's words too: `send vm1 -e reboot`.

    argparse gives an optional word up as soon as an option comes before it.
    Where `as_written`, the verb has a syntax of its own, and gets its `words`.
    """

    _mixing = False
    as_written = False

    def parse_known_args(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        namespace: argparse.Namespace | None = None,
    ) -> tuple[argparse.Namespace, list[str]]:
        """See argparse; its own intermixed parsing calls this again."""
        if self.as_written:
            return argparse.Namespace(**self._defaults, words=list(args or ())), []
        if self._mixing:
            return super().parse_known_args(args, namespace)
        self._mixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixing = False


def verbs_of(parser: argparse.ArgumentParser) -> Verbs:
    """Where the verbs of `parser` are added."""
    return parser.add_subparsers(metavar="COMMAND", required=True, parser_class=VerbParser)


def add_verb(verbs: Verbs, name: str, run: Run, help: str) -> argparse.ArgumentParser:
    """A parser for the verb `name`, which `run` carries out."""
    verb = verbs.add_parser(name, help=help, description=f"{help}.", allow_abbrev=False)
    verb.set_defaults(run=run)
    # Also behind the verb; there it must not undo what came before it.
    _add_socket(verb, argparse.SUPPRESS)
    return verb


def add_verbs(verbs: Verbs, show: Show | None = None) -> None:
    """The verbs that need no user interface; `show` is one, for those that can do with it."""
    serve = add_verb(verbs, "serve", _serve, "be the daemon, in the foreground")
    serve.add_argument(
        "-c",
        "--config",
        metavar="FILE",
        help="configuration (default: $XDG_CONFIG_HOME/muxtui/config.toml, where it exists)",
    )
    serve.add_argument("--ready-fd", type=int, help=argparse.SUPPRESS)

    add = add_verb(verbs, "add", _verb("add"), "make a console")
    add.add_argument("name", metavar="NAME")
    add.add_argument("-g", "--guest", metavar="CHARDEV", help=_CHARDEV_HELP)
    add.add_argument(
        "-b", "--backend", metavar="CHARDEV", action="append", default=[], help="as often as wanted"
    )
    add.add_argument(
        "--object",
        metavar="OBJECT",
        action="append",
        default=[],
        help="TLS credentials for a socket's tls-creds, as QEMU's -object takes them: "
        "tls-creds-x509,id=ID,dir=DIR,endpoint=server; as often as wanted",
    )
    add.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="history=64K..1G, size=COLSxROWS, answer=BACKEND, scrollback=LINES, "
        "scrollback-bytes=1M..512M, "
        "newline=cr|crlf|lf, backspace=del|bs, delete=vt|del, palette=NAME, "
        "or allow=title,clipboard,links,notifications",
    )

    qemu = add_verb(verbs, "qemu", _qemu, "run a virtual machine with its consoles shared")
    assert isinstance(qemu, VerbParser)
    qemu.as_written = True
    qemu.set_defaults(show=show)

    rm = add_verb(verbs, "rm", _verb("rm"), "remove a console, its guest and its backends")
    rm.add_argument("name", metavar="NAME")
    _add_force(rm)

    ls = add_verb(verbs, "ls", _verb("ls"), "list the consoles and how they are")
    ls.add_argument("--json", action="store_true", help="everything, as mux-query-consoles tells")

    _add_force(add_verb(verbs, "stop", _verb("stop"), "end the daemon"))

    attach = add_verb(verbs, "attach", _attach, "put this terminal on a console; menu: ctrl+]")
    attach.add_argument("name", metavar="NAME")
    attach.add_argument("--ro", action="store_true", help="type nothing")
    attach.add_argument(
        "--raw", action="store_true", help="on a terminal too, byte for byte: nothing is dropped"
    )
    attach.add_argument(
        "--replay",
        metavar="SIZE",
        help="history shown first (default: 4K on a terminal, else none)",
    )

    send = add_verb(verbs, "send", _verb("send"), "type into a console")
    send.add_argument("name", metavar="NAME")
    send.add_argument("text", metavar="TEXT", nargs="?", help="exactly this; - for standard input")
    send.add_argument("-e", "--enter", action="store_true", help="then Enter (a carriage return)")
    send.add_argument("--break", dest="send_break", action="store_true", help="then a break")

    log = add_verb(verbs, "log", _verb("log"), "print the retained history")
    log.add_argument("name", metavar="NAME")
    log.add_argument("-f", "--follow", action="store_true", help="go on with what comes")
    log.add_argument("--raw", action="store_true", help="on a terminal too, byte for byte")

    screen = add_verb(verbs, "screen", _screen, "print a console's present screen")
    screen.add_argument("name", metavar="NAME")
    form = screen.add_mutually_exclusive_group()
    form.add_argument("--ansi", action="store_true", help="with its colours")
    form.add_argument("--json", action="store_true", help="with cursor, modes and title")
    screen.add_argument(
        "--size",
        metavar="COLSxROWS",
        help="as a terminal of this size shows it (default: as the guest believes it is)",
    )


def run(parser: argparse.ArgumentParser, argv: Sequence[str]) -> int:
    """Parse `argv` and carry it out; an error is told in one line on standard error."""
    try:
        args = parser.parse_args(argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.ERROR
    from muxcore.paths import default_socket

    args.socket = os.path.abspath(args.socket) if args.socket else default_socket()
    try:
        status: int = args.run(args)
    except MuxError as error:
        code = _code(error)
        hint = " ('muxtui ls' lists the consoles)" if code is ExitCode.NOT_FOUND else ""
        complain(f"{error}{hint}")
        return code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Whoever read our output has enough; nothing more may be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return status


def _code(error: MuxError) -> ExitCode:
    if isinstance(error, DaemonError):
        return ExitCode.NO_DAEMON
    if isinstance(error, ConfigError):
        return ExitCode.USAGE
    if isinstance(error, CommandError) and error.qmp_class == "DeviceNotFound":
        return ExitCode.NOT_FOUND
    return ExitCode.ERROR


def _serve(args: argparse.Namespace) -> int:
    from muxcore.daemon.serve import serve

    config = os.path.abspath(args.config) if args.config else None
    return serve(args.socket, config, args.ready_fd)


def _attach(args: argparse.Namespace) -> int:
    from muxcore.cli.terminal import attach

    return attach(args)


def _qemu(args: argparse.Namespace) -> int:
    from muxcore.cli.qemu import qemu

    return qemu(args)


def _screen(args: argparse.Namespace) -> int:
    from muxcore.cli.screen import screen

    return screen(args)


def _verb(name: str) -> Run:
    def run(args: argparse.Namespace) -> int:
        from muxcore.cli import verbs

        status: int = getattr(verbs, name)(args)
        return status

    return run


def _add_socket(parser: argparse.ArgumentParser, default: str | None) -> None:
    parser.add_argument(
        "-s",
        "--socket",
        metavar="PATH",
        default=default,
        help="the daemon's control socket (default: $MUXTUI_SOCKET, or the user's own)",
    )


def _add_force(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-f", "--force", action="store_true", help="do not ask, even when programs would end"
    )


def _codes() -> str:
    lines = [f"  {code:<2} {code.meaning}" for code in ExitCode]
    return "\n".join(["exit codes:", *lines])


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from muxcore.version import __version__

        print(f"muxtui {__version__} (engine {engine_words()})")
        parser.exit()
