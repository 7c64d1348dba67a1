"""What of a guest's output is safe on the operator's own terminal.

Text, C0 controls, escape and CSI sequences pass; the control strings OSC, DCS,
APC, PM and SOS (ECMA-48 8.3, and screen's `ESC k`) are dropped: they set
titles, clipboards and colours, and make terminals type. C1 controls are
dropped too, and what is not UTF-8 becomes U+FFFD, so that no terminal can see
an introducer where none is seen here.
"""

from __future__ import annotations

import codecs
import re

MAX_SEQUENCE = 128
"""Characters in an escape sequence at most; of a longer one only the ESC is dropped."""

_TEXT = re.compile("[^\x1b\x80-\x9f]+")
_SEQUENCE = re.compile(
    "\x1b(?:"
    "\\[(?P<csi>[0-?]*[ -/]*[@-~])"
    "|(?P<string>[]PX^_k])"
    "|[ -/]+[0-~]"
    "|(?P<escape>[0-Z\\\\`-~])"
    ")"
)
_BEGUN = re.compile("\x1b(?:\\[[0-?]*[ -/]*|[ -/]*)")
_STRING_END = re.compile("[\x18\x1a\x9c\x1b]")
_OSC_END = re.compile("[\x07\x18\x1a\x9c\x1b]")
_MODES = re.compile(r"\?([0-9;]+)([hl])")

# What draws and sets state and is answered by no terminal: all that replayed output may do.
_UNANSWERED = re.compile(r"[0-9;:]*[]@A-MPSTXZ`abdefghlmrsu]|\?[0-9;]*[hlJKrs]|[0-9]* q|!p")

# DECSET modes that would outlive the guest's program on the operator's terminal.
_LEFT_ON = frozenset({1, 5, 6, 9, 66, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1015, 1016, 2004})
_SCREENS = frozenset({47, 1047, 1049})
_LEFT_OFF = frozenset({7, 25})


class Sanitiser:
    """A filter between a guest and a terminal; the output may be cut anywhere.

    `queries` False also drops what a terminal answers by typing: the state for
    output that was replayed, whose questions were answered long ago.
    """

    def __init__(self, *, queries: bool = True) -> None:
        self.queries = queries
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._string = ""
        self._modes: dict[int, bool] = {}

    def feed(self, data: bytes) -> bytes:
        """The part of `data` that is safe; an unfinished sequence is kept back."""
        text = self._held + self._decoder.decode(data)
        self._held = ""
        out: list[str] = []
        at = 0
        while at < len(text):
            if self._string:
                at = self._skip_string(text, at)
            elif match := _TEXT.match(text, at):
                out.append(match[0] if self.queries else match[0].replace("\x05", ""))
                at = match.end()
            else:
                at = self._sequence(text, at, out)
        return "".join(out).encode()

    def restore(self) -> bytes:
        """What undoes the modes that the output left on (or off) in the terminal."""
        return b"\x1b[m" + b"".join(
            b"\x1b[?%d%c" % (mode, "hl"[on].encode())
            for mode, on in sorted(self._modes.items())
            if (on and mode not in _LEFT_OFF) or (not on and mode in _LEFT_OFF)
        )

    def _skip_string(self, text: str, at: int) -> int:
        end = _OSC_END if self._string == "]" else _STRING_END
        match = end.search(text, at)
        if match is None:
            return len(text)
        if match[0] == "\x1b" and match.end() == len(text):
            self._held = "\x1b"
            return len(text)
        self._string = ""
        if match[0] == "\x1b":
            # ESC \ ends the string; any other ESC cancels it and begins anew.
            return match.end() + 1 if text[match.end()] == "\\" else match.start()
        return match.end()

    def _sequence(self, text: str, at: int, out: list[str]) -> int:
        match = _SEQUENCE.match(text, at)
        if match is None:
            begun = _BEGUN.match(text, at)
            if begun and begun.end() == len(text) and len(begun[0]) < MAX_SEQUENCE:
                self._held = begun[0]
                return len(text)
            return at + 1
        if len(match[0]) > MAX_SEQUENCE:
            return at + 1
        if match["string"]:
            self._string = match["string"]
        elif self._passes(match):
            out.append(match[0])
            self._note_modes(match["csi"])
        return match.end()

    def _passes(self, match: re.Match[str]) -> bool:
        if self.queries:
            return True
        if match["csi"]:
            return _UNANSWERED.fullmatch(match["csi"]) is not None
        return match["escape"] != "Z"

    def _note_modes(self, csi: str | None) -> None:
        match = _MODES.fullmatch(csi) if csi else None
        if match is None:
            return
        for mode in (int(word) for word in match[1].split(";") if word and len(word) < 6):
            if mode in _LEFT_ON | _SCREENS | _LEFT_OFF:
                self._modes[mode] = match[2] == "h"
