"""What stands in front of a terminal engine: keeps from it what crashes, blinds or bloats it.

The guard follows the guest's output with the escape grammar of ECMA-48 and the DEC parser (an ESC
begins anew anywhere, CAN and SUB abort, C0 controls inside a sequence act at once) and passes it
on unchanged but for these points, the same however the output is split:

* Modes 69 (left and right margins) and 2027 (grapheme clusters): together they crash
  libghostty-vt. 3 and 40 (132 columns) resize the screen, 2 (VT52) changes the grammar, 34 the
  writing direction.
* Printer control (CSI i) and the status line (DECSASD, DECSSDT) hide all that follows, window
  operations (CSI t) resize the screen or type the title into the guest, DECSCPP and DECSNLS
  resize it, DECINVM replays macros, DECRQCRA (checksums) makes bittty fail.
* APC, PM and SOS strings do nothing here but cost memory; OSC and DCS strings lose what exceeds
  `MAX_STRING`. The Linux console's unterminated `OSC P nrrggbb` and `OSC R` are dropped.
* Hyperlinks (OSC 8) where none are shown: a resize can crash libghostty-vt that holds some.
* C1 controls, as UTF-8 or as bytes inside a sequence: terminals disagree about them.
* ESC with an intermediate byte that designates nothing is no business of a console's.
* REP (CSI b) that does not follow a character at once: xterm and tmux repeat nothing.
* What engines read otherwise than xterm and tmux is mended: see `muxcore.vt.mend`. DEL prints
  nothing. An ESC that begins something else ends an OSC, it does not undo it.
"""

from __future__ import annotations

import re

from muxcore.vt import mend

MAX_STRING = 65_536
"""Payload bytes of an OSC or DCS string that reach the engine; the rest is swallowed."""

MAX_SEQUENCE = 512
"""Bytes of a control sequence; a longer one is dropped whole."""

_LOOK_BACK = 2 * MAX_SEQUENCE
"""Bytes that tell whether a character was the last thing printed."""

_REFUSED_MODES = frozenset({2, 3, 34, 40, 69, 2027})

_MODE_REPORT = re.compile(rb"\x1b\[\?([0-9]+);[0-9]\$y")

# What does not match is passed on without a closer look, so this decides the guard's speed.
_SUSPECT_SEQUENCE = (
    rb"\x1b(?!"
    rb"\[(?:"
    rb"(?:[0-9;:]{0,44}[0-9](?<!8;[25]))?m"
    rb"|[0-9]*(?:;[0-9]*)?[Hfr]"
    rb"|(?:[1-9][0-9]*)?[@-GIK-MPSTXZ`ade]"
    rb"|[0-3]?[JK]"
    rb"|\?(?:1|7|12|25|47|1004|1006|1007|1034|1047|1048|1049|2004|2026)[hl]"
    rb"|[0-9;]*[hlNOQRUVWY\[-_cjknoqsu-z{}~]"
    rb"|[03]g"
    rb"|[<-?][0-9;:]*[@-gj-kn-oq-su-{}~])"
    rb"|[0-9:-OQ-WYZ\\`-~]"
    rb"|[()*+%][0-~])"
)
_SUSPECT = re.compile(_SUSPECT_SEQUENCE)
_SUSPECT_ANYWHERE = re.compile(rb"\x7f|\xc2(?:[\x80-\x9f]|\Z)|" + _SUSPECT_SEQUENCE)
_CONTROL = re.compile(rb"\xc2(?:[\x80-\x9f]|\Z)")
_C1 = re.compile(rb"\xc2[\x80-\x9f]")
_STRING_STOP = re.compile(rb"[\x07\x18\x1a\x1b]")
_IGNORED = rb"\x00-\x17\x19\x1c-\x1f\x7f"
_SEQUENCE = re.compile(
    rb"\x1b[%b]*(?:\[[ -?%b]*[@-~]?|[ -/%b]*[0-Z\\-~]?)" % (_IGNORED, _IGNORED, _IGNORED)
)
"""A sequence as far as it goes, with controls inside it."""

_HIGH = re.compile(rb"[\x7f-\xff]+")
_CONTROL_SEQUENCE = re.compile(rb"\x1b\[([<-?]?)([0-9;:]*)([ -/]*)([@-~])")
_LINUX_OSC = re.compile(rb"R|P[0-9A-Fa-f]{7}")
_LINK = b"8;"
_LINUX_OSC_BEGUN = re.compile(rb"(?:P[0-9A-Fa-f]{0,6})?")

