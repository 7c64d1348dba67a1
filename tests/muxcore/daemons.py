"""What tests of the daemon share: one in this process, real ones, and a plain client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from muxcore.daemon.daemon import Daemon
from tests.support import TIMEOUT, eventually_sync, unix_path

ROOT = Path(__file__).parents[2]
Json: TypeAlias = Any
"""What a command takes and gives."""

SLOW = 60.0
"""Seconds that a real process may take on a machine that is busy."""


@contextlib.asynccontextmanager
async def running(directory: Path, config_path: str | None = None) -> AsyncIterator[Daemon]:
    """A daemon in this process, with its control socket in `directory`."""
    daemon = Daemon(unix_path(directory, "control.sock"), config_path)
    try:
        await daemon.start()
        yield daemon
    finally:
        await daemon.aclose()


class Raw:
    """A control client that sends bytes as they are and reads lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.events: list[dict[str, Any]] = []

    async def line(self) -> dict[str, Any]:
        """The next message, whatever it is."""
        async with asyncio.timeout(TIMEOUT):
            line = await self.reader.readuntil(b"\n")
        assert line.endswith(b"\r\n")
        message: dict[str, Any] = json.loads(line)
        return message

    async def reply(self) -> dict[str, Any]:
        """The next message that is no event; those are kept in `events`."""
        while "event" in (message := await self.line()):
            self.events.append(message)
        return message

    async def event(self, name: str) -> dict[str, Any]:
        """The data of the next event called `name`, kept or still to come."""
        while True:
            message = self.events.pop(0) if self.events else await self.line()
            if message.get("event") == name:
                data: dict[str, Any] = message["data"]
                return data

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)

    async def execute(self, command: str, /, **arguments: Json) -> Json:
        """The result of a command; its error as a string."""
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        self.send(json.dumps({"execute": command, "arguments": named}).encode())
        reply = await self.reply()
        return reply["error"]["desc"] if "error" in reply else reply["return"]


@contextlib.asynccontextmanager
async def raw_client(path: str, *, negotiate: bool = True) -> AsyncIterator[Raw]:
    """A `Raw` client of the daemon on `path`."""
    reader, writer = await asyncio.open_unix_connection(path, limit=4 << 20)
    client = Raw(reader, writer)
    try:
        greeting = await client.line()
        assert greeting["QMP"]["capabilities"] == []
        if negotiate:
            assert await client.execute("qmp_capabilities") == {}
        yield client
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def backend(type: str, **data: object) -> dict[str, Json]:
    """A chardev's `backend` member in QMP."""
    return {"type": type, "data": data}


def print_from(daemon: Daemon, console: str, data: bytes) -> None:
    """Put output into a console's history, as its guest would."""
    daemon.consoles[console].history.append(data, 1.0)


def cli(*words: str, input: bytes = b"", timeout: float = SLOW) -> subprocess.CompletedProcess[str]:
    """Run the headless command line to its end, in the (hidden) home directory."""
    done = subprocess.run(
        [sys.executable, "-m", "muxcore", *words],
        cwd=os.environ["HOME"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=input,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def serve(path: str, *words: str, before: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """Start a real daemon in the foreground; its standard error is a pipe.

    `before` is what stands before its command, and becomes it by exec.
    """
    command = [*before, sys.executable, "-m", "muxcore", "--socket", path, "serve", *words]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)


@contextlib.contextmanager
def served(path: str, *words: str, before: Sequence[str] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """A real daemon that listens on `path`; it is killed if it is still there at the end."""
    process = serve(path, *words, before=before)
    try:
        eventually_sync(
            lambda: listens(path) or process.poll() is not None, SLOW, f"a daemon on {path}"
        )
        assert process.poll() is None, process.communicate()[1]
        yield process
    finally:
        process.kill()
        process.communicate()


def listens(path: str) -> bool:
    """Whether the lock that goes with a listening daemon and its socket are there."""
    return os.path.exists(path) and os.path.exists(f"{path}.lock")
