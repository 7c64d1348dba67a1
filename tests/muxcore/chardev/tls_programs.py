"""Programs that talk TLS to a server of ours."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

from muxcore.chardev.socket_server import SocketServer
from tests.muxcore.consoles import bench
from tests.support import eventually


def port_of(server: SocketServer) -> str:
    """The port a server listens on."""
    return server.address.rpartition(":")[2]


@contextlib.asynccontextmanager
async def program(*words: str, cwd: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program that is killed at the end."""
    started = await asyncio.create_subprocess_exec(
        *words, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def converse(server: SocketServer, *words: str, cwd: Path) -> None:
    """See that a client is a console's peer like any other; PORT in `words` is the server's."""
    async with bench(server) as made:
        command = [word.replace("PORT", port_of(server)) for word in words]
        async with program(*command, cwd=cwd) as client:
            assert client.stdin is not None
            assert client.stdout is not None
            client.stdin.write(b"ls\r\n" * 1000)
            await eventually(lambda: made.guest.sent == b"ls\r\n" * 1000, 20)
            await made.print(b"out\r\n" * 10_000)
            async with asyncio.timeout(20):
                assert await client.stdout.readexactly(50_000) == b"out\r\n" * 10_000
        await eventually(lambda: not made.console.peers)
