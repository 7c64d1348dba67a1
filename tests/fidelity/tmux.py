"""tmux as a reference: what its panes show and believe after some bytes.

Every piece of output gets a window of its own, whose terminal device this process writes to and
reads from; the program in the window only keeps it open. `capture-pane` does not tell the
background of erased cells behind a line's last written one, so a second window gets the same
bytes, and both are made to tell it: by shifting their lines by a column.
"""

from __future__ import annotations

import os
import re
import select
import subprocess
import tty
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from tests.fidelity.screen import Cell, State, anonymous, ordered, picture, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_ASK, _READY = b"\x1b[5n", b"\x1b[0n"
_SYNC = b"\x18\x1b\\" + _ASK
"""Asks whether the terminal is ready; it is when it has obeyed all that came before."""

_CALM = b"\x1b[?6l\x1b[4l\x1b[r\x1b[m\x1b(B\x0f"
"""Ends what would bend the shifting: origin and insert mode, margins, attributes, charsets."""

_FACTS = {
    "cursor": "#{cursor_y},#{cursor_x}",
    "visible": "#{cursor_flag}",
    "application_cursor": "#{keypad_cursor_flag}",
    "application_keypad": "#{keypad_flag}",
    "mouse": "#{mouse_all_flag}#{mouse_button_flag}#{mouse_standard_flag}",
    "mouse_format": "#{mouse_sgr_flag}#{mouse_utf8_flag}",
    "alternate_screen": "#{alternate_on}",
    "title": "#{pane_title}",
}
_TRACKING = {"1": "any", "01": "button", "001": "normal"}
_LINE_DRAWING = dict(zip(b"`afgjklmnopqrstuvwxyz{|}~", "◆▒°±┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·", strict=True))
_SEQUENCE = re.compile("(\x1b\\[[0-9;:]*m|[\x0e\x0f])")

_COLOURED = re.compile(rb"\x1b\[[^@-l]*m")
"""Without any SGR, erased cells have no background."""


class Piece(NamedTuple):
    """Output, and the size of the terminal it is for."""

    data: bytes
    rows: int
    cols: int


class Pane(NamedTuple):
    """A window's pane and the descriptor of its terminal."""

    name: str
    fd: int


class Tmux:
    """A private tmux server."""

    def __init__(self, directory: Path) -> None:
        """Start it with its socket and its home in `directory`.

        Raises:
            OSError: tmux is not installed.
            subprocess.CalledProcessError: It does not start.
        """
        self._directory = directory
        self._environment = {
            **{key: value for key, value in os.environ.items() if key != "TMUX"},
            "LC_ALL": "C.UTF-8",
            "HOME": str(directory),
            "TMUX_TMPDIR": str(directory),
            "SHELL": "/bin/sh",
        }
        self("start-server", ";", "set-option", "-g", "exit-empty", "off")
        self.untitled = ""
        self.version = self("-V").split()[-1]

    def __call__(self, *arguments: str) -> str:
        """Run a tmux command and return what it prints."""
        command = ["tmux", "-u", "-L", "fidelity", "-f", "/dev/null", *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, timeout=60)
        if done.returncode:
            raise subprocess.CalledProcessError(
                done.returncode, command, done.stdout, done.stderr.decode()
            )
        return done.stdout.decode()

    def close(self) -> None:
        """End the server and what runs in its windows."""
        self("kill-server")

    def states(self, pieces: Sequence[Piece]) -> list[State]:
        """Return what tmux shows and believes after each piece of output, from its start."""
        found: dict[int, State] = {}
        for size in sorted({piece[1:] for piece in pieces}):
            chosen = [at for at, piece in enumerate(pieces) if piece[1:] == size]
            # A window takes descriptors of tmux and of this process.
            for begin in range(0, len(chosen), 100):
                part = chosen[begin : begin + 100]
                found.update(zip(part, self._batch([pieces[at].data for at in part], *size),
                                 strict=True))  # fmt: skip
        return [found[at] for at in range(len(pieces))]

    def _batch(self, outputs: Sequence[bytes], rows: int, cols: int) -> list[State]:
        """Return the states after outputs for terminals of one size."""
        coloured = [at for at, data in enumerate(outputs) if _COLOURED.search(data)]
        with self._panes(len(outputs) + len(coloured), rows, cols) as panes:
            first, second = panes[: len(outputs)], panes[len(outputs) :]
            replies = [
                _feed(pane.fd, data + _SYNC)[: -len(_READY)]
                for pane, data in zip(first, outputs, strict=True)
            ]
            screens = self._capture(first)
            facts = self._facts(first, cols)
            again = [first[at] for at in coloured]
            for at, pane in zip(coloured, second, strict=True):
                _feed(pane.fd, outputs[at] + _SYNC)
            shifted = zip(coloured, *self._shifted(again, second, rows, cols), strict=True)
            for at, right, left in shifted:
                _fill(screens[at], right, left, cols)
        return [
            {**picture(screen), **told, "replies": anonymous(reply)}
            for screen, told, reply in zip(screens, facts, replies, strict=True)
        ]

    def _shifted(
        self, first: Sequence[Pane], second: Sequence[Pane], rows: int, cols: int
    ) -> tuple[list[list[list[Cell]]], list[list[list[Cell]]]]:
        """Shift the lines of panes by a column, to the right and to the left; return both."""
        right = _at_each(rows, "\x1b[{row};1H\x1b[@")
        left = _at_each(rows, f"\x1b[{{row}};1H\x1b[P\x1b[{{row}};{cols}Hx")
        for pane in first:
            _feed(pane.fd, _CALM + right + _SYNC)
        for pane in second:
            _feed(pane.fd, _CALM + left + _SYNC)
        return self._capture(first), self._capture(second)

    @contextmanager
    def _panes(self, count: int, rows: int, cols: int) -> Iterator[list[Pane]]:
        """Give that many fresh panes."""
        program = ("sleep", "600")
        self("new-session", "-d", "-s", "t", "-x", str(cols), "-y", str(rows), *program)
        self("set-option", "-g", "status", "off")
        self.untitled = self("display-message", "-p", "#{pane_title}").strip()
        command = f"new-window -d -P -F '#{{pane_id}} #{{pane_tty}}' -t t: {' '.join(program)}"
        panes: list[Pane] = []
        try:
            for line in self._script([command] * count).splitlines():
                name, device = line.split()
                panes.append(Pane(name, os.open(device, os.O_RDWR | os.O_NOCTTY)))
                tty.setraw(panes[-1].fd)
            yield panes
        finally:
            for pane in panes:
                os.close(pane.fd)
            self("kill-session", "-t", "t")

    def _script(self, commands: Iterable[str]) -> str:
        """Run commands of tmux in one go: a process each would take longer than all the rest."""
        script = self._directory / "script"
        script.write_text("\n".join(commands))
        return self("source-file", str(script))

    def _capture(self, panes: Sequence[Pane]) -> list[list[list[Cell]]]:
        """Return the cells of each pane's lines up to the last written one."""
        marker = "\x1b[end]"
        text = self._script(
            f"capture-pane -p -e -N -t {pane.name} ; display-message -p '{marker}'"
            for pane in panes
        )
        screens = text.split(marker + "\n")[:-1]
        return [_lines(screen) for screen in screens]

    def _facts(self, panes: Sequence[Pane], cols: int) -> list[State]:
        form = "\t".join(_FACTS.values())
        lines = self._script(f"display-message -p -t {pane.name} '{form}'" for pane in panes)
        return [self._judged(line.split("\t"), cols) for line in lines.splitlines()]

    def _judged(self, values: Sequence[str], cols: int) -> State:
        told: State = dict(zip(_FACTS, values, strict=True))
        mouse = told["mouse"]
        for name in ("visible", "application_cursor", "application_keypad", "alternate_screen"):
            told[name] = told[name] == "1"
        row, col = map(int, told["cursor"].split(","))
        told["cursor"] = [row, min(col, cols - 1)]
        told["mouse"] = _TRACKING.get(mouse[: mouse.find("1") + 1], "off")
        told["mouse_format"] = {"1": "sgr", "01": "utf8"}.get(
            told["mouse_format"].rstrip("0"), "x10"
        )
        if told["title"] == self.untitled:
            told["title"] = ""
        return told


