"""What the operator's terminal sends, taken apart: keys, pastes, mouse, focus, reports.

Legacy sequences of xterm and its kin, the Linux console's, xterm's modifyOtherKeys and kitty's
CSI u are understood, whichever the terminal sends. Split anywhere, the input gives the same events
(but for where a long paste is cut).

ESC is a key, a prefix for Alt, and the beginning of a sequence. Which one it is only time tells:
while `pending` is true the caller waits a little (50 ms) for more and then calls `flush`.
"""

from __future__ import annotations

import re

from muxcore.vt import keytable as table
from muxcore.vt.keys import (
    UNIDENTIFIED,
    Focus,
    InputEvent,
    Key,
    KeyAction,
    Modifiers,
    Mouse,
    MouseAction,
    MouseButton,
    Paste,
    Report,
)

MAX_PASTE_PIECE = 65_536
"""Bytes of one `Paste` event."""

MAX_SEQUENCE = 4096
"""Bytes of a sequence; what is longer is not one and is taken as keys."""

_PASTE_START = b"\x1b[200~"
_PASTE_END = b"\x1b[201~"

_CSI = re.compile(rb"\x1b\[([<-?]?)([0-9;:]*)([ -/]*)([@-~])")
_CSI_BEGUN = re.compile(rb"\x1b\[[0-?]*[ -/]*\Z")
_LINUX = re.compile(rb"\x1b\[\[([A-E])")
_SS3 = re.compile(rb"\x1bO([0-9]?)([A-Za-z])")
_SS3_BEGUN = re.compile(rb"\x1bO[0-9]?\Z")
_X10_MOUSE = re.compile(rb"\x1b\[M([\x20-\xff]{3})", re.DOTALL)
# Only what a reply can begin with: ESC ] and ESC P are Alt-] and Alt-P as well.
_STRING = re.compile(rb"\x1b(?:\][0-9]|P[0-9>!+$|]|_G)[^\x07\x18\x1a\x1b]*(?:\x07|\x1b\\)")
_STRING_BEGUN = re.compile(rb"\x1b(?:\][0-9]|P[0-9>!+$|]|_G)[^\x07\x18\x1a\x1b]*\x1b?\Z")

_LOCKS = Modifiers.CAPS_LOCK | Modifiers.NUM_LOCK
_REPORT_FINALS = b"cntxy"


class Decoder:
    """An incremental decoder of one terminal's input."""

    def __init__(self) -> None:
        self._buffer = b""
        self._pasting = False
        self._paste_begun = b""
        """The opening bracket while no piece of the paste was given out."""

    @property
    def pending(self) -> bool:
        """Whether the input so far may go on; see `flush`."""
        return bool(self._buffer) and not self._pasting

    def feed(self, data: bytes) -> list[InputEvent]:
        """Return the events that `data` completes."""
        self._buffer += data
        return self._drain(final=False)

    def flush(self) -> list[InputEvent]:
        """Return what was pending as it stands: nothing more came in time."""
        return self._drain(final=True) if self.pending else []

    def _drain(self, *, final: bool) -> list[InputEvent]:
        """Take events off the buffer until it is empty or could go on."""
        events: list[InputEvent] = []
        pos = 0
        while pos < len(self._buffer):
            if self._pasting:
                size, event = self._take_paste(pos)
            else:
                size, event = self._take(pos, final=final)
            pos += size
            if event is not None:
                events.append(event)
            elif size == 0:
                break
        self._buffer = self._buffer[pos:]
        return events

    def _take(self, pos: int, *, final: bool) -> tuple[int, InputEvent | None]:
        """Return size and event of what begins at `pos`; size 0 where it may go on."""
        buffer = self._buffer
        if buffer[pos] != 0x1B:
            return _take_character(buffer, pos, final=final)
        if buffer.startswith(_PASTE_START, pos):
            self._pasting, self._paste_begun = True, _PASTE_START
            return len(_PASTE_START), None
        taken = _take_sequence(buffer, pos)
        if taken is not None:
            return taken
        if not final and _may_go_on(buffer, pos):
            return 0, None
        return _take_alt(buffer, pos, final=final)

    def _take_paste(self, pos: int) -> tuple[int, InputEvent | None]:
        """Return size and event of the next piece of a paste; size 0 where it may go on."""
        buffer = self._buffer
        found = buffer.find(_PASTE_END, pos)
        there = found if found >= 0 else len(buffer) - _overlap(buffer[pos:], _PASTE_END)
        stop = min(there, pos + MAX_PASTE_PIECE)
        end = stop == found
        if not end and buffer[stop - 1 : stop] == b"\r":
            # A line's end stays in one piece.
            stop = max(pos, stop - 1)
        if stop == pos and not end:
            return 0, None
        raw = buffer[pos:stop] + (_PASTE_END if end else b"")
        piece = Paste(buffer[pos:stop], bool(self._paste_begun), end, self._paste_begun + raw)
        self._pasting, self._paste_begun = not end, b""
        return len(raw), piece


