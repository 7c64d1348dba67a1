"""The bench's guest: plays screens of one kind on its terminal, at a pace, for ever.

    python -m tests.bench.view_guest KIND COLSxROWS

It is the same program, for the same size, whether muxtui or tmux shows it. Frames are made before
they are played, so that the guest costs next to nothing meanwhile.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import pty
import random
import select
import struct
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

FRAME_RATE = 60
"""Frames a second of everything that is paced."""

LOOP = 120
"""Frames before a generated stream begins again."""

FLOOD = 20e6
"""Bytes a second of the paced flood."""

ECHOES = [chr(code) for code in range(0x410, 0x440)]
"""What keys are echoed as, in turn: glyphs that occur in nothing else."""

BEHIND = 0.1
"""Seconds of output that a guest makes up for when it was kept waiting; more is never printed, for
then it would print several times as fast as it is meant to."""

READY = "\N{CYRILLIC SMALL LETTER YA}".encode()
"""What the guest prints first; it plays when a `g` has been typed."""

_HOME = b"\x1b[H"
_QUIET = 0.03
"""Seconds of silence after which vim has drawn what a key asked for."""

_NOTHING = 16
"""Bytes that vim writes for a key that changes nothing: the cursor is hidden and shown."""

_WORDS = [
    *("kernel", "device", "eth0", "link", "up", "at", "1000", "Mbps", "full", "duplex", "session"),
    *("opened", "for", "user", "root", "by", "cron", "mounted", "filesystem", "with", "ordered"),
    *("GET", "/index.html", "200", "POST", "/api/v1/items", "201", "cache", "miss", "retry"),
]


def log_line(chance: random.Random, cols: int) -> bytes:
    """One line of a log, of a log line's usual length."""
    words = " ".join(chance.choices(_WORDS, k=chance.randint(4, 16)))
    stamp = f"{chance.randint(0, 23):02}:{chance.randint(0, 59):02}:{chance.randint(0, 59):02}"
    return f"{stamp} vm1 [{chance.randint(1, 9999):4}] {words}"[: cols - 1].encode() + b"\r\n"


def scroll(cols: int, rows: int, lines: int = 1) -> list[bytes]:
    """A log, `lines` lines a frame."""
    chance = random.Random(1)
    return [b"".join(log_line(chance, cols) for _ in range(lines)) for _ in range(LOOP)]


def fast_scroll(cols: int, rows: int) -> list[bytes]:
    """A log, ten lines a frame."""
    return scroll(cols, rows, 10)


def colour(cols: int, rows: int) -> list[bytes]:
    """Lines in which every word has a colour, one a frame: a build, `ls --color`, a test run."""
    chance = random.Random(2)

    def line() -> bytes:
        words = log_line(chance, cols)[:-2].split(b" ")
        return b" ".join(b"\x1b[%dm%s\x1b[m" % (chance.randint(31, 37), w) for w in words) + b"\r\n"

    return [line() for _ in range(LOOP)]


def true_colour(cols: int, rows: int) -> list[bytes]:
    """Every cell in colours of its own, all of them new in each frame."""
    chance = random.Random(3)

    def cell() -> bytes:
        back, front = chance.randbytes(3), chance.randbytes(3)
        return b"\x1b[48;2;%d;%d;%d;38;2;%d;%d;%dm" % (*back, *front) + b"%c" % chance.randint(
            48, 122
        )

    cells = [cell() for _ in range(8192)]
    return [
        b"".join(
            b"\x1b[%dH" % row + b"".join(chance.choices(cells, k=cols))
            for row in range(1, rows + 1)
        )
        for _ in range(12)
    ]