_NOTHING_DESIGNATED = frozenset(bytes((byte,)) for byte in b"!\"$&',")
"""Intermediate bytes of escape sequences that no terminal here knows."""

_CURSOR_SHAPES = frozenset(b"%d" % shape for shape in range(7)) | {b""}

_HARMLESS_WINDOW_OPERATIONS = frozenset({b"14", b"16", b"18", b"22", b"23"})
"""XTWINOPS that report sizes, and that save and restore the title."""


class Guard:
    """A filter over one guest's output, with the state that makes splits invisible."""

    def __init__(self, *, links: bool = True) -> None:
        self.links = links
        """Whether hyperlinks pass."""
        self._held = b""
        """An unfinished sequence, not yet shown to the engine."""
        self._string = b""
        """`]` or `P` while such a string passes, `8` (a link's) or `_` while one is dropped; empty
        outside."""
        self._string_left = 0
        """Bytes of the string that may still pass."""
        self._before = b""
        """The end of what was followed so far."""

    def filter(self, data: bytes) -> bytes:
        """Return the part of the output the engine may see now."""
        if self._held:
            data = self._held + data
            self._held = b""
        out: list[bytes] = []
        # A pattern that begins with one certain byte is searched for ten times as fast.
        plain = b"\x7f" not in data and not _CONTROL.search(data)
        suspects = _SUSPECT if plain else _SUSPECT_ANYWHERE
        pos = 0
        while pos < len(data):
            if self._string:
                pos = self._follow_string(data, pos, out)
                continue
            suspect = suspects.search(data, pos)
            if suspect is None:
                out.append(data[pos:])
                break
            out.append(data[pos : suspect.start()])
            pos = self._judge(data, suspect, out)
        self._remember(data)
        return b"".join(out)

    def _remember(self, data: bytes) -> None:
        """Keep the end of `data`, but for what is held."""
        end = data.rfind(self._held[:1]) if self._held else len(data)
        self._before = self._latest(data, end)

    def _latest(self, data: bytes, end: int) -> bytes:
        """Return what came before `end`, from the last sequence on, or the end of that."""
        begin = data.rfind(b"\x1b", max(0, end - _LOOK_BACK), end)
        if begin >= 0:
            return data[begin:end]
        return (self._before + data[max(0, end - _LOOK_BACK) : end])[-_LOOK_BACK:]

    def _follows_character(self, data: bytes, pos: int) -> bool:
        """Whether what stands before `pos` is a character, and no part of a sequence."""
        before = self._latest(data, pos)
        if not before or before[-1] < 0x20 or before[-1] == 0x7F:
            return False
        sequence = _SEQUENCE.match(before, max(0, before.rfind(b"\x1b")))
        return sequence is None or sequence.end() < len(before)

    def _judge(self, data: bytes, suspect: re.Match[bytes], out: list[bytes]) -> int:
        """Deal with a suspect; return where to go on."""
        if data[suspect.start()] == 0x1B:
            return self._follow_sequence(data, suspect.start(), out)
        if suspect[0] == b"\xc2":
            self._held = b"\xc2"
        return suspect.end()

    def _follow_sequence(self, data: bytes, pos: int, out: list[bytes]) -> int:
        """Pass or drop the escape sequence at `pos`, or hold it until its end arrives."""
        kept = bytearray(b"\x1b")
        for at in range(pos + 1, len(data)):
            byte = data[at]
            if byte == 0x1B or byte >= 0x80:
                return at
            if byte in b"\x18\x1a":
                return at + 1
            if byte < 0x20:
                out.append(bytes((byte,)))
            elif byte != 0x7F:
                complete = _completes(kept, byte)
                if complete or len(kept) < MAX_SEQUENCE:
                    kept.append(byte)
                if complete and _repeats(kept) and not self._follows_character(data, pos):
                    return at + 1
                if complete:
                    return self._finish_sequence(bytes(kept), data, at + 1, out)
        self._held = bytes(kept)
        return len(data)

    def _finish_sequence(self, sequence: bytes, data: bytes, pos: int, out: list[bytes]) -> int:
        """Deal with a whole sequence that ends before `pos`; return where to go on."""
        kind = sequence[1:2]
        if not _SUSPECT.match(sequence):
            # The controls inside it made it one, and are out of it now.
            out.append(sequence)
        elif kind == b"[":
            out.append(_judge_control_sequence(sequence))
        elif sequence == b"\x1b#8":
            out.append(mend.ALIGNMENT)
        elif kind == b"]" and (linux := _LINUX_OSC.match(data, pos)):
            return linux.end()
        elif kind == b"]" and _LINUX_OSC_BEGUN.fullmatch(data, pos):
            self._held = sequence + data[pos:]
            return len(data)
        elif kind == b"]" and not self.links and _LINK.startswith(data[pos : pos + 2]):
            if pos + 1 == len(data):
                self._held = sequence + data[pos:]
                return len(data)
            self._string, self._string_left = b"8", 0
        elif kind in b"]P":
            out.append(sequence)
            self._string, self._string_left = kind, MAX_STRING
        elif kind in b"X^_":
            self._string, self._string_left = b"_", 0
        elif kind not in _NOTHING_DESIGNATED:
            out.append(sequence)
        return pos

    def _follow_string(self, data: bytes, pos: int, out: list[bytes]) -> int:
        """Pass what may pass of the string that goes on at `pos`; return where to go on."""
        stop = _STRING_STOP.search(data, pos)
        end = stop.start() if stop else len(data)
        payload = data[pos:end]
        if self._string == b"P":
            payload = _HIGH.sub(b"", payload)
        elif payload.endswith(b"\xc2") and not stop:
            self._held, payload = b"\xc2", payload[:-1]
        payload = _C1.sub(b"", payload)[: self._string_left]
        self._string_left -= len(payload)
        out.append(payload)
        return self._stop_string(data, end, out) if stop else end

    def _stop_string(self, data: bytes, pos: int, out: list[bytes]) -> int:
        """Deal with the control character at `pos` inside a string; return where to go on."""
        if data[pos] == 0x07 and self._string not in (b"]", b"8"):
            return pos + 1
        if data[pos] == 0x1B and pos + 1 == len(data):
            self._held = b"\x1b"
            return pos + 1
        size = {0x07: 1, 0x18: 1, 0x1A: 1, 0x1B: 2 * data.startswith(b"\x1b\\", pos)}[data[pos]]
        if self._string in (b"]", b"P"):
            # An ESC that begins something else ends an OSC and aborts a DCS.
            out.append(data[pos : pos + size] or (b"\x07" if self._string == b"]" else b"\x18"))
        self._string = b""
        return pos + size


