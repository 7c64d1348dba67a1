"""What the headless verbs do: each takes the parsed arguments and returns the exit code."""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from muxcore.attach import AttachStream, attach
from muxcore.cli.narration import complain, engine_words
from muxcore.cli.stdio import read_stdin
from muxcore.cli.table import table
from muxcore.client import Client, ensure_daemon
from muxcore.errors import DaemonError, MuxError, OptionError
from muxcore.exits import ExitCode
from muxcore.wire.sanitise import Sanitiser

CHUNK = 32 * 1024
STOP_TIMEOUT = 10.0
"""Seconds that `stop` waits for the daemon to be gone."""


def add(args: argparse.Namespace) -> int:
    """Make a console, starting the daemon if none answers."""
    # Nobody else needs all the options there are.
    from muxcore.cli import arguments

    for text in [args.guest, *args.backend]:
        if text is not None and (words := arguments.help_wanted(text)) is not None:
            print(words)
            return ExitCode.OK
    try:
        guest = arguments.chardev(args.guest) if args.guest is not None else None
        backends = [arguments.chardev(text) for text in args.backend]
        settings = dict(arguments.setting(text) for text in args.set)
        objects = [arguments.object_members(text) for text in args.object]
    except OptionError as error:
        complain(f"{error} ({error.hint})" if error.hint else str(error))
        return ExitCode.USAGE
    path = args.socket
    ensure_daemon(path)

    async def work(client: Client) -> int:
        made: list[str] = []
        try:
            for members in objects:
                await client.execute("object-add", **members)
                made.append(members["id"])
            await add_console(client, args.name, guest, backends, settings)
        except MuxError:
            for id in made:
                await client.execute("object-del", id=id)
            raise
        _tell_failed(await client.console(args.name))
        return ExitCode.OK

    return with_client(path, work)


async def add_console(
    client: Client,
    name: str,
    guest: str | None,
    backends: list[str],
    settings: dict[str, str] | None = None,
) -> None:
    """Make a console whose programs inherit this process's directory and environment."""
    arguments: dict[str, Any] = {"guest": guest} if guest is not None else {}
    await client.execute(
        "mux-add-console",
        console=name,
        backends=backends,
        settings=settings or {},
        **origin(),
        **arguments,
    )


def _tell_failed(console: dict[str, Any]) -> None:
    """Say what of a new console does not work yet: a misspelt path looks no different else."""
    for chardev in filter(None, (console["guest"], *console["backends"])):
        if chardev["reason"]:
            again = "; trying again" if chardev["retry-at"] else ""
            complain(f"{chardev['id']}: {chardev['reason']}{again}")


def rm(args: argparse.Namespace) -> int:
    """Remove a console; one of a virtual machine goes with the machine."""
    from muxcore.qemu.machine import together

    async def work(client: Client) -> int:
        consoles = together(await client.consoles(), args.name)
        # For its words, where there is none of that name.
        consoles = consoles or [await client.console(args.name)]
        if not args.force and not _agreed(consoles):
            return ExitCode.REFUSED
        for console in consoles:
            await client.execute("mux-remove-console", console=console["name"])
        return ExitCode.OK

    return with_client(args.socket, work)


def ls(args: argparse.Namespace) -> int:
    """List the consoles."""

    async def work(client: Client) -> int:
        consoles = await client.consoles(brief=not args.json)
        print(json.dumps(consoles, indent=2) if args.json else table(consoles))
        if sys.stdout.isatty() and not args.json:
            print(f"engine: {engine_words()}")
        return ExitCode.OK

    return with_client(args.socket, work)


def stop(args: argparse.Namespace) -> int:
    """End the daemon, and return when it is gone."""

    async def work(client: Client) -> int:
        if not args.force and not _agreed(await client.consoles(brief=True)):
            return ExitCode.REFUSED
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                # The daemon may be gone before its reply is read: that is what was wanted.
                with contextlib.suppress(DaemonError):
                    await client.execute("quit")
                    async for _ in client.events():
                        pass
        except TimeoutError:
            complain(f"the daemon is still there after {STOP_TIMEOUT:g} s")
            return ExitCode.ERROR
        return ExitCode.OK

    return with_client(args.socket, work)


def send(args: argparse.Namespace) -> int:
    """Type into a console."""
    if args.text is None and not (args.enter or args.send_break):
        complain("nothing to send: give a TEXT, - for standard input, --enter or --break")
        return ExitCode.USAGE
    path = args.socket

    async def work(client: Client) -> int:
        guest = (await client.console(args.name))["guest"]
        if guest is None or guest["state"] != "open":
            complain(f"cannot send to {args.name}: its guest is not open (muxtui ls says why)")
            return ExitCode.CLOSED
        stream = await attach(path, args.name, label="muxtui send")
        with contextlib.closing(stream):
            # Output that is not read would make the guest wait for us.
            stream.set_callback(lambda: _discard(stream))
            if args.text == "-":
                while chunk := await read_stdin(CHUNK):
                    await _send_all(stream, chunk)
            elif args.text is not None:
                await _send_all(stream, os.fsencode(args.text))
            if args.enter:
                await _send_all(stream, b"\r")
        if args.send_break:
            await client.execute("mux-send-break", console=args.name)
        return ExitCode.OK

    return with_client(path, work)


def log(args: argparse.Namespace) -> int:
    """Print the retained history: byte for byte, but on a terminal what is safe there."""
    if args.follow:
        from muxcore.cli.terminal import follow

        return follow(args)

    async def work(client: Client) -> int:
        clean = Sanitiser(queries=False) if os.isatty(1) and not args.raw else None
        offset, end = 0, None
        while end is None or offset < end:
            part = await client.execute("mux-read-history", console=args.name, offset=offset)
            # What comes while we print is not waited for: that is --follow.
            end = part["end"] if end is None else end
            data = base64.b64decode(part["data"])
            offset = part["offset"] + len(data)
            sys.stdout.buffer.write(clean.feed(data) if clean else data)
        sys.stdout.buffer.flush()
        return ExitCode.OK

    return with_client(args.socket, work)


def with_client(path: str, work: Callable[[Client], Awaitable[int]]) -> int:
    """Run `work` with a connection to the daemon on `path`."""

    async def main() -> int:
        async with await Client.connect(path) as client:
            return await work(client)

    return asyncio.run(main())


def origin() -> dict[str, Any]:
    """What programs inherit from this process, as mux-add-console and mux-set-guest take it."""
    return {"cwd": os.getcwd(), "environment": _environment()}


def _environment() -> dict[str, str]:
    """Our environment, as far as it is text that JSON can carry."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.isprintable() and not any("\ud800" <= c < "\ue000" for c in value)
    }


async def _send_all(stream: AttachStream, data: bytes) -> None:
    while data:
        data = data[stream.send(data) :]
        await stream.drain()


def _discard(stream: AttachStream) -> None:
    try:
        stream.receive()
    except DaemonError:
        stream.set_callback(None)


def _agreed(consoles: list[dict[str, Any]]) -> bool:
    """Ask, on a terminal, before programs are ended; True where nobody can be asked."""
    programs = [
        f"  {console['name']}: {console['guest']['address']}"
        for console in consoles
        if (guest := console["guest"]) and guest["type"] == "process" and guest["state"] == "open"
    ]
    if not programs or not sys.stdin.isatty():
        return True
    complain("\n".join(["this ends:", *programs]))
    print("End it? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
