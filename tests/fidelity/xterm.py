"""xterm as a reference: what it answers when asked for each of its cells.

It runs on an X server of its own and obeys a pseudo-terminal of ours (`xterm -S`). A cell's code
points are told as their sum (DECRQCRA, with XTCHECKSUM taking out all but the code points), its
look as SGR (XTREPORTSGR), modes by DECRQM, the rest by other reports; bells are not told.
"""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import tty
from itertools import accumulate
from typing import TYPE_CHECKING
from unicodedata import normalize

from tests.fidelity.screen import Cell, State, anonymous, ordered, picture, split

if TYPE_CHECKING:
    from tests.fidelity.tmux import Piece

_READY = b"\x1b[0n"
_SYNC = b"\x18\x1b\\\x1b F\x1b[5n"
"""Asks whether the terminal is ready, in 7 bits; it is when it has obeyed all before."""

UNSTEADY = frozenset(
    {"text/combining-first", "text/combining-after-cup", "text/combining-after-newline"}
)
"""Cases after which xterm shows a mark without a base on one run and drops it on the next."""

_RESOURCES = (
    "allowWindowOps: true",
    "disallowedWindowOps:",
    "allowPasteControls: false",
    "titleModes: 0",
    "boldColors: false",
    "utf8Title: true",
    "cursorBlink: false",
)
_CODE_POINTS = b"\x1b[51#y"
"""XTCHECKSUM: not negated, without attributes, not cut to 8 bits."""

_HIDDEN = 0xFFFF
"""The sum of a wide character's second cell."""

_MODES = {
    "application_cursor": 1,
    "application_keypad": 66,
    "bracketed_paste": 2004,
    "focus_events": 1004,
    "visible": 25,
    "alternate_screen": 47,
}
_TRACKING = {1003: "any", 1002: "button", 1000: "normal", 9: "x10"}
_FORMATS = {1016: "sgr-pixels", 1006: "sgr", 1015: "urxvt", 1005: "utf8"}
_ORIGIN = 6
_SHAPES = ("block", "underline", "bar")

_POSITION = re.compile(rb"\x1b\[(\d+);(\d+)R")
_MARGINS = re.compile(rb"\x1bP1\$r(\d+);\d+r")
_SHAPE = re.compile(rb"\x1bP1\$r(\d) q")
_TITLE = re.compile(rb"\x1b\]l([^\x1b]*)")
_MODE = re.compile(rb"\x1b\[\?(\d+);(\d)\$y")
_CELL = re.compile(rb"\x1bP1!~([0-9A-F]{4})\x1b\\\x1b\[([0-9;:]*)m")


class Xterm:
    """An X server and an xterm for each piece of output."""

    def __init__(self) -> None:
        """Start the X server.

        Raises:
            FileNotFoundError: xterm or Xvfb is not installed.
        """
        for program in ("xterm", "Xvfb"):
            if shutil.which(program) is None:
                raise FileNotFoundError(f"{program} is not installed")
        ours, its = os.pipe()
        size = ("-screen", "0", "1600x1200x24")
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(its), *size, "-nolisten", "tcp", "-noreset"],
            pass_fds=(its,),
            stderr=subprocess.DEVNULL,
        )
        os.close(its)
        with open(ours, "rb") as number:
            display = f":{number.readline().decode().strip()}"
        self._environment = {**os.environ, "DISPLAY": display, "LC_ALL": "C.UTF-8"}
        told = subprocess.run(["xterm", "-version"], capture_output=True, check=True).stdout
        self.version = told.decode().strip()[len("XTerm(") : -1]

    def close(self) -> None:
        """End the X server."""
        self._server.terminate()
        self._server.wait()

    def state(self, piece: Piece) -> State:
        """Return what xterm shows and believes after a piece of output, nothing if that ends it."""
        ours, its = pty.openpty()
        tty.setraw(its)
        resources = [part for item in _RESOURCES for part in ("-xrm", f"XTerm*{item}")]
        size = f"{piece.cols}x{piece.rows}"
        name = os.ttyname(its).rpartition("/")[2]
        xterm = subprocess.Popen(
            ["xterm", "-u8", "-fn", "fixed", "-geometry", size, *resources, f"-S{name}/{ours}"],
            env=self._environment,
            pass_fds=(ours,),
            stderr=subprocess.DEVNULL,
        )
        os.close(ours)
        try:
            _read(its, b"\n")
            return _state(its, piece)
        except EOFError:
            # A query of the clipboard ends an xterm that is run this way.
            return {}
        finally:
            xterm.terminate()
            xterm.wait()
            os.close(its)


