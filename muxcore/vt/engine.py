"""A terminal engine: console bytes in, a screen with scrollback out.

`Engine` is the one interface the rest of muxtui sees. Two engines stand behind it: libghostty-vt
(fast, native) and bittty (pure Python, where the native wheel does not exist); `make_engine`
chooses. An engine does no I/O and starts no thread; it is not safe for concurrent use.

Rows and columns are zero-based cells. Row 0 is the top row of the *view*: the active screen, or
the part of the scrollback that `scroll_to` and `scroll_by` have moved it to.
"""

from __future__ import annotations

import enum
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from muxcore.vt.guard import Guard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    EngineMaker: TypeAlias = Callable[[int, int, int], "Engine"]

Colour: TypeAlias = int | tuple[int, int, int] | None
"""`None`: the terminal's default; `int`: palette index 0 to 255; tuple: red, green, blue."""

DEFAULT_SCROLLBACK = 10_000
"""Lines kept above the screen unless told otherwise."""

MAX_CELLS = 4096
"""Upper bound of rows and of columns; larger sizes are clamped to it."""

CELL_PIXELS = (8, 16)
"""Width and height of a cell in reports that want pixels (CSI 14 t, mode 1016): there are none."""

MAX_TITLE = 256
"""Characters of a window title that are kept."""

MAX_REPLIES = 65_536
"""Bytes of unread replies kept; a guest that asks more than the caller takes loses the rest."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a cell looks (ECMA-48 8.3.117, SGR). Engines intern them: see `intern_style`.

    The colours are the guest's: which RGB a palette index or the default means is the view's
    business. `reverse` is not applied to `fg` and `bg`.
    """

    fg: Colour = None
    bg: Colour = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    blink: bool = False
    reverse: bool = False
    conceal: bool = False
    strike: bool = False


@lru_cache(maxsize=8192)
def intern_style(style: Style) -> Style:
    """Return the one object that stands for all styles equal to `style`.

    A style that fell out of use long ago may come back as another object, so equality is what
    counts and identity a short cut.
    """
    return style


PLAIN = intern_style(Style())
"""The style of a cell that SGR never touched."""


class Run(NamedTuple):
    """Neighbouring cells of one style.

    `text` has at least one character per narrow cell and per wide one (a wide cell counts two
    columns and gives no text for the second); combining characters follow their base. Blank cells
    are spaces. It holds no control characters.
    """

    text: str
    style: Style
    width: int
    """Columns covered; equal to `len(text)` where every cell is one narrow code point."""


