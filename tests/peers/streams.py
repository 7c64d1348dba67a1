"""A fan-out as asyncio's documentation would have one write it: streams, and a drain for all.

    python -m tests.peers.streams GUEST BACKEND...

GUEST is a unix socket to connect to or a terminal's device, each BACKEND the path of a unix socket
on which to listen. The guest is read when everybody has taken what it printed before.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys

READ = 1 << 16


async def open_guest(path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the guest's socket or device."""
    if stat.S_ISSOCK(os.stat(path).st_mode):
        return await asyncio.open_unix_connection(path)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    flags = os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK
    await loop.connect_read_pipe(lambda: protocol, os.fdopen(os.open(path, flags), "rb", 0))
    transport, _ = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(os.open(path, flags), "wb", 0)
    )
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def main(guest: str, backends: list[str]) -> None:
    """Share `guest` among the clients of all `backends` until it ends."""
    reader, writer = await open_guest(guest)
    clients: set[asyncio.StreamWriter] = set()

    async def serve(theirs: asyncio.StreamReader, ours: asyncio.StreamWriter) -> None:
        clients.add(ours)
        while data := await theirs.read(READ):
            writer.write(data)
            await writer.drain()
        clients.discard(ours)
        ours.close()

    for path in backends:
        await asyncio.start_unix_server(serve, path)
    while data := await reader.read(READ):
        for client in clients:
            client.write(data)
        await asyncio.gather(*(client.drain() for client in clients))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
