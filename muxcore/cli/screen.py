"""`muxtui screen`: a console's present screen, computed from its history.

The terminal engine is native code fed with what a guest printed, so it runs in a process of its
own: one that dies is an error, never an empty screen.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from muxcore.client import Client
from muxcore.config import console_config
from muxcore.errors import MuxError
from muxcore.exits import ExitCode

if TYPE_CHECKING:
    from muxcore.screen.frame import Frame
    from muxcore.vt.engine import Modes

DEFAULT_SIZE = (24, 80)

MAX_HISTORY = 1 << 20
"""Bytes of the history's end that a screen is computed from."""


class Past(NamedTuple):
    """The end of a console's history, from the offset `start`, and the size to show it at."""

    size: tuple[int, int]
    start: int
    data: bytes


def screen(args: argparse.Namespace) -> int:
    """Print a console's present screen."""
    wanted = console_config(args.name, None, [], {"size": args.size}).size if args.size else None
    past = asyncio.run(_fetch(args.socket, args.name, wanted))
    kind = "json" if args.json else "ansi" if args.ansi else "text"
    out = apart(lambda: render(past, kind).encode(sys.stdout.encoding or "utf-8", "replace"))
    sys.stdout.buffer.write(out)
    sys.stdout.buffer.flush()
    return ExitCode.OK


async def _fetch(path: str, name: str, size: tuple[int, int] | None) -> Past:
    async with await Client.connect(path) as client:
        console = await client.console(name)
        history = console["history"]
        start = max(history["start"], history["end"] - MAX_HISTORY)
        data = bytearray()
        while start + len(data) < history["end"]:
            at = start + len(data)
            part = await client.execute("mux-read-history", console=name, offset=at)
            if part["offset"] > at:
                # The guest printed it out of the history meanwhile.
                start, data = part["offset"], bytearray()
            data += base64.b64decode(part["data"])
    return Past(size or size_of(console), start, bytes(data))


def size_of(console: dict[str, Any]) -> tuple[int, int]:
    """The rows and columns to show a console at, from its mux-query-consoles.

    What the guest was told or the configuration says; else, of a guest that could be told, the
    view that was typed in last; else 24 rows of 80: what a guest that knows no size takes for
    granted.
    """
    if console["size"]:
        return console["size"]["rows"], console["size"]["cols"]
    if console["guest"] and not console["guest"]["can-resize"]:
        return DEFAULT_SIZE
    views = [
        (bool(peer["received"]), peer["last-activity"] or 0, peer["rows"], peer["cols"])
        for backend in console["backends"]
        for peer in backend["peers"]
        if peer["rows"] and peer["cols"]
    ]
    return max(views)[2:] if views else DEFAULT_SIZE


def render(past: Past, kind: str) -> str:
    """The screen as `text`, as text with colours (`ansi`), or as `json`.

    Raises:
        MuxError: the engine failed inside, so that there is nothing true to show.
    """
    from muxcore.screen import dump
    from muxcore.screen.items import Attached, Output
    from muxcore.screen.screen import Screen
    from muxcore.vt.choice import engine_name
    from muxcore.vt.engine import EngineError

    end = past.start + len(past.data)
    try:
        shown = Screen(*past.size, scrollback=0)
        shown.obey([Attached("", "", past.start, end), Output(past.start, past.data)])
        engine, stop, name = shown.engine, shown.engine.end_line, engine_name()
    except EngineError as error:
        raise MuxError(f"there is no screen: {error}") from error
    if engine.faults:
        raise MuxError(_FAILED.format(name))
    start = stop - engine.rows
    texts = shown.texts(start, stop)
    if kind == "json":
        shape = _describe(shown.frame(), engine.modes, texts, name, past.start, end)
        return json.dumps(shape, indent=2) + "\n"
    while stop > start and not texts[stop - start - 1][0]:
        stop -= 1
    if kind == "text":
        return dump.text(texts[: stop - start])
    return dump.ansi(shown.lines(start, stop)) + "\x1b[m"


def _describe(
    frame: Frame, modes: Modes, texts: list[tuple[str, bool]], engine: str, start: int, end: int
) -> dict[str, Any]:
    cursor = frame.cursor
    return {
        "rows": frame.rows,
        "cols": frame.cols,
        "cursor": {
            "row": cursor.row,
            "col": cursor.col,
            "visible": cursor.visible,
            "shape": cursor.shape.value,
            "blinking": cursor.blinking,
        },
        "modes": {
            name.replace("_", "-"): value.value if isinstance(value, Enum) else value
            for name, value in asdict(modes).items()
        },
        "title": frame.title,
        "lines": [text for text, _ in texts],
        "engine": engine,
        "start": start,
        "offset": end,
    }


def apart(work: Callable[[], bytes]) -> bytes:
    """What `work` gives, done in a child process: it may die, and this one then says so.

    Raises:
        MuxError: it died, or `work` raised one.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        status = 1
        try:
            status = _answer(work, write)
        finally:
            # Nothing of the parent's is run or flushed here.
            os._exit(status)
    os.close(write)
    with open(read, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        raise MuxError(_FAILED.format("the terminal engine") + f" ({name})")
    if os.WEXITSTATUS(status) != 0:
        raise MuxError(answer.decode("utf-8", "replace"))
    return answer


def _answer(work: Callable[[], bytes], write: int) -> int:
    """Write what `work` gives, or why there is nothing; returns the child's exit status."""
    status = 1
    try:
        answer, status = work(), 0
    except MuxError as error:
        answer = str(error).encode()
    except Exception as error:  # noqa: BLE001 - a child that raised must not go on as its parent
        answer = f"{_FAILED.format('the terminal engine')} ({error!r})".encode()
    with open(write, "wb") as pipe:
        pipe.write(answer)
    return status


_FAILED = "{} failed at what the guest printed; MUXTUI_ENGINE=bittty may not"