class CursorShape(enum.Enum):
    """DECSCUSR shapes."""

    BLOCK = "block"
    UNDERLINE = "underline"
    BAR = "bar"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the guest's cursor is in the view.

    `visible` is false when the guest hid it (DECTCEM) and when it lies outside a scrolled view;
    `row` and `col` are then the last place inside the view and mean nothing.
    """

    row: int = 0
    col: int = 0
    visible: bool = True
    shape: CursorShape = CursorShape.BLOCK
    blinking: bool = False


class MouseTracking(enum.Enum):
    """Which mouse events the guest asked for (xterm ctlseqs, Mouse Tracking)."""

    OFF = "off"
    X10 = "x10"
    """Mode 9: presses only, without modifiers."""
    NORMAL = "normal"
    """Mode 1000: presses and releases."""
    BUTTON = "button"
    """Mode 1002: also motion while a button is down."""
    ANY = "any"
    """Mode 1003: also motion without a button."""


class MouseFormat(enum.Enum):
    """How mouse events are written (xterm ctlseqs, Extended coordinates)."""

    X10 = "x10"
    UTF8 = "utf8"
    SGR = "sgr"
    URXVT = "urxvt"
    SGR_PIXELS = "sgr-pixels"


@dataclass(frozen=True, slots=True)
class Modes:
    """What the guest asked of its terminal, as far as input and view care."""

    application_cursor: bool = False
    """DECCKM (mode 1): cursor keys send SS3."""
    application_keypad: bool = False
    """DECNKM (mode 66, DECKPAM): the keypad sends SS3."""
    newline: bool = False
    """LNM (ANSI mode 20): Enter sends CR LF."""
    backarrow_sends_bs: bool = False
    """DECBKM (mode 67): Backspace sends BS instead of DEL."""
    bracketed_paste: bool = False
    """Mode 2004."""
    focus_events: bool = False
    """Mode 1004: the guest wants CSI I and CSI O."""
    mouse: MouseTracking = MouseTracking.OFF
    mouse_format: MouseFormat = MouseFormat.X10
    alternate_scroll: bool = False
    """Mode 1007: the wheel sends cursor keys on the alternate screen."""
    alternate_screen: bool = False
    """Modes 47, 1047, 1049: the screen without scrollback is shown."""
    synchronized_output: bool = False
    """Mode 2026: the guest is in the middle of a frame; draw when it ends (or after a while)."""
    reverse_video: bool = False
    """DECSCNM (mode 5): default foreground and background are exchanged."""


class EngineError(Exception):
    """An engine is unknown, missing, or failed inside."""


class Engine(ABC):
    """One terminal.

    Nothing the guest prints makes a method raise: what crashes an engine is kept from it by a
    `Guard`, and an error inside it resets it and is counted in `faults`. Subclasses implement the
    underscored methods and may let any `Exception` out of them.
    """

    def __init__(self, rows: int, cols: int, scrollback_lines: int) -> None:
        """Make a blank screen.

        Args:
            rows: Height in cells, clamped to 1..`MAX_CELLS`.
            cols: Width in cells, clamped to 1..`MAX_CELLS`.
            scrollback_lines: Lines kept above the screen, 0 or more; about, an engine may
                round to its unit of memory.
        """
        self._rows = clamp_cells(rows)
        self._cols = clamp_cells(cols)
        self._scrollback_limit = max(0, scrollback_lines)
        self._guard = Guard()
        self._replies = bytearray()
        self.bell_count = 0
        """BEL characters obeyed since the engine was made."""
        self.faults = 0
        """Times the engine failed inside and was reset."""

    @property
    def rows(self) -> int:
        """Height in cells."""
        return self._rows

    @property
    def cols(self) -> int:
        """Width in cells."""
        return self._cols

    def feed(self, data: bytes) -> None:
        """Obey guest output. Split anywhere, it gives the same screen."""
        allowed = self._guard.filter(data)
        if allowed:
            self._attempt(lambda: self._write(allowed))

    def take_replies(self) -> bytes:
        """Return, and forget, what the terminal answered (DA, DSR, DECRQM ...) to bytes fed.

        A caller that feeds *replayed* bytes takes the replies and throws them away.
        """
        replies = bytes(self._replies)
        self._replies.clear()
        return replies

    def resize(self, rows: int, cols: int) -> None:
        """Change the size; lines of the primary screen reflow where the engine can."""
        rows, cols = clamp_cells(rows), clamp_cells(cols)
        if (rows, cols) != (self._rows, self._cols):
            self._rows, self._cols = rows, cols
            self._attempt(self._resize)

    def reset(self) -> None:
        """Start over: power-on state (RIS), empty scrollback, no sequence in progress."""
        self._guard = Guard()
        self._replies.clear()
        self._restart()

    @property
    @abstractmethod
    def cursor(self) -> Cursor:
        """The cursor, in view coordinates."""

    @property
    @abstractmethod
    def title(self) -> str:
        """The window title (OSC 0, OSC 2), at most `MAX_TITLE` printable characters."""

    @property
    @abstractmethod
    def modes(self) -> Modes:
        """The modes in force."""

    @abstractmethod
    def row(self, y: int) -> tuple[Run, ...]:
        """Return view row `y`, 0 to `rows` - 1; the widths of its runs add up to `cols`.

        Raises:
            IndexError: `y` is outside the view.
        """

    @abstractmethod
    def dirty_rows(self) -> Sequence[int]:
        """Return, in ascending order, the view rows that changed since the last call.

        All of them at the first call and after a resize or a reset. Cheap when nothing changed.
        A cursor that merely moved makes no row dirty.
        """

    @property
    @abstractmethod
    def scrollback_lines(self) -> int:
        """Lines above the screen that the view can be scrolled to; 0 on the alternate screen."""

    @property
    @abstractmethod
    def viewport_offset(self) -> int:
        """Lines the view is scrolled up from the bottom; 0: it follows the output.

        While it is not 0 the view stays on the same lines when output arrives, so it grows.
        """

    @abstractmethod
    def scroll_to(self, offset_from_bottom: int) -> None:
        """Scroll the view to that many lines above the bottom, clamped to what there is."""

    def scroll_by(self, delta: int) -> None:
        """Scroll the view by `delta` lines: negative is up, towards older lines."""
        self.scroll_to(self.viewport_offset - delta)

    def text(self) -> str:
        """Return the view as plain text: rows joined by newlines, trailing blanks stripped."""
        return "\n".join(
            "".join(run.text for run in self.row(y)).rstrip(" ") for y in range(self.rows)
        )

    @abstractmethod
    def close(self) -> None:
        """Free what the engine holds; it must not be used afterwards. May be called twice."""

    @abstractmethod
    def _write(self, data: bytes) -> None:
        """Obey output the guard let through."""

    @abstractmethod
    def _resize(self) -> None:
        """Take over the new `_rows` and `_cols`."""

    @abstractmethod
    def _restart(self) -> None:
        """Replace the terminal by a new one of this size."""

    def _attempt(self, action: Callable[[], None]) -> None:
        """Do `action`; an engine that fails at it starts over."""
        try:
            action()
        except Exception:  # noqa: BLE001 - bittty raises anything, and the UI must go on
            self.faults += 1
            self.reset()


def clamp_cells(count: int) -> int:
    """Return `count` within 1..`MAX_CELLS`."""
    return min(max(count, 1), MAX_CELLS)


def clean_title(title: bytes | str) -> str:
    """Return a guest's title fit to be shown: its first `MAX_TITLE` printable characters."""
    text = title.decode("utf-8", "replace") if isinstance(title, bytes) else title
    return "".join(filter(str.isprintable, text[: 4 * MAX_TITLE]))[:MAX_TITLE]