def disowned(reply: bytes) -> bytes:
    """Return an engine's answer, with modes that are kept from it as ones it does not know.

    A guest that is told of left and right margins (DECRPM) scrolls within them.
    """

    def unknown(report: re.Match[bytes]) -> bytes:
        return b"\x1b[?%b;0$y" % report[1] if int(report[1]) in _REFUSED_MODES else report[0]

    return _MODE_REPORT.sub(unknown, reply)


def _completes(sequence: bytearray, byte: int) -> bool:
    """Whether `byte` is the last one of an escape sequence that began as `sequence`."""
    if len(sequence) == 1:
        return byte >= 0x30 and byte != 0x5B
    return byte >= (0x40 if sequence[1] == 0x5B else 0x30)


def _repeats(sequence: bytearray) -> bool:
    """Whether a whole escape sequence is REP, which has no private byte."""
    return sequence.endswith(b"b") and sequence.startswith(b"\x1b[") and sequence[2] not in b"<=>?"


def _judge_control_sequence(sequence: bytes) -> bytes:
    """Return what the engine gets instead of a whole CSI sequence, often the same."""
    parts = _CONTROL_SEQUENCE.fullmatch(sequence)
    if parts is None or len(sequence) > MAX_SEQUENCE:
        return b""
    private, parameters, intermediates, final = parts.groups()
    match intermediates + final:
        case b"h" | b"l" if private == b"?":
            return _allowed_modes(parameters, final)
        case b"t" if private or parameters.split(b";")[0] not in _HARMLESS_WINDOW_OPERATIONS:
            return b""
        case b"m" if private == b"?":
            return b""
        case b"!p":
            return sequence + mend.DEFAULT_SHAPE
        case b" q" if parameters not in _CURSOR_SHAPES:
            return b""
        case b"i" | b"*z" | b"*y" | b"$|" | b"*|" | b"$}" | b"$~" | b"'|":
            return b""
    return sequence if private or intermediates else mend.mended(parameters, final)


def _allowed_modes(parameters: bytes, final: bytes) -> bytes:
    """Return a DECSET or DECRST of those private modes that are not refused."""
    if b":" in parameters:
        return b""
    numbers = [int(number) % 65_536 for number in parameters.split(b";") if number]
    return mend.modes([number for number in numbers if number not in _REFUSED_MODES], final)
