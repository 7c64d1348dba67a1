"""How cells are written: from Rich's styles to pens, and from one pen to the next in least SGR."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from rich.color import Color, ColorSystem
from rich.style import Style

from tui.themes import XTERM

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_PENS = 1 << 15
"""Pens that are told apart, and changes between two that are remembered."""

UNDERLINE = "underline"
"""The meta data of a style in which `tui.cell_style` keeps what Rich has no words for."""

_ON = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "21", "51", "52", "53")
_OFF = ("22", "22", "23", "24", "25", "25", "27", "28", "29", "24", "54", "54", "55")
"""SGR of Rich's attributes by bit: bold, dim, italic, underline, ... (ECMA-48 8.3.117)."""

SEEN_ON_BLANK = sum(1 << bit for bit in (3, 4, 5, 6, 8, 9, 10, 11, 12))
"""Attributes that show on a blank: underlines, blinking ones, reverse, strike, frames."""

_INDEXES = {colour: index for index, colour in enumerate(XTERM, 16) if index > 21}
"""Colours that have an index on every terminal, and so a shorter SGR.

16 to 21 are not what they were where base16-shell has set a terminal's palette.
"""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


class Pen(NamedTuple):
    """How cells are written.

    An empty `foreground` is that of a plain blank: any will do, and so will most attributes.
    """

    foreground: str
    background: str
    attributes: int = 0
    underline: str = ""
    """Its kind and colour, an SGR of its own after the others."""
    link: str = ""

    @property
    def plain(self) -> bool:
        """Whether a blank shows nothing but the background."""
        return not self.attributes & SEEN_ON_BLANK and not self.link


DEFAULT = Pen("39", "49")


class Pens:
    """Pens by number.

    Args:
        colours: what the terminal can show.
    """

    def __init__(self, colours: ColorSystem) -> None:
        self._colours = colours
        self._pens: list[Pen] = [DEFAULT]
        self._numbers: dict[Pen, int] = {DEFAULT: 0}
        self._styles: dict[Style | None, tuple[int, int]] = {None: (0, 0)}
        self._changes: dict[tuple[Pen | None, int], tuple[str, Pen]] = {}

    @property
    def full(self) -> bool:
        """Whether it is time to `keep` those in use."""
        return len(self._pens) > MAX_PENS

    def of(self, style: Style | None) -> tuple[int, int]:
        """The numbers of a style's pen and of its pen for blanks."""
        return self._styles.get(style) or self._learn(style or Style())

    def blank(self, background: str) -> int:
        """The number of the pen of blanks on a background."""
        return self._number(Pen("", background))

    def goes_on(self, number: int, other: int) -> bool:
        """Whether cells of another pen can be written after one's without a word about it."""
        if number == other:
            return True
        # Only a blank leaves anything to the pen that is there.
        return not self._pens[other].foreground and not self.change(self._pens[number], other)[0]

    def keep(self, used: Iterable[int]) -> dict[int, int]:
        """Forget all others; returns the new numbers of those that were used by their old ones."""
        kept = sorted({0, *used})
        self._pens = [self._pens[number] for number in kept]
        self._numbers = {pen: number for number, pen in enumerate(self._pens)}
        self._styles = {None: (0, 0)}
        self._changes.clear()
        return {old: new for new, old in enumerate(kept)}

    def change(self, have: Pen | None, number: int) -> tuple[str, Pen]:
        """What to write to change pens, and the pen that makes.

        Args:
            have: the terminal's pen, None where it is not known.
            number: of the pen that is wanted.
        """
        known = self._changes.get((have, number))
        if known is None:
            if len(self._changes) > MAX_PENS:
                self._changes.clear()
            known = self._changes[have, number] = _changed(have, self._pens[number])
        return known

    def _learn(self, style: Style) -> tuple[int, int]:
        pen = self._make(style)
        number = self._number(pen)
        blank = self.blank(pen.background) if pen.plain else number
        self._styles[style] = number, blank
        return number, blank

    def _make(self, style: Style) -> Pen:
        def codes(foreground: bool) -> str:
            colour = style.color if foreground else style.bgcolor
            if colour is None:
                return "39" if foreground else "49"
            colour = colour.downgrade(self._colours)
            index = _INDEXES.get(colour.triplet) if colour.triplet else None
            if index is not None:
                colour = Color.from_ansi(index)
            return ";".join(colour.get_ansi_codes(foreground))

        attributes = style._attributes & style._set_attributes  # noqa: SLF001 (Rich has no other)
        underline = str(style.meta.get(UNDERLINE, ""))
        link = _CONTROL.sub("", style.link or "")
        return Pen(codes(True), codes(False), attributes, underline, link)

    def _number(self, pen: Pen) -> int:
        number = self._numbers.get(pen)
        if number is None:
            number = self._numbers[pen] = len(self._pens)
            self._pens.append(pen)
        return number


def _changed(have: Pen | None, want: Pen) -> tuple[str, Pen]:
    known = have or DEFAULT
    pen = want
    if not want.foreground:
        attributes = known.attributes & ~SEEN_ON_BLANK
        pen = Pen(known.foreground, want.background, attributes)
    if pen == have:
        return "", pen
    written = f"\x1b[{';'.join(_least(have, pen))}m".replace("\x1b[0m", "\x1b[m")
    if pen.underline:
        written += f"\x1b[{pen.underline}m"
    if have is None or pen.link != have.link:
        written += f"\x1b]8;;{pen.link}\x1b\\"
    return written, pen


def _least(have: Pen | None, pen: Pen) -> list[str]:
    """The codes that change pens: from what the terminal has, or from its default."""
    full = ["0", *_codes(pen.attributes, _ON)]
    full += [code for code in pen[:2] if code not in DEFAULT]
    if have is None or have.underline:
        return full
    off = set(_codes(have.attributes & ~pen.attributes, _OFF))
    kept = have.attributes & pen.attributes
    again = [on for bit, on in enumerate(_ON) if kept >> bit & 1 and _OFF[bit] in off]
    some = [*sorted(off), *again, *_codes(pen.attributes & ~have.attributes, _ON)]
    some += [new for new, old in zip(pen[:2], have[:2], strict=True) if new != old]
    return min(some, full, key=lambda codes: len(";".join(codes))) if some else full


def _codes(attributes: int, table: tuple[str, ...]) -> list[str]:
    return [code for bit, code in enumerate(table) if attributes >> bit & 1]