def _state(fd: int, piece: Piece) -> State:
    replies = _ask(fd, piece.data + _SYNC)
    numbers = (*_MODES.values(), *_TRACKING, *_FORMATS, _ORIGIN)
    modes = b"".join(b"\x1b[?%d$p" % number for number in numbers)
    told = _ask(fd, b"\x1b[6n\x1b[21t\x1bP$q q\x1b\\\x1bP$qr\x1b\\" + modes + b"\x1b[5n")
    on = {int(number) for number, value in _MODE.findall(told) if value in b"13"}
    row, col = map(int, _found(_POSITION, told).groups())
    top = int(_found(_MARGINS, told)[1]) if _ORIGIN in on else 1
    shape = _SHAPES[(max(int(_found(_SHAPE, told)[1]), 1) - 1) // 2]
    title = _found(_TITLE, told)[1].decode("utf-8", "replace")
    return {
        **picture(_rows(fd, piece)),
        **{name: number in on for name, number in _MODES.items()},
        "mouse": next((kind for number, kind in _TRACKING.items() if number in on), "off"),
        "mouse_format": next((kind for number, kind in _FORMATS.items() if number in on), "x10"),
        "cursor": [row + top - 2, col - 1],
        "shape": shape,
        "title": "" if title == "xterm" else title,
        "replies": anonymous(replies),
    }


def _rows(fd: int, piece: Piece) -> list[list[Cell]]:
    """Ask for every cell of the screen."""
    known = _sums(piece.data.decode("utf-8", "replace"))
    _ask(fd, b"\x1b[?6l" + _CODE_POINTS + b"\x1b[5n")
    rows: list[list[Cell]] = []
    for row in range(1, piece.rows + 1):
        queries = (
            b"\x1b[1;1;%d;%d;%d;%d*y\x1b[%d;%d;%d;%d#|" % ((row, col, row, col) * 2)
            for col in range(1, piece.cols + 1)
        )
        cells: list[Cell] = []
        for told, look in _CELL.findall(_ask(fd, b"".join(queries) + b"\x1b[5n")):
            code = int(told, 16)
            if code == _HIDDEN and cells:
                cells[-1] = cells[-1]._replace(width=2)
            else:
                cells.append(Cell(known.get(code) or chr(code or 32), 1, _look(look.decode())))
        rows.append(cells)
    return rows


def _sums(text: str) -> dict[int, str]:
    """Return the cells' texts that may be shown, by what xterm tells of them.

    That is the code point alone of what is composed of a letter and a mark.
    """
    clusters = {part for cell, _ in split(text) for part in accumulate(cell) if cell > " "}
    composed = {normalize("NFC", cluster): cluster for cluster in clusters}
    return {ord(text) & 0xFFFF: cluster for text, cluster in composed.items() if len(text) == 1}


def _look(parameters: str) -> tuple[str, ...]:
    """Return the attributes of an SGR as XTREPORTSGR gives it."""
    look: list[str] = []
    for item in re.sub(r"([34]8);(5;\d+|2;\d+;\d+;\d+)", _with_colons, parameters).split(";"):
        kind, _, rest = item.partition(":")
        number = int(kind or 0)
        if rest:
            look.append(re.sub(":2::", ":2:", item))
        elif 30 <= number % 60 <= 47 or number >= 90:
            ground = "48" if number // 10 in (4, 10) else "38"
            look.append(f"{ground}:5:{number % 10 + 8 * (number >= 90)}")
        elif number:
            look.append({4: "4:1", 21: "4:2"}.get(number, kind))
    return ordered(look)


def _with_colons(match: re.Match[str]) -> str:
    return match[0].replace(";", ":")


def _found(pattern: re.Pattern[bytes], told: bytes) -> re.Match[bytes]:
    found = pattern.search(told)
    assert found, f"xterm does not answer as expected: {told!r}"
    return found


def _ask(fd: int, data: bytes) -> bytes:
    """Write to xterm; return what it answers before it is ready."""
    got, asked = b"", data.count(b"\x1b[5n")
    while got.count(_READY) < asked:
        readable, writable, _ = select.select([fd], [fd] if data else [], [], 20)
        assert readable or writable, f"xterm does not answer {data!r}; it said {got!r}"
        if writable:
            data = data[os.write(fd, data[:4096]) :]
        if readable:
            told = os.read(fd, 4096)
            if not told:
                raise EOFError("xterm has ended")
            got += told
    return got[: -len(_READY)]


def _read(fd: int, end: bytes) -> bytes:
    got = b""
    while not got.endswith(end):
        assert select.select([fd], [], [], 20)[0], "xterm does not start"
        told = os.read(fd, 4096)
        if not told:
            raise EOFError("xterm has ended")
        got += told
    return got