def top(cols: int, rows: int) -> list[bytes]:
    """A process monitor as ncurses writes it: a third of the figures change in each frame."""
    chance = random.Random(4)
    start = [b"\x1b[2J"]
    for row in range(7, rows):
        name = " ".join(chance.choices(_WORDS, k=4))
        text = f"{row * 37:6} root      20   0 {name}"[:cols].encode()
        start.append(b"\x1b[%d;1H\x1b[36m%s\x1b[m" % (row, text))

    def frame() -> bytes:
        out = []
        for cpu in range(4):
            bar = chance.randint(1, cols // 3)
            out.append(b"\x1b[%d;3H%d\x1b[1m[\x1b[32m%s" % (cpu + 1, cpu, b"|" * bar))
            out.append(b"\x1b[31m%s\x1b[%d;%dH\x1b[90m" % (b"|" * 4, cpu + 1, cols // 2))
            out.append(b"%4.1f%%\x1b[39m]\x1b[m" % (chance.random() * 100))
        out.append(b"\x1b[6;1H\x1b[30;42m  PID USER      PRI  NI COMMAND\x1b[K\x1b[m")
        for row in chance.sample(range(7, rows), (rows - 7) // 3):
            cpu_share, memory = chance.random() * 100, chance.random() * 30
            out.append(b"\x1b[%d;%dH\x1b[1m%5.1f\x1b[m %4.1f" % (row, 80, cpu_share, memory))
            out.append(b"\x1b[%d;%dH %d:%05.2f" % (row, 94, chance.randint(0, 99), memory))
        return b"".join(out)

    return [b"".join(start) + frame(), *(frame() for _ in range(LOOP))]


def synchronized(cols: int, rows: int) -> list[bytes]:
    """The process monitor, each frame of it in the brackets of mode 2026."""
    return [b"\x1b[?2026h" + frame + b"\x1b[?2026l" for frame in top(cols, rows)]


def vim(cols: int, rows: int) -> list[bytes]:
    """What vim writes for each key while one reads, searches and edits a C file in it."""
    source = Path(__file__).with_name("fanc.c")
    keys = [b"\x05"] * 25 + [b"\x06", b"\x06", b"\x02"] + [b"\x19"] * 25 + [b"j"] * 20
    keys += [b"/while\r", b"n", b"n", b"O"] + [bytes((c,)) for c in b"if (count > limit) return;"]
    keys += [b"\x1b", b"dd", b"dd", b"u", b"gg"]
    command = ["vim", "-u", "NONE", "-N", "-n", "-i", "NONE", "--cmd", "syntax on"]
    return list(_recorded([*command, "-c", "set nu hls ruler", str(source)], keys, cols, rows))


def _recorded(command: list[str], keys: Sequence[bytes], cols: int, rows: int) -> Iterator[bytes]:
    """What a program writes at its start and for each key."""
    pid, fd = pty.fork()
    if not pid:
        os.execvpe(command[0], command, {**os.environ, "TERM": "xterm-256color"})
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
    try:
        yield _HOME + _until_quiet(fd, 0.5)
        for key in keys:
            os.write(fd, key)
            drawn = _until_quiet(fd, _QUIET)
            if len(drawn) > _NOTHING:
                yield drawn
    finally:
        os.close(fd)
        os.waitpid(pid, 0)


def _until_quiet(fd: int, quiet: float) -> bytes:
    out = b""
    while select.select([fd], [], [], quiet)[0]:
        out += os.read(fd, 1 << 16)
    return out


def flood(cols: int, rows: int) -> list[bytes]:
    """A log at FLOOD bytes a second."""
    chance = random.Random(5)
    text = b"".join(log_line(chance, cols) for _ in range(10_000))
    size = int(FLOOD / FRAME_RATE)
    endless = text * (size // len(text) + 2)
    return [endless[at : at + size] for at in range(0, len(text), len(text) // 8)]


def still(cols: int, rows: int) -> list[bytes]:
    """Nothing: what the idle echo is typed beside."""
    return [b""]


KINDS: dict[str, Callable[[int, int], list[bytes]]] = {
    "vim": vim,
    "top": top,
    "scroll": scroll,
    "fast-scroll": fast_scroll,
    "colour": colour,
    "true-colour": true_colour,
    "synchronized": synchronized,
    "flood": flood,
    "flat-out": flood,
    "still": still,
    "echo": still,
    "echo-flood": flood,
}


class Player:
    """Plays frames on standard output and echoes what is typed.

    Args:
        kind: one of KINDS; `flat-out` is not paced, `echo*` keep the last row for the echo.
    """

    def __init__(self, kind: str, cols: int, rows: int) -> None:
        self._paced = kind != "flat-out"
        self._rows = rows
        self._echoes = itertools.cycle(ECHOES)
        self._start = b""
        if kind.startswith("echo"):
            # The flood scrolls above the row of the echo.
            self._start = b"\x1b[1;%dr" % (rows - 1)
        self._frames = KINDS[kind](cols, rows)

    def run(self) -> None:
        """Play for ever."""
        tty.setraw(0)
        _write(_HOME + b"\x1b[2J" + READY)
        while b"g" not in os.read(0, 64):
            pass
        _write(self._start)
        due = time.monotonic()
        for frame in itertools.cycle(self._frames):
            for at in range(0, len(frame), 1 << 14):
                _write(frame[at : at + (1 << 14)])
                self._echo(0)
            due = max(due + 1 / FRAME_RATE, time.monotonic() - BEHIND)
            while self._paced and (left := due - time.monotonic()) > 0:
                self._echo(left)

    def _echo(self, wait: float) -> None:
        if select.select([0], [], [], wait)[0]:
            for key in os.read(0, 64):
                if key == ord("k"):
                    glyph = next(self._echoes).encode()
                    _write(b"\x1b7\x1b[%d;1H%s\x1b8" % (self._rows, glyph))


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def main(argv: Sequence[str]) -> int:
    """Play; see the module."""
    kind, size = argv
    cols, rows = (int(number) for number in size.split("x"))
    Player(kind, cols, rows).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