def _overlap(data: bytes, terminator: bytes) -> int:
    """Return how many bytes at the end of `data` may begin `terminator`."""
    return next(
        size for size in range(len(terminator) - 1, -1, -1) if data.endswith(terminator[:size])
    )


def _may_go_on(buffer: bytes, pos: int) -> bool:
    """Whether the unfinished sequence at `pos` may yet become one."""
    if len(buffer) - pos > MAX_SEQUENCE:
        return False
    rest = buffer[pos:]
    if rest in {b"\x1b", b"\x1b]", b"\x1bP", b"\x1b_", b"\x1b[["}:
        return True
    if rest.startswith(b"\x1b[M") and len(rest) < 6:
        return True
    return any(begun.match(rest) for begun in (_CSI_BEGUN, _SS3_BEGUN, _STRING_BEGUN))


def _take_character(
    buffer: bytes, pos: int, *, final: bool, alt: bool = False
) -> tuple[int, InputEvent | None]:
    """Take a control character or a UTF-8 character at `pos`; see `Decoder._take`."""
    lead, begin = buffer[pos], pos - alt
    held = Modifiers.ALT if alt else Modifiers.NONE
    if lead < 0x20 or lead == 0x7F:
        raw = buffer[begin : pos + 1]
        if (name := table.BY_CONTROL.get(lead)) is not None:
            return len(raw), Key(name, held, "", raw)
        key = " " if lead == 0 else chr(lead + (0x60 if lead < 0x1B else 0x40))
        return len(raw), Key(key, held | Modifiers.CTRL, "", raw)
    size = 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    try:
        text = buffer[pos : pos + size].decode()
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and not final:
            return 0, None
        raw = buffer[begin : pos + 1]
        return len(raw), Key(UNIDENTIFIED, held, "", raw)
    raw = buffer[begin : pos + size]
    return len(raw), Key(text, held, "" if alt else text, raw)


def _take_alt(buffer: bytes, pos: int, *, final: bool) -> tuple[int, InputEvent | None]:
    """Take an ESC that begins no sequence: Alt with what follows, or the key itself."""
    if pos + 1 == len(buffer) or buffer[pos + 1] == 0x1B:
        return 1, Key("escape", raw=b"\x1b")
    return _take_character(buffer, pos + 1, final=final, alt=True)


def _take_sequence(buffer: bytes, pos: int) -> tuple[int, InputEvent] | None:
    """Take a whole escape sequence at `pos`, if there is one."""
    if linux := _LINUX.match(buffer, pos):
        return len(linux[0]), Key(table.BY_LINUX_LETTER[linux[1].decode()], raw=linux[0])
    if buffer.startswith((b"\x1b[[", b"\x1b[M"), pos):
        if mouse := _X10_MOUSE.match(buffer, pos):
            code, x, y = (value - 32 for value in mouse[1])
            return len(mouse[0]), _mouse(code, x, y, mouse[0], released=code & 0x43 == 3)
        return None
    if csi := _CSI.match(buffer, pos):
        return len(csi[0]), _csi_event(csi)
    if ss3 := _SS3.match(buffer, pos):
        name = table.BY_SS3_LETTER.get(ss3[2].decode(), UNIDENTIFIED)
        return len(ss3[0]), Key(name, _modifiers(int(ss3[1] or b"1")), raw=ss3[0])
    if string := _STRING.match(buffer, pos):
        return len(string[0]), Report(string[0])
    return None


def _csi_event(csi: re.Match[bytes]) -> InputEvent:
    """Return what a control sequence of the terminal says."""
    raw, private, final = csi[0], csi[1], csi[4].decode()
    numbers = _numbers(csi[2])
    if private == b"<" and final in "Mm" and len(numbers) == 3:
        code, x, y = (number[0] for number in numbers)
        return _mouse(code, x, y, raw, released=final == "m")
    if private or csi[3] or csi[4] in _REPORT_FINALS:
        return Report(raw)
    if raw in {b"\x1b[I", b"\x1b[O"}:
        return Focus(final == "I", raw)
    if final == "M" and len(numbers) == 3:
        code, x, y = numbers[0][0] - 32, numbers[1][0], numbers[2][0]
        return _mouse(code, x, y, raw, released=code & 0x43 == 3)
    if final == "R" and _is_position(numbers):
        return Report(raw)
    return _key(numbers, final, raw)


