"""`muxtui demo`: a console on the user's own shell with one backend of each common kind."""

from __future__ import annotations

import os
import shlex

from muxcore import paths
from muxcore.cli.arguments import chardev
from muxcore.cli.verbs import add_console, origin, with_client
from muxcore.client import Client, ensure_daemon

CONSOLE = "demo"


def prepare(path: str) -> None:
    """See that the daemon on `path` has the console `CONSOLE`, starting both if needed.

    Raises:
        DaemonError: the daemon cannot be reached or started.
        CommandError: it refuses.
    """
    ensure_daemon(path)
    with_client(path, _ensure_console)


async def _ensure_console(client: Client) -> int:
    shell = shlex.quote(os.environ.get("SHELL") or "/bin/sh").replace(",", ",,")
    guest = f"process,id=demo.shell,command=exec {shell}"
    for console in await client.consoles():
        if console["name"] == CONSOLE:
            if console["guest"] is None or console["guest"]["state"] == "closed":
                # The shell was left: who asks for the demo again wants one.
                await client.execute("mux-set-guest", console=CONSOLE, guest=guest, **origin())
            return 0
    directory = os.path.join(paths.runtime_directory(), CONSOLE)
    paths.private_directory(paths.runtime_directory())
    paths.private_directory(directory)
    # A comma in a path or a command is doubled, as everywhere in this syntax.
    at = directory.replace(",", ",,")
    backends = [
        f"socket,id=demo.socket,path={at}/socket,server=on,wait=off",
        f"pty,id=demo.pty,path={at}/pty",
        f"file,id=demo.log,path={at}/log",
    ]
    await add_console(client, CONSOLE, guest, [chardev(text) for text in backends])
    return 0
