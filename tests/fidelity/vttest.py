"""Sessions of vttest, its keyboard played by a script: `streams/vttest-MENU-NAME.raw`.

A session chooses the items its file is named after, one menu after the other, pushes RETURN
wherever vttest waits for it, and ends when the last menu is back. What vttest asks the terminal is
answered by an engine of ours.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from muxcore.vt.choice import make_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from muxcore.vt.engine import Engine

_ROWS, _COLS = 24, 80
_NAME = re.compile(r"vttest-((?:\d+-)+)")
_MENU = re.compile(rb"Enter choice number \(0 - \d+\): \Z")
_PAUSE = b"Push <RETURN>"
_ANY_KEY = re.compile(rb"repeat to quit\.\s+\x1b\[\d+;\d+H\Z")
_PATIENCE = 20
"""Seconds vttest may be silent; it waits for some replies longer than others."""


def record_vttest(directory: Path) -> None:
    """Renew every session of vttest in `directory`.

    Raises:
        FileNotFoundError: vttest is not installed.
    """
    for path in sorted(directory.glob("vttest-*.raw")):
        path.write_bytes(session(choices(path.stem)))


def choices(name: str) -> list[int]:
    """Return the items of menus a session called `name` chooses."""
    numbers = _NAME.match(name)
    assert numbers, f"{name} names no items of menus"
    return [int(number) for number in numbers[1].split("-")[:-1]]


def session(items: list[int]) -> bytes:
    """Run vttest, choose these items, and return all it prints until it shows their menu again."""
    output = bytearray()
    engine = make_engine(_ROWS, _COLS)
    keys = iter(items)
    with _vttest() as terminal:
        while True:
            _hear(terminal, output, engine)
            if _MENU.search(output[-80:]):
                item = next(keys, None)
                if item is None:
                    engine.close()
                    return bytes(output)
                os.write(terminal, b"%d\r" % item)
            elif output.endswith(_PAUSE):
                os.write(terminal, b"\r")
            elif _ANY_KEY.search(output[-80:]):
                os.write(terminal, b"\r\r")


@contextmanager
def _vttest() -> Iterator[int]:
    """Run vttest in a terminal of its own; give the other side of that."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLS, 0, 0))
    program = subprocess.Popen(
        ["setsid", "--ctty", "vttest", f"{_ROWS}x{_COLS}.{_COLS}"],
        stdin=its,
        stdout=its,
        stderr=its,
        env={**os.environ, "TERM": "xterm", "LC_ALL": "C"},
    )
    os.close(its)
    try:
        yield ours
    finally:
        program.kill()
        program.wait()
        os.close(ours)


def _hear(terminal: int, output: bytearray, engine: Engine) -> None:
    """Read what vttest prints, and answer it what it asks."""
    assert select.select([terminal], [], [], _PATIENCE)[0], f"vttest waits: {output[-200:]!r}"
    data = os.read(terminal, 65536)
    output += data
    engine.feed(data)
    os.write(terminal, engine.take_replies())