def make_engine(rows: int, cols: int, scrollback_lines: int = DEFAULT_SCROLLBACK) -> Engine:
    """Make a terminal with the best engine of this machine.

    libghostty-vt where it loads and passes its self-test, bittty elsewhere; the environment
    variable `MUXTUI_ENGINE` (`ghostty` or `bittty`) forces one.

    Raises:
        EngineError: The engine that was asked for is unknown or does not work here.
    """
    return _chosen(os.environ.get("MUXTUI_ENGINE", ""))[1](rows, cols, scrollback_lines)


def engine_name() -> str:
    """Return the name and version of the engine `make_engine` uses, as `libghostty-vt 1.2.0`.

    Raises:
        EngineError: See `make_engine`.
    """
    return _chosen(os.environ.get("MUXTUI_ENGINE", ""))[0]


@lru_cache(maxsize=4)
def _chosen(wanted: str) -> tuple[str, EngineMaker]:
    """Return the name and the maker of the engine called `wanted`, or of the best one."""
    # Imported here because each costs what the other's user need not pay.
    if wanted not in {"", "ghostty", "bittty"}:
        raise EngineError(f"MUXTUI_ENGINE is {wanted!r}, not 'ghostty' or 'bittty'")
    if wanted != "bittty":
        from muxcore.vt import ghostty

        try:
            return ghostty.choose()
        except EngineError:
            if wanted:
                raise
    from muxcore.vt import bittty

    return bittty.choose()