def _is_position(numbers: list[list[int]]) -> bool:
    """Whether CSI ... R is a cursor position; CSI 1;m R is F3 with modifiers, as xterm sends it."""
    return len(numbers) == 2 and not (numbers[0] == [1] and 2 <= numbers[1][0] <= 16)


def _key(numbers: list[list[int]], final: str, raw: bytes) -> Key:
    """Return the key of a control sequence that is no report."""
    first, second = numbers[0][0], numbers[1] if len(numbers) > 1 else [1]
    if final == "~" and first == 27 and len(numbers) == 3:
        return _code_key([numbers[2][0]], second, "", raw)
    if final == "u":
        text = "".join(map(_character, numbers[2])) if len(numbers) > 2 else ""
        return _code_key(numbers[0], second, text, raw)
    if final == "Z":
        return Key("tab", _modifiers(second[0]) | Modifiers.SHIFT, raw=raw)
    by_number = table.BY_TILDE_NUMBER if final == "~" else {}
    name = by_number.get(first) if final == "~" else table.BY_CSI_LETTER.get(final)
    if name is None:
        return Key(UNIDENTIFIED, raw=raw)
    return Key(name, _modifiers(second[0]), raw=raw, action=_action(second))


def _code_key(codes: list[int], modifier: list[int], text: str, raw: bytes) -> Key:
    """Return the key of a kitty or modifyOtherKeys sequence.

    `codes` is the key's code point, then those with Shift and on the standard layout, 0 or missing
    where the terminal does not say; kitty's private-use codes are functional keys.
    """
    code, shifted, base = (*codes, 0, 0)[:3]
    modifiers, action = _modifiers(modifier[0]), _action(modifier)
    if (name := table.BY_KITTY_CODE.get(code)) is not None:
        return Key(name, modifiers, text, raw, action)
    if 0xE000 <= code <= 0xF8FF:
        return Key(f"kitty_{code}", modifiers, text, raw, action)
    key = _character(code)
    if Modifiers.CTRL in modifiers:
        key = _character(base) if base and not key.isascii() else key
    elif Modifiers.SHIFT in modifiers:
        upper = _character(shifted) if shifted else key.upper() if len(key.upper()) == 1 else key
        key = text if len(text) == 1 else upper
        if key != _character(code):
            modifiers &= ~Modifiers.SHIFT
    if not text and not modifiers:
        text = key
    return Key(key, modifiers, text, raw, action)


def _numbers(parameters: bytes) -> list[list[int]]:
    """Return parameters and their sub-parameters; an empty one is 0, the first one 1."""
    numbers = [
        [int(part[:9] or b"0") for part in parameter.split(b":")]
        for parameter in parameters.split(b";")
    ]
    if not parameters:
        numbers[0][0] = 1
    return numbers


def _modifiers(parameter: int) -> Modifiers:
    """Return the modifiers of a parameter; the locks change nothing a key sends."""
    return Modifiers((parameter - 1) & 0xFF if parameter > 0 else 0) & ~_LOCKS


def _action(modifier: list[int]) -> KeyAction:
    """Return the event type that follows kitty's modifiers."""
    code = modifier[1] if len(modifier) > 1 else 1
    return KeyAction(code) if code in {1, 2, 3} else KeyAction.PRESS


def _character(code: int) -> str:
    """Return a code point's character, nothing for what is none."""
    return chr(code) if 0x20 <= code < 0xD800 or 0xE000 <= code < 0x110000 else ""


def _mouse(code: int, x: int, y: int, raw: bytes, *, released: bool) -> InputEvent:
    """Return a mouse event from xterm's button code and one-based cells."""
    button = (code & 3) | (code & 64)
    modifiers = (
        (Modifiers.SHIFT if code & 4 else Modifiers.NONE)
        | (Modifiers.ALT if code & 8 else Modifiers.NONE)
        | (Modifiers.CTRL if code & 16 else Modifiers.NONE)
    )
    if code & 32:
        action = MouseAction.MOTION
    else:
        action = MouseAction.RELEASE if released else MouseAction.PRESS
    return Mouse(max(x - 1, 0), max(y - 1, 0), MouseButton(button), action, modifiers, raw)
