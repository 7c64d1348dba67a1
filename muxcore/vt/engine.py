"""A terminal engine: console bytes in, a screen with scrollback out.

`Engine` is the one interface the rest of muxtui sees. Two engines stand behind it: libghostty-vt
(fast, native) and bittty (pure Python, where the native wheel does not exist); `choice`
chooses. An engine does no I/O and starts no thread; it is not safe for concurrent use.

Rows and columns are zero-based cells; row 0 is the top row of the live screen. The looks and modes
an engine tells of are defined beside it (`muxcore.vt.looks`, `.modes`, `.requests`) and offered
here too.

Lines have absolute numbers: `first_line` is the oldest one kept, the live screen is the last
`rows` of them, `end_line` is one past its bottom row. A number means the same line as long as
`epoch` has the same value, while output arrives and old lines are dropped.
"""

from __future__ import annotations

import itertools
import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple, Protocol

from muxcore.version import __version__
from muxcore.vt.guard import Guard, disowned
from muxcore.vt.looks import PLAIN, Colour, Line, Rgb, Run, Style, Underline, intern_style
from muxcore.vt.modes import Cursor, CursorShape, Modes, MouseFormat, MouseTracking
from muxcore.vt.requests import Clipboard, Notification, Request, RequestWatcher
from muxcore.vt.watch import ALONE, CLEARS, MODIFY_OTHER_KEYS, Event, split

__all__ = [
    "PLAIN",
    "Clipboard",
    "Colour",
    "Cursor",
    "CursorShape",
    "Engine",
    "EngineError",
    "EngineMaker",
    "Line",
    "Modes",
    "MouseFormat",
    "MouseTracking",
    "Notification",
    "Request",
    "Rgb",
    "Run",
    "Style",
    "Underline",
    "intern_style",
]

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    class EngineMaker(Protocol):
        """How an engine is made; see `Engine`."""

        def __call__(
            self, rows: int, cols: int, scrollback_lines: int, scrollback_bytes: int = ..., /
        ) -> Engine:
            """Make a blank screen."""


DEFAULT_SCROLLBACK = 10_000
"""Lines kept above the screen unless told otherwise."""

DEFAULT_SCROLLBACK_BYTES = 64 << 20
"""Memory those lines may take, about; where it is not enough for them, fewer are kept."""

MAX_CELLS = 4096
"""Upper bound of rows and of columns; larger sizes are clamped to it."""

CELL_PIXELS = (8, 16)
"""Width and height of a cell in reports that want pixels (CSI 14 t, mode 1016): there are none."""

MAX_TITLE = 256
"""Characters of a window title that are kept."""

MAX_REPLIES = 65_536
"""Bytes of unread replies kept; a guest that asks more than the caller takes loses the rest."""


_CANCEL = b"\x18"
"""CAN ends a sequence or string in progress (ECMA-48 8.3.6, DEC STD 070)."""

_UNFINISHED = re.compile(rb"(?:[\xc2-\xf4]|[\xe0-\xf4][\x80-\xbf]|[\xf0-\xf4][\x80-\xbf]{2})\Z")
"""The beginning of a character of UTF-8."""


class Colours(NamedTuple):
    """What the view paints with; see `Engine.set_colours`."""

    foreground: Rgb | None = None
    background: Rgb | None = None
    cursor: Rgb | None = None
    palette: tuple[Rgb, ...] = ()


class EngineError(Exception):
    """An engine is unknown, missing, or failed inside."""