def _at_each(rows: int, text: str) -> bytes:
    return "".join(text.format(row=row + 1) for row in range(rows)).encode()


def _feed(fd: int, data: bytes) -> bytes:
    """Write to a pane's terminal; return what the terminal answered, its readiness last."""
    got, asked = b"", data.count(_ASK)
    while got.count(_READY) < asked:
        readable, writable, _ = select.select([fd], [fd] if data else [], [], 20)
        assert readable or writable, f"tmux does not answer {data!r}; it said {got!r}"
        if writable:
            data = data[os.write(fd, data[:4096]) :]
        if readable:
            got += os.read(fd, 4096)
    return got


def _fill(
    written: list[list[Cell]], right: list[list[Cell]], left: list[list[Cell]], cols: int
) -> None:
    """Append to captured lines what their shifted copies show behind them."""
    for shown, behind, last in zip(written, right, left, strict=True):
        missing = cols - sum(cell.width for cell in shown)
        if missing > 0:
            shown += behind[len(behind) - missing + 1 :] + last[-2:-1]


def _lines(screen: str) -> list[list[Cell]]:
    """Return the cells of what `capture-pane -e` gives; attributes go on from line to line."""
    lines: list[list[Cell]] = []
    look: dict[str, str] = {}
    drawing = False
    for line in screen.split("\n")[:-1]:
        cells: list[Cell] = []
        for part in _SEQUENCE.split(line):
            if part in ("\x0e", "\x0f"):
                drawing = part == "\x0e"
            elif part.startswith("\x1b["):
                for parameter in _grouped(part[2:-1]):
                    _apply(parameter, look)
            else:
                text = part.translate(_LINE_DRAWING) if drawing else part
                cells += (Cell(*cell, ordered(look.values())) for cell in split(text))
        lines.append(cells)
    return lines


def _grouped(parameters: str) -> list[str]:
    """Return SGR parameters one by one, colours as `38:5:n` and `38:2:r:g:b`."""
    items = re.sub(r"([345]8);(5;\d+|2;\d+;\d+;\d+)", _with_colons, parameters).split(";")
    # tmux 3.3 writes the overline's 53 in the form of an underline's kind.
    return ["53" if item == "5:3" else re.sub(":2::", ":2:", item) for item in items]


def _with_colons(match: re.Match[str]) -> str:
    return match[0].replace(";", ":")


def _apply(parameter: str, look: dict[str, str]) -> None:
    """Carry out one SGR parameter of those tmux writes."""
    kind, _, rest = parameter.partition(":")
    number = int(kind or 0)
    if number == 0:
        look.clear()
    elif number in (38, 48, 58) or (number == 4 and rest):
        look[kind] = parameter
    elif number in (39, 49):
        look.pop(str(number - 1), None)
    elif 30 <= number % 60 <= 47 or number >= 90:
        bright = 8 if number >= 90 else 0
        look["48" if number // 10 in (4, 10) else "38"] = (
            f"{'48' if number // 10 in (4, 10) else '38'}:5:{number % 10 + bright}"
        )
    else:
        look[kind] = "4:1" if number == 4 else kind
