"""`muxtui`: the app, and the verbs of `muxcore.cli`. Only what shows a screen imports Textual."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence

from muxcore.cli import parser as cli
from muxcore.cli.narration import complain
from muxcore.exits import ExitCode

APP = "app"
"""The verb that is meant when none is named."""

_VALUED = ("-s", "--socket")


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = cli.make_parser("muxtui")
    verbs = cli.verbs_of(parser)
    app = cli.add_verb(verbs, APP, _app, "the user interface; 'muxtui CONSOLE' is short for it")
    app.add_argument("console", metavar="CONSOLE", nargs="?", help="the console to show first")
    cli.add_verb(verbs, "demo", _demo, "a console on your own shell, with a socket, a pty, a log")
    cli.add_verbs(verbs, _show)
    argv = sys.argv[1:] if argv is None else argv
    return cli.run(parser, with_verb(argv, list(verbs.choices)))


def with_verb(argv: Sequence[str], verbs: Sequence[str]) -> list[str]:
    """`argv` with the app's verb where the first word is none: a console's name, or nothing.

    `muxtui -- NAME` shows a console that is called like a verb.
    """
    words = list(argv)
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] != "--":
        if words[at] in ("-h", "--help", "--version"):
            return words
        at += 2 if words[at] in _VALUED else 1
    if at >= len(words) or words[at] not in verbs:
        words.insert(min(at, len(words)), APP)
    return words


def _app(args: argparse.Namespace) -> int:
    return _show(args.socket, args.console)


def _demo(args: argparse.Namespace) -> int:
    if not _on_terminal():
        return ExitCode.USAGE
    from tui.demo import CONSOLE, prepare

    path = args.socket
    prepare(path)
    return _show(path, CONSOLE)


def _show(path: str, console: str | None) -> int:
    from concurrent.futures import ThreadPoolExecutor

    from muxcore.launch import ensure_daemon
    from muxcore.screen.process import EngineProcess
    from tui.guardian import Guardian

    if not _on_terminal():
        return ExitCode.USAGE
    guardian = Guardian()
    # Nothing of what is loaded is garbage; the app collects again once it has settled.
    gc.disable()
    # Its process loads the engine, and the daemon starts, while this one loads Textual.
    worker = EngineProcess()
    try:
        with ThreadPoolExecutor(1) as starter:
            started = starter.submit(ensure_daemon, path)
            from tui.app import run
        started.result()
        return run(path, console, worker, guardian)
    finally:
        worker.close()
        guardian.close()


def _on_terminal() -> bool:
    """Whether there is a terminal to show the app on; says so where there is none."""
    # Textual draws on standard error.
    if all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        return True
    complain("the user interface needs a terminal: see 'muxtui --help' for what does not")
    return False


if __name__ == "__main__":
    sys.exit(main())
