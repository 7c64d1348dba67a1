"""Output no sane program prints: the grammar of terminals, at random and by a seed."""

from __future__ import annotations

import random
from collections.abc import Callable

WORDS = (
    "plain text of some length",
    "中文字",
    "e\N{COMBINING ACUTE ACCENT}\N{COMBINING DIAERESIS}",
    "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}",
    "\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}",
    "\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}",
    "\N{RIGHT-TO-LEFT OVERRIDE}abc",
    "\N{COMBINING ACUTE ACCENT}" * 40,
    "\t\t",
    "\r\n",
    "\n" * 30,
    "\b\b\b",
)
MODES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 20, 25, 34, 40, 41, 45, 47, 66, 67, 69, 80, 95, 1000, 1002)
MORE_MODES = (1003, 1004, 1005, 1006, 1007, 1015, 1016, 1047, 1048, 1049, 2004, 2026, 2027, 2048)
FINALS = bytes(range(0x40, 0x7F))
PRIVATE = (b"", b"", b"", b"?", b">", b"=", b"<")
INTERMEDIATE = (b"", b"", b"", b" ", b"!", b'"', b"$", b"'", b"*", b"+", b"#")
STRINGS = (b"\x1b]", b"\x1bP", b"\x1b_", b"\x1b^", b"\x1bX")
ENDS = (b"\x07", b"\x1b\\", b"\x18", b"\x1a", b"", b"\x1b[m")
OSC = (b"0;", b"2;", b"4;1;?", b"8;;http://x/", b"9;", b"10;?", b"52;c;YQ==", b"104", b"133;A")


class Grammar:
    """Makes output; the same seed makes the same."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._makers: list[Callable[[], bytes]] = [
            *[self._text] * 6,
            *[self._control_sequence] * 6,
            *[self._sgr] * 3,
            *[self._mode] * 3,
            *[self._place] * 3,
            self._escape,
            self._string,
            self._noise,
        ]

    def output(self, size: int) -> bytes:
        """At least `size` bytes."""
        parts: list[bytes] = []
        while size > 0:
            parts.append(self._random.choice(self._makers)())
            size -= len(parts[-1])
        return b"".join(parts)

    def size(self) -> tuple[int, int]:
        """Rows and columns, seldom sensible ones."""
        some = (1, 2, 3, 7, 24, 40, 50, 80, 120, 200, 500)
        return self._random.choice(some), self._random.choice(some)

    def _number(self) -> bytes:
        usual = self._random.randrange(0, 12)
        return str(self._random.choice((usual, usual, 0, 1, 80, 255, 65_535, 1 << 31))).encode()

    def _numbers(self) -> bytes:
        count = self._random.choice((0, 1, 1, 2, 2, 3, 5, 40))
        separator = self._random.choice((b";", b";", b";", b":"))
        return separator.join(self._number() for _ in range(count))

    def _text(self) -> bytes:
        return self._random.choice(WORDS).encode()

    def _control_sequence(self) -> bytes:
        choice = self._random.choice
        final = bytes((choice(FINALS),))
        return b"\x1b[" + choice(PRIVATE) + self._numbers() + choice(INTERMEDIATE) + final

    def _sgr(self) -> bytes:
        rgb = b";".join(b"%d" % byte for byte in self._random.randbytes(3))
        kinds = (b"38;2;" + rgb, b"48;2;" + rgb, b"38;5;200", b"4:3", b"58;2;" + rgb, b"1;7", b"")
        return b"\x1b[" + self._random.choice(kinds) + b"m"

    def _mode(self) -> bytes:
        number = self._random.choice((*MODES, *MORE_MODES))
        return b"\x1b[?%d" % number + self._random.choice((b"h", b"l", b"s", b"r", b"$p"))

    def _place(self) -> bytes:
        finals = (b"H", b"r", b"s", b"A", b"B", b"L", b"M", b"@", b"P", b"S", b"T", b"X", b"b")
        return b"\x1b[" + self._number() + b";" + self._number() + self._random.choice(finals)

    def _escape(self) -> bytes:
        kinds = (
            b"c",
            b"D",
            b"E",
            b"H",
            b"M",
            b"Z",
            b"7",
            b"8",
            b"=",
            b">",
            b"#8",
            b"(0",
            b"n",
            b"|",
        )
        return b"\x1b" + self._random.choice(kinds)

    def _string(self) -> bytes:
        choice = self._random.choice
        body = choice(OSC) + choice(WORDS).encode() * self._random.randrange(0, 20)
        return choice(STRINGS) + body + choice(ENDS)

    def _noise(self) -> bytes:
        return self._random.randbytes(self._random.randrange(1, 40))