class Engine(ABC):
    """One terminal.

    Nothing the guest prints makes a method raise: what crashes an engine is kept from it by a
    `Guard`, and an error inside it resets it and is counted in `faults`. Subclasses implement the
    underscored methods and may let any `Exception` out of them.
    """

    def __init__(
        self,
        rows: int,
        cols: int,
        scrollback_lines: int,
        scrollback_bytes: int = DEFAULT_SCROLLBACK_BYTES,
    ) -> None:
        """Make a blank screen.

        Args:
            rows: Height in cells, clamped to 1..`MAX_CELLS`.
            cols: Width in cells, clamped to 1..`MAX_CELLS`.
            scrollback_lines: Lines kept above the screen at most, 0 or more.
            scrollback_bytes: About what they may take.
        """
        self._rows = clamp_cells(rows)
        self._cols = clamp_cells(cols)
        self._scrollback_limit = max(0, scrollback_lines)
        self._scrollback_bytes = max(0, scrollback_bytes)
        self._replies = bytearray()
        self._colours = Colours()
        self._epochs = itertools.count(1)
        self._links = True
        self._begin()
        self.bell_count = 0
        """BEL characters obeyed since the engine was made."""
        self.faults = 0
        """Times the engine failed inside and was reset."""
        self.cleared = 0
        """Times the guest cleared the whole screen it sees: ED 2, RIS, a cleared alternate screen
        (modes 1047, 1049). What is drawn after that owes nothing to what was before."""

    @property
    def links(self) -> bool:
        """Whether hyperlinks (OSC 8) are obeyed; a library that holds none cannot fail at them."""
        return self._links

    @links.setter
    def links(self, obeyed: bool) -> None:
        self._links = self._guard.links = obeyed

    def _begin(self) -> None:
        """Forget what is followed of the guest's output beside the engine proper."""
        self._guard = Guard(links=self._links)
        self._requests = RequestWatcher()
        self._held = b""
        """An unfinished character, not yet shown to the engine."""
        self._other_keys = dict.fromkeys(MODIFY_OTHER_KEYS, 0)
        self._alternate = False
        self._renumber()

    def _renumber(self) -> None:
        """Make all line numbers given so far void."""
        self._main_epoch = self._epoch = next(self._epochs)
        if self._alternate:
            self._epoch = next(self._epochs)

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
        self._requests.feed(data)
        allowed = self._held + self._guard.filter(data)
        # An engine would show what became of a character that never ends.
        unfinished = _UNFINISHED.search(allowed, max(0, len(allowed) - 3))
        self._held = unfinished[0] if unfinished else b""
        allowed = allowed[: unfinished.start()] if unfinished else allowed
        if allowed:
            self._attempt(lambda: self._obey(allowed))

    def _obey(self, data: bytes) -> None:
        """Let the engine obey `data`, and take notice of the sequences that matter beside it."""
        ready: list[bytes] = []
        for piece, event, values in split(data):
            if event not in ALONE:
                ready.append(piece)
            else:
                self._write(b"".join(ready))
                ready.clear()
                if event is not Event.VERSION:
                    self._write(piece)
            self._notice(event, values)
        self._write(b"".join(ready))

    def _notice(self, event: Event, values: dict[bytes, int]) -> None:
        """Take notice of what a sequence did."""
        self.cleared += event in CLEARS
        self._other_keys.update(values)
        if event is Event.RESET:
            self._other_keys = dict.fromkeys(MODIFY_OTHER_KEYS, 0)
            self._renumber()
        elif event is Event.VERSION:
            # DCS > | text ST (xterm ctlseqs, XTVERSION).
            self._answer(b"\x1bP>|muxtui " + __version__.encode() + b"\x1b\\")

    def _answer(self, reply: bytes) -> None:
        """Keep a reply for `take_replies`, as much as there is room for."""
        self._replies += reply[: MAX_REPLIES - len(self._replies)]

    def abort(self) -> None:
        """Leave the sequence, string or character in progress, as at a gap in the output.

        Modes, margins, colours and the screen stay as they are, and nothing is answered.
        """
        self._guard = Guard(links=self._links)
        self._requests.abort()
        self._held = b""
        answered = len(self._replies)
        self._attempt(lambda: self._write(_CANCEL))
        del self._replies[answered:]

    def take_requests(self) -> list[Request]:
        """Return, and forget, what the guest asked of the desktop, oldest first.

        A caller that feeds *replayed* bytes takes these too and throws them away.
        """
        return self._requests.take()

    def take_replies(self) -> bytes:
        """Return, and forget, what the terminal answered (DA, DSR, DECRQM ...) to bytes fed.

        A caller that feeds *replayed* bytes takes the replies and throws them away.
        """
        replies = disowned(bytes(self._replies))
        self._replies.clear()
        return replies

    def resize(self, rows: int, cols: int) -> None:
        """Change the size; lines of the primary screen reflow where the engine can."""
        rows, cols = clamp_cells(rows), clamp_cells(cols)
        if (rows, cols) != (self._rows, self._cols):
            self._rows, self._cols = rows, cols
            self._renumber()
            self._attempt(self._resize)

    def reset(self) -> None:
        """Start over: power-on state (RIS), empty scrollback, no sequence in progress."""
        self._replies.clear()
        self._begin()
        self._restart()

    @property
    @abstractmethod
    def cursor(self) -> Cursor:
        """The cursor."""

    @property
    @abstractmethod
    def title(self) -> str:
        """The window title (OSC 0, OSC 2), at most `MAX_TITLE` printable characters."""

    @property
    @abstractmethod
    def modes(self) -> Modes:
        """The modes in force."""

    def row(self, y: int) -> tuple[Run, ...]:
        """Return row `y`, 0 to `rows` - 1; the widths of its runs add up to `cols`.

        Raises:
            IndexError: `y` is outside the screen.
        """
        if not 0 <= y < self._rows:
            raise IndexError(y)
        self._refresh()
        return self._shown[y]

    def dirty_rows(self) -> Sequence[int]:
        """Return, in ascending order, the rows that changed since the last call.

        All of them at the first call and after a resize or a reset. Cheap when nothing changed.
        A cursor that merely moved makes no row dirty.
        """
        self._refresh()
        dirty = sorted(self._dirty)
        self._dirty.clear()
        return dirty

    def _forget_rows(self) -> None:
        """Make every row one that changed."""
        self._shown: list[tuple[Run, ...]] = [()] * self._rows
        self._dirty: set[int] = set()
        self._stale = True

    def _refresh(self) -> None:
        if self._stale:
            self._stale = False
            self._attempt(self._update)

    def _show(self, y: int, runs: tuple[Run, ...]) -> None:
        """Row `y` is `runs` now, or was."""
        if runs != self._shown[y]:
            self._shown[y] = runs
            self._dirty.add(y)

    def _switched(self, alternate: bool) -> None:
        """Take notice of a switch to the alternate screen, or back from it."""
        self._alternate = alternate
        self._epoch = next(self._epochs) if alternate else self._main_epoch

    @property
    def epoch(self) -> int:
        """Says what line numbers mean; another value, other numbers.

        A reset and a resize give a value never seen before. So does every switch to the alternate
        screen, whose numbers are not those of the main one; back on the main screen, the value it
        had holds again, and with it its numbers.
        """
        return self._epoch

    @property
    @abstractmethod
    def first_line(self) -> int:
        """The number of the oldest line kept; on the alternate screen, of its top row."""

    @property
    @abstractmethod
    def end_line(self) -> int:
        """One more than the number of the live screen's bottom row."""

    @property
    def cursor_line(self) -> int:
        """The number of the line the cursor is on."""
        return self.end_line - self.rows + self.cursor.row

    @abstractmethod
    def lines(self, start: int, stop: int) -> list[Line]:
        """Return the lines numbered `start` to `stop` - 1, as far as they are kept.

        Both ends are clamped to `first_line` and `end_line`: line n is at index
        n - max(start, first_line).
        """

    @abstractmethod
    def texts(self, start: int, stop: int) -> list[tuple[str, bool]]:
        """Return text without trailing blanks, and `wrapped`, of what `lines` would return.

        Much faster than `lines`; the texts are those of its runs, but libghostty-vt leaves out
        combining characters on blanks.
        """

    def set_colours(
        self,
        foreground: Rgb | None,
        background: Rgb | None,
        cursor: Rgb | None,
        palette: Sequence[Rgb],
    ) -> None:
        """Tell what colours the view paints with, so that OSC 4, 10, 11 and 12 are answered.

        Args:
            foreground: The default foreground; `None`: the engine's own, or no answer.
            background: The default background.
            cursor: The cursor's colour.
            palette: The first entries of the palette, up to 256; the rest are the engine's own.
        """
        self._colours = Colours(foreground, background, cursor, tuple(palette))
        self._attempt(lambda: self._paint(self._colours))

    def text(self) -> str:
        """Return the screen as plain text: rows joined by newlines, trailing blanks stripped."""
        return "\n".join(
            "".join(run.text for run in self.row(y)).rstrip(" ") for y in range(self.rows)
        )

    @abstractmethod
    def close(self) -> None:
        """Free what the engine holds; it must not be used afterwards. May be called twice."""

    @abstractmethod
    def _write(self, data: bytes) -> None:
        """Obey output the guard let through, if any."""

    @abstractmethod
    def _paint(self, colours: Colours) -> None:
        """Take over the view's colours."""

    @abstractmethod
    def _resize(self) -> None:
        """Take over the new `_rows` and `_cols`."""

    @abstractmethod
    def _update(self) -> None:
        """`_show` each row that may have changed; called when `_stale`."""

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
